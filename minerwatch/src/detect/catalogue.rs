//! The catalogue of signals. Detectors declare their signals; the catalogue collects them.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::{DETECTORS, SignalInfo};

static CATALOGUE: LazyLock<Vec<SignalInfo>> = LazyLock::new(|| {
    let declared = DETECTORS.iter().flat_map(|declaration| declaration.signals);
    let mut signals: Vec<_> = declared.copied().collect();
    signals.sort_by_key(|signal| (signal.class, order_of(signal.id)));
    signals
});

static BY_ID: LazyLock<FxHashMap<&'static str, SignalInfo>> =
    LazyLock::new(|| CATALOGUE.iter().map(|signal| (signal.id, *signal)).collect());

/// All signals of the program, sorted by class and id.
pub fn catalogue() -> &'static [SignalInfo] {
    &CATALOGUE
}

/// Returns the signal with this id.
pub fn signal(id: &str) -> Option<&'static SignalInfo> {
    BY_ID.get(id)
}

/// Returns a sort key for natural order: `C9` comes before `C10`.
fn order_of(id: &'static str) -> (&'static str, u32, &'static str) {
    let number = id.find(|next: char| next.is_ascii_digit()).unwrap_or(id.len());
    let (letters, rest) = id.split_at(number);
    let suffix = rest.find(|next: char| !next.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(suffix);
    (letters, digits.parse().unwrap_or(0), suffix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SignalClass;

    #[test]
    fn every_signal_is_complete_and_has_an_id_of_its_own() {
        let mut ids: Vec<_> = catalogue().iter().map(|signal| signal.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), catalogue().len(), "an id stands for one signal");
        for info in catalogue() {
            let SignalInfo { id, weight, full_weight, name, description, catches, techniques, .. } = *info;
            assert!(weight > 0 && weight <= full_weight && full_weight <= 100, "{id}");
            assert!(!id.is_empty() && !name.is_empty() && !techniques.is_empty(), "{id}");
            for sentence in [description, catches] {
                assert!(sentence.ends_with('.') && !sentence.contains('\n'), "{id}: {sentence}");
            }
            assert_eq!(signal(id), Some(info));
        }
        assert_eq!(signal(""), None);
    }

    #[test]
    fn the_catalogue_is_sorted_as_people_sort() {
        let ids = |class| {
            let of_class = catalogue().iter().filter(move |signal| signal.class == class);
            of_class.map(|signal| signal.id).collect::<Vec<_>>()
        };
        let compute = ids(SignalClass::Compute);
        assert_eq!(compute.first(), Some(&"C1"));
        assert!(
            compute.windows(2).all(|pair| matches!(pair, [one, other] if order_of(one) < order_of(other)))
        );
        assert!(compute.join(" ").contains("C9 C9H C9J C9Q C10"), "{compute:?}");
    }
}
