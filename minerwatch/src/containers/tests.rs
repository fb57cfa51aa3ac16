//! Names from doubles of runtimes that answer well, slowly, not at all, wrongly or too much.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use super::{
    doubles::{self, Cri, Double},
    *,
};
use crate::{
    model::{BootTime, Container, ContainerRuntime, ProcessKey},
    testing::samples,
};

/// Longest time that a test waits for an answer. Nothing depends on it being short.
const LONG: Duration = Duration::from_secs(60);

fn id(number: usize) -> String {
    format!("{number:064x}")
}

fn subject(id: &str, runtime: ContainerRuntime) -> Subject {
    let container = Container {
        id: Some(id.into()),
        runtime: Some(runtime),
        outer: None,
        details: None,
        ..Container::clone(&samples::container())
    };
    Subject {
        key: ProcessKey::from_ticks(7, 7),
        tid: 7,
        uid: 0,
        gid: 0,
        cgroup: 7,
        container: Some(Arc::new(container)),
    }
}

fn socket(path: &Path, protocol: Protocol) -> RuntimeSocket {
    RuntimeSocket { name: path.to_string_lossy().into(), path: path.to_owned(), protocol }
}

struct Asker {
    names: ContainerNames,
    woken: mpsc::Receiver<()>,
}

impl Asker {
    fn new(sockets: Vec<RuntimeSocket>) -> Self {
        let (wake, woken) = mpsc::channel();
        let settings = ContainerSettings { sockets, redactor: None };
        let names = ContainerNames::start(settings, move || _ = wake.send(())).expect("a thread");
        Self { names, woken }
    }

    /// Asks and waits for the answers.
    fn answers(&self, subjects: &[Subject]) -> BTreeMap<String, ContainerDetails> {
        let asked = subjects.iter().filter(|subject| self.names.ask(subject)).count();
        let mut events = Vec::new();
        while events.len() < asked {
            self.woken.recv_timeout(LONG).expect("an answer");
            self.names.take_answers(BootTime(1), &mut events);
        }
        let described = events.into_iter().map(|event| match event.body {
            EventBody::ContainerDescription(own) => {
                (own.id.to_string(), ContainerDetails::clone(&own.details))
            }
            other => panic!("{other:?}"),
        });
        described.collect()
    }

    fn answer(&self, subject: Subject) -> ContainerDetails {
        self.answers(&[subject]).into_values().next().expect("an answer")
    }
}

const DIGEST: &str = "sha256:5a3cbd4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d";

fn pages(count: usize) -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> = (0..count)
        .map(|number| {
            let json = format!(
                r#"{{"Id":"{}","Name":"/web-{number}","Image":"{DIGEST}","State":{{"Pid":1}},
                "Config":{{"Image":"nginx:1.27","Labels":{{"team":"shop"}},"Env":["A=B"]}}}}"#,
                id(number)
            );
            (format!("/containers/{}/json", id(number)), json)
        })
        .collect();
    let other = DIGEST.replace("5a3c", "5a3d");
    pages.insert(
        format!("/images/{DIGEST}/json"),
        format!(r#"{{"Id":"{DIGEST}","RepoDigests":["nginx@{other}"]}}"#),
    );
    pages
}

fn one_cri() -> Cri {
    let (container, pod) = (id(1), id(2));
    let labels = BTreeMap::from([("io.kubernetes.pod.name".to_owned(), "cart-7d9".to_owned())]);
    Cri {
        containers: BTreeMap::from([(
            container.clone(),
            cri::wire::Container {
                id: container.clone(),
                pod_sandbox_id: pod.clone(),
                metadata: Some(cri::wire::ContainerMetadata { name: "cart".to_owned() }),
                image: Some(cri::wire::ImageSpec { image: DIGEST.to_owned(), ..Default::default() }),
                image_ref: format!("registry.example/shop/cart@{DIGEST}"),
                labels,
            },
        )]),
        statuses: BTreeMap::from([(
            container,
            cri::wire::ContainerStatus {
                image: Some(cri::wire::ImageSpec {
                    image: "registry.example/shop/cart:1.4".to_owned(),
                    ..Default::default()
                }),
                image_ref: format!("registry.example/shop/cart@{DIGEST}"),
                image_id: String::new(),
            },
        )]),
        pods: BTreeMap::from([(
            pod.clone(),
            cri::wire::PodSandbox {
                id: pod,
                metadata: Some(cri::wire::PodSandboxMetadata {
                    name: "cart-7d9".to_owned(),
                    namespace: "shop".to_owned(),
                }),
                labels: BTreeMap::from([("app".to_owned(), "cart".to_owned())]),
            },
        )]),
        padding: 0,
    }
}

#[test]
fn docker_gives_name_image_digests_and_labels() {
    let directory = tempfile::tempdir().expect("a directory");
    let docker = doubles::docker(directory.path(), "docker.sock", pages(1), Duration::ZERO);
    let asker = Asker::new(vec![socket(&docker.path, Protocol::Docker)]);
    let details = asker.answer(subject(&id(0), ContainerRuntime::Docker));
    assert_eq!(details.name.as_deref(), Some("web-0"));
    assert_eq!(details.runtime, Some(ContainerRuntime::Docker));
    let image = details.image.expect("an image");
    assert_eq!(image.reference().as_deref(), Some("nginx:1.27"));
    assert_eq!(image.digests, [Arc::from(DIGEST.replace("5a3c", "5a3d")), Arc::from(DIGEST)]);
    assert_eq!(details.labels.get("team").map(|team| &**team), Some("shop"));
    let counters = asker.names.counters();
    assert_eq!((counters.asked, counters.named, counters.pending), (1, 1, 0));
}

#[test]
fn cri_gives_the_pod_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = doubles::cri(directory.path(), "containerd.sock", one_cri());
    let asker = Asker::new(vec![socket(&runtime.path, Protocol::Cri)]);
    let details = asker.answer(subject(&id(1), ContainerRuntime::Containerd));
    assert_eq!(details.name.as_deref(), Some("cart"));
    let image = details.image.expect("an image");
    assert_eq!(image.reference().as_deref(), Some("registry.example/shop/cart:1.4"));
    assert_eq!(image.digests, [Arc::from(DIGEST)]);
    let pod = details.pod.expect("a pod");
    assert_eq!((&*pod.namespace, &*pod.name), ("shop", "cart-7d9"));
    assert_eq!(pod.labels.get("app").map(|app| &**app), Some("cart"));
    assert_eq!(runtime.connections(), 1, "one connection for all questions");
    // The container that holds the namespaces of the pod.
    let pause = asker.answer(subject(&id(2), ContainerRuntime::Containerd));
    assert_eq!((pause.name, pause.pod.map(|pod| pod.name)), (None, Some("cart-7d9".into())));
}

#[test]
fn a_container_that_ended_between_two_questions_keeps_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let known = Cri { statuses: BTreeMap::new(), pods: BTreeMap::new(), ..one_cri() };
    let runtime = doubles::cri(directory.path(), "containerd.sock", known);
    let asker = Asker::new(vec![socket(&runtime.path, Protocol::Cri)]);
    let details = asker.answer(subject(&id(1), ContainerRuntime::Containerd));
    assert_eq!(details.name.as_deref(), Some("cart"));
    assert_eq!(details.pod.map(|pod| pod.name), Some("cart-7d9".into()));
    let image = details.image.expect("an image");
    assert_eq!((&*image.name, image.digests.len()), ("registry.example/shop/cart", 1));
}

#[test]
fn the_runtime_that_knows_a_container_is_found_among_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let docker = doubles::docker(directory.path(), "docker.sock", pages(1), Duration::ZERO);
    let podman = doubles::docker(directory.path(), "podman.sock", BTreeMap::new(), Duration::ZERO);
    let runtime = doubles::cri(directory.path(), "containerd.sock", one_cri());
    let asker = Asker::new(vec![
        socket(&directory.path().join("none.sock"), Protocol::Docker),
        socket(&docker.path, Protocol::Docker),
        socket(&podman.path, Protocol::Docker),
        socket(&runtime.path, Protocol::Cri),
    ]);
    for of_cgroup in [ContainerRuntime::Unknown, ContainerRuntime::Podman, ContainerRuntime::CriO] {
        assert!(!asker.answer(subject(&id(0), of_cgroup)).is_empty(), "{of_cgroup:?}");
        assert!(!asker.answer(subject(&id(1), of_cgroup)).is_empty(), "{of_cgroup:?}");
    }
}

#[test]
fn the_container_around_is_the_next_best_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let docker = doubles::docker(directory.path(), "docker.sock", pages(1), Duration::ZERO);
    let asker = Asker::new(vec![socket(&docker.path, Protocol::Docker)]);
    let mut inner = subject(&id(77), ContainerRuntime::Containerd);
    let container =
        Container { outer: Some(id(0).into()), ..Container::clone(inner.container.as_deref().expect("set")) };
    inner.container = Some(Arc::new(container));
    assert_eq!(asker.answer(inner).name.as_deref(), Some("web-0"));
}

#[test]
fn the_name_of_an_lxc_container_is_its_id() {
    let asker = Asker::new(Vec::new());
    assert_eq!(asker.answer(subject("web01", ContainerRuntime::Lxc)).name.as_deref(), Some("web01"));
    assert!(asker.answer(subject("../../images/json?x=", ContainerRuntime::Docker)).is_empty());
}

#[test]
fn ten_thousand_containers_are_named_or_refused_and_counted() {
    const COUNT: usize = 10_000;
    let directory = tempfile::tempdir().expect("a directory");
    let docker = doubles::docker(directory.path(), "docker.sock", pages(COUNT), Duration::ZERO);
    let asker = Asker::new(vec![socket(&docker.path, Protocol::Docker)]);
    let subjects: Vec<Subject> =
        (0..COUNT).map(|number| subject(&id(number), ContainerRuntime::Docker)).collect();
    let named = asker.answers(&subjects);
    assert!(named.len() >= worker::MAX_QUESTIONS, "{} were named", named.len());
    for (id, details) in &named {
        let number = usize::from_str_radix(id, 16).expect("a number");
        assert_eq!(details.name.as_deref(), Some(format!("web-{number}").as_str()));
    }
    let counters = asker.names.counters();
    assert_eq!((counters.asked, counters.pending), (COUNT as u64, 0));
    assert_eq!(counters.named + counters.refused, COUNT as u64);
    assert_eq!(counters.named, named.len() as u64);
}

/// Sockets that never give a name. A good one beside them still does.
#[test]
fn a_bad_socket_costs_a_name_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let huge = format!("HTTP/1.0 200 OK\r\n\r\n{{\"Name\":\"{}\"}}", "x".repeat(2 << 20));
    let bad: Vec<(&str, Double)> = vec![
        ("silent", doubles::silent(path, "silent.sock")),
        ("closing", doubles::saying(path, "closing.sock", Vec::new())),
        ("garbage", doubles::saying(path, "garbage.sock", vec![0xff; 5_000])),
        ("wrong JSON", doubles::saying(path, "json.sock", b"HTTP/1.0 200 OK\r\n\r\n[1,2".to_vec())),
        ("another type", doubles::saying(path, "type.sock", b"HTTP/1.0 200 OK\r\n\r\n{\"Name\":7}".to_vec())),
        ("broken", doubles::saying(path, "500.sock", b"HTTP/1.0 500 No\r\n\r\nno".to_vec())),
        ("huge", doubles::saying(path, "huge.sock", huge.into_bytes())),
        ("huge CRI", doubles::cri(path, "huge-cri.sock", Cri { padding: 2 << 20, ..one_cri() })),
    ];
    let good = doubles::docker(path, "docker.sock", pages(100), Duration::ZERO);
    for protocol in [Protocol::Docker, Protocol::Cri] {
        let mut sockets: Vec<RuntimeSocket> =
            bad.iter().map(|(_, bad)| socket(&bad.path, protocol)).collect();
        sockets.push(socket(&good.path, Protocol::Docker));
        let asker = Asker::new(sockets);
        let runtime = match protocol {
            Protocol::Docker => ContainerRuntime::Podman,
            Protocol::Cri => ContainerRuntime::Containerd,
        };
        let subjects: Vec<Subject> = (10..100).map(|number| subject(&id(number), runtime)).collect();
        let answers = asker.answers(&subjects);
        assert!(answers.values().all(|details| details.name.is_some()), "{protocol:?}");
        let counters = asker.names.counters();
        let silent =
            counters.sockets.iter().find(|socket| socket.name.ends_with("silent.sock")).expect("counted");
        assert!(silent.failed >= 1 && silent.skipped >= 1 && silent.answered == 0, "{silent:?}");
    }
    let (_, silent) = bad.first().expect("there is one");
    assert!(silent.connections() < 40, "a socket that does not answer is left alone");
}

#[test]
fn without_a_runtime_the_answer_is_that_nobody_knows() {
    let directory = tempfile::tempdir().expect("a directory");
    let asker = Asker::new(vec![
        socket(&directory.path().join("docker.sock"), Protocol::Docker),
        socket(&directory.path().join("crio.sock"), Protocol::Cri),
    ]);
    let subjects: Vec<Subject> =
        (0..500).map(|number| subject(&id(number), ContainerRuntime::Docker)).collect();
    assert!(asker.answers(&subjects).values().all(ContainerDetails::is_empty));
    let counters = asker.names.counters();
    assert_eq!((counters.unknown, counters.pending), (500, 0));
    assert!(counters.sockets.iter().all(|socket| socket.failed == 0), "that there is none is no failure");
}

#[test]
fn a_slow_runtime_answers_late() {
    let directory = tempfile::tempdir().expect("a directory");
    let docker = doubles::docker(directory.path(), "docker.sock", pages(20), Duration::from_millis(200));
    let asker = Asker::new(vec![socket(&docker.path, Protocol::Docker)]);
    let subjects: Vec<Subject> =
        (0..20).map(|number| subject(&id(number), ContainerRuntime::Docker)).collect();
    assert!(asker.answers(&subjects).values().all(|details| details.name.is_some()));
}

#[test]
fn a_process_outside_of_containers_is_not_asked_about() {
    let asker = Asker::new(Vec::new());
    let mut outside = subject(&id(1), ContainerRuntime::Docker);
    outside.container = None;
    assert!(!asker.names.ask(&outside));
    assert_eq!(no_answer(&outside), None);
    assert_eq!(asker.names.counters().asked, 0);
}

proptest::proptest! {
    #[test]
    fn no_answer_breaks_the_parsers(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        parse_all(&bytes);
    }
}
