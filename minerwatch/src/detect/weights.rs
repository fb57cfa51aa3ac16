//! The one table of signals, weights and thresholds. Change a number here, with the reason beside it.

use crate::model::{Signal, SignalClass, SignalId};

/// What is known of a signal, whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its short name in alerts.
    pub id: &'static str,
    /// Which witness it belongs to.
    pub class: SignalClass,
    /// Points, 0 to 100.
    pub weight: u8,
    /// Points of its full form where it has one, else the same.
    pub full_weight: u8,
    /// Whether it speaks of mining itself, not just of an intrusion.
    pub mining: bool,
    /// A few words for a heading.
    pub name: &'static str,
    /// What it means, for a person.
    pub description: &'static str,
    /// Techniques of MITRE ATT&CK it is evidence of.
    pub techniques: &'static [&'static str],
}

impl SignalInfo {
    /// Whether a finding is this signal.
    pub fn names(&self, signal: &Signal) -> bool {
        signal.id.0 == self.id
    }

    /// The id as findings carry it.
    pub const fn signal_id(&self) -> SignalId {
        SignalId::known(self.id)
    }
}

/// Every signal the program knows, by class and id.
pub fn catalogue() -> &'static [SignalInfo] {
    CATALOGUE
}

static CATALOGUE: &[SignalInfo] = &[
    signals::MINER_WORDS,
    signals::POOL_WORDS,
    signals::SOLO_MINING,
    signals::RELAY,
    signals::NOISE_HANDSHAKE,
    signals::POOL_NAME,
    signals::LISTED_PEER,
    signals::LISTED_FILE,
    signals::POOL_PORT,
    signals::SUSPECT_CONNECTION,
    signals::ROUNDING_MODES,
    signals::DATASET,
    signals::HUGE_PAGES,
    signals::MSR,
    signals::SCRATCHPADS,
    signals::SUSTAINED_CPU,
    signals::YIELD_METRONOME,
    signals::FLOW_GATE,
    signals::TIDAL,
    signals::LONG_LOAD,
    signals::HOST_LOAD,
    signals::LOAD_JUMP,
    signals::STOP_AND_GO,
    signals::SHY,
    signals::GPU,
    signals::SERVICE_DOWNLOADER,
    signals::DROP_AND_RUN,
    signals::FILELESS,
    signals::KERNEL_NAME,
    signals::PRELOAD,
    signals::PERSISTENCE,
    signals::MINER_COMMAND_LINE,
    signals::TRIPLE_CHAIN,
];

/// The rows.
pub(crate) mod signals {
    use super::SignalInfo;
    use crate::model::SignalClass::{Behavior, Compute, Network};

    /// Decides alone: nothing but a miner says it.
    pub(crate) const MINER_WORDS: SignalInfo = SignalInfo {
        id: "N1",
        class: Network,
        weight: 100,
        full_weight: 100,
        mining: true,
        name: "Speaks a mining protocol",
        description: "The process sent a pool the words of a miner: it logged in, asked for work, or handed results in.",
        techniques: &["T1496.001", "T1071"],
    };

    /// Not alone: the process may be one that only looks at a pool's work.
    pub(crate) const POOL_WORDS: SignalInfo = SignalInfo {
        id: "N2",
        class: Network,
        weight: 80,
        full_weight: 80,
        mining: true,
        name: "Receives work from a pool",
        description: "A peer sent the process the words of a pool: a job, or how hard it shall be.",
        techniques: &["T1496.001"],
    };

    /// Not alone: pools and explorers ask nodes for work as well.
    pub(crate) const SOLO_MINING: SignalInfo = SignalInfo {
        id: "N7",
        class: Network,
        weight: 60,
        full_weight: 60,
        mining: true,
        name: "Asks a node for work",
        description: "The process calls a cryptocurrency node the way a solo miner does: for block templates, to submit blocks, or for its height every second.",
        techniques: &["T1496.001"],
    };

    /// Decides alone, as its words do.
    pub(crate) const RELAY: SignalInfo = SignalInfo {
        id: "N8",
        class: Network,
        weight: 95,
        full_weight: 95,
        mining: true,
        name: "Passes mining on",
        description: "One process speaks a mining protocol on connections it accepted and on one it opened: a proxy for miners inside.",
        techniques: &["T1090", "T1496.001"],
    };

    /// Sizes alone prove little: other protocols may begin with 64 bytes too.
    pub(crate) const NOISE_HANDSHAKE: SignalInfo = SignalInfo {
        id: "N10",
        class: Network,
        weight: 10,
        full_weight: 10,
        mining: false,
        name: "Connection that begins like Stratum V2",
        description: "The first messages of a connection have the sizes of Stratum V2's encrypted handshake: 64 bytes, then 170 or 234.",
        techniques: &["T1573"],
    };

    /// The full form is a connection to a port that is no web page's; its points are the list's, 60 by default. Asking
    /// for the name, or a visit to the page, is what a curious person does too.
    pub(crate) const POOL_NAME: SignalInfo = SignalInfo {
        id: "N3",
        class: Network,
        weight: 20,
        full_weight: 60,
        mining: true,
        name: "Name of a mining pool",
        description: "A program asked for the address of a mining pool, or connected to one by its name. A visit to a pool's web page counts a third.",
        techniques: &["T1496.001"],
    };

    /// The points are the list's own, 60 by default.
    pub(crate) const LISTED_PEER: SignalInfo = SignalInfo {
        id: "I1",
        class: Network,
        weight: 60,
        full_weight: 60,
        mining: false,
        name: "Peer on a list",
        description: "A program talked to a host that a list of indicators speaks of.",
        techniques: &["T1071"],
    };

    /// The points are the list's own, 60 by default.
    pub(crate) const LISTED_FILE: SignalInfo = SignalInfo {
        id: "I2",
        class: Behavior,
        weight: 60,
        full_weight: 60,
        mining: false,
        name: "Program on a list",
        description: "The content of a program that runs is on a list of indicators.",
        techniques: &["T1204.002"],
    };

    pub(crate) const POOL_PORT: SignalInfo = SignalInfo {
        id: "N4",
        class: Network,
        weight: 5,
        full_weight: 5,
        mining: false,
        name: "Connection to a port that mining pools use",
        description: "Mining pools like a handful of ports. Much else uses them too, so this counts for next to nothing by itself.",
        techniques: &["T1571"],
    };

    /// Ten points, so that a dropped program which calls out (25 + 10 + 10) is put on record and no more.
    pub(crate) const SUSPECT_CONNECTION: SignalInfo = SignalInfo {
        id: "N9",
        class: Network,
        weight: 10,
        full_weight: 10,
        mining: false,
        name: "Outbound connection by a suspect program",
        description: "A program that was dropped and run, that runs from memory, or that fetches for a service's shell opened a connection to another host.",
        techniques: &["T1071"],
    };

    /// The full form decides alone: no program is known that sets all three other modes by turns, evenly,
    /// while it flushes tiny numbers to zero, except those that compute RandomX. Without the flushing on a
    /// processor where RandomX sets it, a mathematical library under test looks the same: noted, no more.
    pub(crate) const ROUNDING_MODES: SignalInfo = SignalInfo {
        id: "C1",
        class: Compute,
        weight: 50,
        full_weight: 100,
        mining: true,
        name: "Arithmetic of RandomX",
        description: "The process's threads change their rounding mode all the time, evenly among all modes: the algorithm of Monero and its relatives does so by design, whatever the program is called and wherever it connects.",
        techniques: &["T1496.001"],
    };

    /// The full form has executable buffers of the size of RandomX's programs beside it. Alone it is noted: some
    /// other program may want two gigabytes and a bit.
    pub(crate) const DATASET: SignalInfo = SignalInfo {
        id: "C2",
        class: Compute,
        weight: 50,
        full_weight: 70,
        mining: true,
        name: "Memory of the size of RandomX's dataset",
        description: "The process asked for 2080 MiB and a bit in one piece: the dataset that RandomX computes from, needed for hashing at full speed.",
        techniques: &["T1496.001"],
    };

    /// The full form is by the number of pages that RandomX's dataset or cache takes. Databases and virtual
    /// machines have pools too, and an administrator may like the same round number: noted at most.
    pub(crate) const HUGE_PAGES: SignalInfo = SignalInfo {
        id: "C3",
        class: Compute,
        weight: 15,
        full_weight: 40,
        mining: false,
        name: "Pool of huge pages raised",
        description: "The host's pool of huge pages was raised outside the package manager. Miners do so for a fifth more speed.",
        techniques: &["T1496.001"],
    };

    /// The full form writes to a processor's registers or allows it; the other only loads the driver, as
    /// monitors of power and temperature need it.
    pub(crate) const MSR: SignalInfo = SignalInfo {
        id: "C4",
        class: Compute,
        weight: 15,
        full_weight: 45,
        mining: false,
        name: "Processor registers opened for writing",
        description: "A program opened model-specific registers for writing, allowed that, or loaded the driver for it. Miners switch the prefetchers off so; tuning tools of the administrator do it too.",
        techniques: &["T1496.001"],
    };

    /// Weak: one huge page for each of many threads. The full form is RandomX without a dataset.
    pub(crate) const SCRATCHPADS: SignalInfo = SignalInfo {
        id: "C13",
        class: Compute,
        weight: 10,
        full_weight: 20,
        mining: false,
        name: "Memory of the size of a miner's scratchpads",
        description: "The process took huge pages of 2 or 4 MiB one by one, one for each processor or more, or RandomX's 256 MiB with executable buffers beside them.",
        techniques: &["T1496.001"],
    };

    pub(crate) const SUSTAINED_CPU: SignalInfo = SignalInfo {
        id: "C5",
        class: Compute,
        weight: 15,
        full_weight: 15,
        mining: false,
        name: "Half the processors busy for a minute",
        description: "One process kept at least half of the host's processors at 85 % for 60 seconds. Compilers and encoders do so too.",
        techniques: &["T1496.001"],
    };

    pub(crate) const YIELD_METRONOME: SignalInfo = SignalInfo {
        id: "C6",
        class: Compute,
        weight: 25,
        full_weight: 25,
        mining: false,
        name: "Gives way as regularly as a metronome",
        description: "Its threads called sched_yield 20 to 5000 times per second of CPU time for 30 seconds, varying by less than 10 %. RandomX miners yield once per hash; other programs yield in bursts or far more often.",
        techniques: &["T1496.001"],
    };

    pub(crate) const FLOW_GATE: SignalInfo = SignalInfo {
        id: "C7",
        class: Compute,
        weight: 35,
        full_weight: 35,
        mining: false,
        name: "Works only while its one connection is open",
        description: "At least twice, the process's work fell to nothing when its only connection ended, and came back with the next one. A miner without a pool has nothing to compute.",
        techniques: &["T1496.001"],
    };

    pub(crate) const TIDAL: SignalInfo = SignalInfo {
        id: "C8",
        class: Compute,
        weight: 20,
        full_weight: 20,
        mining: false,
        name: "Even or on-and-off load over a day",
        description: "The program took more than a quarter of a processor over 24 hours, either evenly (varying by less than 10 % from hour to hour) or as a square wave. People's programs follow people's days.",
        techniques: &["T1496.001"],
    };

    pub(crate) const LONG_LOAD: SignalInfo = SignalInfo {
        id: "C9",
        class: Compute,
        weight: 15,
        full_weight: 15,
        mining: false,
        name: "One process busy for minutes",
        description: "One process used more than 70 % of a processor for 5 minutes. Whatever computes does so.",
        techniques: &["T1496.001"],
    };

    pub(crate) const HOST_LOAD: SignalInfo = SignalInfo {
        id: "C9H",
        class: Compute,
        weight: 15,
        full_weight: 15,
        mining: false,
        name: "Whole host busy for minutes",
        description: "The host's processors were at least 90 % busy for 5 minutes, most of it by this process.",
        techniques: &["T1496.001"],
    };

    pub(crate) const LOAD_JUMP: SignalInfo = SignalInfo {
        id: "C9J",
        class: Compute,
        weight: 15,
        full_weight: 15,
        mining: false,
        name: "Many times its own load of the last day",
        description: "The program took at least 500 % more over 10 minutes than over its own last 24 hours, and 70 % of a processor or more.",
        techniques: &["T1496.001"],
    };

    /// `cpulimit` does this to honest programs, so it counts for little.
    pub(crate) const STOP_AND_GO: SignalInfo = SignalInfo {
        id: "C10",
        class: Compute,
        weight: 10,
        full_weight: 10,
        mining: false,
        name: "Throttled by stopping and continuing",
        description: "The process was stopped and continued more than twice a second for 10 seconds. Tools that limit a program's load do so, and miners that do not want to stand out.",
        techniques: &["T1496.001"],
    };

    pub(crate) const SHY: SignalInfo = SignalInfo {
        id: "C11",
        class: Compute,
        weight: 25,
        full_weight: 25,
        mining: false,
        name: "Stops working when somebody looks",
        description: "At least three times, the process's work fell to nothing within 2 seconds of a login or of top, ps or the like being started, and it hardly ever rested otherwise.",
        techniques: &["T1497.002"],
    };

    /// Browsers and games open the same devices: only what else is known of the process gives it weight.
    pub(crate) const GPU: SignalInfo = SignalInfo {
        id: "C12",
        class: Compute,
        weight: 10,
        full_weight: 10,
        mining: false,
        name: "Graphics processor opened by a suspect program",
        description: "A program that was dropped and run, or that runs from memory, opened a device for computing on the graphics processor.",
        techniques: &["T1496.001"],
    };

    pub(crate) const SERVICE_DOWNLOADER: SignalInfo = SignalInfo {
        id: "B1",
        class: Behavior,
        weight: 35,
        full_weight: 35,
        mining: false,
        name: "Service started a shell that downloads",
        description: "A network service started a shell, and that a program which fetches files: what an exploited service does.",
        techniques: &["T1190", "T1059.004", "T1105"],
    };

    pub(crate) const DROP_AND_RUN: SignalInfo = SignalInfo {
        id: "B2",
        class: Behavior,
        weight: 25,
        full_weight: 25,
        mining: false,
        name: "File written, then run from a temporary or hidden place",
        description: "A program was run within 60 seconds of being written to, or made executable in, a temporary or hidden directory.",
        techniques: &["T1105", "T1059.004", "T1564.001"],
    };

    pub(crate) const FILELESS: SignalInfo = SignalInfo {
        id: "B3",
        class: Behavior,
        weight: 20,
        full_weight: 20,
        mining: false,
        name: "Program without a file",
        description: "A process runs from memory (memfd) or from a file that no directory names any more. Container runtimes and some sandboxes do so too.",
        techniques: &["T1620", "T1070.004"],
    };

    pub(crate) const KERNEL_NAME: SignalInfo = SignalInfo {
        id: "B4",
        class: Behavior,
        weight: 45,
        full_weight: 45,
        mining: false,
        name: "Program named like a kernel thread",
        description: "An ordinary program carries the name of a kernel thread, so that a person looking at a process list passes over it.",
        techniques: &["T1036.004"],
    };

    pub(crate) const PRELOAD: SignalInfo = SignalInfo {
        id: "B6",
        class: Behavior,
        weight: 45,
        full_weight: 45,
        mining: false,
        name: "Library forced into every program",
        description: "/etc/ld.so.preload was changed outside the package manager: the way userland rootkits hide processes and files.",
        techniques: &["T1574.006"],
    };

    /// The full form is a place that starts something by itself. Shell start files of a user, which every
    /// installer extends for the search path, count a quarter.
    pub(crate) const PERSISTENCE: SignalInfo = SignalInfo {
        id: "B7",
        class: Behavior,
        weight: 5,
        full_weight: 20,
        mining: false,
        name: "Place written that starts programs",
        description: "A crontab, a systemd unit, an init script, an SSH key list or a shell start file was changed outside the package manager.",
        techniques: &["T1053.003", "T1543.002", "T1037.004", "T1546.004", "T1098.004", "T1546.017"],
    };

    /// The full form names a wallet and a pool, and needs no other witness.
    pub(crate) const MINER_COMMAND_LINE: SignalInfo = SignalInfo {
        id: "B9",
        class: Behavior,
        weight: 70,
        full_weight: 100,
        mining: true,
        name: "Command line of a miner",
        description: "At least two things only miners are told: a stratum address, a wallet with a pool, an algorithm, a donation level.",
        techniques: &["T1496.001"],
    };

    /// The full form is a chain that made itself stay: with the persistence itself (20), the connection
    /// (10) and a file run from a temporary place (25) it makes 90, "suspected" by two witnesses. Without
    /// the last it makes 65: a vendor's installer that fetches a service, runs it and sets it up looks the
    /// same. A chain that only ran what it fetched counts 10: installers do that by design.
    pub(crate) const TRIPLE_CHAIN: SignalInfo = SignalInfo {
        id: "T1",
        class: Behavior,
        weight: 10,
        full_weight: 35,
        mining: false,
        name: "Process, connection and file change make a chain",
        description: "In one process tree: a process was created, it or a relative connected out, and it or a relative changed files so that the program runs or stays.",
        techniques: &["T1105", "T1059.004", "T1053.003"],
    };
}

/// Thresholds, spans and bounds.
pub mod tuning {
    use std::time::Duration;

    /// Ports that pools like (N4).
    pub const POOL_PORTS: [u16; 13] =
        [3333, 3334, 4444, 5555, 5556, 7777, 10128, 10343, 13333, 14433, 14444, 20128, 45700];
    /// Addresses whose names are remembered (N3, I1).
    pub const RESOLVED_ADDRESSES: usize = 16_384;
    /// How long such a name holds: programs keep addresses for far longer than the answer says (N3, I1).
    pub const RESOLVED_FOR: Duration = Duration::from_secs(24 * 3_600);
    /// How long after it was written, or made executable, a run counts as "dropped and run" (B2).
    pub const DROP_WINDOW: Duration = Duration::from_secs(60);
    /// The share of half the processors that counts as busy (C5).
    pub const BUSY_SHARE: f64 = 0.85;
    /// How long a process must be busy (C5).
    pub const BUSY_SPAN: Duration = Duration::from_secs(60);
    /// A pause between two reports of a busy process that still counts as "without a break" (C5).
    pub const BUSY_PAUSE: Duration = Duration::from_secs(3);

    /// Signals that all say "it is busy": they are one observation, so only the greatest of them counts.
    pub const LOAD_SIGNALS: [&str; 5] = ["C5", "C8", "C9", "C9H", "C9J"];

    /// The share of one processor, within a second, that counts as work at all (C7, C11).
    pub const WORK_SHARE: f64 = 0.3;
    /// How long nothing must be reported to be a pause (C7, C11); reports come once a second.
    pub const PAUSE: Duration = Duration::from_secs(3);
    /// How much later, or with the last report before an end, earlier than the fact a report may come.
    pub const REPORT_LAG: Duration = Duration::from_millis(1_500);

    /// Yields are counted over blocks of this length (C6): long enough to even out that a thread's time is
    /// counted only when it leaves its CPU.
    pub const BEAT_BLOCK: Duration = Duration::from_millis(2_900);
    /// Blocks that are compared, 30 s in all (C6).
    pub const BEAT_BLOCKS: usize = 10;
    /// A report of a longer time than this begins the block anew (C6).
    pub const BEAT_GAP: Duration = Duration::from_secs(6);
    /// Yields per second of CPU time (C6): a hash of `RandomX` takes 0.2 to 50 ms.
    pub const BEAT_RATES: std::ops::RangeInclusive<f64> = 20.0..=5_000.0;
    /// Coefficient of variation below which a beat is regular (C6).
    pub const BEAT_VARIATION: f64 = 0.10;

    /// How far a connection's end or beginning and the work's may be apart (C7).
    pub const GATE_LAG: Duration = Duration::from_secs(8);
    /// How long the work before a pause must have lasted (C7): a job for each connection is shorter.
    pub const GATE_WORK: Duration = Duration::from_secs(20);
    /// Times the work must have ended and come back with the connection (C7).
    pub const GATE_CYCLES: u32 = 2;
    /// Processes whose connections are followed (C7).
    pub const GATED_PROCESSES: usize = 4_096;

    /// The share of a processor over 24 hours from which a program is looked at (C8).
    pub const TIDE_DUTY: f64 = 0.25;
    /// How long a program must be known (C8).
    pub const TIDE_AGE: Duration = Duration::from_secs(24 * 3_600);
    /// Coefficient of variation over the hours below which a load is flat (C8).
    pub const TIDE_VARIATION: f64 = 0.10;
    /// The share of a processor below which a program is off (C8).
    pub const TIDE_OFF: f64 = 0.05;
    /// How far from the level a load may be while it is on (C8).
    pub const TIDE_LEVEL: f64 = 0.15;
    /// The share of the time that a square wave is on (C8).
    pub const TIDE_ON: std::ops::RangeInclusive<f64> = 0.15..=0.85;
    /// The most edges a square wave has in a day (C8); jobs have more.
    pub const TIDE_EDGES: usize = 12;
    /// Programs whose load is remembered over days (C8, C9J).
    pub const DUTIES: usize = 1_024;

    /// How long a program must be known before a jump is one (C9J).
    pub const JUMP_AGE: Duration = Duration::from_secs(6 * 3_600);
    /// The share of a processor it must have jumped to (C9J).
    pub const JUMP_SHARE: f64 = 0.70;
    /// The least share it is taken to have had before (C9J), so that rare work is no jump from nothing.
    pub const JUMP_BASELINE: f64 = 0.02;

    /// Stops a second above which a process is throttled (C10).
    pub const STOP_RATE: f64 = 2.0;
    /// How long (C10).
    pub const STOP_SPAN: Duration = Duration::from_secs(10);

    /// Looks closer together than this are one (C11).
    pub const LOOK_SPAN: Duration = Duration::from_secs(10);
    /// Looks remembered (C11).
    pub const LOOKS: usize = 16;
    /// How long after a look the work must have ended (C11): two seconds, and the report of it.
    pub const SHY_LAG: Duration = Duration::from_secs(3);
    /// How long a process must have worked to be seen by a look (C11).
    pub const SHY_WORK: Duration = Duration::from_secs(10);
    /// Times it must have hidden (C11).
    pub const SHY_TIMES: u32 = 3;
    /// The share of looks, and of its own pauses, that must fit (C11).
    pub const SHY_SHARE: f64 = 0.7;

    /// Executable buffers that must lie beside the dataset or the cache (C2, C13): RandomX has one for each thread.
    pub const CODE_BUFFERS: u64 = 2;
    /// Processes whose memory is remembered (C2, C13).
    pub const MEMORY_PROCESSES: usize = 4_096;
    /// Huge pages of 2 MiB that XMRig asks for: RandomX's dataset, its cache, both (C3).
    pub const MINERS_PAGES: [u64; 3] = [1_040, 128, 1_168];
    /// Further pages it may ask for, one a thread (C3).
    pub const PAGES_FOR_THREADS: u64 = 256;

    /// Looks that must have found another rounding mode than the nearest (C1). RandomX is found in one of
    /// the three other modes in two looks of three, so that a full-time worker needs 24 looks.
    pub const ROUNDING_LOOKS: u64 = 16;
    /// The same where tiny numbers are not flushed to zero: half of the evidence is missing (C1).
    pub const ROUNDING_LOOKS_PLAIN: u64 = 48;
    /// The share of those looks that each of the three other modes must have; RandomX gives each a third.
    /// Interval arithmetic uses two of them (C1).
    pub const ROUNDING_SHARE: f64 = 0.15;
    /// Looks that each of the three modes must have, so that few finds do not decide (C1).
    pub const ROUNDING_EACH: u64 = 4;
    /// Evidence older than this no longer counts (C1). A worker that hashes one hundredth of its time gathers
    /// enough in it.
    pub const ROUNDING_WINDOW: Duration = Duration::from_secs(600);
    /// How often a process that goes on is told of (C1).
    pub const ROUNDING_AGAIN: Duration = Duration::from_secs(60);
    /// How long an undecided process is looked at more often (C1).
    pub const ROUNDING_CLOSER: Duration = Duration::from_secs(10);
    /// The pause until the next such time; it doubles with each that decided nothing (C1).
    pub const ROUNDING_PAUSE: Duration = Duration::from_secs(20);
    /// The longest such pause (C1).
    pub const ROUNDING_LONGEST_PAUSE: Duration = Duration::from_secs(600);
    /// Processes with another rounding mode than the nearest watched at once (C1).
    pub const ROUNDING_PROCESSES: usize = 1_024;
    /// Connections remembered that may be a miner's (N1, N2).
    pub const CONVERSATIONS: usize = 4_096;
    /// Bytes kept of one direction of a connection whose message is not finished.
    pub const STREAM_KEPT: usize = 2_048;
    /// Processes remembered that speak as miners or pools do (N7, N8).
    pub const MINING_PROCESSES: usize = 1_024;
    /// Requests for a node's height within [`HEIGHT_SPAN`] that make a solo miner (N7): XMRig asks each second.
    pub const HEIGHT_COUNT: u32 = 30;
    /// The span of those.
    pub const HEIGHT_SPAN: Duration = Duration::from_secs(60);

    /// Points fade to a half in this time: network and compute.
    pub const HALF_LIFE_ACTIVITY: Duration = Duration::from_secs(3_600);
    /// Points fade to a half in this time: behavior.
    pub const HALF_LIFE_BEHAVIOR: Duration = Duration::from_secs(24 * 3_600);
    /// Points from which an incident is put on record.
    pub const NOTED: u32 = 40;
    /// Points from which it is suspected, if two classes speak.
    pub const SUSPECTED: u32 = 70;
    /// Points from which it is mining, if two classes speak and one signal speaks of mining.
    pub const MINING: u32 = 100;

    /// How long ago a connection of the tree may have been made to be part of its chain.
    pub const CHAIN_SPAN: Duration = Duration::from_secs(10 * 60);
    /// Written files remembered in case they are run.
    pub const WRITTEN_FILES: usize = 4_096;
    /// Busy processes watched at once.
    pub const BUSY_PROCESSES: usize = 1_024;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut ids: Vec<_> = catalogue().iter().map(|signal| signal.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), catalogue().len(), "an id stands for one signal");
        for signal in catalogue() {
            assert!(signal.weight <= signal.full_weight && signal.full_weight <= 100, "{}", signal.id);
            assert!(!signal.techniques.is_empty() && signal.description.ends_with('.'), "{}", signal.id);
        }
    }
}
