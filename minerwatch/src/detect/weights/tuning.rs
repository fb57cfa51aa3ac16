//! Thresholds, spans and bounds.

use std::time::Duration;

/// How long after it was written, or made executable, a run counts as "dropped and run" (B2).
pub const DROP_WINDOW: Duration = Duration::from_secs(60);
/// The share of half the processors that counts as busy (C5).
pub const BUSY_SHARE: f64 = 0.85;
/// How long a process must be busy (C5).
pub const BUSY_SPAN: Duration = Duration::from_secs(60);
/// A pause between two reports of a busy process that still counts as "without a break" (C5).
pub const BUSY_PAUSE: Duration = Duration::from_secs(3);

/// Signals that all say "it is busy": they are one observation, so only the greatest of them counts.
pub const LOAD_SIGNALS: [&str; 6] = ["C5", "C8", "C9", "C9H", "C9J", "C9Q"];

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

/// The share of the periods in which a cgroup must be held back (C9Q): who takes all it may is held back in nearly all.
pub const QUOTA_THROTTLED: f64 = 0.8;
/// The share of its cgroup's quota that the process itself must use (C9Q).
pub const QUOTA_USED: f64 = 0.5;
/// How long (C9Q).
pub const QUOTA_SPAN: Duration = Duration::from_secs(300);
/// A pause between two looks that still counts as without a break (C9Q); they come each ten seconds.
pub const QUOTA_PAUSE: Duration = Duration::from_secs(15);

/// Stops a second above which a process is throttled (C10).
pub const STOP_RATE: f64 = 2.0;
/// How long (C10).
pub const STOP_SPAN: Duration = Duration::from_secs(10);

/// Looks closer together than this are one (C11).
pub const LOOK_SPAN: Duration = Duration::from_secs(10);
/// Looks remembered (C11).
pub const LOOKS: usize = 16;
/// How long after a look the work must have ended (C11): two seconds, and the report of it.
pub const EVASION_LAG: Duration = Duration::from_secs(3);
/// How long a process must have worked to be seen by a look (C11).
pub const EVASION_WORK: Duration = Duration::from_secs(10);
/// Times it must have hidden (C11).
pub const EVASION_TIMES: u32 = 3;
/// The share of looks, and of its own pauses, that must fit (C11).
pub const EVASION_SHARE: f64 = 0.7;

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
/// Busy processes watched at once.
pub const BUSY_PROCESSES: usize = 1_024;
