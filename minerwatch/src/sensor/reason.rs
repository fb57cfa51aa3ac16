//! Shortens errors to one-line reasons.

use std::error::Error;

/// Shortens an error to its first line and the kernel's errno, if there is one. The verifier's log is left out.
pub(super) fn one_line(error: &anyhow::Error) -> String {
    let cause = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>().map(ToString::to_string))
        .or_else(|| root_cause(error.as_ref()));
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    match cause {
        Some(cause) => format!("{}: {}", first_line(error.to_string()), first_line(cause)),
        None => first_line(error.to_string()),
    }
}

/// Returns the last error of the chain below `error`, or `None` if `error` has no source.
fn root_cause(error: &(dyn Error + 'static)) -> Option<String> {
    let mut last = None;
    let mut cause = error.source();
    while let Some(error) = cause {
        last = Some(error.to_string());
        cause = error.source();
    }
    last
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn the_errno_is_kept_and_the_verifier_log_is_not() {
        let denied = io::Error::from_raw_os_error(1);
        let error = anyhow::Error::from(denied).context("the verifier\nsays\nmuch").context("my_program");
        assert_eq!(one_line(&error), "my_program: Operation not permitted (os error 1)");
        let error = Err::<(), _>(anyhow!("first\nsecond")).context("my_program").expect_err("an error");
        assert_eq!(one_line(&error), "my_program: first");
        assert_eq!(one_line(&anyhow!("alone\nmore")), "alone");
    }
}
