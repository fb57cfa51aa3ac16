//! All exceptions, and what they decide about a suspect.

use super::{
    exception::Exception,
    subject::{Match, Subject},
};
use crate::model::{Moment, SignalId};

/// A signal that counts for a suspect.
#[derive(Clone, Copy, Debug)]
pub struct ShownSignal<'a> {
    /// The id of the signal.
    pub id: &'a SignalId,
    /// Whether the signal decides alone.
    pub conclusive: bool,
}

/// All exceptions, in the order in which they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionSet {
    exceptions: Vec<Exception>,
}

/// What the exceptions decide about a suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The exceptions that have an effect.
    pub by: Vec<&'a Exception>,
    /// Whether the alerts about the suspect are hidden.
    pub hides: bool,
    /// The signals that do not count for the suspect.
    pub excused: Vec<SignalId>,
    /// Whether the decision would be another one if what is not known yet (a hash, a name of a container) matched.
    pub waits: bool,
}

impl ExceptionSet {
    /// Creates a set.
    pub fn new(exceptions: Vec<Exception>) -> Self {
        Self { exceptions }
    }

    /// Whether there is no exception.
    pub fn is_empty(&self) -> bool {
        self.exceptions.is_empty()
    }

    /// The exceptions.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.iter()
    }

    /// Number of exceptions that apply.
    pub fn active(&self, now: Moment) -> usize {
        self.exceptions.iter().filter(|exception| !exception.is_expired(now)).count()
    }

    /// Decides about a suspect. `signals` are those that count for the suspect.
    pub fn decide(&self, subject: &Subject<'_>, signals: &[ShownSignal<'_>], now: Moment) -> Decision<'_> {
        let matching: Vec<(&Exception, Match)> = self
            .exceptions
            .iter()
            .filter(|exception| !exception.is_expired(now))
            .map(|exception| (exception, exception.matches(subject)))
            .filter(|(_, matches)| *matches > Match::No)
            .collect();
        if matching.is_empty() {
            return Decision::default();
        }
        let with = |least: Match| {
            let enough = matching.iter().filter(|(_, matches)| *matches >= least);
            decision(&enough.map(|(exception, _)| *exception).collect::<Vec<_>>(), signals)
        };
        let mut decided = with(Match::Yes);
        if !decided.hides && matching.iter().any(|(_, matches)| *matches == Match::Pending) {
            decided.waits = with(Match::Pending) != decided;
        }
        decided
    }
}

/// Decides with these exceptions, all of which match. An exception with signals removes these. One without signals
/// hides the suspect, unless a conclusive signal is left.
fn decision<'a>(matching: &[&'a Exception], signals: &[ShownSignal<'_>]) -> Decision<'a> {
    let mut decided = Decision::default();
    for exception in matching {
        let removed = |signal: &&ShownSignal<'_>| exception.signals.contains(signal.id);
        let mut has_effect = false;
        for signal in signals.iter().filter(removed) {
            has_effect = true;
            if !decided.excused.contains(signal.id) {
                decided.excused.push(signal.id.clone());
            }
        }
        if has_effect {
            decided.by.push(exception);
        }
    }
    let left = || signals.iter().filter(|signal| !decided.excused.contains(signal.id));
    if left().any(|signal| signal.conclusive) {
        return decided;
    }
    if let Some(whole) = matching.iter().find(|exception| exception.signals.is_empty()) {
        decided.by.insert(0, whole);
        decided.hides = true;
    } else if left().next().is_none() {
        decided.hides = !decided.by.is_empty();
    }
    decided
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{except::Facts, model::ProcessView, testing::samples};

    fn view() -> ProcessView {
        let mut view = samples::alert().suspect;
        view.credentials.uid = 1_001;
        view.sha256 = None;
        view
    }

    fn set(texts: &[&str]) -> ExceptionSet {
        let one = |(index, text): (usize, &&str)| {
            toml::from_str(&format!("id = 'e{index}'\nreason = 'test'\n{text}")).expect("an exception")
        };
        ExceptionSet::new(texts.iter().enumerate().map(one).collect())
    }

    /// Returns the ids with an effect, whether the suspect is hidden, the removed signals, and whether it waits.
    fn decide(texts: &[&str], signals: &[(&'static str, bool)]) -> (Vec<String>, bool, Vec<String>, bool) {
        let ids: Vec<(SignalId, bool)> =
            signals.iter().map(|(id, conclusive)| (SignalId::known(id), *conclusive)).collect();
        let shown: Vec<ShownSignal<'_>> =
            ids.iter().map(|(id, conclusive)| ShownSignal { id, conclusive: *conclusive }).collect();
        let view = view();
        let facts = [Facts::of(&view)];
        let now = Moment::parse("2026-11-28").expect("a date");
        let set = set(texts);
        let decided = set.decide(&Subject { processes: &facts, peers: &[] }, &shown, now);
        (
            decided.by.iter().map(|own| own.id.clone()).collect(),
            decided.hides,
            decided.excused.iter().map(ToString::to_string).collect(),
            decided.waits,
        )
    }

    fn expect(
        by: &[&str],
        hides: bool,
        excused: &[&str],
        waits: bool,
    ) -> (Vec<String>, bool, Vec<String>, bool) {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        (owned(by), hides, owned(excused), waits)
    }

    const WHOLE: &str = "user = '1001'";
    const NAMED: &str = "user = '1001'\nsignal = ['C1']";

    #[test]
    fn an_exception_without_signals_hides_what_is_not_conclusive() {
        assert_eq!(decide(&[WHOLE], &[("C9", false), ("B2", false)]), expect(&["e0"], true, &[], false));
        assert_eq!(decide(&[WHOLE], &[("C1", true), ("B2", false)]), expect(&[], false, &[], false));
        assert_eq!(decide(&["user = '1'"], &[("C9", false)]), expect(&[], false, &[], false));
    }

    #[test]
    fn an_exception_removes_the_signals_that_it_names() {
        let both = [("C1", true), ("B2", false)];
        assert_eq!(decide(&[NAMED], &both), expect(&["e0"], false, &["C1"], false));
        assert_eq!(decide(&[NAMED], &[("C1", true)]), expect(&["e0"], true, &["C1"], false));
        assert_eq!(decide(&[NAMED], &[("N1", true)]), expect(&[], false, &[], false));
        assert_eq!(decide(&[NAMED, WHOLE], &both), expect(&["e1", "e0"], true, &["C1"], false));
        let with_other = [("C1", true), ("N1", true)];
        assert_eq!(decide(&[NAMED, WHOLE], &with_other), expect(&["e0"], false, &["C1"], false));
    }

    #[test]
    fn an_expired_exception_does_not_apply() {
        let expired = "user = '1001'\nexpires = '2026-11-28'";
        assert_eq!(decide(&[expired], &[("C9", false)]), expect(&[], false, &[], false));
        let tomorrow = "user = '1001'\nexpires = '2026-11-29'";
        assert_eq!(decide(&[tomorrow], &[("C9", false)]), expect(&["e0"], true, &[], false));
    }

    #[test]
    fn a_hash_that_is_missing_is_waited_for_only_if_it_matters() {
        let hash = format!("sha256 = '{}'", "0".repeat(64));
        assert_eq!(decide(&[&hash], &[("C9", false)]), expect(&[], false, &[], true));
        assert_eq!(decide(&[&hash], &[("C1", true)]), expect(&[], false, &[], false));
        assert_eq!(decide(&[&hash, WHOLE], &[("C9", false)]), expect(&["e1"], true, &[], false));
    }
}
