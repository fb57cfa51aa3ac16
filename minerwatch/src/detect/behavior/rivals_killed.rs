//! B8R: one script kills many different programs by name or by port.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{BootTime, EventType, ProcessKey, SignalClass, Threshold},
    process::{Command, base_name},
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
    description: "One script killed five or more different programs by name or by port within ten seconds. The full form names miners or their ports among them.",
    catches: "A miner that wants the processors for itself.",
    techniques: &["T1489", "T1057"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[RIVALS_KILLED],
    wants: &[EventType::Exec],
    evictions: Some("killers_evicted"),
    create: |_| Box::new(RivalsKilled { scripts: BoundedMap::new(SCRIPTS) }),
};

/// What one script killed recently.
#[derive(Debug, Default)]
struct Kills {
    /// When the current window began.
    since: BootTime,
    /// Targets of pkill, killall and fuser.
    targets: FxHashSet<String>,
    /// Patterns of grep. They count once for each xargs that kills.
    patterns: FxHashSet<String>,
    /// Number of xargs that kill.
    piped: usize,
    /// Whether a target is a miner's name or port.
    names_miner: bool,
    reported: bool,
}

impl Kills {
    fn count(&self) -> usize {
        self.targets.len() + self.piped.min(self.patterns.len())
    }
}

#[derive(Debug)]
struct RivalsKilled {
    scripts: BoundedMap<ProcessKey, Kills>,
}

impl Detector for RivalsKilled {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let Some(deed) = context.command.as_ref().and_then(Deed::of) else { return };
        // What a person types is not one tree.
        let script = context.table.responsible_for(context.process);
        let kills = self.scripts.entry(&script, Kills::default);
        if context.at().since(kills.since) > WINDOW {
            *kills = Kills { since: context.at(), ..Kills::default() };
        }
        let (set, words) = match deed {
            Deed::Kills(words) => (&mut kills.targets, words),
            Deed::Searches(words) => (&mut kills.patterns, words),
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
        let count = kills.count();
        if count < TARGETS || kills.reported {
            return;
        }
        kills.reported = true;
        let detail =
            format!("'{}' and its relatives killed {count} different programs", context.process.view.name);
        let info = if kills.names_miner {
            RIVALS_KILLED
        } else {
            SignalInfo { kind: SignalKind::Step, ..RIVALS_KILLED }
        };
        let finding =
            Finding::new(info, context, detail).measured("killed", count, Threshold::at_least(TARGETS));
        findings.push(if kills.names_miner { finding.full() } else { finding });
    }

    fn evicted(&self) -> u64 {
        self.scripts.evicted()
    }
}

/// What a command does about other programs.
#[derive(Debug)]
enum Deed<'a> {
    /// Kills programs by these names, patterns or ports.
    Kills(Vec<&'a str>),
    /// Searches a list for these patterns.
    Searches(Vec<&'a str>),
    /// Kills what was found.
    KillsFound,
}

impl<'a> Deed<'a> {
    fn of(command: &Command<'a>) -> Option<Self> {
        if command.is(&["pkill", "killall"]) {
            // Signal 0 only asks whether a process exists.
            let only_asks = command.has("-0") || command.has("--list-name");
            let words: Vec<&str> = command.operands().filter(|word| word.len() > 2).collect();
            return (!only_asks && !words.is_empty()).then_some(Self::Kills(words));
        }
        if command.is(&["fuser"]) {
            let kills = command.arguments().any(|flags| {
                flags == "--kill"
                    || (flags.starts_with('-') && !flags.starts_with("--") && flags.contains('k'))
            });
            return kills.then(|| Self::Kills(command.operands().collect()));
        }
        if command.is(&["xargs"]) {
            let kills = command.arguments().any(|argument| base_name(argument) == "kill");
            return kills.then_some(Self::KillsFound);
        }
        if command.is(&["grep", "egrep", "fgrep"]) {
            let inverts = command.arguments().any(|flags| {
                flags == "--invert-match"
                    || (flags.starts_with('-') && !flags.starts_with("--") && flags.contains('v'))
            });
            let pattern = command.operands().next().filter(|pattern| pattern.len() > 2);
            return pattern.filter(|_| !inverts).map(|pattern| Self::Searches(vec![pattern]));
        }
        None
    }
}

/// Whether a target is the name of a miner or of a known rival, or the port of pools.
fn names_rival(target: &str) -> bool {
    const NAMES: [&str; 30] = [
        "xmrig",
        "xmr-stak",
        "xmrstak",
        "minerd",
        "minergate",
        "cpuminer",
        "ccminer",
        "kinsing",
        "kdevtmpfsi",
        "stratum",
        "cryptonight",
        "monero",
        "moneroocean",
        "nanopool",
        "supportxmr",
        "c3pool",
        "hashvault",
        "2miners",
        "sysupdate",
        "networkservice",
        "sysguard",
        "watchbog",
        "kthrotlds",
        "ddgs",
        "qw3xt",
        "t-rex",
        "nbminer",
        "teamredminer",
        "xmrigdaemon",
        "donate-level",
    ];
    const PORTS: [&str; 8] = ["3333", "4444", "5555", "7777", "14444", "14433", "45700", "13531"];
    let target = target.to_ascii_lowercase();
    let port = target.trim_start_matches(':').trim_end_matches("/tcp");
    NAMES.iter().any(|name| target.contains(name)) || PORTS.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn who_kills_one_or_only_looks_is_quiet() {
        let one: Vec<&[&str]> = vec![&["killall", "-9", "nginx"]; 9];
        assert_eq!(script(&one, Duration::ZERO), NONE);
        let looks: Vec<&[&str]> = ["a11", "b22", "c33", "d44", "e55", "f66"]
            .iter()
            .map(|pattern| -> &[&str] { Box::leak(Box::new(["grep", *pattern])) })
            .collect();
        assert_eq!(script(&looks, Duration::ZERO), NONE);
        let asks: Vec<&[&str]> = ["a11", "b22", "c33", "d44", "e55", "f66"]
            .iter()
            .map(|name| -> &[&str] { Box::leak(Box::new(["pkill", "-0", *name])) })
            .collect();
        assert_eq!(script(&asks, Duration::ZERO), NONE);
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
