//! What the engine says about one recording.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context as _;
use minerwatch::{
    model::{Alert, BootTime, ChainKind, NextVerdict, Points, Verdict},
    pipeline::{self, Trial},
};
use minerwatch_tests::stories::Class;

use super::recorded::Recorded;

/// The contribution of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The id of the signal.
    pub id: String,
    /// Its points at the time of the alert.
    pub points: Points,
    /// Whether the points count. Of several signals of load, only the strongest counts.
    pub counted: bool,
}

/// The result for a recording.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Name of the story.
    pub name: String,
    /// What the story is; `None` if it is not in the table.
    pub class: Option<Class>,
    /// Recorded time.
    pub span: Duration,
    /// The worst verdict of the alerts.
    pub verdict: Option<Verdict>,
    /// Seconds to the first alert of `suspected` or above; see [`seconds_to_verdict`].
    pub seconds: Option<f64>,
    /// Points of the strongest alert; without an alert, of the strongest incident.
    pub points: u32,
    /// What the strongest alert, or incident, lacks for the next verdict. `None` also means that there is no incident.
    pub next: Option<NextVerdict>,
    /// The signals of the strongest alert, or incident.
    pub signals: Vec<Contribution>,
    /// The ids of the signals of all alerts.
    pub shown: BTreeSet<String>,
    /// The names of all suspects of the alerts.
    pub suspects: BTreeSet<String>,
    /// The names that the alerts should list as suspects, and do not.
    pub unnamed: Vec<&'static str>,
    /// Number of incidents that are `suspected` or above. Each pages a person.
    pub pages: usize,
}

impl Judged {
    /// Replays a recording with all signals.
    pub fn of(recording: &Recorded) -> anyhow::Result<Self> {
        let trial = pipeline::trial(&recording.header, &[], recording.events.iter().cloned())
            .with_context(|| recording.name.clone())?;
        let begin = recording.events.first().map_or(BootTime(0), |event| event.time);
        let strongest = strongest(&trial);
        let names = trial.alerts.iter().flat_map(|alert| &alert.suspects);
        let suspects: BTreeSet<String> = names.map(|suspect| suspect.process.name.to_string()).collect();
        let pages = trial.alerts.iter().filter(|alert| is_page(alert)).map(|alert| alert.incident);
        Ok(Self {
            name: recording.name.clone(),
            class: recording.class,
            span: recording.span(),
            verdict: verdict(&trial),
            seconds: seconds_to_verdict(&trial.alerts, begin),
            points: strongest.map_or(0, |alert| alert.score),
            next: strongest.and_then(|alert| alert.score_parts.next.clone()),
            signals: strongest.map_or_else(Vec::new, contributions),
            shown: trial.alerts.iter().flat_map(ids).collect(),
            unnamed: recording.named.iter().copied().filter(|name| !suspects.contains(*name)).collect(),
            suspects,
            pages: pages.collect::<BTreeSet<_>>().len(),
        })
    }

    /// Whether a person would be paged.
    pub fn is_paged(&self) -> bool {
        self.verdict >= Some(Verdict::Suspected)
    }
}

/// Returns the worst verdict of the alerts.
pub fn verdict(trial: &Trial) -> Option<Verdict> {
    trial.alerts.iter().map(|alert| alert.verdict).max()
}

fn is_page(alert: &Alert) -> bool {
    alert.verdict >= Verdict::Suspected
}

/// Returns the first of the alerts with the highest verdict and the most points. Without an alert, returns the incident
/// with the most points at the end of the recording.
fn strongest(trial: &Trial) -> Option<&Alert> {
    let rank = |alert: &Alert| (alert.score_parts.verdict, alert.score);
    let alerts = trial.alerts.iter().rev().max_by_key(|alert| rank(alert));
    alerts.or_else(|| trial.open.first().map(|(incident, _)| incident))
}

fn contributions(alert: &Alert) -> Vec<Contribution> {
    let parts = alert.signals.iter().zip(&alert.score_parts.signals);
    parts
        .map(|(signal, part)| Contribution {
            id: signal.id.to_string(),
            points: part.points,
            counted: part.counted,
        })
        .collect()
}

/// Returns the ids of the signals of an alert.
pub fn ids(alert: &Alert) -> impl Iterator<Item = String> {
    alert.signals.iter().map(|signal| signal.id.to_string())
}

/// Returns the seconds from the start to the first alert of `suspected` or above.
///
/// The start is the earliest of three times: when the suspect of this alert started its program, the first event that
/// decided a signal of this alert, and the first step of its chain that is not the creation of a process. It is not
/// before the begin of the recording.
fn seconds_to_verdict(alerts: &[Alert], begin: BootTime) -> Option<f64> {
    let alert = alerts.iter().find(|alert| is_page(alert))?;
    let suspect = alert.suspect.key;
    let (created, other): (Vec<_>, Vec<_>) =
        alert.chain.iter().partition(|step| step.kind == ChainKind::Create);
    let programs = created.iter().filter(|step| step.process == suspect && step.at <= alert.time);
    let program = programs.map(|step| step.at).max().unwrap_or(suspect.start());
    let signals = alert.signals.iter().map(|signal| signal.at);
    let start = signals.chain(other.iter().map(|step| step.at)).fold(program, BootTime::min).max(begin);
    Some(alert.time.since(start).as_secs_f64())
}
