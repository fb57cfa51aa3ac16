//! Groups findings into incidents: one incident per intrusion, with its score, its verdict and its chain.
//!
//! # Which processes belong to one incident
//!
//! - A **process tree**, from the intrusion's origin down. The tree ends below programs that start unrelated processes
//!   by design: the init and its supervisors, sshd and other login services, cron, container runtimes, CI agents, and a
//!   person's login shell. The tree also ends below a parent that had run for five minutes when it started the child,
//!   unless the parent is a service or a suspect: such an old parent is probably unrelated.
//! - A **container**: all signals in one container belong to one incident. Slices and units of the host do not group
//!   processes, because too much unrelated work shares them.
//! - A **file**: a process that runs a file which the incident wrote belongs to the incident, whoever started the
//!   process and whenever. For example, cron may start it an hour later.
//!
//! State exists only for processes that showed a signal, and for the trees, containers and files connected to them.
//! Nothing is kept for the processes in between.

mod chain;
mod membership;
mod message;
mod record;
mod score;
mod store;

pub use store::{IncidentLimits, Incidents};
