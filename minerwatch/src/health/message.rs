//! The sentences of alerts about the daemon's own health: what happened, and what to do.

use std::time::Duration;

use super::{KilledDaemon, QUIET, Reason};

pub(super) fn table_full(tables: &[(&'static str, u64)]) -> String {
    let list: Vec<String> = tables.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    format!(
        "Tables are full, and entries were evicted within a minute: {}; raise the keys of [limits], or find out \
         what starts so many processes or connections",
        list.join(", ")
    )
}

pub(super) fn hook_gone(hooks: &[String]) -> String {
    format!(
        "Hooks of the sensor were detached: {}; find out who did this (a tool for eBPF, or an intruder), and \
         restart minerwatch",
        hooks.join(", ")
    )
}

pub(super) fn losses(lost: u64) -> String {
    format!(
        "{lost} events were lost within a minute, because the host produces them faster than minerwatch reads \
         them; give minerwatch more CPU time, or switch off what is not needed in [events]"
    )
}

pub(super) fn clock_jumped(nanoseconds: i128) -> String {
    let seconds =
        Duration::from_nanos(u64::try_from(nanoseconds.unsigned_abs()).unwrap_or(u64::MAX)).as_secs();
    let direction = if nanoseconds < 0 { "back" } else { "forward" };
    format!(
        "The clock of the host was set {direction} by {seconds} seconds; use event.sequence to order events of \
         this time, and check who set the clock"
    )
}

pub(super) fn state_unwritable(error: &str) -> String {
    format!(
        "The state directory cannot be written: {error}; make room or repair the permissions, because a restart \
         forgets the incidents until then"
    )
}

pub(super) fn killed(daemon: &KilledDaemon) -> String {
    let KilledDaemon { pid, last_alive } = daemon;
    format!(
        "The previous daemon (process id {pid}) was ended by SIGKILL or a crash after {last_alive}, and the host was not \
         watched until now; find out who ended it (an intruder, or the kernel for lack of memory), and what was \
         started on the host meanwhile"
    )
}

/// Returns the sentence for the end of a reason. Returns `None` for a reason whose end is no news.
pub(super) fn restored(reason: Reason) -> Option<String> {
    let minutes = QUIET.as_secs() / 60;
    let what = match reason {
        Reason::TableFull => "Tables of the sensor are large enough again",
        Reason::HookGone => "All hooks of the sensor are attached again",
        Reason::Losses => "No more events than usual are lost",
        Reason::ClockJumped => "The clock of the host is steady again",
        Reason::StateUnwritable => "The state directory can be written again",
        // What the host did meanwhile stays unknown.
        Reason::Killed => return None,
    };
    Some(format!("{what}, for {minutes} minutes; nothing is to be done"))
}
