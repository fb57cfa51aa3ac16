//! The message of an alert: one sentence for the user.

use super::chain::Chain;
use crate::{
    detect::{self, SignalInfo, SignalKind, behavior, compute, network},
    model::{
        Account, AlertAction, AlertReason, ChainEdge, ChainKind, Container, ContainerImage, ProcessKey,
        ProcessView, Signal, Verdict,
    },
    process::base_name,
};

/// What else an incident contains, for the message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Others {
    /// Number of other suspects with a verdict.
    pub(super) suspects: usize,
    /// Number of peers of all suspects.
    pub(super) peers: usize,
}

/// The input of the message.
pub(super) struct Story<'a> {
    pub(super) verdict: Verdict,
    pub(super) action: AlertAction,
    pub(super) reason: AlertReason,
    pub(super) suspect: &'a ProcessView,
    /// Number of times that the suspect came back.
    pub(super) returns: u64,
    /// Whether the incident is watched from now on.
    pub(super) is_watched: bool,
    /// Whether a process ran the suspect's program.
    pub(super) is_own: &'a dyn Fn(ProcessKey) -> bool,
    pub(super) parent: Option<&'a ProcessView>,
    /// The signals that count for the suspect, strongest first.
    pub(super) signals: &'a [Signal],
    pub(super) accounts: &'a [Account],
    pub(super) chain: &'a Chain,
    pub(super) others: &'a Others,
    pub(super) speaks_of_mining: bool,
}

/// Builds the message: the suspect and its parent, what the suspect did, what its relatives did, the other suspects,
/// and the verdict in words.
pub(super) fn sentence(story: &Story<'_>) -> String {
    let mut text = who(story.suspect);
    if let Some(place) = story.suspect.container.as_deref().and_then(place) {
        text = format!("{text} in {place}");
    }
    if let Some(parent) = story.parent {
        text = format!("{text}, started by {},", parent.name);
    }
    if story.reason == AlertReason::Returned && story.returns > 0 {
        let times = if story.returns == 1 { "once".to_owned() } else { format!("{} times", story.returns) };
        text = format!("{text} is back ({times}) and");
    }
    let mut own = own_deeds(story);
    if own.is_empty() {
        let first = story.signals.iter().find(|signal| (story.is_own)(signal.process));
        let first = first.or(story.signals.first());
        own.extend(first.map(|signal| format!("was noticed ({})", signal.detail)));
    }
    let mut text = format!("{text} {}", listed(&own));
    if let Some((edge, more)) = deed(story, ChainKind::Persist, false) {
        text = format!(
            "{text}; its relative {} (pid {}) wrote {}{more}",
            edge.name, edge.process.pid, edge.object
        );
    }
    if story.others.suspects > 0 {
        let (suspects, peers) = (story.others.suspects, story.others.peers);
        let plural = if suspects == 1 { "" } else { "s" };
        text = format!("{text}; {suspects} more suspect{plural}");
        if peers > 1 {
            text = format!("{text}, {peers} peers in all");
        }
    }
    format!("{text}: {}", judgement(story))
}

fn who(suspect: &ProcessView) -> String {
    let ProcessView { key, name, executable, credentials, .. } = suspect;
    let user = match &credentials.user {
        Some(user) => format!("user {user}"),
        None => format!("uid {}", credentials.uid),
    };
    let path = executable.path.as_ref();
    // The kernel cuts process names to 15 bytes, so a prefix of the file name counts as the same name.
    if path.is_empty() {
        format!("'{name}' (pid {}, {user})", key.pid)
    } else if base_name(path).starts_with(name.as_ref()) {
        format!("'{path}' (pid {}, {user})", key.pid)
    } else {
        format!("'{name}' ({path}, pid {}, {user})", key.pid)
    }
}

/// Returns the words that say where a suspect runs, if the name is known: `pod shop/cart-7d9 (image nginx:1.27)`.
fn place(container: &Container) -> Option<String> {
    let details = container.details.as_deref()?;
    let image = details.image.as_ref().and_then(ContainerImage::reference);
    let image = image.map_or_else(String::new, |image| format!(" (image {image})"));
    Some(match (&details.pod, &details.name) {
        (Some(pod), _) => format!("pod {}/{}{image}", pod.namespace, pod.name),
        (None, Some(name)) => format!("container {name}{image}"),
        (None, None) => return None,
    })
}

/// Maximum number of signals whose details are told.
const MAX_TOLD: usize = 6;

/// Returns what the suspect did, in words: every conclusive signal, and every signal that decides.
fn own_deeds(story: &Story<'_>) -> Vec<String> {
    let mut deeds = Vec::new();
    let own: Vec<&Signal> = story.signals.iter().filter(|signal| (story.is_own)(signal.process)).collect();
    let shows = |info: SignalInfo| own.iter().any(|signal| info.names(signal));
    let speaks = shows(network::MINER_WORDS) || shows(network::RELAY);
    for signal in own.iter().filter(|signal| is_told(signal)).take(MAX_TOLD) {
        // A miner's words say more than the pool's answers to them.
        if !(network::POOL_WORDS.names(signal) && speaks) {
            deeds.push(in_words(signal));
        }
    }
    if let Some(account) = story.accounts.last()
        && !deeds.iter().any(|deed| deed.contains(&*account.shown))
    {
        deeds.push(format!("mines for {}", account.shown));
    }
    if shows(behavior::DROP_AND_RUN) {
        let dropped =
            story.chain.of(ChainKind::Drop).find(|edge| edge.object == *story.suspect.executable.path);
        deeds.push(match dropped.or(story.chain.of(ChainKind::Drop).next()) {
            Some(edge) => format!("ran just after {} wrote {}", edge.name, edge.object),
            None => "ran just after it was written".to_owned(),
        });
    }
    if let Some((edge, more)) = deed(story, ChainKind::Connect, true)
        && !deeds.iter().any(|deed| deed.contains(&edge.object))
    {
        deeds.push(format!("connected to {}{more}", edge.object));
    }
    if let Some((edge, more)) = deed(story, ChainKind::Persist, true) {
        deeds.push(format!("wrote {}{more}", edge.object));
    }
    if shows(compute::SUSTAINED_CPU) {
        deeds.push("kept the processors busy".to_owned());
    }
    deeds
}

/// Whether a signal is told by itself: it is about mining, disguise or force. Steps are told from the chain.
fn is_told(signal: &Signal) -> bool {
    let kind = detect::signal(&signal.id.0).map(|info| info.kind);
    let is_wrong_chain =
        behavior::TRIPLE_CHAIN.names(signal) && signal.weight == behavior::TRIPLE_CHAIN.full_weight;
    signal.conclusive || is_wrong_chain || matches!(kind, Some(SignalKind::Mining | SignalKind::Sign))
}

/// Returns what a signal says about its process, as a part of a sentence.
fn in_words(signal: &Signal) -> String {
    let short = [
        (compute::ROUNDING_MODES, "does the arithmetic of RandomX"),
        (
            compute::NODE_ARITHMETIC,
            "does the arithmetic of RandomX as a node of Monero, which may only verify blocks",
        ),
        (behavior::MINER_COMMAND_LINE, "has the command line of a miner"),
        (behavior::KERNEL_NAME, "hides behind the name of a kernel thread"),
        (behavior::FILELESS, "runs without a file"),
    ];
    match short.iter().find(|(info, _)| info.names(signal)) {
        Some((_, words)) => (*words).to_owned(),
        None => signal.detail.clone(),
    }
}

/// Returns the first step of a kind, and how many more there are, in words. If `own`, only steps of the suspect count.
/// Otherwise only steps of relatives count, and only if the suspect took no step of this kind.
fn deed<'a>(story: &Story<'a>, kind: ChainKind, own: bool) -> Option<(&'a ChainEdge, String)> {
    let mine = |edge: &&ChainEdge| (story.is_own)(edge.process);
    let first_own = story.chain.of(kind).find(mine);
    let shown = if own { first_own? } else { story.chain.of(kind).next().filter(|_| first_own.is_none())? };
    let more = story.chain.of(kind).filter(|edge| mine(edge) == own && edge.object != shown.object).count();
    Some((shown, if more > 0 { format!(" and {more} more") } else { String::new() }))
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => "was noticed".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn judgement(story: &Story<'_>) -> &'static str {
    match (story.action, story.reason) {
        (AlertAction::IncidentClosed, AlertReason::Evicted) => return "evicted to make room for others",
        (AlertAction::IncidentClosed, AlertReason::StayedClean) => return "it has not come back",
        (AlertAction::IncidentClosed, _) if story.is_watched => return "closed, and watched for its return",
        (AlertAction::IncidentClosed, _) => return "closed",
        (AlertAction::IncidentOpened, AlertReason::Returned) => return "an incident that was closed goes on",
        _ => {}
    }
    let connects = story.chain.of(ChainKind::Connect).next().is_some();
    match (story.verdict, story.speaks_of_mining) {
        (Verdict::Mining, _) => "cryptocurrency mining",
        (Verdict::Suspected, true) => "a suspected miner",
        (Verdict::Suspected, false) if connects => "a suspected intrusion",
        (Verdict::Suspected, false) => "suspected tampering",
        (Verdict::Noted, true) => "a possible miner, on record only",
        (Verdict::Noted, false) => "on record only, the evidence does not suffice for an alarm",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_like_prose() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(listed(&words(&["a"])), "a");
        assert_eq!(listed(&words(&["a", "b"])), "a and b");
        assert_eq!(listed(&words(&["a", "b", "c"])), "a, b and c");
    }
}
