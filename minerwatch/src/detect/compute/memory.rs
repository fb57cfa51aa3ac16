//! C2 and C13: memory in the sizes that RandomX and its relatives use.

use rustc_hash::FxHashMap;

use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, Mapping, MappingClass, ProcessKey},
};

/// What a process asked for so far: how many of a class, and the size of the last.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    last: BootTime,
    dataset: u64,
    cache: u64,
    code: u64,
    scratchpads: u64,
    told: Option<Told>,
}

/// What was told of a process already, the weaker first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Scratchpads,
    Light,
    Dataset,
    Whole,
}

/// What processes asked for. Few ask for any of it; whoever asked longest ago makes room.
#[derive(Debug)]
pub struct MemoryWitness {
    capacity: usize,
    asked: FxHashMap<ProcessKey, Asked>,
}

impl MemoryWitness {
    /// Remembers at most so many processes.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, asked: FxHashMap::default() }
    }

    /// Takes in one mapping; a finding when it completes something.
    pub fn mapped(&mut self, context: &DetectionContext<'_>, mapping: &Mapping) -> Option<Finding> {
        self.make_room(context.key());
        let asked = self.asked.entry(context.key()).or_default();
        asked.last = context.at();
        match mapping.class {
            MappingClass::Dataset => asked.dataset = mapping.size,
            MappingClass::Cache => asked.cache = mapping.size,
            MappingClass::Code => asked.code = asked.code.max(mapping.count),
            MappingClass::Scratchpad => asked.scratchpads = asked.scratchpads.max(mapping.count),
        }
        let now = asked.comes_to(context.processors)?;
        if asked.told.is_some_and(|told| told >= now) {
            return None;
        }
        asked.told = Some(now);
        Some(asked.finding(now, context, mapping.huge))
    }

    /// Forgets a process that ended or runs another program.
    pub fn forget(&mut self, key: ProcessKey) {
        self.asked.remove(&key);
    }

    fn make_room(&mut self, key: ProcessKey) {
        if self.asked.len() < self.capacity || self.asked.contains_key(&key) {
            return;
        }
        let oldest = self.asked.iter().map(|(key, asked)| (asked.last, *key)).min();
        if let Some((_, key)) = oldest {
            self.asked.remove(&key);
        }
    }
}

impl Asked {
    fn comes_to(&self, processors: u32) -> Option<Told> {
        let code = self.code >= tuning::CODE_BUFFERS;
        // Counts come as powers of two.
        let enough = u64::from(processors.next_power_of_two()).max(2);
        match (self.dataset > 0, self.cache > 0, code) {
            (true, _, true) => Some(Told::Whole),
            (true, _, false) => Some(Told::Dataset),
            (false, true, true) => Some(Told::Light),
            (false, _, _) => (self.scratchpads >= enough).then_some(Told::Scratchpads),
        }
    }

    fn finding(&self, told: Told, context: &DetectionContext<'_>, huge: bool) -> Finding {
        let Self { dataset, cache, code, scratchpads, last: _, told: _ } = self;
        let pages = if huge { ", in huge pages" } else { "" };
        match told {
            Told::Whole | Told::Dataset => {
                let beside = if told == Told::Whole {
                    format!(" and {code} executable buffers of the size of its programs")
                } else {
                    String::new()
                };
                let detail = format!(
                    "holds or asked for {dataset} bytes, the size of RandomX's dataset{pages}{beside}"
                );
                let finding = Finding::new(signals::DATASET, context, detail)
                    .with("bytes", dataset)
                    .with("code_buffers", code);
                if told == Told::Whole { finding.full() } else { finding }
            }
            Told::Light => {
                let detail = format!(
                    "holds or asked for {cache} bytes, the size of RandomX's cache, and {code} executable buffers of the size \
                     of its programs"
                );
                Finding::new(signals::SCRATCHPADS, context, detail).full().with("code_buffers", code)
            }
            Told::Scratchpads => {
                let detail =
                    format!("took {scratchpads} huge pages one by one, as for the threads of a miner");
                Finding::new(signals::SCRATCHPADS, context, detail).with("scratchpads", scratchpads)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, alerts, findings_on},
        model::{EventBody, Mapping, MappingClass, Verdict},
    };

    use MappingClass::{Cache, Code, Dataset, Scratchpad};

    /// A signal and its weight.
    type Found = (&'static str, u8);

    /// Class, bytes, how many.
    type Asked = (MappingClass, u64, u64);

    fn host(asked: &[Asked]) -> Host {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, "/usr/bin/program", &["program"]);
        for (class, size, count) in asked {
            let mapping = Mapping { class: *class, size: *size, count: *count, huge: true };
            host.happen(process, EventBody::Mapping(mapping));
        }
        host
    }

    const DATASET: Asked = (Dataset, 2_181_038_080, 1);
    const CACHE: Asked = (Cache, 1 << 28, 1);
    const CODE: Asked = (Code, 256 << 10, 4);

    #[test]
    fn what_is_asked_for() {
        let cases: [(&str, &[Asked], &[Found]); 9] = [
            ("RandomX", &[DATASET, CACHE, CODE], &[("C2", 50), ("C2", 70)]),
            ("RandomX, its programs first", &[CODE, CACHE, DATASET], &[("C13", 20), ("C2", 70)]),
            ("the same again", &[DATASET, DATASET, CODE, CODE], &[("C2", 50), ("C2", 70)]),
            ("RandomX without a dataset", &[CACHE, CODE], &[("C13", 20)]),
            (
                "one huge page per thread",
                &[(Scratchpad, 2 << 20, 2), (Scratchpad, 2 << 20, 4)],
                &[("C13", 10)],
            ),
            ("a few huge pages", &[(Scratchpad, 2 << 20, 2)], &[]),
            ("a heap of 256 MiB", &[CACHE], &[]),
            ("a just-in-time compiler", &[CODE, (Code, 128 << 10, 1024)], &[]),
            ("nothing at all", &[(Dataset, 0, 1)], &[]),
        ];
        for (name, asked, expected) in cases {
            assert_eq!(findings_on(&host(asked), 4), expected, "{name}");
        }
    }

    #[test]
    fn alone_it_is_noted_at_most() {
        let verdicts = |asked: &[Asked]| alerts(&host(asked)).iter().map(|alert| alert.verdict).max();
        assert!(verdicts(&[DATASET, CODE]) < Some(Verdict::Suspected));
    }
}
