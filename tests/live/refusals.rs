//! Exit codes and messages when the kernel lacks a feature or the process lacks privileges.

use std::process::{Command, Output};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    executable,
};

use crate::{EVERYTHING, SOON, configuration, machine};

/// A text in the form of a wallet address, to which a pool pays.
pub const WALLET: &str =
    "4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hides the cgroup hierarchy, and the host's cgroup namespace from a process that is in another one.
const WITHOUT_CGROUPS: &str =
    "for place in /sys/fs/cgroup /proc/1/ns /proc/2/ns; do mount -t tmpfs none $place; done";

/// Runs the agent in new mount and cgroup namespaces, which the script `preparation` sets up, and waits for its end.
fn in_prepared_mounts(preparation: &str, arguments: &str) -> Output {
    let minerwatch = executable("minerwatch");
    let script = format!("{preparation}\nexec {} {arguments}", minerwatch.display());
    Command::new("unshare")
        .args(["--mount", "--cgroup", "sh", "-ec", &script])
        .output()
        .expect("unshare starts")
}

#[test]
fn without_root_the_error_names_the_capabilities() {
    let Some(_machine) = machine("without_root_the_error_names_the_capabilities") else { return };
    let minerwatch = executable("minerwatch");
    // The unprivileged user may not enter root's directories, so the test copies the executable.
    let reachable = Scratch::new();
    let copy = reachable.join("minerwatch");
    std::fs::copy(minerwatch, &copy).expect("it can be copied");
    for arguments in [&["run"][..], &["tail", "--socket", "/nonexistent/socket"], &["scan"], &["doctor"]] {
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", &copy])
            .args(arguments)
            .output()
            .expect("setpriv starts");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains("CAP_BPF") && said.contains("root"), "{arguments:?}: {said}");
    }
}

#[test]
fn without_btf_the_error_names_the_kernel_option() {
    let Some(_machine) = machine("without_btf_the_error_names_the_kernel_option") else { return };
    let output = in_prepared_mounts("mount -t tmpfs none /sys/kernel/btf", "run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("CONFIG_DEBUG_INFO_BTF"), "{said}");
    assert!(output.stdout.is_empty(), "standard output is data");
}

#[test]
fn the_other_hooks_work_when_one_does_not_load() {
    let Some(_machine) = machine("the_other_hooks_work_when_one_does_not_load") else { return };
    let scratch = Scratch::new();
    let configuration = configuration(&scratch, EVERYTHING);
    // Without a cgroup hierarchy, the UDP hooks cannot be attached.
    let script = format!(
        "{WITHOUT_CGROUPS}\nexec {} run --config {configuration}",
        executable("minerwatch").display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--cgroup", "sh", "-ec", &script]);
    let agent = Agent::start_command(command);
    assert!(agent.says("unavailable: udp", SOON), "{:?}", agent.messages());
    minerwatch_tests::command::run("true", &["seen-all-the-same"]);
    agent.wait_for("exec", SOON, |object| at(object, "process.command_line") == "true seen-all-the-same");
    let miners = ["-o", "stratum+tcp://pool.example:3333", "-u", WALLET];
    minerwatch_tests::command::run("true", &miners);
    let alert = agent.wait_for("alert", SOON, |object| at(object, "event.kind") == "alert");
    let blind = at(&alert, "minerwatch.blind").as_array().expect("a list");
    assert!(blind.iter().any(|purpose| purpose == "udp"), "an alert says what was not seen: {alert:#}");
    let doctor = in_prepared_mounts(WITHOUT_CGROUPS, "doctor");
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(
        said.contains("UNAVAILABLE  udp ") && said.contains("in a cgroup namespace of its own"),
        "{said}"
    );
    assert_eq!(doctor.status.code(), Some(0));
    agent.stop();
}
