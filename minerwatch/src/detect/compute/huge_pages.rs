//! C3: the host's pool of huge pages is raised.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, HugePages, SignalClass},
};

/// Numbers of 2 MiB huge pages that XMRig asks for: for RandomX's dataset, and for the dataset with the cache.
const DATASET_PAGES: [u64; 2] = [1_040, 1_168];
/// Number of 2 MiB huge pages for RandomX's cache alone. Pages for threads are not added, because the sum could be any
/// number.
const CACHE_PAGES: u64 = 128;
/// Maximum number of pages in addition to the dataset, one for each thread.
const THREAD_PAGES: u64 = 256;

/// The signal. In the full form, the pool grew by the number of pages of RandomX's dataset or cache. Alone, the signal
/// leads to "noted" at most, because databases and virtual machines use pools too, and an administrator may choose the
/// same number.
pub const HUGE_PAGES: SignalInfo = SignalInfo {
    id: "C3",
    class: SignalClass::Compute,
    weight: 15,
    full_weight: 40,
    kind: SignalKind::Sign,
    name: "Pool of huge pages raised",
    description: "The host's pool of huge pages was raised outside the package manager. Miners do so for a fifth more speed.",
    catches: "Preparation for RandomX at full speed, before any hash is computed.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[HUGE_PAGES],
    wants: &[EventType::HugePages],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// Checks whether the pool grew when a process opened the pool's control file for writing.
fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::HugePages(pool) = &context.event.body else { return None };
    let HugePages { path, before, after } = pool;
    let added = after.checked_sub(*before).filter(|added| *added > 0)?;
    let detail = format!(
        "'{}' raised the pool of huge pages by {added}, from {before} to {after}",
        context.process.view.name
    );
    let finding = Finding::new(HUGE_PAGES, context, detail).value("added", added).value("path", path);
    Some(if fits_randomx(added) { finding.full() } else { finding })
}

fn fits_randomx(added: u64) -> bool {
    let with_threads = |pages: &u64| (*pages..=*pages + THREAD_PAGES).contains(&added);
    added == CACHE_PAGES || DATASET_PAGES.iter().any(with_threads)
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{EventBody, HugePages},
        testing::{Host, findings},
    };

    /// A signal and its weight.
    type Found = (&'static str, u8);

    fn raised(program: &str, before: u64, after: u64) -> Vec<Found> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, program, &[program]);
        let path = "/proc/sys/vm/nr_hugepages".into();
        host.happen(process, EventBody::HugePages(HugePages { path, before, after }));
        findings(&host)
    }

    #[test]
    fn the_number_of_added_pages_decides() {
        let cases: [(u64, u64, &[Found]); 9] = [
            (0, 1_168, &[("C3", 40)]),
            (16, 1_056, &[("C3", 40)]),
            (0, 1_176, &[("C3", 40)]),
            (0, 128, &[("C3", 40)]),
            (0, 4_096, &[("C3", 15)]),
            (0, 130, &[("C3", 15)]),
            (1_168, 0, &[]),
            (1_168, 1_168, &[]),
            (0, u64::MAX, &[("C3", 15)]),
        ];
        for (before, after, expected) in cases {
            assert_eq!(raised("/usr/bin/dash", before, after), expected, "{before} {after}");
        }
        assert_eq!(raised("/usr/bin/dpkg", 0, 1_168), [], "the package manager sets up a database");
    }
}
