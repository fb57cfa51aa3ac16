//! Declares the sections of the configuration: each key's type, default, check and documentation, once.
//!
//! [`section!`] makes the type, its defaults, its reader and its part of the reference from one declaration.
//! It is a macro of our own because no library gives all of that: `confique` knows neither ranges nor tables
//! that may be given several times, and `schemars` describes a check without making it.

mod accepts;
mod section;
mod text;
mod variants;

pub use accepts::{
    Accepts, absolute_path, absolute_paths, between, checked, choice, event_kinds, optional, parsed, switch,
    table, tables,
};
pub(crate) use section::section;
pub use section::{Name, Value};
pub use text::{KeyText, Section, SectionText, Shape};

#[cfg(test)]
mod example;
