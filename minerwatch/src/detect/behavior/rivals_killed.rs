//! B8R: one script kills many different programs: by name, by port, or whatever it finds.
//!
//! The command lines of `pkill` and `killall` name the programs that they kill. A shell's own `kill` and a program that
//! calls kill(2) have no command line: the signals that they send count. So do the programs that SIGKILL or SIGTERM ends
//! while a script lists processes, which is all that is seen where signals are not.

mod deed;
mod rival;

use std::{sync::Arc, time::Duration};

use rustc_hash::{FxHashMap, FxHashSet};

use self::{deed::Deed, rival::names_rival};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{BootTime, EventBody, EventType, Exit, ProcessKey, SentSignal, SignalClass, Threshold},
    process::{Command, Process, ProcessTable, Role, base_name, is_in_system_directory},
};

/// Number of different programs that one script must kill. The stop script of an application kills its own two or three.
const TARGETS: usize = 5;
/// Time within which they must be killed. The lists of rivals in droppers run without a pause.
const WINDOW: Duration = Duration::from_secs(10);
/// Maximum number of scripts that are tracked.
const SCRIPTS: usize = 256;
/// Maximum number of targets that are kept for one script.
const MAX_TARGETS: usize = 32;
/// Maximum length of a kept target, in bytes.
const MAX_LENGTH: usize = 64;

/// The signal. The full form names programs that only miners and their rivals kill. Without such a name it may be a
/// script that stops an application with many parts.
pub const RIVALS_KILLED: SignalInfo = SignalInfo {
    id: "B8R",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Many programs killed",
    description: "One script killed five or more different programs within ten seconds: by name, by port, or those that it found in a list of processes. The full form names miners or their ports among them.",
    catches: "A miner that wants the processors for itself.",
    techniques: &["T1489", "T1057"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[RIVALS_KILLED],
    wants: &[EventType::Exec, EventType::Exit, EventType::SentSignal],
    evictions: Some("killers_evicted"),
    create: |_| Box::new(RivalsKilled { scripts: BoundedMap::new(SCRIPTS), awaits: false }),
};

/// What one script killed recently.
#[derive(Debug, Default)]
struct Kills {
    /// When the current window began.
    since: BootTime,
    /// Targets of pkill, killall and fuser.
    targets: FxHashSet<String>,
    /// Patterns of grep, pgrep and pidof. They count once for each command that kills what was found.
    patterns: FxHashSet<String>,
    /// Number of commands that kill what was found.
    piped: usize,
    /// Whether the script listed processes.
    listed: bool,
    /// Programs that a pattern names and that a signal ended.
    found: FxHashSet<Arc<str>>,
    /// Programs of other trees that a signal ended, one for each tree, and their trees.
    strangers: FxHashMap<Arc<str>, ProcessKey>,
    /// Whether a target or a program that ended has the name of a miner, or its port.
    names_miner: bool,
    reported: bool,
}

impl Kills {
    fn count(&self) -> usize {
        let named = self.piped.min(self.patterns.len()).max(self.found.len());
        (self.targets.len() + named).max(self.strangers.len())
    }

    /// Whether the script is to be reported.
    fn is_due(&self) -> bool {
        self.count() >= TARGETS && !self.reported
    }

    /// Adds a program that a signal ended.
    fn add(&mut self, victim: &Victim<'_>, is_stranger: bool) {
        let is_named = self.patterns.iter().any(|pattern| victim.has(pattern));
        if is_named && self.found.len() < MAX_TARGETS {
            self.found.insert(Arc::clone(victim.program));
        }
        let is_new_tree = || self.strangers.values().all(|tree| *tree != victim.tree);
        let is_counted = is_stranger && self.strangers.len() < MAX_TARGETS && is_new_tree();
        if is_counted {
            self.strangers.entry(Arc::clone(victim.program)).or_insert(victim.tree);
        }
        self.names_miner |= (is_named || is_counted) && names_rival(base_name(victim.program));
    }
}

#[derive(Debug)]
struct RivalsKilled {
    scripts: BoundedMap<ProcessKey, Kills>,
    /// Whether a script is due. It is reported with the next event of its own tree, because the event that completed the
    /// count is that of a program that it killed.
    awaits: bool,
}

impl Detector for RivalsKilled {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Exec(_) => {
                if !self.acted(context) {
                    return;
                }
            }
            EventBody::SentSignal(sent) => {
                if !self.signalled(context, sent) {
                    return;
                }
            }
            EventBody::Exit(exit) => {
                if is_killed(exit) && !self.scripts.is_empty() {
                    self.ended(context);
                }
                if !self.awaits {
                    return;
                }
            }
            _ => return,
        }
        findings.add(self.judge(context));
    }

    fn evicted(&self) -> u64 {
        self.scripts.evicted()
    }
}

impl RivalsKilled {
    /// Notes a command that lists or kills processes. Returns whether the event is such a command.
    fn acted(&mut self, context: &DetectionContext<'_>) -> bool {
        let Some(deed) = context.command.as_ref().and_then(Deed::of) else { return false };
        // xargs counts already.
        let parent = || context.table.parent_of(context.process).map(Command::of);
        if matches!(deed, Deed::KillsFound)
            && context.command.is_some_and(|command| command.is(&["kill"]))
            && parent().is_some_and(|parent| parent.is(&["xargs"]))
        {
            return false;
        }
        let script = context.table.responsible_for(context.process);
        // The commands that a person types are trees of their own. A single command that only lists is no script.
        let is_alone = script == context.key();
        if is_alone && (context.process.session || !matches!(deed, Deed::Kills(_))) {
            return false;
        }
        let kills = self.kills_of(script, context.at());
        let (set, words) = match deed {
            Deed::Kills(words) => (&mut kills.targets, words),
            Deed::Searches(words) => (&mut kills.patterns, words),
            Deed::Lists(words) => {
                kills.listed = true;
                (&mut kills.patterns, words)
            }
            Deed::KillsFound => {
                kills.piped += 1;
                (&mut kills.patterns, Vec::new())
            }
        };
        let mut names_miner = false;
        for word in words {
            names_miner |= names_rival(word);
            if set.len() < MAX_TARGETS && word.len() <= MAX_LENGTH {
                set.insert(word.to_owned());
            }
        }
        kills.names_miner |= names_miner;
        true
    }

    /// Returns what a script killed in the current window.
    fn kills_of(&mut self, script: ProcessKey, now: BootTime) -> &mut Kills {
        let kills = self.scripts.entry(&script, Kills::default);
        if now.since(kills.since) > WINDOW {
            *kills = Kills { since: now, ..Kills::default() };
        }
        kills
    }

    /// Notes a signal that ends a program of another tree. Returns whether there is one.
    fn signalled(&mut self, context: &DetectionContext<'_>, sent: &SentSignal) -> bool {
        let (process, table) = (context.process, context.table);
        let Some(target) = table.get(sent.target).filter(|_| ends(sent.signal)) else { return false };
        let script = table.responsible_for(process);
        let is_typed = script == context.key() && process.session;
        let victim = Victim::of(table, target);
        let is_counted = !is_typed
            && !ends_by_design(process.role)
            && victim.tree != script
            && target.container_id() == process.container_id()
            && !is_of_system(target)
            && !is_supervised(table, victim.tree);
        if is_counted {
            self.kills_of(script, context.at()).add(&victim, true);
        }
        is_counted
    }

    /// Notes a program that a signal ended, for every script that lists processes just now.
    fn ended(&mut self, context: &DetectionContext<'_>) {
        let victim = Victim::of(context.table, context.process);
        let is_of_system = is_of_system(context.process);
        let is_supervised = is_supervised(context.table, victim.tree);
        let mut awaits = false;
        self.scripts.retain(|script, kills| {
            if context.at().since(kills.since) > WINDOW {
                return false;
            }
            // The end of a container ends everything inside.
            let is_near = context
                .table
                .get(*script)
                .is_some_and(|killer| killer.container_id() == context.process.container_id());
            if kills.listed && is_near && !is_supervised {
                kills.add(&victim, !is_of_system && victim.tree != *script);
            }
            awaits |= kills.is_due();
            true
        });
        self.awaits = awaits;
    }

    /// Reports the script of the event's process if it killed enough.
    fn judge(&mut self, context: &DetectionContext<'_>) -> Option<Finding> {
        let script = context.table.responsible_for(context.process);
        let kills = self.scripts.get_mut(&script)?;
        if !kills.is_due() {
            return None;
        }
        kills.reported = true;
        let (count, names_miner) = (kills.count(), kills.names_miner);
        self.awaits = self.scripts.iter().any(|(_, kills)| kills.is_due());
        let detail =
            format!("'{}' and its relatives killed {count} different programs", context.process.view.name);
        let info =
            if names_miner { RIVALS_KILLED } else { SignalInfo { kind: SignalKind::Step, ..RIVALS_KILLED } };
        let finding =
            Finding::new(info, context, detail).measured("killed", count, Threshold::at_least(TARGETS));
        Some(if names_miner { finding.full() } else { finding })
    }
}

/// A program that a signal ended.
#[derive(Debug)]
struct Victim<'a> {
    process: &'a Process,
    /// The path of the program or script.
    program: &'a Arc<str>,
    /// The process that is responsible for it.
    tree: ProcessKey,
}

impl<'a> Victim<'a> {
    fn of(table: &ProcessTable, process: &'a Process) -> Self {
        let program = process.script.as_ref().unwrap_or(&process.view.executable.path);
        Self { process, program, tree: table.responsible_for(process) }
    }

    /// Whether a search for a pattern finds the program in a list of processes.
    fn has(&self, pattern: &str) -> bool {
        let view = &self.process.view;
        view.name.contains(pattern)
            || self.program.contains(pattern)
            || view.arguments.iter().any(|argument| argument.contains(pattern))
    }
}

/// Whether a signal is SIGKILL or SIGTERM.
fn ends(signal: u8) -> bool {
    matches!(signal, SentSignal::KILL | SentSignal::TERM)
}

/// Whether SIGKILL or SIGTERM ended the process.
fn is_killed(exit: &Exit) -> bool {
    exit.signal.is_some_and(ends)
}

/// Whether programs of this role end those of others by design.
fn ends_by_design(role: Role) -> bool {
    role == Role::PackageManager || (role.bounds_tree() && role != Role::LoginShell)
}

/// Whether a process tree is a service or one of its workers, a container or a job. These are ended by what started
/// them, for example by systemd at a shutdown.
fn is_supervised(table: &ProcessTable, tree: ProcessKey) -> bool {
    let Some(root) = table.get(tree) else { return false };
    let program = &root.view.executable.path;
    let starter = table.ancestry(tree).find(|ancestor| ancestor.view.executable.path != *program);
    starter
        .is_some_and(|starter| matches!(starter.role, Role::Init | Role::ContainerRuntime | Role::JobRunner))
}

/// Whether the process runs a program or script of the system. The end of a session ends many of these.
fn is_of_system(process: &Process) -> bool {
    process.is_of_system() && process.script.as_deref().is_none_or(is_in_system_directory)
}

#[cfg(test)]
mod tests {
    use super::{deed::patterns, *};
    use crate::testing::{Host, findings_of, seconds};

    const NONE: [(&str, u8); 0] = [];

    fn script(commands: &[&[&str]], pause: Duration) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/tmp/x.sh"]);
        for command in commands {
            host.spawn(script, &format!("/usr/bin/{}", command[0]), command);
            host.wait(pause);
        }
        findings_of(&[&DETECTOR], &host)
    }

    #[test]
    fn a_script_that_kills_many_is_found() {
        let rivals: &[&[&str]] = &[
            &["pkill", "-f", "xmrig"],
            &["pkill", "-9", "kdevtmpfsi"],
            &["killall", "-9", "watchbog"],
            &["fuser", "-k", "3333/tcp"],
            &["pkill", "-f", "kinsing"],
        ];
        assert_eq!(script(rivals, Duration::ZERO), [("B8R", 25)]);
        assert_eq!(script(rivals, seconds(5)), NONE, "slowly");
        let mut piped: Vec<&[&str]> = Vec::new();
        let (list, invert, kill): (&[&str], &[&str], &[&str]) =
            (&["ps", "aux"], &["grep", "-v", "grep"], &["xargs", "kill", "-9"]);
        for pattern in [
            &["grep", ":3333"],
            &["grep", ":5555"],
            &["grep", "minerd"],
            &["grep", "abc1"],
            &["grep", "abc2"],
        ] {
            piped.extend([list, invert, pattern, kill]);
        }
        assert_eq!(script(&piped, Duration::ZERO), [("B8R", 25)]);
        let application: &[&[&str]] = &[
            &["pkill", "web1"],
            &["pkill", "web2"],
            &["pkill", "queue"],
            &["pkill", "cache"],
            &["pkill", "mail"],
        ];
        assert_eq!(script(application, Duration::ZERO), [("B8R", 15)], "an application with many parts");
    }

    /// Ends a process by a signal.
    fn end(host: &mut Host, key: ProcessKey, signal: u8) {
        host.happen(key, EventBody::Exit(Exit { code: None, signal: Some(signal), on_cpu: 0 }));
    }

    /// Starts programs below init, each by a parent of its own that ends.
    fn start(host: &mut Host, init: ProcessKey, programs: &[&str]) -> Vec<ProcessKey> {
        let start = |program: &&str| {
            let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
            let starter = host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "x"]);
            let victim = host.spawn(starter, program, &[program]);
            host.exit(starter);
            victim
        };
        let victims = programs.iter().map(start).collect();
        host.wait(seconds(400));
        victims
    }

    /// Starts programs. Then a script runs `look` before each of them ends by `signal`, and ends itself.
    fn loop_over(programs: &[&str], look: &[&[&str]], signal: u8) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let victims = start(&mut host, init, programs);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/tmp/x.sh"]);
        for (victim, program) in victims.into_iter().zip(programs) {
            for command in look {
                let command: Vec<&str> = command
                    .iter()
                    .map(|&word| if word == "NAME" { base_name(program) } else { word })
                    .collect();
                let tool = host.spawn(script, &format!("/usr/bin/{}", command[0]), &command);
                host.exit(tool);
            }
            end(&mut host, victim, signal);
        }
        host.exit(script);
        findings_of(&[&DETECTOR], &host)
    }

    const RIVALS: [&str; 5] =
        ["/tmp/a1/xmrig", "/var/tmp/kinsing", "/root/minerd", "/opt/q/abc", "/dev/shm/x1"];
    const PARTS: [&str; 5] = ["/opt/a/web", "/opt/b/mail", "/opt/c/queue", "/opt/d/cache", "/opt/e/cron"];

    #[test]
    fn what_a_shell_kills_itself_is_seen_at_its_victims() {
        let looks: [&[&[&str]]; 4] = [
            &[&["pgrep", "-x", "NAME"]],
            &[&["pidof", "NAME"], &["kill", "-9", "7"]],
            &[&["ps", "ax"], &["grep", "NAME"], &["grep", "-v", "grep"], &["awk", "{print $1}"]],
            &[&["ps", "-eo", "pid,pcpu"]],
        ];
        for look in looks {
            assert_eq!(loop_over(&RIVALS, look, 9), [("B8R", 25)], "{look:?}");
            assert_eq!(loop_over(&PARTS, look, 15), [("B8R", 15)], "{look:?}");
        }
        let ps: &[&[&str]] = &[&["ps", "ax"]];
        assert_eq!(loop_over(&RIVALS, ps, 11), NONE, "they crashed");
        assert_eq!(loop_over(&RIVALS, &[], 9), NONE, "nobody looked");
        assert_eq!(loop_over(&RIVALS[..4], ps, 9), NONE, "few");
        assert_eq!(loop_over(&["/opt/a/web"; 9], ps, 9), NONE, "one program");
        let of_system = ["/usr/bin/a", "/usr/bin/b", "/usr/bin/c", "/usr/sbin/d", "/usr/lib/e"];
        assert_eq!(loop_over(&of_system, ps, 15), NONE, "a session or the host ends");
    }

    #[test]
    fn a_program_that_sends_the_signals_itself_is_found() {
        // The killer sends a signal to each program.
        let kill = |killer: &str, programs: &[&str], signal: u8, pause: u64| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let victims = start(&mut host, init, programs);
            let killer = host.spawn(init, killer, &[killer]);
            for victim in victims {
                host.signal(killer, victim, signal);
                host.wait(seconds(pause));
            }
            findings_of(&[&DETECTOR], &host)
        };
        assert_eq!(kill("/tmp/x", &RIVALS, 9, 0), [("B8R", 25)]);
        assert_eq!(kill("/usr/bin/dash", &PARTS, 15, 0), [("B8R", 15)]);
        assert_eq!(kill("/tmp/x", &RIVALS[..4], 9, 0), NONE, "few");
        assert_eq!(kill("/tmp/x", &RIVALS, 9, 5), NONE, "slowly");
        assert_eq!(kill("/tmp/x", &RIVALS, 18, 0), NONE, "they go on");
        assert_eq!(kill("/usr/bin/dockerd", &RIVALS, 9, 0), NONE, "by design");
        assert_eq!(kill("/tmp/x", &["/opt/a/web"; 9], 9, 0), NONE, "one program");
    }

    #[test]
    fn one_pattern_may_name_many() {
        let names = "/mnt/(xmrig|kinsing|kdevtmpfsx|c3pool|minerd) 8";
        assert_eq!(script(&[&["pkill", "-9", "-f", names]], Duration::ZERO), [("B8R", 25)]);
        assert_eq!(script(&[&["pkill", "-f", "a11|b22|c33|d44|e55"]], Duration::ZERO), [("B8R", 15)]);
        assert_eq!(script(&[&["pkill", "-u", "ci", "-f", "a11|b22|c33|d44"]], Duration::ZERO), NONE);
        assert_eq!(
            patterns(["[x]mrig", "^nginx$", "ab", r"one\|two"].into_iter()),
            ["mrig", "nginx", "one", "two"]
        );
    }

    #[test]
    fn services_containers_and_own_children_end_otherwise() {
        // A script of monitoring lists processes while the host shuts down, and a container stops.
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let services: Vec<ProcessKey> = PARTS.iter().map(|part| host.spawn(init, part, &[part])).collect();
        let inside: Vec<ProcessKey> = PARTS
            .iter()
            .map(|part| {
                let key = host.fork(init);
                host.enter(key, "4f1c");
                host.exec(key, init, part, part, &[part]);
                key
            })
            .collect();
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "/opt/monitor.sh"]);
        // A test runner stops its own servers.
        let own: Vec<ProcessKey> = RIVALS.iter().map(|path| host.spawn(script, path, &[path])).collect();
        // A service and its parts are one tree.
        let main = host.spawn(init, "/opt/app/main", &["main"]);
        let parts: Vec<ProcessKey> = PARTS.iter().map(|part| host.spawn(main, part, &[part])).collect();
        let ps = host.spawn(script, "/usr/bin/ps", &["ps", "ax"]);
        host.exit(ps);
        // The script asks whether each service runs.
        for part in PARTS {
            let pgrep = host.spawn(script, "/usr/bin/pgrep", &["pgrep", "-x", base_name(part)]);
            host.exit(pgrep);
        }
        for key in services.into_iter().chain(inside).chain(own).chain(parts) {
            host.signal(script, key, 15);
            end(&mut host, key, 15);
        }
        host.exit(script);
        assert_eq!(findings_of(&[&DETECTOR], &host), NONE);
    }

    #[test]
    fn who_kills_one_or_only_looks_is_quiet() {
        let one: Vec<&[&str]> = vec![&["killall", "-9", "nginx"]; 9];
        assert_eq!(script(&one, Duration::ZERO), NONE);
        let looks: Vec<&[&str]> = ["a11", "b22", "c33", "d44", "e55", "f66"]
            .iter()
            .map(|pattern| -> &[&str] { Box::leak(Box::new(["grep", *pattern])) })
            .collect();
        assert_eq!(script(&looks, Duration::ZERO), NONE);
        for asks in [&["pkill", "-0"][..], &["pgrep", "-x"], &["pidof"]] {
            let asks: Vec<Vec<&str>> = ["a11", "b22", "c33", "d44", "e55", "f66"]
                .iter()
                .flat_map(|name| [[asks, &[*name]].concat(), vec!["kill", "-0", "17"]])
                .collect();
            let asks: Vec<&[&str]> = asks.iter().map(Vec::as_slice).collect();
            assert_eq!(script(&asks, Duration::ZERO), NONE);
        }
    }

    #[test]
    fn a_person_who_kills_some_is_no_script() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let shell = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
        for name in ["xmrig", "kinsing", "minerd", "ddgs", "watchbog", "sysupdate"] {
            host.spawn(shell, "/usr/bin/pkill", &["pkill", "-9", name]);
        }
        assert_eq!(findings_of(&[&DETECTOR], &host), NONE);
    }
}
