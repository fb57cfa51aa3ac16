//! What an alert keeps when it is cut, and how it is cut.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;

use super::shorten::{length, shorten, shorten_shared};
use crate::model::{
    Alert, Container, ContainerDetails, ContainerImage, Evidence, Health, Labels, Member, Pod, ProcessView,
    Signal, Suspect, Value,
};

/// What an alert keeps at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of one argument.
    pub argument: usize,
    /// Bytes of all arguments of a process.
    pub arguments: usize,
    /// Bytes of any other text.
    pub text: usize,
    /// Bytes of the message.
    pub message: usize,
    /// Whether the parent keeps more than its identity and its name.
    pub parent: bool,
    /// Steps of the chain.
    pub chain: usize,
    /// Processes that take part.
    pub members: usize,
    /// Signals that keep their evidence, the strongest first.
    pub evidenced: usize,
    /// Values in the evidence of a signal.
    pub values: usize,
    /// Signals, the strongest first.
    pub signals: usize,
    /// Suspects, the subject of the alert first.
    pub suspects: usize,
    /// Peers of a suspect, and accounts of a suspect, the latest.
    pub peers: usize,
    /// Files that were dropped.
    pub dropped: usize,
    /// Paths of persistence.
    pub persistence: usize,
    /// Conditions of the next verdict.
    pub missing: usize,
    /// Labels of a container, and labels of a pod.
    pub labels: usize,
    /// Whether the hooks in use are listed.
    pub hooks: bool,
    /// Whether all losses and the unavailable data sources are listed.
    pub losses: bool,
}

impl Limits {
    /// Keeps everything.
    pub const NONE: Self = Self {
        argument: usize::MAX,
        arguments: usize::MAX,
        text: usize::MAX,
        message: usize::MAX,
        parent: true,
        chain: usize::MAX,
        members: usize::MAX,
        evidenced: usize::MAX,
        values: usize::MAX,
        signals: usize::MAX,
        suspects: usize::MAX,
        peers: usize::MAX,
        dropped: usize::MAX,
        persistence: usize::MAX,
        missing: usize::MAX,
        labels: usize::MAX,
        hooks: true,
        losses: true,
    };
}

/// `minerwatch.cut.*`: what was cut, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct CutFields {
    #[serde(skip_serializing_if = "is_zero")]
    pub arguments: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub texts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub chain: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub members: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub evidence: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub signals: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub suspects: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub peers: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub accounts: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub persistence: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub labels: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub sources: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of serde")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Returns the alert within the limits, and what was cut.
pub(super) fn cut(whole: &Alert, limits: &Limits) -> (Alert, CutFields) {
    let mut alert = whole.clone();
    let mut cut = CutFields::default();
    lists(&mut alert, limits, &mut cut);
    texts(&mut alert, limits, &mut cut);
    (alert, cut)
}

fn lists(alert: &mut Alert, limits: &Limits, cut: &mut CutFields) {
    cut.chain = keep_ends(&mut alert.chain, limits.chain);
    cut.members = keep_parts(&mut alert.members, limits.members);
    cut.signals = keep(&mut alert.signals, limits.signals);
    for (index, signal) in alert.signals.iter_mut().enumerate() {
        let values = if index < limits.evidenced { limits.values } else { 0 };
        cut.evidence += keep(&mut signal.evidence, values);
    }
    cut.suspects = keep(&mut alert.suspects, limits.suspects);
    alert.more_suspects = alert.more_suspects.saturating_add(cut.suspects);
    for suspect in &mut alert.suspects {
        cut.peers += keep_latest(&mut suspect.peers, limits.peers);
        cut.accounts += keep_latest(&mut suspect.accounts, limits.peers);
    }
    cut.dropped = keep(&mut alert.dropped, limits.dropped);
    cut.persistence = keep(&mut alert.persistence, limits.persistence);
    if let Some(next) = &mut alert.score_parts.next {
        cut.missing = keep(&mut next.missing, limits.missing);
    }
    let Health { lost, blind, hooks } = &mut alert.health;
    if !limits.hooks {
        cut.sources += hooks.len() as u64;
        *hooks = Arc::default();
    }
    if !limits.losses {
        // One loss stays, because an alert without a loss means that nothing was lost.
        cut.sources += keep(lost, 1) + keep(blind, 0);
    }
}

fn texts(alert: &mut Alert, limits: &Limits, cut: &mut CutFields) {
    let (limit, count) = (limits.text, &mut cut.texts);
    shorten(&mut alert.message, limits.message, count);
    if let Some(parent) = alert.parent.as_mut().filter(|_| !limits.parent) {
        cut.arguments += parent.arguments.len() as u64;
        *count += 2;
        parent.arguments = Arc::default();
        parent.directory = "".into();
        parent.executable.path = "".into();
        parent.sha256 = None;
    }
    for view in [Some(&mut alert.suspect), alert.parent.as_mut()].into_iter().flatten() {
        process(view, limits, &mut cut.arguments, count);
    }
    if let Some(place) = &mut alert.container {
        container(place, limit, count);
        cut.labels = details(place, limits, count);
    }
    if let Some(name) = alert.destination.as_mut().and_then(|peer| peer.name.as_mut()) {
        shorten_shared(name, limit, count);
    }
    alert.suspects.iter_mut().for_each(|one| suspect(one, limit, count));
    alert.members.iter_mut().for_each(|member| shorten_shared(&mut member.name, limit, count));
    alert.dropped.iter_mut().for_each(|file| shorten_shared(&mut file.path, limit, count));
    alert.persistence.iter_mut().for_each(|path| shorten_shared(path, limit, count));
    alert.signals.iter_mut().for_each(|one| signal(one, limit, count));
    for edge in &mut alert.chain {
        shorten_shared(&mut edge.name, limit, count);
        shorten(&mut edge.object, limit, count);
    }
    if let Some(next) = &mut alert.score_parts.next {
        next.missing.iter_mut().for_each(|missing| shorten(missing, limit, count));
    }
    let Health { lost, blind, hooks: _ } = &mut alert.health;
    lost.iter_mut().map(|(name, _)| name).chain(blind).for_each(|name| shorten_shared(name, limit, count));
}

fn process(view: &mut ProcessView, limits: &Limits, cut_arguments: &mut u64, count: &mut u64) {
    shorten_shared(&mut view.name, limits.text, count);
    shorten_shared(&mut view.executable.path, limits.text, count);
    shorten_shared(&mut view.directory, limits.text, count);
    if let Some(user) = &mut view.credentials.user {
        shorten_shared(user, limits.text, count);
    }
    if let Some(place) = &mut view.container {
        container(place, limits.text, count);
    }
    arguments(&mut view.arguments, limits, cut_arguments);
}

/// Bytes that an argument costs in addition to its text: quotes and separators, as a list and as a command line.
const ARGUMENT_COST: usize = 6;

/// Shortens long arguments, and leaves out the last ones.
fn arguments(arguments: &mut Arc<[Arc<str>]>, limits: &Limits, cut: &mut u64) {
    let before = *cut;
    let mut kept = Vec::with_capacity(arguments.len());
    let mut total = 0_usize;
    for argument in arguments.iter() {
        let mut argument = Arc::clone(argument);
        let mut is_cut = 0;
        shorten_shared(&mut argument, limits.argument, &mut is_cut);
        total = total.saturating_add(length(&argument) + ARGUMENT_COST);
        if total > limits.arguments {
            break;
        }
        *cut += is_cut;
        kept.push(argument);
    }
    *cut += (arguments.len() - kept.len()) as u64;
    if *cut > before {
        *arguments = kept.into();
    }
}

fn container(container: &mut Arc<Container>, limit: usize, count: &mut u64) {
    // An id is short and useful only as a whole.
    let is_long = |text: &str| super::shorten::shortened(text, limit).is_some();
    let Container { cgroup, id: _, runtime: _, outer: _, pod_uid: _, unit, details: _ } = &**container;
    if !is_long(cgroup) && !unit.as_deref().is_some_and(is_long) {
        return;
    }
    let Container { cgroup, unit, .. } = Arc::make_mut(container);
    for text in [Some(cgroup), unit.as_mut()].into_iter().flatten() {
        shorten_shared(text, limit, count);
    }
}

/// Shortens the texts of a runtime about the container, and leaves out labels. Returns the number of labels left out.
fn details(container: &mut Arc<Container>, limits: &Limits, count: &mut u64) -> u64 {
    let Some(whole) = &container.details else { return 0 };
    let mut own = ContainerDetails::clone(whole);
    let ContainerDetails { name, image, labels, pod, runtime: _ } = &mut own;
    let mut left_out = keep_labels(labels, limits, count);
    let mut texts: Vec<&mut Arc<str>> = name.iter_mut().collect();
    if let Some(ContainerImage { name, tag, digests: _ }) = image {
        texts.push(name);
        texts.extend(tag);
    }
    if let Some(Pod { name, namespace, labels }) = pod {
        left_out += keep_labels(labels, limits, count);
        texts.extend([name, namespace]);
    }
    for text in texts {
        shorten_shared(text, limits.text, count);
    }
    if own != **whole {
        *container = container.described(&Arc::new(own));
    }
    left_out
}

/// Shortens the values of labels, and leaves out the last ones.
fn keep_labels(labels: &mut Labels, limits: &Limits, count: &mut u64) -> u64 {
    let before = labels.len();
    while labels.len() > limits.labels {
        labels.pop_last();
    }
    for value in labels.values_mut() {
        shorten_shared(value, limits.text, count);
    }
    (before - labels.len()) as u64
}

/// Shortens the texts of a suspect that an alert shows.
fn suspect(suspect: &mut Suspect, limit: usize, count: &mut u64) {
    let ProcessView { name, executable, credentials, container: place, .. } = &mut suspect.process;
    shorten_shared(name, limit, count);
    shorten_shared(&mut executable.path, limit, count);
    if let Some(user) = &mut credentials.user {
        shorten_shared(user, limit, count);
    }
    if let Some(place) = place {
        container(place, limit, count);
    }
    for name in suspect.peers.iter_mut().filter_map(|peer| peer.name.as_mut()) {
        shorten_shared(name, limit, count);
    }
    suspect.accounts.iter_mut().for_each(|account| shorten_shared(&mut account.shown, limit, count));
}

fn signal(signal: &mut Signal, limit: usize, count: &mut u64) {
    shorten(&mut signal.detail, limit, count);
    for Evidence { value, .. } in &mut signal.evidence {
        if let Value::Text(text) = value {
            shorten_shared(text, limit, count);
        }
    }
}

/// Keeps the first items. Returns the number of the others.
fn keep<T>(items: &mut Vec<T>, limit: usize) -> u64 {
    let cut = items.len().saturating_sub(limit);
    items.truncate(limit);
    cut as u64
}

/// Keeps the last items. Returns the number of the others.
fn keep_latest<T>(items: &mut Vec<T>, limit: usize) -> u64 {
    let cut = items.len().saturating_sub(limit);
    items.drain(..cut);
    cut as u64
}

/// Keeps the first and the last items. Returns the number of the others.
fn keep_ends<T>(items: &mut Vec<T>, limit: usize) -> u64 {
    let cut = items.len().saturating_sub(limit);
    let first = limit.min(items.len()).div_ceil(2);
    items.drain(first..first + cut);
    cut as u64
}

/// Keeps the processes with the most important parts; bystanders go first. Returns the number of the others.
fn keep_parts(members: &mut Vec<Member>, limit: usize) -> u64 {
    let cut = members.len().saturating_sub(limit);
    if cut > 0 {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|index| members.get(*index).map(|member| member.role));
        let kept: BTreeSet<usize> = order.into_iter().take(limit).collect();
        let mut index = 0;
        members.retain(|_| {
            index += 1;
            kept.contains(&(index - 1))
        });
    }
    cut as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::MemberRole,
        testing::samples::{self, key},
    };

    #[test]
    fn bystanders_go_first_and_the_order_stays() {
        let roles = [MemberRole::Bystander, MemberRole::Dropper, MemberRole::Bystander, MemberRole::Suspect];
        let member = |(role, pid)| Member { process: key(pid), name: "x".into(), role };
        let all: Vec<Member> = roles.into_iter().zip(1..).map(member).collect();
        for (limit, expected) in
            [(9, vec![1, 2, 3, 4]), (3, vec![1, 2, 4]), (2, vec![2, 4]), (1, vec![4]), (0, vec![])]
        {
            let mut members = all.clone();
            let cut = keep_parts(&mut members, limit);
            let pids: Vec<u32> = members.iter().map(|member| member.process.pid).collect();
            assert_eq!((pids, cut), (expected.clone(), (4 - expected.len()) as u64), "{limit}");
        }
    }

    #[test]
    fn the_middle_of_a_chain_goes_first() {
        for (limit, expected) in
            [(9, vec![1, 2, 3, 4, 5]), (4, vec![1, 2, 4, 5]), (3, vec![1, 2, 5]), (1, vec![1]), (0, vec![])]
        {
            let mut items = vec![1, 2, 3, 4, 5];
            let cut = keep_ends(&mut items, limit);
            assert_eq!((&items, cut), (&expected, (5 - expected.len()) as u64), "{limit}");
        }
    }

    #[test]
    fn long_arguments_are_shortened_before_the_last_ones_go() {
        let limits = Limits { argument: 8, arguments: 40, ..Limits::NONE };
        let mut list: Arc<[Arc<str>]> = ["x", "a-long-argument", "-v", "y", "z", "w"].map(Arc::from).into();
        let mut cut = 0;
        arguments(&mut list, &limits, &mut cut);
        let kept: Vec<&str> = list.iter().map(|argument| &**argument).collect();
        assert_eq!((kept, cut), (vec!["x", "a-lon…", "-v", "y"], 3));
    }

    #[test]
    fn nothing_is_cut_without_limits() {
        let alert = samples::alert();
        assert_eq!(cut(&alert, &Limits::NONE), (alert, CutFields::default()));
    }

    #[test]
    fn suspects_that_are_cut_are_counted_as_left_out() {
        let mut alert = samples::alert();
        alert.suspects = vec![alert.suspects[0].clone(); 5];
        let (alert, cut) = cut(&alert, &Limits { suspects: 2, ..Limits::NONE });
        assert_eq!((alert.suspects.len(), alert.more_suspects, cut.suspects), (2, 5, 3));
    }
}
