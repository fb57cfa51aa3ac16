//! `[response]`: what minerwatch does to suspects, beside alerting.

use crate::{
    approval::ApprovalSettings,
    model::{AfterDeath, Allowed, Approver, Never, Stage},
    schema::{between, checked, choice, optional, parsed, section, switch, table},
};

/// The names of the stages that change something, as the reference shows them.
const STAGES: &str =
    "a list of `\"observe\"`, `\"isolate\"`, `\"throttle\"`, `\"freeze\"`, `\"stop\"`, `\"quarantine\"`";

/// Longest lease, in seconds: a year.
const YEAR: u64 = 366 * 86_400;

section! {
    /// Keys of `[response]`.
    pub struct Response {
        /// Whether the daemon may change anything on this host: by the policy below, and by `minerwatch respond` and
        /// `minerwatch release` ([response.md](response.md)). It then starts a second process that keeps the privileges
        /// for it.
        pub enabled: bool = false, switch();
        /// Whether to change nothing, and only report what would be changed.
        pub dry_run: bool = false, switch();
        /// The stages that are applied to a suspect as soon as its own verdict is `mining`, in this order. An empty list
        /// leaves everything to `minerwatch respond`.
        pub mining: Vec<Stage> = Vec::new(), parsed(STAGES);
        /// The stages that are applied to a suspect whose verdict is `suspected`. Only `observe` is possible, because it
        /// changes nothing.
        pub suspected: Vec<Stage> = Vec::new(), checked("`[]`, `[\"observe\"]`", only_observes);
        /// Whose approval the policy needs before it changes something: `nobody`, or that of a server (`webhook`) that
        /// `[response.approval]` names. A person who uses `minerwatch respond` needs no approval.
        pub approve: Approver = Approver::Nobody, choice();
        /// The server that approves what the policy wants to do ([response.md](response.md#approval)).
        pub approval: ApprovalSettings = ApprovalSettings::default(), table();
        /// Time after which an isolation is undone, in seconds; 0 means not before a release. The same holds for the next
        /// three keys.
        pub isolate_lease_s: u64 = 86_400, between(0, YEAR);
        /// Time after which a throttled suspect is released.
        pub throttle_lease_s: u64 = 86_400, between(0, YEAR);
        /// Time after which a frozen suspect is released.
        pub freeze_lease_s: u64 = 86_400, between(0, YEAR);
        /// Time after which a file leaves the quarantine and is put back.
        pub quarantine_lease_s: u64 = 0, between(0, YEAR);
        /// What happens if the daemon is killed: `release` undoes each measure when its lease ends, `keep` leaves all
        /// as it is until somebody releases it.
        pub when_agent_dies: AfterDeath = AfterDeath::Release, choice();
        /// What is never touched: paths of executables, with a `*` at the end for any rest, `unit:NAME`, `user:NAME`, or
        /// `container:ID` with the beginning of an id.
        pub never: Vec<Never> = Vec::new(), parsed("a list of paths and `unit:`, `user:` and `container:` entries");
        /// What the policy is limited to, written as in `never`. An empty list means every suspect. A person may respond to
        /// every suspect.
        pub only: Vec<Never> = Vec::new(), parsed("a list of paths and `unit:`, `user:` and `container:` entries");
        /// Name of a group whose members may use `minerwatch respond` and `minerwatch release`, as root may.
        pub group: Option<String> = None, optional(checked("the name of a group", is_group));
        /// Processor time of a throttled suspect, in per cent of one processor.
        pub throttle_percent: u64 = 5, between(1, 100);
        /// Addresses and networks that an isolated suspect may still reach, for example `"10.0.0.0/8"`. It may always
        /// reach the host itself.
        pub allow: Vec<Allowed> = Vec::new(), parsed("a list of addresses and networks");
        /// Whether an isolated suspect may still ask DNS servers.
        pub allow_dns: bool = true, switch();
        /// Space that evidence and quarantine leave free on the disk of the state directory, in MiB.
        pub min_free_mib: u64 = 1_024, between(16, 1_048_576);
        /// Whether evidence is collected before a stage changes something.
        pub evidence: bool = true, switch();
        /// Maximum size of one collection of evidence, in MiB.
        pub evidence_max_mib: u64 = 256, between(1, 65_536);
        /// Maximum number of collections that are kept. The oldest are removed first.
        pub evidence_keep: u64 = 20, between(1, 10_000);
        /// Age after which a collection is removed, in days.
        pub evidence_days: u64 = 30, between(1, 3_650);
        /// Whether evidence contains the memory of the suspect.
        pub evidence_memory: bool = true, switch();
    }
}

fn only_observes(stages: &[Stage]) -> Result<(), String> {
    match stages.iter().find(|stage| **stage != Stage::Observe) {
        Some(stage) => Err(format!("`{stage}` changes something, and needs the verdict mining")),
        None => Ok(()),
    }
}

fn is_group(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if !name.is_empty() && name.chars().all(is_plain) {
        Ok(())
    } else {
        Err(format!("`{name}` is no name of a group"))
    }
}

impl Response {
    /// Returns the lease of a stage in seconds, or `None` if it ends only by a release.
    pub fn lease(&self, stage: Stage) -> Option<u64> {
        let lease = match stage {
            Stage::Isolate => self.isolate_lease_s,
            Stage::Throttle => self.throttle_lease_s,
            Stage::Freeze => self.freeze_lease_s,
            Stage::Quarantine => self.quarantine_lease_s,
            Stage::Observe | Stage::Stop => 0,
        };
        (lease > 0).then_some(lease)
    }
}
