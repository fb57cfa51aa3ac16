//! The rows of the table.

use super::SignalInfo;
pub(crate) use crate::detect::network::{
    beaconing::ENCRYPTED_BEACONING,
    dns_tunnel::DNS_TUNNEL,
    encrypted_dns::ENCRYPTED_DNS,
    foreign_peer::FOREIGN_PEER,
    listed_file::LISTED_FILE,
    mining_relay::RELAY,
    noise_handshake::NOISE_HANDSHAKE,
    pool_name::{LISTED_PEER, POOL_NAME},
    pool_port::POOL_PORT,
    solo_mining::SOLO_MINING,
    stratum_sessions::{MINER_WORDS, POOL_WORDS},
    suspect_connection::SUSPECT_CONNECTION,
    tls_without_sni::TLS_WITHOUT_SNI,
};
use crate::model::SignalClass::{Behavior, Compute};

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

pub(crate) const YIELD_PERIODICITY: SignalInfo = SignalInfo {
    id: "C6",
    class: Compute,
    weight: 25,
    full_weight: 25,
    mining: false,
    name: "Gives way as regularly as a metronome",
    description: "Its threads called sched_yield 20 to 5000 times per second of CPU time for 30 seconds, varying by less than 10 %. RandomX miners yield once per hash; other programs yield in bursts or far more often.",
    techniques: &["T1496.001"],
};

pub(crate) const CONNECTION_GATED_LOAD: SignalInfo = SignalInfo {
    id: "C7",
    class: Compute,
    weight: 35,
    full_weight: 35,
    mining: false,
    name: "Works only while its one connection is open",
    description: "At least twice, the process's work fell to nothing when its only connection ended, and came back with the next one. A miner without a pool has nothing to compute.",
    techniques: &["T1496.001"],
};

pub(crate) const INTERMITTENT_LOAD: SignalInfo = SignalInfo {
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

/// Pods with a limit are held back every day: load like any other.
pub(crate) const QUOTA_THROTTLED: SignalInfo = SignalInfo {
    id: "C9Q",
    class: Compute,
    weight: 15,
    full_weight: 15,
    mining: false,
    name: "Held back by its quota for minutes",
    description: "The process took all the CPU time that its cgroup's quota allows: it was held back in at least 8 of 10 periods for 5 minutes. Whatever computes within a limit does so.",
    techniques: &["T1496.001"],
};

/// `cpulimit` does this to honest programs, so it counts for little.
pub(crate) const SIGSTOP_THROTTLE: SignalInfo = SignalInfo {
    id: "C10",
    class: Compute,
    weight: 10,
    full_weight: 10,
    mining: false,
    name: "Throttled by stopping and continuing",
    description: "The process was stopped and continued more than twice a second for 10 seconds. Tools that limit a program's load do so, and miners that do not want to stand out.",
    techniques: &["T1496.001"],
};

pub(crate) const MONITOR_EVASION: SignalInfo = SignalInfo {
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
