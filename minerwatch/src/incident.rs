//! What belongs together: one incident per intrusion, its score, its verdict and its chain.
//!
//! # Which processes are one incident
//!
//! - A **process tree**, from the intrusion's origin down. Climbing from a process, the tree ends below
//!   whatever starts unrelated things by design: the init and its supervisors, sshd and other gates, cron,
//!   container runtimes, CI agents, and the shell a person logged in to. It also ends below a parent that
//!   had lived for five minutes when it started the child, unless that parent is a service or is itself
//!   suspect: an old parent is surroundings.
//! - A **container**: what shows a signal in one container is one incident. Slices and units of the host
//!   are not used so; too much unrelated work shares them.
//! - A **file**: who runs a file that a process of the incident wrote belongs to it, whoever started it
//!   and whenever, which is how a job that cron starts an hour later finds its way home.
//!
//! State exists only for what showed a signal; nothing is kept for the processes in between.

mod chain;
mod membership;
mod message;
mod record;
mod score;
mod store;

pub use store::{IncidentLimits, Incidents};
