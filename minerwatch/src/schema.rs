//! Declares the sections of the configuration: the type, default, check and documentation of each key, once.
//!
//! [`section!`] generates the type, the defaults, the parser and the part of the reference from one declaration. It is
//! our own macro because no library offers all of this: `confique` supports neither ranges nor repeated tables, and
//! `schemars` describes a check without performing it.

mod accepts;
mod section;
mod text;
mod variants;

pub use accepts::{
    Accepts, absolute_path, absolute_paths, between, checked, choice, event_kinds, one_or_more, optional,
    parsed, switch, table, tables,
};
pub(crate) use section::section;
pub use section::{Value, read_section};
pub use text::{KeyText, Section, SectionText, Shape};

#[cfg(test)]
mod example;
