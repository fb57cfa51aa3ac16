//! Exit codes of the commands, and the errors behind them.

use std::{error::Error, fmt, process::ExitCode};

use crate::{
    config::ConfigError,
    pipeline::{Unsupported, WrongUsage},
    recording::CreateError,
};

/// The meaning of an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitReason {
    /// Success.
    Fine = 0,
    /// The command failed while it ran.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// This kernel or the privileges of this process do not allow the command.
    Unsupported = 3,
    /// `scan` and `replay` found an incident with the verdict suspected or mining; `intel lookup` found the value on a
    /// list; `except test` found alerts that would be hidden; `status --check` found a daemon that is not well.
    Found = 10,
}

impl From<ExitReason> for ExitCode {
    fn from(reason: ExitReason) -> Self {
        Self::from(reason as u8)
    }
}

/// An error that ends a command, with the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub reason: ExitReason,
    /// The error that is printed, with its causes.
    pub error: anyhow::Error,
}

impl Failure {
    /// Creates a failure with this exit code.
    pub fn new(reason: ExitReason, error: impl Into<anyhow::Error>) -> Self {
        Self { reason, error: error.into() }
    }
}

/// Writes the error and its causes on one line.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}

/// Derives the exit code from the types of the causes. Any other error means that the command failed while it ran.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let is_usage = |cause: &(dyn Error + 'static)| {
            cause.is::<ConfigError>()
                || cause.is::<WrongUsage>()
                || matches!(cause.downcast_ref(), Some(CreateError::Exists(_)))
        };
        let reason = if error.chain().any(is_usage) {
            ExitReason::Usage
        } else if error.chain().any(<dyn Error + 'static>::is::<Unsupported>) {
            ExitReason::Unsupported
        } else {
            ExitReason::Failed
        };
        Self { reason, error }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Context;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_cause_decides_the_exit_code() {
        let config = Config::load(Path::new("/nowhere/at/all")).expect_err("no such file");
        let unsupported = Unsupported("no BTF".to_owned());
        let cases = [
            (anyhow::Error::from(config).context("outer"), ExitReason::Usage),
            (WrongUsage("no such hook".to_owned()).into(), ExitReason::Usage),
            (Err::<(), _>(unsupported).context("outer").expect_err("made above"), ExitReason::Unsupported),
            (CreateError::Exists("/tmp/x".into()).into(), ExitReason::Usage),
            (anyhow::anyhow!("disk on fire"), ExitReason::Failed),
        ];
        for (error, reason) in cases {
            let failure = Failure::from(error);
            assert_eq!(failure.reason, reason, "{failure}");
        }
    }

    #[test]
    fn the_message_has_every_cause() {
        let error = anyhow::Error::from(Unsupported("no BTF".to_owned())).context("cannot load");
        assert_eq!(Failure::from(error).to_string(), "cannot load: no BTF");
    }
}
