//! C3: the host's pool of huge pages is raised.

use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::HugePages,
};

/// The pool after a process opened its control for writing.
pub fn huge_pages(context: &DetectionContext<'_>, pool: &HugePages) -> Option<Finding> {
    let HugePages { path, before, after } = pool;
    let added = after.checked_sub(*before).filter(|added| *added > 0)?;
    if context.table.is_managed(context.process) {
        return None;
    }
    let detail = format!(
        "'{}' raised the pool of huge pages by {added}, from {before} to {after}",
        context.process.view.name
    );
    let finding =
        Finding::new(signals::HUGE_PAGES, context, detail).with("added", &added).with("path", &**path);
    Some(if is_a_miners(added) { finding.full() } else { finding })
}

/// RandomX's dataset or cache and at most a page per thread more, in pages of 2 MiB.
fn is_a_miners(added: u64) -> bool {
    tuning::MINERS_PAGES.iter().any(|pages| {
        // The cache alone with a page per thread could be any number.
        let threads = if *pages >= 1_000 { tuning::PAGES_FOR_THREADS } else { 0 };
        (*pages..=*pages + threads).contains(&added)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::testing::{Host, findings},
        model::EventBody,
    };

    /// A signal and its weight.
    type Found = (&'static str, u8);

    fn raised(program: &str, before: u64, after: u64) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, program, &[program]);
        let path = "/proc/sys/vm/nr_hugepages".into();
        host.happen(process, EventBody::HugePages(HugePages { path, before, after }));
        findings(&host)
    }

    #[test]
    fn by_how_much_decides() {
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
