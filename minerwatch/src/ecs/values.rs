//! Values whose JSON form differs from their form in memory.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::names;

/// A value that is written as its `Display` text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An object that contains only an `id`.
#[derive(Debug, Serialize)]
pub(super) struct Identified<T> {
    pub id: T,
}

/// An errno, written as its name, or as its number if the name is unknown.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorCode(pub i32);

impl Display for ErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match names::errno(self.0) {
            Some((name, _)) => formatter.write_str(name),
            None => write!(formatter, "{}", self.0),
        }
    }
}

/// Permission bits in octal, with the set-id and sticky bits: `0755`, `4755`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode(pub u32);

impl Display for Mode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04o}", self.0 & 0o7777)
    }
}

/// A device, written as `major:minor`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device(pub u32);

impl Display for Device {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.0 >> 20, self.0 & 0xf_ffff)
    }
}

/// A set of capabilities, written as a list of names.
#[derive(Clone, Copy, Debug)]
pub(super) struct CapabilitySet(pub u64);

impl Serialize for CapabilitySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = self.0;
        serializer.collect_seq(
            (0..u64::BITS)
                .filter(move |bit| set >> bit & 1 == 1)
                .map(|bit| Shown(names::CapabilityName(bit))),
        )
    }
}

/// Returns the text, or `None` if the text is empty, which means unknown.
pub(super) fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
