//! Names of containers: when they are asked for, and what a late answer changes.

use std::sync::Arc;

use crate::{
    engine::{Engine, EngineSettings},
    except::ExceptionSet,
    model::{
        Alert, AlertAction, AlertReason, ContainerDescription, ContainerDetails, ControlRegister, Effect,
        Event, EventBody, ProcessKey, Request, Rounding, RoundingCounts, Verdict, WallClock, Wanted,
    },
    testing::{Host, feed, pass_time, samples, seconds},
};

const ID: &str = "4f1d0c9a8b7e6d5c4b3a29181706f5e4d3c2b1a0998877665544332211000001";
const OTHER: &str = "4f1d0c9a8b7e6d5c4b3a29181706f5e4d3c2b1a0998877665544332211000002";

fn engine() -> Engine {
    Engine::new(EngineSettings { processors: 2, ..EngineSettings::default() })
}

/// Returns a host with a process in each of the containers.
fn host(ids: &[&str]) -> (Host, Vec<ProcessKey>) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let shim = host.spawn(init, "/usr/bin/containerd-shim-runc-v2", &["containerd-shim-runc-v2"]);
    let enter = |id: &&str| {
        let process = host.fork(shim);
        host.enter(process, id);
        host.exec(process, shim, "/app/server", "/app/server", &["/app/server"]);
        process
    };
    let processes = ids.iter().map(enter).collect();
    (host, processes)
}

/// Lets a process do the arithmetic of RandomX.
fn mine(host: &mut Host, process: ProcessKey) {
    let plain = RoundingCounts::default();
    for (pause, samples) in [(0, 1), (1, 500)] {
        host.wait(seconds(pause));
        let flushing = RoundingCounts { nearest: samples, down: samples, up: samples, zero: samples };
        host.sample_rounding(process, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
    }
}

/// Lets a process use the CPU under the command line of a miner. It is suspected, and no signal is conclusive.
fn burn(host: &mut Host, process: ProcessKey) {
    host.create(process, "/app/train", 0o755);
    host.exec(
        process,
        process,
        "/app/train",
        "/app/train",
        &["xmrig", "-o", "pool.example:3333", "--donate-level", "1"],
    );
    host.connect(process, "192.0.2.7:3333");
    host.burn(process, 1.9, 400);
}

fn answer(id: &str, details: Arc<ContainerDetails>) -> EventBody {
    EventBody::ContainerDescription(Box::new(ContainerDescription { id: id.into(), details }))
}

fn run(engine: &mut Engine, events: &[Event]) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for event in events {
        feed(engine, event, &mut alerts);
    }
    alerts
}

fn name_of(alert: &Alert) -> Option<&str> {
    alert.container.as_deref()?.details.as_deref()?.name.as_deref()
}

#[test]
fn each_container_is_asked_about_at_its_first_process() {
    let (mut host, processes) = host(&[ID, OTHER, ID]);
    host.spawn(processes[0], "/bin/ls", &["ls"]);
    let (mut engine, mut asked) = (engine(), Vec::new());
    for event in host.events() {
        let mut effects = Vec::new();
        engine.ingest(event, Wanted::No, &mut effects);
        for effect in effects {
            if let Effect::Request(Request::DescribeContainer(subject)) = effect {
                asked.push(subject.container.expect("a container").id.clone().expect("an id"));
            }
        }
    }
    assert_eq!(asked, [Arc::from(ID), Arc::from(OTHER)]);
    assert_eq!(engine.counters().containers, 2);
}

#[test]
fn a_name_that_is_known_is_in_the_first_alert() {
    let (mut host, processes) = host(&[ID]);
    host.happen(processes[0], answer(ID, samples::container_details()));
    let child = host.spawn(processes[0], "/app/worker", &["worker"]);
    mine(&mut host, child);
    let alerts = run(&mut engine(), host.events());
    let first = alerts.first().expect("an alert");
    assert_eq!((first.action, name_of(first)), (AlertAction::IncidentOpened, Some("cart")));
    let place = "in pod shop/cart-7d9 (image registry.example/shop/cart:1.4)";
    assert!(first.message.contains(place), "{}", first.message);
}

#[test]
fn a_late_name_is_told_in_an_update() {
    let (mut host, processes) = host(&[ID]);
    mine(&mut host, processes[0]);
    let mut engine = engine();
    let alerts = run(&mut engine, host.events());
    assert_eq!(alerts.len(), 1);
    assert!(name_of(&alerts[0]).is_none() && !alerts[0].message.contains(" in "), "{}", alerts[0].message);
    let before = host.events().len();
    host.happen(processes[0], answer(ID, samples::container_details()));
    let mut later = run(&mut engine, &host.events()[before..]);
    for second in 1..=61 {
        pass_time(&mut engine, host.now().plus(seconds(second)), &mut later);
    }
    assert_eq!(later.len(), 1, "one update");
    let expected = (AlertAction::IncidentUpdated, AlertReason::NewEvidence, Some("cart"));
    assert_eq!((later[0].action, later[0].reason, name_of(&later[0])), expected);
    let (state, _) = engine.incidents(None).remove(0);
    assert_eq!(name_of(&state), Some("cart"));
}

#[test]
fn an_answer_that_says_nothing_is_no_news() {
    let (mut host, processes) = host(&[ID]);
    mine(&mut host, processes[0]);
    host.happen(processes[0], answer(ID, Arc::default()));
    host.happen(processes[0], answer(OTHER, samples::container_details()));
    let mut engine = engine();
    let mut alerts = run(&mut engine, host.events());
    for second in 1..=120 {
        pass_time(&mut engine, host.now().plus(seconds(second)), &mut alerts);
    }
    assert_eq!(alerts.len(), 1);
    assert_eq!(name_of(&engine.incidents(None)[0].0), None);
}

#[test]
fn a_name_stays_after_a_restart() {
    let (mut host, processes) = host(&[ID]);
    host.happen(processes[0], answer(ID, samples::container_details()));
    mine(&mut host, processes[0]);
    let mut before = engine();
    run(&mut before, host.events());
    let mut json = Vec::new();
    before.encode_incidents(1 << 20, &mut json);
    let mut after = engine();
    let state = serde_json::from_slice(&json).expect("the state");
    after.restore_incidents(state, |_| true, host.now(), &mut Vec::new());
    assert_eq!(name_of(&after.incidents(None)[0].0), Some("cart"));
}

fn with_exception(text: &str) -> Engine {
    let exception = toml::from_str(&format!("id = 'e0'\nreason = 'test'\n{text}")).expect("an exception");
    let settings =
        EngineSettings { processors: 2, min_verdict: Verdict::Suspected, ..EngineSettings::default() };
    let mut engine = Engine::new(settings);
    engine.set_exceptions(Arc::new(ExceptionSet::new(vec![exception])), WallClock { boot: 0 });
    engine
}

/// An exception that names an image must not page because the runtime is slow.
#[test]
fn an_alert_waits_for_a_name_that_an_exception_depends_on() {
    let (mut host, processes) = host(&[ID]);
    burn(&mut host, processes[0]);
    let suspect = host.now();
    assert!(
        !run(&mut with_exception("user = 'nobody'"), host.events()).is_empty(),
        "it is alerted otherwise"
    );
    let image = "image = 'registry.example/shop/cart:*'";
    let outcome = |details: Option<Arc<ContainerDetails>>| {
        let (mut host, mut engine) = (self::host(&[ID]), with_exception(image));
        burn(&mut host.0, host.1[0]);
        // The last event is the one that suspects; the answer comes right after the first.
        let mut alerts = Vec::new();
        for (index, event) in host.0.events().iter().enumerate() {
            feed(&mut engine, event, &mut alerts);
            if let (8, Some(details)) = (index, &details) {
                feed(
                    &mut engine,
                    &Event { body: answer(ID, Arc::clone(details)), ..event.clone() },
                    &mut alerts,
                );
            }
        }
        for second in 1..=10 {
            pass_time(&mut engine, suspect.plus(seconds(second)), &mut alerts);
        }
        alerts.len()
    };
    assert_eq!(outcome(Some(samples::container_details())), 0, "the image is the one of the exception");
    assert!(outcome(Some(Arc::default())) > 0, "nobody knows the image");
    assert!(outcome(None) > 0, "nobody answered in time");
}

#[test]
fn an_exception_by_name_hides_nothing_conclusive() {
    let (mut host, processes) = host(&[ID]);
    host.happen(processes[0], answer(ID, samples::container_details()));
    mine(&mut host, processes[0]);
    for text in ["container = 'cart'", "namespace = 'shop'", "label = ['app=cart']"] {
        let alerts = run(&mut with_exception(text), host.events());
        assert_eq!(alerts.first().map(|alert| alert.verdict), Some(Verdict::Mining), "{text}");
        let named = format!("{text}\nsignal = ['C1']");
        assert_eq!(run(&mut with_exception(&named), host.events()), [], "{named}");
    }
}
