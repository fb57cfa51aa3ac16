//! What changes without a signal: every recording is replayed once for each signal, while the engine ignores the signal.

use anyhow::Context as _;
use minerwatch::{
    detect::{SignalInfo, catalogue},
    model::Verdict,
    pipeline,
};
use minerwatch_tests::stories::Class;

use super::{
    judged::{self, Judged},
    parallel,
    recorded::Recorded,
};

/// What changes without a signal.
#[derive(Clone, Debug)]
pub struct Without {
    /// The signal.
    pub info: SignalInfo,
    /// Number of attacks whose alerts show the signal.
    pub attacks: usize,
    /// Number of benign stories whose alerts show the signal.
    pub benign: usize,
    /// Attacks that are `suspected` or above only with the signal.
    pub lost: Vec<String>,
    /// Other attacks whose verdict is lower without the signal.
    pub weaker: Vec<String>,
    /// Benign stories whose verdict is lower without the signal.
    pub quieter: Vec<String>,
    /// Whether the engine cannot ignore the signal, because no detector reports it. Nothing is known about the signal
    /// then.
    pub remains: bool,
}

/// Replays every recording without each signal.
pub fn all(recordings: &[Recorded], stories: &[Judged]) -> anyhow::Result<Vec<Without>> {
    let jobs: Vec<(&SignalInfo, &Recorded)> = catalogue()
        .iter()
        .flat_map(|info| recordings.iter().map(move |recording| (info, recording)))
        .collect();
    let trials = parallel::map(&jobs, |(info, recording)| trial(info, recording));
    let trials = trials.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let of_signals = catalogue().iter().zip(trials.chunks(recordings.len()));
    Ok(of_signals.map(|(info, trials)| compare(info, stories, trials)).collect())
}

/// A recording without a signal: its verdict, and whether it shows the signal nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    verdict: Option<Verdict>,
    remains: bool,
}

fn trial(info: &SignalInfo, recording: &Recorded) -> anyhow::Result<Outcome> {
    let without = [info.signal_id()];
    let trial = pipeline::trial(&recording.header, &without, recording.events.iter().cloned())
        .with_context(|| recording.name.clone())?;
    let remains = trial.alerts.iter().flat_map(judged::ids).any(|id| id == info.id);
    Ok(Outcome { verdict: judged::verdict(&trial), remains })
}

/// Compares the stories with all signals to the outcomes without one. Both are in the same order.
fn compare(info: &SignalInfo, stories: &[Judged], outcomes: &[Outcome]) -> Without {
    let shown = |class| {
        let showing = |story: &&Judged| story.class == Some(class) && story.shown.contains(info.id);
        stories.iter().filter(showing).count()
    };
    let mut without = Without {
        info: *info,
        attacks: shown(Class::Attack),
        benign: shown(Class::Benign),
        lost: Vec::new(),
        weaker: Vec::new(),
        quieter: Vec::new(),
        remains: outcomes.iter().any(|outcome| outcome.remains),
    };
    for (story, Outcome { verdict, .. }) in stories.iter().zip(outcomes) {
        let list = match story.class {
            _ if *verdict >= story.verdict => continue,
            Some(Class::Attack) if story.is_paged() && *verdict < Some(Verdict::Suspected) => {
                &mut without.lost
            }
            Some(Class::Attack) => &mut without.weaker,
            Some(Class::Benign) => &mut without.quieter,
            Some(Class::OnlyListed) | None => continue,
        };
        list.push(story.name.clone());
    }
    without
}
