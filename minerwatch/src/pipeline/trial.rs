//! Replays a recording in memory and returns everything that the engine found. The calibration compares such trials,
//! with all signals and without one of them.

use std::io;

use super::{
    replay::{self, Ticks},
    stages::OutputSink,
};
use crate::{
    engine::EngineSettings,
    model::{Alert, Event, SignalId, Verdict},
    recording::Header,
};

/// The result of [`trial`].
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The alerts, in the order in which they were sent. They are the same as those of [`super::replay`] without a
    /// configuration.
    pub alerts: Vec<Alert>,
    /// The incidents that are open at the end, highest score first. The verdict is `None` below [`Verdict::Noted`].
    pub open: Vec<(Alert, Option<Verdict>)>,
}

/// Replays events while the engine ignores the signals `without`.
pub fn trial(
    header: &Header,
    without: &[SignalId],
    events: impl IntoIterator<Item = Event>,
) -> io::Result<Trial> {
    let engine = EngineSettings {
        processors: header.processors,
        without: without.to_vec(),
        ..EngineSettings::default()
    };
    let mut pipeline = replay::pipeline(header, engine);
    let mut ticks = Ticks::default();
    let mut alerts = Alerts::default();
    for event in events {
        replay::process(event, &mut pipeline, &mut ticks, &mut alerts)?;
    }
    replay::settle(&mut pipeline, &mut ticks, &mut alerts)?;
    Ok(Trial { alerts: alerts.0, open: pipeline.incidents() })
}

/// Collects alerts.
#[derive(Debug, Default)]
struct Alerts(Vec<Alert>);

impl OutputSink for Alerts {
    fn alert(&mut self, _line: &[u8], alert: &Alert) -> io::Result<()> {
        self.0.push(alert.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::WallClock, testing::Host};

    #[test]
    fn a_signal_that_is_ignored_changes_what_is_found() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let line = ["x", "-o", "stratum+tcp://pool.example:3333", "-u", "wallet", "-a", "rx/0"];
        host.spawn(init, "/tmp/x", &line);
        let header = Header::new("host", "boot", WallClock { boot: 0 }, 2);
        let ids = |without: &[SignalId]| {
            let trial = trial(&header, without, host.events().to_vec()).expect("nothing fails");
            let signals = trial.open.into_iter().flat_map(|(incident, _)| incident.signals);
            signals.map(|signal| signal.id.to_string()).collect::<Vec<_>>()
        };
        assert!(ids(&[]).contains(&"B9".to_owned()), "{:?}", ids(&[]));
        assert!(!ids(&[SignalId::known("B9")]).contains(&"B9".to_owned()));
    }
}
