//! The id of an alert, or of what the daemon says about itself: `event.id`.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::model::{Alert, AlertAction, BootTime, HostContext};

/// Number of bytes of the hash that are kept.
const BYTES: usize = 16;

/// Creates the ids of the alerts of one host and boot.
#[derive(Clone)]
pub(super) struct EventIds {
    /// The hash of the host and its boot.
    host: Sha256,
}

impl fmt::Debug for EventIds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EventIds")
    }
}

impl EventIds {
    pub fn new(host: &HostContext) -> Self {
        let mut hash = Sha256::new();
        let id = host.id.as_deref().unwrap_or_default();
        for part in ["minerwatch.alert", id, &host.boot_id] {
            add(&mut hash, part);
        }
        Self { host: hash }
    }

    /// Returns the id of an alert, or `None` for a state that was not sent. A repeated alert has the same id.
    pub fn of(&self, alert: &Alert) -> Option<EventId> {
        if alert.number == 0 {
            return None;
        }
        let mut hash = self.host.clone();
        add(&mut hash, &alert.incident.to_string());
        hash.update(alert.number.to_le_bytes());
        // A report about a storm has the number of the next alert of its incident, and may come several times.
        if alert.action == AlertAction::AlertStorm {
            add(&mut hash, "storm");
            hash.update(alert.time.0.to_le_bytes());
        }
        Some(EventId::of(hash))
    }

    /// Returns the id of a report about the response, which ended at `time`.
    pub fn of_response(&self, time: BootTime, sequence: u64) -> EventId {
        let mut hash = self.host.clone();
        add(&mut hash, "response");
        hash.update(time.0.to_le_bytes());
        hash.update(sequence.to_le_bytes());
        EventId::of(hash)
    }

    /// Returns the id of what the daemon says about itself in the run that started at `started`.
    pub fn of_report(&self, started: BootTime, sequence: u64) -> EventId {
        let mut hash = self.host.clone();
        add(&mut hash, "agent");
        hash.update(started.0.to_le_bytes());
        hash.update(sequence.to_le_bytes());
        EventId::of(hash)
    }
}

/// Adds a text with its length, so that two lists of texts never give the same bytes.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

/// The id of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId([u8; BYTES]);

impl EventId {
    fn of(hash: Sha256) -> Self {
        let hash = hash.finalize();
        Self(std::array::from_fn(|index| hash.get(index).copied().unwrap_or_default()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ProcessKey, WallClock},
        testing::samples,
    };

    fn host(id: Option<&str>, boot_id: &str, wall: i128) -> HostContext {
        HostContext {
            name: "x".into(),
            id: id.map(Into::into),
            boot_id: boot_id.into(),
            clock: WallClock { boot: wall },
        }
    }

    fn id(host: &HostContext, alert: &Alert) -> Option<EventId> {
        EventIds::new(host).of(alert)
    }

    #[test]
    fn an_id_is_stable_over_repeats_and_unique_otherwise() {
        let this = host(Some("a"), "b", 0);
        let alert = samples::alert();
        let mut repeated = Alert { score: 99, message: "later".into(), ..alert.clone() };
        repeated.time = BootTime(alert.time.0 + 1);
        assert_eq!(id(&this, &alert), id(&host(Some("a"), "b", 7), &repeated));

        let storm = Alert { action: AlertAction::AlertStorm, ..alert.clone() };
        let later_storm = Alert { time: BootTime(storm.time.0 + 1), ..storm.clone() };
        let mut incident = alert.incident;
        incident.origin = ProcessKey::from_ticks(1, 1);
        let mut ids: Vec<String> = [
            (&this, alert.clone()),
            (&host(Some("c"), "b", 0), alert.clone()),
            (&host(Some("a"), "c", 0), alert.clone()),
            (&host(Some("ab"), "", 0), alert.clone()),
            (&host(None, "b", 0), alert.clone()),
            (&this, Alert { number: 2, ..alert.clone() }),
            (&this, Alert { incident, ..alert.clone() }),
            (&this, storm),
            (&this, later_storm),
        ]
        .iter()
        .map(|(host, alert)| id(host, alert).expect("it was sent").to_string())
        .collect();
        assert!(ids.iter().all(|id| id.len() == 2 * BYTES), "{ids:?}");
        ids.sort();
        let before = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), before);
        assert_eq!(id(&this, &Alert { number: 0, ..alert }), None);
    }

    #[test]
    fn a_report_has_an_id_of_its_run() {
        let this = EventIds::new(&host(Some("a"), "b", 0));
        let other = EventIds::new(&host(Some("a"), "c", 0));
        let first = this.of_report(BootTime(1), 0);
        assert_eq!(first, this.of_report(BootTime(1), 0));
        for different in
            [this.of_report(BootTime(1), 1), this.of_report(BootTime(2), 0), other.of_report(BootTime(1), 0)]
        {
            assert_ne!(first, different);
        }
    }
}
