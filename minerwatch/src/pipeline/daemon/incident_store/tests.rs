//! Tests of the state file of incidents.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::{
    ecs::EncoderSettings,
    engine::EngineSettings,
    model::{Alert, BootTime, Effect, HostContext, Wanted},
    pipeline::stages::{OutputSink, Pipeline, PipelineSettings},
    probe::NoProbes,
    testing::Host,
};

const CLOCK: WallClock = WallClock { boot: 1_800_000_000_000_000_000 };
const BOOT: &str = "6b0c1e5e-1f1c-4f0e-9d59-7d3a3a7c7a11";

/// Encodes and writes.
fn save(store: &mut IncidentStore, engine: &mut Engine) {
    store.encode(engine, CLOCK).write().unwrap();
}

/// Encodes and writes if it is due.
fn save_if_due(store: &mut IncidentStore, engine: &mut Engine, cost: Duration) {
    if let Some(encoded) = store.encode_if_due(engine, CLOCK, cost) {
        encoded.write().unwrap();
    }
}

fn store(directory: &tempfile::TempDir) -> IncidentStore {
    IncidentStore::new(&directory.path().join("state"), Arc::from(BOOT))
}

fn miner() -> Host {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    host.spawn(init, "/tmp/x", &["x", "-o", "10.0.0.5:3333", "-a", "rx/0"]);
    host
}

/// An engine that watched a miner.
fn engine() -> Engine {
    let mut engine = Engine::new(EngineSettings::default());
    let mut effects = Vec::new();
    for event in miner().events() {
        engine.ingest(event, Wanted::No, &mut effects);
    }
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Alert(_))));
    engine
}

fn open(stored: StoredIncidents) -> Option<IncidentState> {
    match stored {
        StoredIncidents::Open(state) => Some(state),
        StoredIncidents::None | StoredIncidents::Ended { .. } => None,
    }
}

#[test]
fn the_incidents_come_back_on_the_same_boot() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    assert!(matches!(store.load(), StoredIncidents::None), "nothing is stored");
    let mut engine = engine();
    save(&mut store, &mut engine);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&store.path), mode(&directory.path().join("state"))), (0o600, 0o700));
    let state = open(store.load()).unwrap();
    assert_eq!(state.len(), 1);
    let mut other = Engine::new(EngineSettings::default());
    other.restore_incidents(state, |_| true, BootTime(0), &mut Vec::new());
    assert_eq!(other.incidents(None)[0].0.incident, engine.incidents(None)[0].0.incident);
}

#[test]
fn the_incidents_of_another_boot_have_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    save(&mut store, &mut engine());
    for boot_id in ["another", ""] {
        let other = IncidentStore::new(&directory.path().join("state"), Arc::from(boot_id));
        let StoredIncidents::Ended { state, boot_id, clock } = other.load() else { panic!("{boot_id}") };
        assert_eq!((state.len(), &*boot_id, clock), (1, BOOT, CLOCK));
    }
}

#[test]
fn an_unusable_file_is_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    save(&mut store, &mut engine());
    let good = fs::read_to_string(&store.path).unwrap();
    let other = good.replace("\"version\":1", "\"version\":2");
    let foreign = good.replace("\"incidents\":[{", "\"incidents\":[{\"foreign\":0},{");
    assert!(good != other && good != foreign);
    let aside = store.path.with_file_name(UNUSABLE);
    let deep = "[".repeat(100_000);
    let half = &good[..good.len() / 2];
    for text in ["", "{", "[]", "null", "\u{0}\u{0}", half, &good[1..], &other, &foreign, &deep] {
        fs::write(&store.path, text).unwrap();
        assert!(matches!(store.load(), StoredIncidents::None));
        assert!(!store.path.exists(), "it is read once only");
        assert_eq!(fs::read_to_string(&aside).unwrap(), text);
    }
    File::create(&store.path).unwrap().set_len(MAX_SIZE as u64 + 1).unwrap();
    assert!(matches!(store.load(), StoredIncidents::None));
    fs::remove_file(&aside).unwrap();
    fs::create_dir(&store.path).unwrap();
    assert!(matches!(store.load(), StoredIncidents::None));
    assert!(aside.is_dir());
    save(&mut store, &mut engine());
    assert!(open(store.load()).is_some(), "later files are fine");
}

#[test]
fn changes_are_written_at_most_once_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    let mut engine = engine();
    save_if_due(&mut store, &mut engine, Duration::ZERO);
    assert!(!store.path.exists(), "not yet");
    store.encoded = Instant::now().checked_sub(INTERVAL).unwrap();
    save_if_due(&mut store, &mut engine, Duration::ZERO);
    assert!(store.path.exists(), "the change is not forgotten");
    fs::remove_file(&store.path).unwrap();
    store.encoded = Instant::now().checked_sub(INTERVAL).unwrap();
    save_if_due(&mut store, &mut engine, Duration::ZERO);
    assert!(!store.path.exists(), "nothing changed");
    engine.tick(BootTime(u64::MAX / 2), &mut Vec::new());
    save_if_due(&mut store, &mut engine, Duration::from_secs(1));
    assert!(!store.path.exists(), "writing takes long");
}

#[test]
fn a_failed_write_is_made_up_for() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let mut store = IncidentStore::new(&directory.path().join("file"), Arc::from(BOOT));
    let mut engine = engine();
    assert!(store.encode(&mut engine, CLOCK).write().is_err());
    store.encoded = Instant::now().checked_sub(INTERVAL).unwrap();
    assert!(store.encode_if_due(&mut engine, CLOCK, Duration::ZERO).is_none(), "nothing changed");
    store.set_unwritten();
    assert!(store.encode_if_due(&mut engine, CLOCK, Duration::ZERO).is_some());
}

/// A sink that stores the incidents when alerts leave, and then starts again from the file, as if the daemon was killed
/// at this moment.
struct Killed {
    store: IncidentStore,
    waiting: Vec<Alert>,
    alerts: usize,
}

impl OutputSink for Killed {
    fn alert(&mut self, _line: &[u8], alert: &Alert) -> io::Result<()> {
        self.waiting.push(alert.clone());
        Ok(())
    }

    fn send_alerts(&mut self, engine: &mut Engine) {
        let Some(latest) = self.waiting.pop() else { return };
        save(&mut self.store, engine);
        let state = open(self.store.load()).expect("the state is written before the alert leaves");
        let mut engine = Engine::new(EngineSettings::default());
        let mut effects = Vec::new();
        engine.restore_incidents(state, |_| true, latest.time, &mut effects);
        for event in miner().events() {
            engine.ingest(event, Wanted::No, &mut effects);
        }
        engine.reconcile_incidents(latest.time, &mut effects);
        for effect in effects {
            if let Effect::Alert(again) = effect {
                assert_eq!((again.incident, again.number), (latest.incident, latest.number + 1));
            }
        }
        self.alerts += 1 + self.waiting.len();
        self.waiting.clear();
    }
}

#[test]
fn a_kill_while_an_alert_leaves_opens_no_incident_twice() {
    let directory = tempfile::tempdir().unwrap();
    let host = HostContext { name: Arc::from("host"), id: None, boot_id: Arc::from(BOOT), clock: CLOCK };
    let settings =
        PipelineSettings { engine: EngineSettings::default(), encoder: EncoderSettings::new(host) };
    let mut pipeline = Pipeline::new(settings, NoProbes);
    let mut sink = Killed { store: store(&directory), waiting: Vec::new(), alerts: 0 };
    for event in miner().events() {
        pipeline.process(&mut event.clone(), &mut sink).unwrap();
        pipeline.flush(&mut sink).unwrap();
    }
    assert!(sink.alerts > 0);
}

/// The alert about the end of an incident has the times and the id of the boot that the incident belongs to.
#[test]
fn the_end_of_an_earlier_boots_incident_is_told_in_the_time_of_that_boot() {
    struct Lines(Vec<serde_json::Value>);
    impl OutputSink for Lines {
        fn alert(&mut self, line: &[u8], _alert: &Alert) -> io::Result<()> {
            self.0.push(serde_json::from_slice(line).expect("JSON"));
            Ok(())
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut store = store(&directory);
    save(&mut store, &mut engine());
    let this = WallClock { boot: CLOCK.boot + 7_200_000_000_000 };
    let host = HostContext { name: Arc::from("host"), id: None, boot_id: Arc::from("this"), clock: this };
    let settings =
        PipelineSettings { engine: EngineSettings::default(), encoder: EncoderSettings::new(host) };
    let mut pipeline = Pipeline::new(settings, NoProbes);
    let mut sink = Lines(Vec::new());
    let state = open(store.load()).unwrap();
    let wall = this.boot + 60_000_000_000;
    pipeline.end_incidents(state, Arc::from(BOOT), CLOCK, wall, BootTime(1), &mut sink).unwrap();
    let [line] = sink.0.as_slice() else { panic!("{:?}", sink.0) };
    assert_eq!(line["event"]["action"], "incident-closed");
    assert_eq!(line["minerwatch"]["reason"], "ended");
    assert_eq!(line["host"]["boot"]["id"], BOOT);
    // 2027-01-15T08:00:00Z, plus two hours, plus a minute.
    assert_eq!(line["@timestamp"], "2027-01-15T10:01:00.000000000Z");
}
