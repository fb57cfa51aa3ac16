//! The daily work of administrators raises no alert, whether a person, a timer or cron starts it. There is one file for each
//! kind of work; `imitations` has attacks that look like such work.

mod builds;
mod imitations;
mod installers;
mod loads;
mod management;
mod nodes;
mod profilers;
mod restores;
mod services;
pub(super) mod steps;

use crate::{
    model::{ProcessKey, Verdict},
    testing::{Host, alerts, story, verdict},
};

/// A piece of work below `caller`, a shell. `init` starts services.
type Work = fn(&mut Host, ProcessKey, ProcessKey);

/// Who starts a piece of work.
#[derive(Clone, Copy, Debug)]
enum Starter {
    /// A person who is logged in over SSH, with sudo.
    Person,
    /// A service of systemd, as a timer starts it.
    Timer,
    Cron,
}

const STARTERS: [Starter; 3] = [Starter::Person, Starter::Timer, Starter::Cron];

/// Runs a piece of work. Returns the host.
fn host_after(starter: Starter, work: Work) -> Host {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let caller = match starter {
        Starter::Person => {
            let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd: ops [priv]"]);
            let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
            let sudo = host.spawn(login, "/usr/bin/sudo", &["sudo", "-i"]);
            host.spawn(sudo, "/usr/bin/bash", &["-bash"])
        }
        Starter::Timer => host.spawn_script(init, "/usr/bin/bash", "/usr/local/sbin/job.sh"),
        Starter::Cron => {
            let cron = host.spawn(init, "/usr/sbin/cron", &["cron", "-f"]);
            host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/usr/local/sbin/job.sh"])
        }
    };
    work(&mut host, init, caller);
    host
}

#[test]
fn the_work_of_administrators_raises_no_alert() {
    let by_all = [
        &builds::WORK[..],
        &installers::WORK,
        &loads::WORK,
        &management::WORK,
        &nodes::WORK,
        &profilers::WORK,
        &restores::WORK,
        &services::WORK,
    ];
    let by_person_or_timer = [&installers::PRIVATE[..]];
    let by_person = [&profilers::BY_HAND[..]];
    let mut wrong = Vec::new();
    for (works, starters) in
        [(&by_all[..], &STARTERS[..]), (&by_person_or_timer, &STARTERS[..2]), (&by_person, &STARTERS[..1])]
    {
        for (name, work) in works.iter().copied().flatten() {
            for starter in starters {
                let host = host_after(*starter, *work);
                if verdict(&host) > Some(Verdict::Noted) {
                    wrong.push(format!("{name} ({starter:?}): {}", story(&alerts(&host))));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
