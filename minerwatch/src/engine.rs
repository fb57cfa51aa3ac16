//! Events in, effects out. Synchronous, single owner, free of input, output and clocks: time comes with the event and
//! through [`Engine::tick`], so the same recording gives the same alerts anywhere.
//!
//! What the engine wants of the outside it returns as a [`Request`]; the answer comes back as an event. An event whose
//! judgement depends on an answer is parked until then, as one that overtook its fork is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    detect::{
        DetectionContext, DetectorSettings, Detectors, Findings, Knowledge, LoadHistoryState, LoadThresholds,
        network,
    },
    incident::{IncidentLimits, Incidents},
    intel::{self, Indicators},
    model::{
        Alert, BootTime, Effect, Event, EventBody, Evidence, Health, Observation, ProcessKey, Request, Value,
        Verdict,
    },
    process::{ConnectionHistory, Outbound, Parking, ProcessTable, TableLimits},
};

#[cfg(test)]
mod scenarios;
#[cfg(test)]
pub(crate) mod testing;

/// The most events that wait for their process, and the most that wait for an answer.
const MAX_PARKED: usize = 1_024;
/// How long they wait.
const PARK_TIMEOUT: Duration = Duration::from_secs(2);

/// What the engine needs to know of the host and of the user's wishes.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Processors of the host.
    pub processors: u32,
    /// The most processes the table keeps, living and remembered dead ones together.
    pub max_processes: usize,
    /// The most incidents kept open.
    pub max_incidents: usize,
    /// The most dead processes without children that are remembered.
    pub max_dead: usize,
    /// How long a dead process is remembered.
    pub dead_memory: Duration,
    /// How long nothing must happen before an incident without living processes is closed.
    pub quiet: Duration,
    /// The same for an incident that set something up to start again.
    pub quiet_persistent: Duration,
    /// The least verdict that becomes an alert; incidents below it are kept and may rise later.
    pub min_verdict: Verdict,
    /// What counts as load.
    pub load: LoadThresholds,
    /// Tells the time at which an alert leaves, for its latency. `None` in a replay: the latency is zero.
    pub clock: Option<fn() -> BootTime>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let table = TableLimits::default();
        let incidents = IncidentLimits::default();
        Self {
            processors: 1,
            max_processes: table.processes,
            max_incidents: incidents.incidents,
            max_dead: table.dead,
            dead_memory: table.memory,
            quiet: incidents.quiet,
            quiet_persistent: incidents.quiet_persistent,
            min_verdict: incidents.min_verdict,
            load: LoadThresholds::default(),
            clock: None,
        }
    }
}

/// Counters of what the engine holds and had to forget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineCounters {
    /// Events taken in.
    pub events: u64,
    /// Processes in the table now.
    pub processes: u64,
    /// Processes evicted because the table was full.
    pub processes_evicted: u64,
    /// Dead processes forgotten before their time, because too many died in it.
    pub dead_forgotten_early: u64,
    /// Events parked now because their process is not known yet.
    pub parked: u64,
    /// Parked events that were given up or found no room.
    pub parked_lost: u64,
    /// Incidents kept now, those included that are not worth telling of.
    pub incidents: u64,
    /// Incidents evicted because there were too many.
    pub incidents_evicted: u64,
    /// Written files forgotten for others, so that a run of them would not be tied to their writer.
    pub written_files_evicted: u64,
    /// What detectors found, by the id of the signal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<&'static str, u64>,
    /// What detectors forgot for others, by the names that their declarations give.
    #[serde(flatten)]
    pub evictions: BTreeMap<&'static str, u64>,
}

/// The correlation engine.
#[derive(Debug)]
pub struct Engine {
    processors: u32,
    now: BootTime,
    events: u64,
    clock: Option<fn() -> BootTime>,
    health: Health,
    table: ProcessTable,
    /// Events that came before their process.
    before_fork: Parking,
    /// Events that wait for an answer about their process.
    before_answer: Parking,
    knowledge: Knowledge,
    detectors: Detectors,
    incidents: Incidents,
    /// What was found in the event at hand; kept for its room.
    findings: Findings,
    /// Alerts of the event at hand; kept for its room.
    alerts: Vec<Alert>,
}

impl Engine {
    /// An engine that knows nothing yet.
    #[expect(clippy::needless_pass_by_value, reason = "settings are handed over, whatever is kept of them")]
    pub fn new(settings: EngineSettings) -> Self {
        let EngineSettings {
            processors,
            max_processes,
            max_incidents,
            max_dead,
            dead_memory,
            quiet,
            quiet_persistent,
            min_verdict,
            load,
            clock,
        } = settings;
        Self {
            processors: processors.max(1),
            now: BootTime::default(),
            events: 0,
            clock,
            health: Health::default(),
            table: ProcessTable::new(TableLimits {
                processes: max_processes,
                dead: max_dead,
                memory: dead_memory,
            }),
            before_fork: Parking::new(MAX_PARKED, PARK_TIMEOUT),
            before_answer: Parking::new(MAX_PARKED, PARK_TIMEOUT),
            knowledge: Knowledge::new(Arc::new(intel::built_in())),
            detectors: Detectors::new(&DetectorSettings { load }),
            incidents: Incidents::new(IncidentLimits {
                incidents: max_incidents,
                quiet,
                quiet_persistent,
                min_verdict,
            }),
            findings: Findings::default(),
            alerts: Vec::new(),
        }
    }

    /// Takes one event in; what follows from it is appended to `effects`. With `wanted` the first effect is
    /// [`Effect::Observed`].
    pub fn ingest(&mut self, event: &Event, wanted: bool, effects: &mut Vec<Effect>) {
        self.events += 1;
        self.pass_time(event.time, effects);
        let at = effects.len();
        if !self.table.can_take(event) {
            self.before_fork.park(event, self.now);
            self.give_up_parked(effects);
        } else if let Some(question) = self.knowledge.question(event) {
            self.table.take_in(event);
            self.before_answer.park(event, self.now);
            effects.push(Effect::Request(question));
        } else {
            self.process(event, effects);
            if let Some(waiting) = self.before_fork.release(event.subject.key) {
                for event in &waiting {
                    self.process(event, effects);
                }
            }
            if let EventBody::DnsServerRole(_) = event.body {
                self.release_answered(event.subject.key, effects);
            }
        }
        if wanted {
            effects.insert(at, Effect::Observed(self.observation(event)));
        }
    }

    /// A request has no answer: nobody can look, or there was nothing to see. What waits for it goes on without.
    pub fn unanswered(&mut self, request: &Request, effects: &mut Vec<Effect>) {
        match request {
            Request::DnsRole(subject) => self.release_answered(subject.key, effects),
            Request::SampleRounding(_) | Request::SocketOptions { .. } | Request::WatchListeners(_) => {}
        }
    }

    /// Lets time pass to `now`: windows end, incidents close, the dead are forgotten.
    pub fn tick(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        self.pass_time(now, effects);
        self.incidents.tick(self.now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    /// Replaces what the sensor cannot see and what was lost; alerts carry it from now on.
    pub fn set_health(&mut self, health: Health) {
        self.health = health;
    }

    /// What the sensor cannot see and what was lost, as alerts carry it.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Replaces the lists of indicators; an engine begins with those that come with the program.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.knowledge.indicators = indicators;
    }

    /// Replaces [`EngineSettings::min_verdict`] from now on.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.incidents.set_min_verdict(min_verdict);
    }

    /// How the incidents stand, most points first: all of them, or the one of this id. The verdict is `None`
    /// for one that is not worth noting.
    pub fn incidents(&self, id: Option<&str>) -> Vec<(Alert, Option<Verdict>)> {
        let mut states = self.incidents.states(id, self.now);
        for (state, _) in &mut states {
            self.complete(state);
        }
        states
    }

    /// The CPU time of every program over the last days, to be kept for [`Self::restore_load_history`].
    pub fn load_history(&self) -> LoadHistoryState {
        self.knowledge.load_histories.state(self.now)
    }

    /// Takes over what an earlier engine gave `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.knowledge.load_histories.restore(state, now, elapsed);
    }

    /// What it holds.
    pub fn counters(&self) -> EngineCounters {
        EngineCounters {
            events: self.events,
            processes: self.table.len() as u64,
            processes_evicted: self.table.evicted(),
            dead_forgotten_early: self.table.forgotten_early(),
            parked: (self.before_fork.len() + self.before_answer.len()) as u64,
            parked_lost: self.before_fork.given_up() + self.before_answer.given_up(),
            incidents: self.incidents.len() as u64,
            incidents_evicted: self.incidents.evicted(),
            written_files_evicted: self.knowledge.written.evicted(),
            findings: self.detectors.found().clone(),
            evictions: self.detectors.evictions(&self.knowledge),
        }
    }

    fn observation(&self, event: &Event) -> Observation {
        let process = self.table.get(event.subject.key);
        let parent = process.and_then(|process| self.table.parent_of(process));
        let network = process.map_or(0, |process| process.network);
        let domain = event
            .body
            .destination()
            .and_then(|destination| self.knowledge.domain_of(network, destination.ip(), self.now));
        Observation {
            process: process.map(|process| Arc::clone(&process.view)),
            parent: parent.map(|parent| Arc::clone(&parent.view)),
            domain,
        }
    }

    /// Time never goes back: events of two processors may come a little out of order.
    fn pass_time(&mut self, time: BootTime, effects: &mut Vec<Effect>) {
        if time > self.now {
            self.now = time;
            self.give_up_parked(effects);
            self.table.expire(time);
        }
    }

    /// Events that waited too long are judged with what is known.
    fn give_up_parked(&mut self, effects: &mut Vec<Effect>) {
        while let Some(given_up) = self.before_fork.give_up(self.now) {
            for event in &given_up {
                self.process(event, effects);
            }
        }
        while let Some(given_up) = self.before_answer.give_up(self.now) {
            for event in &given_up {
                self.process(event, effects);
            }
        }
    }

    fn release_answered(&mut self, key: ProcessKey, effects: &mut Vec<Effect>) {
        for event in self.before_answer.release(key).unwrap_or_default() {
            self.process(&event, effects);
        }
    }

    fn process(&mut self, event: &Event, effects: &mut Vec<Effect>) {
        let key = event.subject.key;
        self.table.take_in(event);
        if let EventBody::Fork(_) = event.body {
            return;
        }
        let Some(process) = self.table.get(key) else { return };
        self.knowledge.observe(event, process, &self.table);
        let context = DetectionContext {
            event,
            process,
            table: &self.table,
            processors: self.processors,
            known: &self.knowledge,
        };
        self.findings.clear();
        self.detectors.inspect(&context, &mut self.findings);
        let tainted = self.findings.found().iter().find_map(|finding| finding.taint);
        let written = &self.knowledge.written;
        let by_incident =
            self.incidents.observe(&context, self.findings.found_mut(), written, &mut self.alerts);
        if let Some(taint) = by_incident.or(tainted)
            && let Some(process) = self.table.get_mut(key)
        {
            process.taint = Some(taint);
        }
        self.send_alerts(effects);
        effects.extend(self.findings.requests_mut().drain(..).map(Effect::Request));
        match &event.body {
            EventBody::Connect(connect) => self.remember(key, event.time, network::outbound(connect)),
            EventBody::RunningFlow(flow) => self.remember(key, event.time, network::outbound_at_start(flow)),
            EventBody::Exit(_) => self.table.exit(key, event.time),
            _ => {}
        }
    }

    fn send_alerts(&mut self, effects: &mut Vec<Effect>) {
        if self.alerts.is_empty() {
            return;
        }
        for mut alert in std::mem::take(&mut self.alerts) {
            self.complete(&mut alert);
            effects.push(Effect::Alert(Box::new(alert)));
        }
    }

    /// Adds what an alert says besides its incident: how late it is, what was lost, and where its peers are.
    fn complete(&self, alert: &mut Alert) {
        alert.latency = self.clock.map_or(Duration::ZERO, |now| now().since(alert.time));
        alert.health = self.health.clone();
        for signal in &mut alert.signals {
            let Some(Value::Address(destination)) = signal.value("destination") else { continue };
            let address = destination.ip().to_canonical();
            let Some(location) = self.knowledge.locations.get(&address) else { continue };
            let mut add = |name, value: Option<Value>| {
                signal.evidence.extend(value.map(|value| Evidence::new(name, value)));
            };
            add("destination_country", location.country.as_ref().map(Value::from));
            add("destination_as_number", location.as_number.map(Value::from));
            add("destination_as_organization", location.as_organization.as_ref().map(Value::from));
        }
    }

    /// Remembers a connection at the root of its tree, in case the tree turns out to matter.
    fn remember(&mut self, key: ProcessKey, at: BootTime, destination: Option<std::net::SocketAddr>) {
        let Some(destination) = destination else { return };
        let Some(name) = self.table.get(key).map(|process| Arc::clone(&process.view.name)) else { return };
        let root = self.table.tree_root(key);
        if let Some(root) = self.table.get_mut(root) {
            root.connections.get_or_insert_with(Box::<ConnectionHistory>::default).add(Outbound {
                at,
                process: key,
                name,
                destination,
            });
        }
    }
}
