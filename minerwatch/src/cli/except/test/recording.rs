//! Replays a recording with and without exceptions.

use std::io::{self, BufRead};

use super::{Outcome, alerts::SentAlert, judge};
use crate::{
    cli::streams::tell,
    config::Config,
    except::ExceptionSet,
    model::{Alert, BootTime, EventKind, IncidentId, ProcessKey, Verdict},
    pipeline::{self, EventInfo, OutputSink},
    recording::Reader,
};

/// What makes two alerts the same in two replays. The action may differ: if the first alert of an incident is hidden, the
/// second one opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Same {
    incident: IncidentId,
    time: BootTime,
    suspect: ProcessKey,
}

/// Collects the alerts of a replay.
#[derive(Default)]
struct Alerts(Vec<(Same, SentAlert)>);

impl OutputSink for Alerts {
    fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
        false
    }

    fn event(&mut self, _line: &[u8], _: EventInfo) -> io::Result<()> {
        Ok(())
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        let same = Same { incident: alert.incident, time: alert.time, suspect: alert.suspect.key };
        self.0.extend(SentAlert::of_alert(alert, line).map(|sent| (same, sent)));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replays a recording with and without exceptions. The alerts without them are the answer: each is hidden if the other
/// replay does not send it. An alert that only the other replay sends is about another suspect of the same incident; it
/// is listed too.
pub(super) fn outcomes(
    lines: impl BufRead,
    config: Option<&Config>,
    set: &ExceptionSet,
) -> anyhow::Result<Vec<Outcome>> {
    let reader = Reader::new(lines)?;
    let header = reader.header().clone();
    let mut events = Vec::new();
    for event in reader {
        match event {
            Ok(event) => events.push(event),
            Err(error) => tell(error),
        }
    }
    let replay = |set: ExceptionSet| {
        let mut alerts = Alerts::default();
        let events = events.iter().cloned().map(Ok::<_, std::convert::Infallible>);
        pipeline::replay(&header, config, set, events, &mut alerts, tell).map(|_| alerts.0)
    };
    let all = replay(ExceptionSet::default())?;
    let mut others = replay(set.clone())?;
    let least = config.map_or(Verdict::Noted, |config| config.detection.min_verdict);
    let mut outcomes = Vec::new();
    for (same, alert) in all {
        let place = others.iter().position(|(other, _)| *other == same);
        let is_sent = place.map(|place| others.remove(place)).is_some();
        let outcome = judge(alert, set, least);
        outcomes.push(Outcome { hidden: !is_sent, ..outcome });
    }
    outcomes
        .extend(others.into_iter().map(|(_, alert)| Outcome { hidden: false, ..judge(alert, set, least) }));
    Ok(outcomes)
}
