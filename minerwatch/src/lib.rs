//! minerwatch finds cryptocurrency miners on a Linux host from inside the kernel.
//!
//! The path of an event, one direction, no back and forth:
//!
//! ```text
//! kernel: hooks ─► ring ─► sensor ─► decode ─► enrich ─► engine ─► pipeline ─► output
//!                                                 replay ──▲           │
//!                                                                      └─► control ─► tail
//! ```
//!
//! [`model`] is the vocabulary all of them share. [`engine`] is pure: no clock, no files, no network, so
//! a recording gives the same alerts anywhere.

// `println!` and its kin panic where a stream is closed or full; `cli::streams` does not.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod bounded;
pub mod cli;
pub mod config;
pub mod control;
#[cfg(feature = "sensor")]
pub mod decode;
pub mod detect;
pub mod dissect;
pub mod ecs;
pub mod engine;
pub mod enrich;
pub mod feeds;
pub mod host;
pub mod incident;
pub mod intel;
pub mod metrics;
pub mod model;
pub mod output;
pub mod pipeline;
#[cfg(feature = "sensor")]
pub mod privileges;
pub mod probe;
pub mod process;
pub mod recording;
pub mod schema;
#[cfg(feature = "sensor")]
pub mod sensor;
#[cfg(feature = "sensor")]
pub mod state_files;
