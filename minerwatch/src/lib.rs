//! minerwatch detects cryptocurrency miners on a Linux host with eBPF.
//!
//! An event passes the stages in one direction:
//!
//! ```text
//! kernel hooks ─► rings ─► sensor ─► decode ─┐
//!                                            ├─► enrich ─► dissect ─► engine ─┬─ alert ───► ecs ─► output, control
//! recording ─────────────────────────────────┘                       ▲        └─ request ─► probe
//!                                                                    └── answer (an event) ───┘
//! ```
//!
//! [`pipeline`] connects the stages, which share the types of [`model`]. [`engine`] does no I/O and takes the time from
//! events, so a recording gives the same alerts on every machine.

// `println!` and similar macros panic if a stream is closed or full; `cli::streams` does not.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod approval;
pub mod bounded;
pub mod cef;
pub mod cli;
pub mod config;
pub mod containers;
pub mod control;
pub mod credentials;
#[cfg(feature = "sensor")]
pub mod decode;
pub mod detect;
pub mod dissect;
pub mod ecs;
pub mod engine;
pub mod enrich;
pub mod evidence;
pub mod except;
pub mod exporter;
pub mod feeds;
pub mod health;
pub mod host;
pub mod incident;
pub mod intel;
pub mod metrics;
pub mod model;
pub mod notice;
pub mod ocsf;
pub mod output;
pub mod pipeline;
#[cfg(feature = "sensor")]
pub mod privileges;
pub mod probe;
pub mod process;
pub mod recording;
pub mod redact;
pub mod respond;
pub mod schema;
#[cfg(feature = "sensor")]
pub mod sensor;
pub mod state_files;
#[cfg(test)]
pub(crate) mod testing;
pub mod unix_socket;
