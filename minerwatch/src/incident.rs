//! Groups findings into incidents, and names the suspects of each.
//!
//! # Incident and suspect
//!
//! An incident is a case. A verdict belongs to a **suspect**: a program, with the processes of the incident that ran it
//! (see [`identity`]). What counts for a suspect are its own signals and those of its causes, never those of its
//! siblings (see [`causes`]). The verdict of the incident is the highest of its suspects.
//!
//! # Which processes belong to one incident
//!
//! - A **process tree**, from the intrusion's origin down. The tree ends below programs that start unrelated processes
//!   by design: the init and its supervisors, sshd and other login services, cron, container runtimes, CI agents, and a
//!   person's login shell. It also ends below a network service, which is only the entry of what it starts, and below a
//!   parent that had run for five minutes when it started the child: such an old parent is probably unrelated.
//! - A **container**: all signals in one container belong to one incident. Slices and units of the host do not group
//!   processes, because too much unrelated work shares them.
//! - A **file**: a process that runs a file which the incident wrote belongs to the incident, whatever started the
//!   process and whenever. For example, cron may start it an hour later.
//! - A **program**, a **peer** or an **account** of a suspect: another process that runs the program, or mines with the
//!   same peer or for the same account, belongs to the same incident.
//! - A **service** through which a suspect came: what else comes through it belongs to the same incident.
//!
//! Weak signals (a port, mere load) open no incident. They are kept with their process until a stronger one follows.
//!
//! # When an alert is sent
//!
//! The first alert is sent at once. What follows within two seconds joins one update. A new suspect, one that is back,
//! and a new peer or account are told at once again, within budgets for the incident, the owner and the host (see
//! [`budget`]). What exceptions hide is left out at that moment, and counted (see [`exceptions`]).
//!
//! # When an incident is closed
//!
//! An incident is closed when it was quiet for a while and none of its processes lives, or when a person says that it was
//! cleaned. It is watched then: what returns opens it again under its id (see [`store`]).

mod budget;
mod causes;
mod chain;
mod exceptions;
mod identity;
mod links;
mod membership;
mod message;
mod record;
mod report;
mod score;
mod signs;
mod store;
mod suspect;

pub use exceptions::{HiddenAlerts, verdict_without};
pub use store::{EncodedState, IncidentLimits, IncidentState, Incidents};
