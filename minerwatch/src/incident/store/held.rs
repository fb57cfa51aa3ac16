//! Findings below an installer. A package's scripts write to crontabs and run what they unpacked, so such findings are held
//! while the installer runs. They are judged when it ends: if something that it started goes on running and has such a
//! finding, or before, if something below it mines.

use super::Incidents;
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, SignalKind, WrittenFiles},
    model::{Alert, Event, EventBody, ProcessKey},
    process::Process,
};

/// Maximum number of installers with held findings.
const MAX_INSTALLERS: usize = 256;
/// Maximum number of held findings per installer.
const MAX_FINDINGS: usize = 16;

/// A finding and the event that showed it.
#[derive(Debug)]
pub(super) struct HeldFinding {
    finding: Finding,
    event: Event,
}

/// The held findings, by installer.
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
    /// Holds findings of a process below an installer that runs.
    pub fn hold(&mut self, context: &DetectionContext<'_>, findings: &mut Vec<Finding>) {
        if findings.is_empty() {
            return;
        }
        let Some(installer) = context.process.manager else { return };
        let held = self.held.by_installer.entry(&installer, Vec::new);
        for finding in findings.drain(..) {
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
                key != context.key() && context.table.get(key).is_some_and(Process::is_alive)
            };
            return if held.iter().any(outlives) { held } else { Vec::new() };
        }
        let mines = |finding: &Finding| finding.conclusive || finding.info.kind == SignalKind::Mining;
        match context.process.manager {
            Some(installer) if findings.iter().any(mines) => {
                self.held.by_installer.remove(&installer).unwrap_or_default()
            }
            _ => Vec::new(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Verdict,
        testing::{Host, alerts},
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
}
