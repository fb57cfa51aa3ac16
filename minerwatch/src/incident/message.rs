//! The sentence a person reads first.

use super::chain::Chain;
use crate::model::{AlertAction, ChainEdge, ChainKind, ProcessView, Signal, Verdict};

/// What the sentence is made of.
#[derive(Debug)]
pub(super) struct Story<'a> {
    pub(super) verdict: Verdict,
    pub(super) action: AlertAction,
    pub(super) suspect: &'a ProcessView,
    pub(super) parent: Option<&'a ProcessView>,
    /// Strongest first.
    pub(super) signals: &'a [Signal],
    pub(super) chain: &'a Chain,
    pub(super) speaks_of_mining: bool,
}

/// Who, started by whom, did what: and what that is taken for.
pub(super) fn sentence(story: &Story<'_>) -> String {
    let mut text = who(story.suspect);
    if let Some(parent) = story.parent {
        text.push_str(", started by ");
        text.push_str(&parent.name);
        text.push(',');
    }
    let mut deeds = deeds(story);
    if deeds.is_empty() {
        deeds.extend(story.signals.first().map(|signal| format!("was noticed: {}", signal.detail)));
    }
    let last = deeds.pop();
    text.push(' ');
    text.push_str(&deeds.join(", "));
    if let Some(last) = last {
        if !deeds.is_empty() {
            text.push_str(" and ");
        }
        text.push_str(&last);
    }
    text.push_str(": ");
    text.push_str(judgement(story));
    text
}

fn who(suspect: &ProcessView) -> String {
    let path = if suspect.executable.path.is_empty() { &suspect.name } else { &suspect.executable.path };
    let credentials = &suspect.credentials;
    match &credentials.user {
        Some(user) => format!("'{path}' (pid {}, user {user})", suspect.key.pid),
        None => format!("'{path}' (pid {}, uid {})", suspect.key.pid, credentials.uid),
    }
}

fn deeds(story: &Story<'_>) -> Vec<String> {
    let mut deeds = Vec::new();
    let signal = |id: &str| story.signals.iter().find(|signal| signal.id.0 == id);
    if signal("B9").is_some() {
        deeds.push("has the command line of a miner".to_owned());
    }
    if signal("B4").is_some() {
        deeds.push("hides behind the name of a kernel thread".to_owned());
    }
    if signal("B3").is_some() {
        deeds.push("runs without a file".to_owned());
    }
    if signal("B2").is_some() {
        let dropper = story.chain.of(ChainKind::Drop).next();
        deeds.push(match dropper {
            Some(edge) => format!("ran just after {} wrote {}", edge.name, edge.object),
            None => "ran just after it was written".to_owned(),
        });
    }
    deeds.extend(several(story, ChainKind::Connect, "connected to", "opened connections to"));
    deeds.extend(several(story, ChainKind::Persist, "wrote", "wrote"));
    if signal("C5").is_some() {
        deeds.push("kept the processors busy".to_owned());
    }
    deeds
}

/// What was done of a kind: the suspect's own deed if there is one, else a relative's with its name.
fn several(story: &Story<'_>, kind: ChainKind, verb: &str, relatives: &str) -> Option<String> {
    let own = |edge: &&ChainEdge| edge.process == story.suspect.key;
    let edges: Vec<&ChainEdge> = story.chain.of(kind).collect();
    let shown = edges.iter().copied().find(own).or_else(|| edges.first().copied())?;
    let more = edges.iter().filter(|edge| edge.object != shown.object).count();
    let mut text = if own(&shown) {
        format!("{verb} {}", shown.object)
    } else {
        format!("its relative {} (pid {}) {relatives} {}", shown.name, shown.process.pid, shown.object)
    };
    if more > 0 {
        text = format!("{text} (and {more} more)");
    }
    Some(text)
}

fn judgement(story: &Story<'_>) -> &'static str {
    if story.action == AlertAction::IncidentClosed {
        return "quiet for long and all of its processes are gone";
    }
    let connects = story.chain.of(ChainKind::Connect).next().is_some();
    match (story.verdict, story.speaks_of_mining) {
        (Verdict::Mining, _) => "cryptocurrency mining",
        (Verdict::Suspected, true) => "a suspected miner",
        (Verdict::Suspected, false) if connects => {
            "a suspected intrusion that fetched, ran and kept a program"
        }
        (Verdict::Suspected, false) => "suspected tampering",
        (Verdict::Noted, true) => "on record as a possible miner",
        (Verdict::Noted, false) => "on record, no reason for alarm by itself",
    }
}
