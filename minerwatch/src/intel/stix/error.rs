//! Why a pattern cannot be used.

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::intel) enum PatternError {
    /// It is not a pattern.
    #[error("the pattern is not understood near '{0}'")]
    Syntax(String),
    /// It says more than an entry of a list can say.
    #[error("the pattern {0}, which a list cannot say")]
    TooRich(&'static str),
}

impl PatternError {
    /// The kind of error, for counting.
    pub(in crate::intel) fn kind(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "pattern not understood",
            Self::TooRich(_) => "pattern that a list cannot say",
        }
    }
}
