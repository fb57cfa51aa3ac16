//! Tests that need root say so: without it they skip with a visible reason, and where they must run (CI)
//! they fail.

use std::{env, io::Write as _};

/// Set where a root test must not be skipped.
const REQUIRE: &str = "MINERWATCH_REQUIRE_ROOT_TESTS";

/// Whether the calling test may run; if not, the reason is on standard error.
///
/// # Panics
/// When it may not run but must.
pub fn or_skip(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(
        env::var_os(REQUIRE).is_none_or(|value| value.is_empty()),
        "{test} needs root, and {REQUIRE} says that it must run"
    );
    // Past the test harness's capture, so that a person sees it.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: it needs root (run the tests with sudo)");
    false
}
