//! The staged response to an incident: isolate, throttle, freeze, stop, quarantine, and undo all of it.
//!
//! ```text
//! policy ─┐                 ┌─ guards: who may never be touched
//!         ├─ order ─► responder ─► ledger (on disk, before each change) ─► stage ─► report
//! person ─┘                 └─ home: a cgroup that has the suspect and nobody else
//! ```
//!
//! The daemon drops its privileges, so the stages run in a process of their own ([`server`]), which has them. It exists
//! only if the configuration allows a response. The ledger is enough to undo everything, also after a kill of both.

mod cgroup;
mod collector;
mod files;
mod freeze;
mod guard;
mod home;
mod isolate;
mod ledger;
mod order;
mod package;
mod quarantine;
mod quarantined;
mod recent_evidence;
mod refusal;
mod release;
mod responder;
pub mod server;
mod settings;
mod signals;
#[cfg(feature = "sensor")]
mod sockets;
mod stop;
mod subjects;
mod target;
mod throttle;
mod tree;

pub use ledger::{Ledger, LedgerError};
pub use order::{Actor, Answer, KnownCase, Order, RESPONSE_OFF, Task};
pub use refusal::Refusal;
pub use responder::Responder;
pub use settings::{EvidenceSettings, ResponseSettings};
pub use subjects::subjects;
