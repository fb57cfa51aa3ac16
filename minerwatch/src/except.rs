//! Exceptions: what an operator does not want to be alerted about, and how a suspect is compared with them.
//!
//! The room is pure: it compares values and does no I/O. [`crate::config`] reads exceptions, [`crate::incident`]
//! applies them where an alert is about to be sent.
//!
//! An exception matches a suspect only if all its keys match, and if they match for every known process of the suspect.
//! It never hides a conclusive signal that it does not name.

mod exception;
mod pattern;
mod peer;
mod place;
mod set;
mod status;
mod subject;

pub use exception::{Criteria, Exception, Source};
pub use pattern::{Pattern, Sha256};
pub use peer::PeerPattern;
pub use place::LabelPattern;
pub use set::{Decision, ExceptionSet, ShownSignal};
pub use status::{ExceptionStatus, ListedException};
pub use subject::{Facts, Match, Subject};
