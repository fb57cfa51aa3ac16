//! Findings below an installer. A package's scripts write to crontabs and run what they unpacked, so such findings are held
//! while the installer runs. They are judged when it ends: if something that it started goes on running and has such a
//! finding, or before, if something below it mines. A management agent writes such files too, and never ends: its findings
//! are held until something below it mines.

use super::Incidents;
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, SignalKind, WrittenFiles, counts_after_installer},
    model::{Alert, Event, EventBody, ProcessKey},
    process::{Process, Role},
};

/// Maximum number of installers and agents with held findings.
const MAX_INSTALLERS: usize = 256;
/// Maximum number of held findings per installer or agent. The one with the fewest points makes room.
const MAX_FINDINGS: usize = 16;

/// A finding and the event that showed it.
#[derive(Debug)]
pub(super) struct HeldFinding {
    finding: Finding,
    event: Event,
}

/// The held findings, by installer or agent.
#[derive(Debug)]
pub(super) struct HeldFindings {
    by_installer: BoundedMap<ProcessKey, Vec<HeldFinding>>,
}

impl Default for HeldFindings {
    fn default() -> Self {
        Self { by_installer: BoundedMap::new(MAX_INSTALLERS) }
    }
}

impl Incidents {
    /// Holds findings of a process below an installer that runs, or of a management agent.
    pub fn hold(&mut self, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        if findings.is_empty() {
            return;
        }
        let installer = match context.process.manager {
            Some(installer) if context.table.is_managed(context.process) => installer,
            _ => context.key(),
        };
        let held = self.held.by_installer.entry(&installer, Vec::new);
        for finding in findings.drain(..) {
            make_room(held, &finding);
            if held.len() < MAX_FINDINGS {
                held.push(HeldFinding { finding, event: context.event.clone() });
            }
        }
    }

    /// Returns the held findings that count from now on.
    pub(super) fn judge(&mut self, context: &DetectionContext<'_>, findings: &[Finding]) -> Vec<HeldFinding> {
        if self.held.by_installer.is_empty() {
            return Vec::new();
        }
        if let EventBody::Exit(_) = context.event.body {
            let held = self.held.by_installer.remove(&context.key()).unwrap_or_default();
            let outlives = |held: &HeldFinding| {
                let key = held.event.subject.key;
                let is_alive = || context.table.get(key).is_some_and(Process::is_alive);
                key != context.key() && counts_after_installer(&held.finding) && is_alive()
            };
            return if held.iter().any(outlives) { held } else { Vec::new() };
        }
        let mines = |finding: &Finding| finding.conclusive || finding.info.kind == SignalKind::Mining;
        if !findings.iter().any(mines) {
            return Vec::new();
        }
        let agent = context.table.ancestry(context.key()).find(|ancestor| ancestor.role == Role::Agent);
        let above = context.process.manager.into_iter().chain(agent.map(Process::key));
        above.filter_map(|above| self.held.by_installer.remove(&above)).flatten().collect()
    }

    /// Adds held findings to incidents, as if they had just been made.
    pub(super) fn release_held(
        &mut self,
        due: Vec<HeldFinding>,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
        alerts: &mut Vec<Alert>,
    ) {
        for HeldFinding { finding, event } in due {
            let Some(process) = context.table.get(event.subject.key) else { continue };
            let then =
                DetectionContext::new(&event, process, context.table, context.processors, context.known);
            if let Some(serial) = self.take(finding, &then, written, alerts) {
                self.changed = true;
                if let Some(incident) = self.open.get_mut(&serial).filter(|_| !self.without_chains) {
                    incident.complete_chains(context.table, context.at());
                }
                self.consider(serial, context.at(), context.table, alerts);
            }
        }
    }
}

/// Removes the held finding with the fewest points, the latest of several, if the new finding is worth more.
fn make_room(held: &mut Vec<HeldFinding>, new: &Finding) {
    if held.len() < MAX_FINDINGS {
        return;
    }
    let worth = |finding: &Finding| (finding.conclusive, finding.signal.weight);
    let least = held.iter().enumerate().rev().min_by_key(|(_, held)| worth(&held.finding));
    if let Some((place, least)) = least
        && worth(&least.finding) < worth(new)
    {
        held.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Engine, EngineSettings},
        model::Verdict,
        testing::{Host, alerts, feed},
    };

    const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;

    /// Starts an installer and the script of a package. Returns both.
    fn install(host: &mut Host) -> (ProcessKey, ProcessKey) {
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let apt = host.spawn(init, "/usr/bin/apt-get", &["apt-get", "install", "x"]);
        let dpkg = host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "--configure", "x"]);
        (dpkg, host.spawn_script(dpkg, "/usr/bin/dash", "/var/lib/dpkg/info/x.postinst"))
    }

    fn ids(host: &Host) -> Vec<String> {
        let alerts = alerts(host);
        let mut ids: Vec<String> =
            alerts.iter().flat_map(|alert| &alert.signals).map(|signal| signal.id.to_string()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    #[test]
    fn what_ends_with_its_installer_is_no_finding() {
        let mut host = Host::new();
        let (dpkg, script) = install(&mut host);
        host.create(script, "/etc/cron.d/x", 0o644);
        host.create(script, "/tmp/helper", 0o755);
        let helper = host.spawn(script, "/tmp/helper", &["helper"]);
        host.connect(helper, "198.51.100.7:443");
        for key in [helper, script, dpkg] {
            host.exit(key);
        }
        assert_eq!(ids(&host), Vec::<String>::new());
    }

    #[test]
    fn what_outlives_its_installer_is_judged() {
        let mut host = Host::new();
        let (dpkg, script) = install(&mut host);
        host.create(script, "/etc/cron.d/x", 0o644);
        host.create(script, "/var/tmp/.x/helper", 0o755);
        let helper = host.spawn(script, "/var/tmp/.x/helper", &["helper"]);
        host.connect(helper, "198.51.100.7:443");
        host.exit(script);
        assert_eq!(ids(&host), Vec::<String>::new(), "while the installer runs");
        host.exit(dpkg);
        assert!(ids(&host).iter().any(|id| id == "B2"), "{:?}", ids(&host));
    }

    #[test]
    fn who_mines_below_an_installer_is_judged_at_once() {
        let mut host = Host::new();
        let (_dpkg, script) = install(&mut host);
        host.create(script, "/etc/cron.d/x", 0o644);
        let miner = host.spawn(script, "/usr/lib/x/service", &["service"]);
        host.send(miner, "198.51.100.7:443", SUBSCRIBE);
        assert_eq!(alerts(&host).iter().map(|alert| alert.verdict).max(), Some(Verdict::Mining));
        assert!(ids(&host).iter().any(|id| id == "B7"), "{:?}", ids(&host));
    }

    #[test]
    fn tools_that_a_package_replaces_count_with_what_it_leaves_running() {
        for (outlives, expected) in [(false, false), (true, true)] {
            let mut host = Host::new();
            let (dpkg, script) = install(&mut host);
            host.create(script, "/etc/cron.d/x", 0o644);
            host.rename(script, "/usr/bin/ps", "/usr/bin/ps.original");
            host.create(script, "/var/tmp/.x/helper", 0o755);
            let helper = host.spawn(script, "/var/tmp/.x/helper", &["helper"]);
            host.connect(helper, "198.51.100.7:443");
            host.exit(script);
            if !outlives {
                host.exit(helper);
            }
            assert_eq!(ids(&host), Vec::<String>::new(), "while the installer runs");
            host.exit(dpkg);
            assert_eq!(ids(&host).iter().any(|id| id == "B8T"), expected, "{:?}", ids(&host));
        }
    }

    #[test]
    fn what_a_package_seldom_does_counts_once_something_below_mines() {
        let mut host = Host::new();
        let (_dpkg, script) = install(&mut host);
        for name in ["one", "two", "three", "four", "five"] {
            host.spawn(script, "/usr/bin/pkill", &["pkill", name]);
        }
        host.create(script, "/var/tmp/.x/service", 0o755);
        let miner = host.spawn(script, "/var/tmp/.x/service", &["service"]);
        assert_eq!(open_ids(&host), Vec::<String>::new(), "while the installer runs");
        host.send(miner, "198.51.100.7:443", SUBSCRIBE);
        assert!(open_ids(&host).iter().any(|id| id == "B8R"), "{:?}", open_ids(&host));
    }

    #[test]
    fn a_script_that_replaces_a_tool_and_waits_is_no_finding() {
        let mut host = Host::new();
        let (dpkg, script) = install(&mut host);
        host.rename(script, "/usr/bin/ps", "/usr/bin/ps.original");
        host.rename(script, "/usr/bin/top", "/usr/bin/top.original");
        host.exit(dpkg);
        assert_eq!(ids(&host), Vec::<String>::new());
    }

    /// The ids of the signals of all incidents, reported or not.
    fn open_ids(host: &Host) -> Vec<String> {
        let mut engine = Engine::new(EngineSettings::default());
        for event in host.events() {
            feed(&mut engine, event, &mut Vec::new());
        }
        let incidents = engine.incidents(None);
        incidents.iter().flat_map(|(alert, _)| &alert.signals).map(|signal| signal.id.to_string()).collect()
    }

    #[test]
    fn an_agent_is_excused_until_something_below_it_mines() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let agent = host.spawn(init, "/usr/bin/amazon-ssm-agent", &["amazon-ssm-agent"]);
        host.create(agent, "/etc/cron.d/x", 0o644);
        host.rename(agent, "/usr/bin/ps", "/usr/bin/ps.original");
        let worker = host.spawn(agent, "/usr/lib/x/service", &["service"]);
        host.connect(worker, "198.51.100.7:443");
        assert_eq!(open_ids(&host), Vec::<String>::new(), "an agent does that");
        host.send(worker, "198.51.100.7:443", SUBSCRIBE);
        let ids = open_ids(&host);
        for id in ["B7", "B8T", "N1"] {
            assert!(ids.iter().any(|found| found == id), "{ids:?}");
        }
    }

    #[test]
    fn an_agent_is_not_judged_for_what_mines_elsewhere() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let agent = host.spawn(init, "/usr/bin/amazon-ssm-agent", &["amazon-ssm-agent"]);
        host.create(agent, "/etc/cron.d/x", 0o644);
        let miner = host.spawn(init, "/usr/lib/x/service", &["service"]);
        host.send(miner, "198.51.100.7:443", SUBSCRIBE);
        assert!(!open_ids(&host).iter().any(|id| id == "B7"), "{:?}", open_ids(&host));
    }

    #[test]
    fn many_weak_findings_leave_room_for_a_strong_one() {
        let mut host = Host::new();
        let (dpkg, script) = install(&mut host);
        for number in 0..2 * MAX_FINDINGS {
            host.create(script, &format!("/etc/cron.d/x{number}"), 0o644);
        }
        host.create(script, "/var/tmp/.x/helper", 0o755);
        let helper = host.spawn(script, "/var/tmp/.x/helper", &["helper"]);
        host.connect(helper, "198.51.100.7:443");
        host.exit(script);
        host.exit(dpkg);
        assert!(ids(&host).iter().any(|id| id == "B2"), "{:?}", ids(&host));
    }
}
