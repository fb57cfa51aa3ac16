//! The trait, the error and the helper that all decoders share.

use minerwatch_common::Record;

use crate::model::EventBody;

/// Why a record could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are fewer bytes than the record's fixed part or its lengths require.
    #[error("a record of {length} bytes is too short for its kind")]
    Short {
        /// Number of available bytes.
        length: usize,
    },
    /// The kind is unknown in this build.
    #[error("a record of unknown kind {0}")]
    UnknownKind(u16),
    /// A field has a value without a meaning.
    #[error("a record whose {0} has no meaning")]
    Meaningless(&'static str),
}

/// A record that can be decoded into the body of an event.
pub(super) trait Decode: Record {
    /// Decodes the record into the body of an event. `tail` contains the bytes after the fixed part of the record.
    fn decode(&self, tail: &[u8]) -> Result<EventBody, DecodeError>;
}

/// Takes `length` bytes off the front of a tail.
pub(super) fn take<'a>(tail: &mut &'a [u8], length: u16) -> Result<&'a [u8], DecodeError> {
    let (piece, rest) =
        tail.split_at_checked(usize::from(length)).ok_or(DecodeError::Short { length: tail.len() })?;
    *tail = rest;
    Ok(piece)
}
