//! Events and alerts from a container name the container.

use minerwatch_tests::{Scratch, agent::at, container::Container, executable, namespace::Pair};
use serde_json::Value;

use crate::{EVERYTHING, SOON, machine, start_agent};

const POD: &str = "1d2e3f40-5a6b-7c8d-9e0f-112233445566";
const ID: &str = "3f29c1f9dba0a6f0a3c8a1f1f5a9d3a8b7c6e5d4f3a2b1c0d9e8f7a6b5c4d3e2";

#[test]
fn an_intrusion_in_a_pod_is_reported_with_container_and_pod() {
    let Some(_machine) = machine("an_intrusion_in_a_pod_is_reported_with_container_and_pod") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(41);
    let _pool = pair.server.serve(9000, "python3", &[
        "-c",
        "import socket\ns=socket.create_server(('0.0.0.0',9000))\nwhile True:\n c,_=s.accept(); c.recv(1); c.close()",
    ]);
    let agent = start_agent(&scratch, EVERYTHING);
    let script = format!(
        "cp /shown/simulator /tmp/.sync && /tmp/.sync infect {}:9000 /etc/cron.d/sync",
        pair.server.address
    );
    let shown = executable("simulator").parent().expect("a directory").to_string_lossy().into_owned();
    let cgroup = format!("/kubepods/burstable/pod{POD}/{ID}");
    let mut container = Container::start(&scratch, &cgroup, &pair.victim, &shown, &["sh", "-c", &script]);

    let is_of_the_container = |object: &Value| at(object, "container.id") == ID;
    let exec = agent.wait_for("exec in the container", SOON, |object| {
        at(object, "event.action") == "exec" && at(object, "process.executable") == "/tmp/.sync"
    });
    assert!(is_of_the_container(&exec), "{exec:#}");
    assert_eq!(at(&exec, "orchestrator.resource.id"), POD);
    assert_eq!(at(&exec, "minerwatch.cgroup"), cgroup.as_str());
    let alert = agent.wait_for("alert", SOON, |object| {
        at(object, "event.kind") == "alert" && at(object, "minerwatch.verdict") == "suspected"
    });
    assert!(is_of_the_container(&alert), "{alert:#}");
    assert_eq!(at(&alert, "orchestrator.resource.id"), POD);
    assert!(container.wait(), "what runs in the container ends well");
    drop(container);

    // The other events of the container, up to the exit of its shell.
    let objects = agent.stop();
    for action in ["connect", "file-create", "exit"] {
        let told = |object: &Value| at(object, "event.action") == action && is_of_the_container(object);
        assert!(objects.iter().any(told), "{action}");
    }
    let host = |object: &&Value| at(object, "event.action") == "exec" && at(object, "process.name") == "runc";
    assert!(
        objects.iter().filter(host).all(|object| !is_of_the_container(object)),
        "runc itself is not in it"
    );
}
