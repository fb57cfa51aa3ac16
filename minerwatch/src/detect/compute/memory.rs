//! C2 and C13: memory in the sizes that RandomX and its relatives use.
//!
//! The kernel side decides the class of a size ([`MappingClass`]).

use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{EventBody, EventType, MappingClass, SignalClass},
};

/// Minimum number of executable buffers in addition to the dataset or the cache. RandomX has one for each thread.
const CODE_BUFFERS: u64 = 2;
/// Maximum number of processes whose requests are remembered. Few processes ask for such memory.
const PROCESSES: usize = 4_096;

/// C2. The full form has executable buffers of the size of RandomX's programs in addition to the dataset. Alone, the
/// signal leads to "noted" at most, because another program may need a little more than two gigabytes.
pub const DATASET: SignalInfo = SignalInfo {
    id: "C2",
    class: SignalClass::Compute,
    weight: 50,
    full_weight: 70,
    kind: SignalKind::Mining,
    name: "Memory of the size of RandomX's dataset",
    description: "The process asked for 2080 MiB and a bit in one piece: the dataset that RandomX computes from, needed for hashing at full speed.",
    catches: "RandomX from its first seconds, before it hashes or connects.",
    techniques: &["T1496.001"],
};

/// C13. The weak form is one huge page, or one workspace, for each of many threads. The full form is RandomX without a
/// dataset.
pub const SCRATCHPADS: SignalInfo = SignalInfo {
    id: "C13",
    class: SignalClass::Compute,
    weight: 10,
    full_weight: 20,
    kind: SignalKind::Sign,
    name: "Memory of the size of a miner's scratchpads",
    description: "The process took huge pages of 2, 4 or 16 MiB one by one (transparent ones of 2 or 16 MiB, in one thread after another), or memory of the exact size that yespower and yescrypt work in, about one for each processor or more, or RandomX's 256 MiB with executable buffers beside them.",
    catches: "CryptoNight and its relatives, GhostRider, yespower, yescrypt, and RandomX with little memory.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[DATASET, SCRATCHPADS],
    wants: &[EventType::Mapping, EventType::Exec, EventType::Exit],
    evictions: Some("memory_evicted"),
    create: |_| Box::new(PerProcess::new(PROCESSES, inspect)),
};

/// The requests of a process so far. `dataset` and `cache` are the sizes of the last request in bytes. `code`,
/// `scratchpads` and `workspaces` are the highest counts; those of scratchpads and workspaces are counts of one size.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    dataset: u64,
    cache: u64,
    code: u64,
    scratchpads: u64,
    workspaces: u64,
    reported: Option<Pattern>,
}

/// The pattern of a process's requests, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    Workspaces,
    Scratchpads,
    CacheAndCode,
    Dataset,
    DatasetAndCode,
}

/// Adds one mapping. Returns a finding when it completes a pattern.
fn inspect(states: &mut ProcessStates<Asked>, context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Mapping(mapping) = &context.event.body else {
        // An exec replaces the memory of a process.
        states.remove(&context.key());
        return None;
    };
    let asked = states.entry(&context.key(), Asked::default);
    match mapping.class {
        MappingClass::Dataset => asked.dataset = mapping.size,
        MappingClass::Cache => asked.cache = mapping.size,
        MappingClass::Code => asked.code = asked.code.max(mapping.count),
        MappingClass::Scratchpad => asked.scratchpads = asked.scratchpads.max(mapping.count),
        MappingClass::Workspace => asked.workspaces = asked.workspaces.max(mapping.count),
    }
    let pattern = asked.pattern(context.processors)?;
    if asked.reported.is_some_and(|reported| reported >= pattern) {
        return None;
    }
    asked.reported = Some(pattern);
    Some(asked.finding(pattern, context, mapping.huge))
}

impl Asked {
    fn pattern(&self, processors: u32) -> Option<Pattern> {
        let code = self.code >= CODE_BUFFERS;
        // Counts come as powers of two. On six processors, six requests are told as four.
        let enough = (1_u64 << processors.max(1).ilog2()).max(2);
        match (self.dataset > 0, self.cache > 0, code) {
            (true, _, true) => Some(Pattern::DatasetAndCode),
            (true, _, false) => Some(Pattern::Dataset),
            (false, true, true) => Some(Pattern::CacheAndCode),
            (false, _, _) if self.scratchpads >= enough => Some(Pattern::Scratchpads),
            (false, _, _) => (self.workspaces >= enough).then_some(Pattern::Workspaces),
        }
    }

    fn finding(&self, pattern: Pattern, context: &DetectionContext<'_>, huge: bool) -> Finding {
        let Self { dataset, cache, code, scratchpads, workspaces, reported: _ } = *self;
        let pages = if huge { ", in huge pages" } else { "" };
        match pattern {
            Pattern::Dataset => {
                let detail =
                    format!("holds or asked for {dataset} bytes, the size of RandomX's dataset{pages}");
                Finding::new(DATASET, context, detail).value("bytes", dataset).value("code_buffers", code)
            }
            Pattern::DatasetAndCode => {
                let detail = format!(
                    "holds or asked for {dataset} bytes, the size of RandomX's dataset{pages} and {code} executable buffers of \
                     the size of its programs"
                );
                let finding = Finding::new(DATASET, context, detail).full();
                finding.value("bytes", dataset).value("code_buffers", code)
            }
            Pattern::CacheAndCode => {
                let detail = format!(
                    "holds or asked for {cache} bytes, the size of RandomX's cache, and {code} executable buffers of the size \
                     of its programs"
                );
                Finding::new(SCRATCHPADS, context, detail).full().value("code_buffers", code)
            }
            Pattern::Workspaces => {
                let detail = format!(
                    "took memory of the size that yespower or yescrypt works in, in {workspaces} threads or more"
                );
                Finding::new(SCRATCHPADS, context, detail).value("workspaces", workspaces)
            }
            Pattern::Scratchpads => {
                let detail =
                    format!("took {scratchpads} huge pages one by one, as for the threads of a miner");
                Finding::new(SCRATCHPADS, context, detail).value("scratchpads", scratchpads)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{EventBody, Mapping, MappingClass, Verdict},
        testing::{Host, alerts, findings_on},
    };

    use MappingClass::{Cache, Code, Dataset, Scratchpad, Workspace};

    /// A signal and its weight.
    type Found = (&'static str, u8);

    /// The class of a mapping, its size in bytes, and the count.
    type Request = (MappingClass, u64, u64);

    fn host(asked: &[Request]) -> Host {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, "/usr/bin/program", &["program"]);
        for (class, size, count) in asked {
            let mapping = Mapping { class: *class, size: *size, count: *count, huge: true };
            host.happen(process, EventBody::Mapping(mapping));
        }
        host
    }

    const DATASET: Request = (Dataset, 2_181_038_080, 1);
    const CACHE: Request = (Cache, 1 << 28, 1);
    const CODE: Request = (Code, 256 << 10, 4);

    #[test]
    fn sizes_and_counts_of_randomx_are_found() {
        let cases: [(&str, &[Request], &[Found]); 10] = [
            ("RandomX", &[DATASET, CACHE, CODE], &[("C2", 50), ("C2", 70)]),
            ("RandomX, its programs first", &[CODE, CACHE, DATASET], &[("C13", 20), ("C2", 70)]),
            ("the same again", &[DATASET, DATASET, CODE, CODE], &[("C2", 50), ("C2", 70)]),
            ("RandomX without a dataset", &[CACHE, CODE], &[("C13", 20)]),
            (
                "one huge page per thread",
                &[(Scratchpad, 2 << 20, 2), (Scratchpad, 2 << 20, 4)],
                &[("C13", 10)],
            ),
            ("RandomX v2", &[DATASET, (Code, 81_920, 4)], &[("C2", 50), ("C2", 70)]),
            ("a few huge pages", &[(Scratchpad, 2 << 20, 2)], &[]),
            ("a heap of 256 MiB", &[CACHE], &[]),
            ("a just-in-time compiler", &[CODE, (Code, 128 << 10, 1024)], &[]),
            ("nothing at all", &[(Dataset, 0, 1)], &[]),
        ];
        for (name, asked, expected) in cases {
            assert_eq!(findings_on(&host(asked), 4), expected, "{name}");
        }
    }

    /// A name, the number of processors, what is asked for, and the number of findings.
    type Case = (&'static str, u32, MappingClass, u64, &'static [u64], usize);

    #[test]
    fn one_piece_per_thread_is_enough_on_any_number_of_processors() {
        const YESPOWER: u64 = 8_495_168;
        let found = |processors, class, size, counts: &[u64]| {
            let asked: Vec<Request> = counts.iter().map(|count| (class, size, *count)).collect();
            findings_on(&host(&asked), processors).len()
        };
        let cases: [Case; 9] = [
            ("yespower", 4, Workspace, YESPOWER, &[1, 2, 4], 1),
            ("more threads than processors are reported once", 4, Workspace, YESPOWER, &[1, 2, 4, 8, 16], 1),
            ("six threads on six processors", 6, Workspace, YESPOWER, &[1, 2, 4], 1),
            ("three threads on eight processors", 8, Workspace, YESPOWER, &[1, 2], 0),
            ("one on a single processor", 1, Workspace, YESPOWER, &[1], 0),
            ("four of different sizes", 4, Workspace, 2_108_416, &[1, 1, 1, 1], 0),
            ("GhostRider", 4, Scratchpad, 16 << 20, &[1, 2, 4], 1),
            ("a pool of a database", 4, Scratchpad, 16 << 20, &[1, 2], 0),
            ("executable buffers of RandomX v2 alone", 4, Code, 77_824, &[1, 2, 4, 8], 0),
        ];
        for (name, processors, class, size, counts, expected) in cases {
            assert_eq!(found(processors, class, size, counts), expected, "{name}");
        }
    }

    #[test]
    fn memory_alone_is_noted_at_most() {
        let verdicts = |asked: &[Request]| alerts(&host(asked)).iter().map(|alert| alert.verdict).max();
        assert!(verdicts(&[DATASET, CODE]) < Some(Verdict::Suspected));
        assert!(verdicts(&[(Workspace, 8_495_168, 8)]) < Some(Verdict::Suspected));
    }
}
