//! Names of containers, from a real Podman.

use std::time::Duration;

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    containerd::Containerd,
    podman::Podman,
    require::Machine,
};
use serde_json::{Value, json};

use crate::{EVERYTHING, SOON, machine, start_agent};

const IMAGE: &str = "localhost/shop/cart:1.4";
const WALLET: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
/// A late name is told in an update, which may wait for the budget of the incident.
const UPDATE: Duration = Duration::from_secs(90);

/// A Podman of the test's own. The last fields are dropped last.
struct Stage {
    podman: Podman,
    scratch: Scratch,
    _machine: Machine,
}

impl Stage {
    /// Returns `None`, with a note, if this machine cannot run the test.
    fn start(test: &str) -> Option<Self> {
        let machine = machine(test)?;
        let scratch = Scratch::new();
        let podman = Podman::start(test, &scratch, IMAGE)?;
        Some(Self { podman, scratch, _machine: machine })
    }

    /// Starts an agent that asks only this Podman.
    fn start_agent(&self) -> Agent {
        let socket = &self.podman.socket;
        let own = format!("[containers]\ndocker_sockets = [\"{socket}\"]\ncri_sockets = []\n");
        start_agent(&self.scratch, &format!("{EVERYTHING}{own}"))
    }

    /// Runs a container with the command line of a miner. It ends at once, because busybox has no such command.
    fn mine(&self, options: &[&str]) {
        let command = ["/bin/busybox", "xmrig", "-o", "stratum+tcp://pool.example:3333", "-u", WALLET];
        let _ = self.podman.container(&[options, &[IMAGE], &command, &["--donate-level", "1"]].concat());
    }
}

fn is_of(name: &str) -> impl Fn(&Value) -> bool {
    let name = json!(name);
    move |object| *at(object, "container.name") == name
}

#[test]
fn events_from_a_container_of_podman_have_its_name_and_image() {
    let Some(stage) = Stage::start("events_from_a_container_of_podman_have_its_name_and_image") else {
        return;
    };
    let agent = stage.start_agent();
    let ran = stage.podman.container(&[
        "--rm",
        "--name",
        "mw-cart",
        "--label",
        "team=shop",
        "--label",
        "api.token=s3cr3t-value",
        IMAGE,
        "/bin/busybox",
        "sh",
        "-c",
        "/bin/busybox sleep 2; /bin/busybox touch /tmp/x",
    ]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let event = agent.wait_for("event with the name", SOON, |object| {
        at(object, "event.action") == "exec" && is_of("mw-cart")(object)
    });
    assert_eq!(at(&event, "container.image.name"), "localhost/shop/cart", "{event:#}");
    assert_eq!(*at(&event, "container.image.tag"), json!(["1.4"]));
    assert_eq!(at(&event, "container.runtime"), "podman");
    assert_eq!(event["container"]["labels"]["team"], "shop");
    let digests = event["container"]["image"]["hash"]["all"].as_array().expect("digests");
    assert!(
        digests.iter().all(|own| own.as_str().is_some_and(|own| own.starts_with("sha256:"))),
        "{digests:?}"
    );
    let objects = agent.stop();
    assert!(
        !objects.iter().any(|object| object.to_string().contains("s3cr3t")),
        "secrets in labels are removed"
    );
}

/// The container has ended long before anybody could look at it, and Podman still knows it.
#[test]
fn an_alert_about_a_container_that_ended_at_once_gets_its_name() {
    let Some(stage) = Stage::start("an_alert_about_a_container_that_ended_at_once_gets_its_name") else {
        return;
    };
    let agent = stage.start_agent();
    stage.mine(&["--name", "mw-short"]);
    let alert = agent.wait_for("alert with the name", UPDATE, |object| {
        at(object, "event.kind") == "alert" && is_of("mw-short")(object)
    });
    let message = at(&alert, "message").as_str().expect("a text");
    assert!(message.contains("in container mw-short (image localhost/shop/cart:1.4)"), "{message}");
    agent.stop();
}

/// Nobody waits for an answer that does not come.
#[test]
fn a_dead_socket_delays_no_alert() {
    let Some(stage) = Stage::start("a_dead_socket_delays_no_alert") else { return };
    // It accepts connections and never answers.
    let dead = stage.scratch.join("dead.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&dead).expect("the path is free");
    let agent = start_agent(
        &stage.scratch,
        &format!("{EVERYTHING}[containers]\ndocker_sockets = [\"{dead}\"]\ncri_sockets = [\"{dead}\"]\n"),
    );
    stage.mine(&["--rm"]);
    let alert = agent.wait_for("alert", SOON, |object| {
        at(object, "event.kind") == "alert" && at(object, "container.runtime") == "podman"
    });
    assert!(alert["container"]["name"].is_null(), "{alert:#}");
    agent.stop();
}

#[test]
fn a_pod_of_containerd_is_named() {
    let test = "a_pod_of_containerd_is_named";
    let Some(_machine) = machine(test) else { return };
    let scratch = Scratch::new();
    let Some(containerd) = Containerd::start(test, &scratch, IMAGE) else { return };
    let socket = &containerd.socket;
    let settings =
        format!("[containers]\ndocker_sockets = []\ncri_sockets = [\"{socket}\"]\ncluster = \"test\"\n");
    let agent = start_agent(&scratch, &format!("{EVERYTHING}{settings}"));
    let command = [
        "/bin/busybox",
        "sh",
        "-c",
        "/bin/busybox sleep 2; /bin/busybox touch /tmp/x; /bin/busybox sleep 100",
    ];
    let pod = containerd.pod(
        "/kubepods/burstable/pod1d2e3f40-5a6b-7c8d-9e0f-112233445566",
        "shop",
        "cart-7d9",
        "cart",
        IMAGE,
        &command,
    );
    let event = agent.wait_for("event with the name", SOON, |object| {
        at(object, "event.action") == "exec" && is_of("cart")(object)
    });
    assert_eq!(at(&event, "container.id"), pod.container.as_str(), "{event:#}");
    assert_eq!(at(&event, "container.image.name"), "localhost/shop/cart");
    assert_eq!(*at(&event, "container.image.tag"), json!(["1.4"]));
    assert_eq!(at(&event, "orchestrator.namespace"), "shop");
    assert_eq!(at(&event, "orchestrator.resource.name"), "cart-7d9");
    assert_eq!(at(&event, "orchestrator.resource.id"), "1d2e3f40-5a6b-7c8d-9e0f-112233445566");
    assert_eq!(at(&event, "orchestrator.cluster.name"), "test");
    let labels = event["orchestrator"]["resource"]["label"].as_array().expect("labels");
    assert!(labels.contains(&json!("app:cart")), "{labels:?}");
    drop(pod);
    agent.stop();
}
