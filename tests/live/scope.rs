//! The agent watches the whole host, whatever namespaces it is in, or says that it cannot.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::Command,
    thread,
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    executable, unique,
};

use crate::{SOON, configuration, machine, refusals::WALLET};

/// Joins the cgroup `$CGROUP` of the hierarchy `$ROOT`, and mounts the hierarchy as seen from there.
const IN_A_CGROUP_NAMESPACE: &str = r#"
mkdir "$ROOT/$CGROUP" && echo $$ > "$ROOT/$CGROUP/cgroup.procs"
exec unshare --cgroup --mount sh -c 'mount -t cgroup2 none /sys/fs/cgroup && exec "$0" "$@"' "$0" "$@"
"#;

/// Hides the hierarchy, as on a host that mounts only those of version 1.
const WITHOUT_A_MOUNT: &str = r#"
exec unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$0" "$@"' "$0" "$@"
"#;

const CLIENT: &str = r#"
import socket, sys
pool = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
pool.sendall(b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"' + sys.argv[2].encode() + b'","pass":"x"}}\n')
pool.recv(100)
"#;

/// Root of the unified hierarchy.
fn root() -> &'static str {
    let candidates = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let is_root = |path: &&&str| Path::new(path).join("cgroup.controllers").exists();
    candidates.iter().find(is_root).expect("a unified hierarchy")
}

#[test]
fn a_miner_outside_the_agents_cgroup_is_found() {
    let Some(_machine) = machine("a_miner_outside_the_agents_cgroup_is_found") else { return };
    for script in [IN_A_CGROUP_NAMESPACE, WITHOUT_A_MOUNT] {
        let scratch = Scratch::new();
        let cgroup = unique("mw-scope");
        let mut command = Command::new("sh");
        command.env("ROOT", root()).env("CGROUP", &cgroup).args(["-ec", script]);
        command.arg(executable("minerwatch")).args(["run", "--config", &configuration(&scratch, "")]);
        let agent = Agent::start_command(command);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port().to_string();
        let pool = thread::spawn(move || {
            let (mut miner, _) = listener.accept().expect("a client");
            let _ = miner.read(&mut [0; 512]);
            let _ = miner.write_all(b"{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"status\":\"OK\"}}\n");
        });
        let mut miner =
            Command::new("python3").args(["-c", CLIENT, &port, WALLET]).spawn().expect("python starts");
        miner.wait().expect("our child");
        pool.join().expect("the pool ends");
        agent.wait_for("verdict", SOON, |object| {
            at(object, "process.pid") == miner.id() && at(object, "minerwatch.verdict") == "mining"
        });
        agent.stop();
        let _ = fs::remove_dir(Path::new(root()).join(cgroup));
    }
}

#[test]
fn an_agent_in_a_pid_namespace_says_so() {
    let Some(_machine) = machine("an_agent_in_a_pid_namespace_says_so") else { return };
    let scratch = Scratch::new();
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc"])
        .arg(executable("minerwatch"))
        .args(["run", "--config", &configuration(&scratch, "")])
        .output()
        .expect("unshare starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("hostPID: true"), "{message}");
}
