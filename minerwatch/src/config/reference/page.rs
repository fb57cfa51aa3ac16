//! Generates `docs/configuration.md`.

use std::fmt::Write as _;

use super::entries;
use crate::schema::Shape;

const INTRODUCTION: &str = "\
# Configuration

`minerwatch run --config FILE` reads one file in [TOML](https://toml.io). Without it the daemon uses the
defaults below: alerts as JSON on standard output. Every key is optional unless it is marked as required.

- A key or value that is not allowed stops the start with exit code 2. The message names the file, the line and
  the key.
- `SIGHUP` reads the file again. A broken file is refused and the old configuration stays in force. The daemon
  reports either on standard error. `[detection].min_verdict`, the exceptions, `[intel]`, `[sink]` and `[log]`
  take effect at once, the other sections at the next start; the daemon says so.
- `[[sink.file]]` may be given several times, once for each file, `[[intel.sync]]` once for each list, and
  `[[detection.except]]` once for each exception.

This page is generated from the program; a test fails when they differ. [The example](../deploy/minerwatch.toml)
has the same keys.
";

/// Returns the page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for entry in entries() {
        let _ = write!(
            page,
            "\n## `{}`\n\n{}\n\n| key | default | values | meaning |\n|---|---|---|---|\n",
            entry.header(),
            entry.meaning
        );
        for key in &entry.keys {
            let Shape::Value { required, values, default } = &key.shape else { continue };
            let default = default.as_ref().map_or_else(|| "none".to_owned(), |text| format!("`{text}`"));
            let required = if *required { "; required" } else { "" };
            let _ = writeln!(page, "| `{}` | {default} | {values}{required} | {} |", key.name, key.meaning);
        }
    }
    page
}
