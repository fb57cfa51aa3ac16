//! Errors of parsing patterns.

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::intel) enum PatternError {
    /// The text is not a pattern.
    #[error("the pattern is not understood near '{0}'")]
    Syntax(String),
    /// The pattern has conditions that an entry of a list cannot express.
    #[error("the pattern {0}, which a list cannot say")]
    TooRich(&'static str),
}

impl PatternError {
    /// The name of this kind of error, for counters.
    pub(in crate::intel) fn kind(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "pattern not understood",
            Self::TooRich(_) => "pattern that a list cannot say",
        }
    }
}
