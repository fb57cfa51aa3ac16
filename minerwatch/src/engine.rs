//! The engine turns events into effects. The engine is synchronous, has one owner and does no I/O. It learns the time
//! from events and from [`Engine::tick`], so the same recording gives the same alerts on every machine. A clock only
//! measures the latency of alerts, and a replay has no clock.
//!
//! To query the host, the engine returns a [`Request`]; the answer comes back as an event. An event that depends on an
//! answer is parked until the answer arrives. An event that arrives before the fork of its process is parked until the
//! fork arrives.

mod counters;
mod dropped_role;
mod incident_state;
mod mounted_by;
#[cfg(test)]
mod scenarios;
mod settings;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    detect::{
        DetectionContext, DetectorSettings, Detectors, DnsClient, Findings, Knowledge, LoadHistoryState,
        behavior::TRIPLE_CHAIN, network,
    },
    except::ExceptionSet,
    incident::{HiddenAlerts, IncidentLimits, Incidents},
    intel::{self, Indicators},
    model::{
        Alert, BootTime, ContainerDescription, Effect, Event, EventBody, Evidence, FileAction, Health,
        IncidentId, Observation, ProcessKey, Request, SignalId, Value, Verdict, WallClock, Wanted,
    },
    process::{ConnectionHistory, Outbound, Parking, ProcessTable, TableLimits},
};

pub use counters::EngineCounters;
pub use settings::EngineSettings;

/// Limit of events that are parked for a fork, and limit of events that are parked for an answer.
const MAX_PARKED: usize = 1_024;
/// Maximum time for which an event is parked.
const PARK_TIMEOUT: Duration = Duration::from_secs(2);

/// The correlation engine.
#[derive(Debug)]
pub struct Engine {
    processors: u32,
    now: BootTime,
    events: u64,
    clock: Option<fn() -> BootTime>,
    /// Signals that are ignored.
    without: Vec<SignalId>,
    health: Health,
    table: ProcessTable,
    /// Events that arrived before the fork of their process.
    before_fork: Parking,
    /// Events that wait for an answer about their process.
    before_answer: Parking,
    knowledge: Knowledge,
    detectors: Detectors,
    incidents: Incidents,
    /// Findings of the current event. The field keeps the buffer for the next event.
    findings: Findings,
    /// Alerts of the current event.
    alerts: Vec<Alert>,
}

impl Engine {
    /// Creates an engine that has seen no event.
    pub fn new(settings: EngineSettings) -> Self {
        let EngineSettings {
            processors,
            max_processes,
            max_incidents,
            max_dead,
            dead_memory,
            quiet,
            quiet_persistent,
            watch,
            confirms,
            min_verdict,
            load,
            accounts,
            clock,
            without,
        } = settings;
        let mut incidents = Incidents::new(IncidentLimits {
            incidents: max_incidents,
            quiet,
            quiet_persistent,
            min_verdict,
            watch,
            confirms,
        });
        if without.contains(&TRIPLE_CHAIN.signal_id()) {
            incidents.ignore_chains();
        }
        Self {
            processors: processors.max(1),
            now: BootTime::default(),
            events: 0,
            clock,
            without,
            health: Health::default(),
            table: ProcessTable::new(TableLimits {
                processes: max_processes,
                dead: max_dead,
                memory: dead_memory,
            }),
            before_fork: Parking::new(MAX_PARKED, PARK_TIMEOUT),
            before_answer: Parking::new(MAX_PARKED, PARK_TIMEOUT),
            knowledge: Knowledge::new(Arc::new(intel::built_in())),
            detectors: Detectors::new(&DetectorSettings { load, accounts }),
            incidents,
            findings: Findings::default(),
            alerts: Vec::new(),
        }
    }

    /// Processes one event and appends its effects. If `wanted`, the event's own effects begin with
    /// [`Effect::Observed`].
    pub fn ingest(&mut self, event: &Event, wanted: Wanted, effects: &mut Vec<Effect>) {
        self.events += 1;
        self.advance(event.time, effects);
        let at = effects.len();
        // The end of a process ends its membership, so this comes first.
        let ended = matches!(event.body, EventBody::Exit(_)).then(|| self.reported_incident(event, wanted));
        if !self.table.can_apply(event) {
            self.before_fork.park(event, self.now);
            self.give_up_parked(effects);
        } else if let Some(request) = self.knowledge.question(event) {
            self.table.apply(event);
            self.before_answer.park(event, self.now);
            effects.push(Effect::Request(request));
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
        let incident = ended.unwrap_or_else(|| self.reported_incident(event, wanted));
        if wanted == Wanted::Yes || incident.is_some() {
            effects.insert(at, Effect::Observed(Observation { incident, ..self.observation(event) }));
        }
    }

    /// Handles a request that has no answer: processes the events that wait for the answer.
    pub fn unanswered(&mut self, request: &Request, effects: &mut Vec<Effect>) {
        match request {
            Request::DnsRole(subject) => self.release_answered(subject.key, effects),
            Request::SampleRounding { .. }
            | Request::SocketOptions { .. }
            | Request::WatchListeners(_)
            | Request::DescribeContainer(_)
            | Request::Visibility(_)
            | Request::Inspect(_) => {}
        }
    }

    /// Advances the time to `now`: parked events time out, incidents close, dead processes are forgotten.
    pub fn tick(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        self.advance(now, effects);
        self.incidents.tick(self.now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    /// Replaces the sensor's health, which every later alert contains.
    pub fn set_health(&mut self, health: Health) {
        self.health = health;
    }

    /// The sensor's health, as alerts contain it.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Replaces the lists of indicators. A new engine has the built-in lists.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.knowledge.indicators = indicators;
    }

    /// Replaces [`EngineSettings::min_verdict`].
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.incidents.set_min_verdict(min_verdict);
    }

    /// Replaces [`EngineSettings::watch`].
    pub fn set_watch(&mut self, watch: Duration) {
        self.incidents.set_watch(watch);
    }

    /// Replaces the exceptions. `clock` is the wall clock that decides which have expired. A new engine has none.
    pub fn set_exceptions(&mut self, exceptions: Arc<ExceptionSet>, clock: WallClock) {
        self.incidents.set_exceptions(exceptions, clock);
    }

    /// Replaces the wall clock, because the clock of the host may have been set.
    pub fn set_wall_clock(&mut self, clock: WallClock) {
        self.incidents.set_wall_clock(clock);
    }

    /// The alerts that exceptions hid.
    pub fn hidden_alerts(&self) -> &HiddenAlerts {
        self.incidents.hidden_alerts()
    }

    /// Returns the current state of all incidents, or of the incident `id`, highest score first. The verdict is `None`
    /// below [`Verdict::Noted`].
    pub fn incidents(&self, id: Option<&str>) -> Vec<(Alert, Option<Verdict>)> {
        let mut states = self.incidents.states(id, self.now, &self.table);
        for (state, _) in &mut states {
            self.complete(state);
        }
        states
    }

    /// Returns the load history, that is, the CPU time of every program, for [`Self::restore_load_history`] after a
    /// restart.
    pub fn load_history(&self) -> LoadHistoryState {
        self.knowledge.load_histories.state(self.now)
    }

    /// Restores the load history that [`Self::load_history`] of an earlier engine returned `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.knowledge.load_histories.restore(state, now, elapsed);
    }

    /// The counters.
    pub fn counters(&self) -> EngineCounters {
        EngineCounters {
            events: self.events,
            processes: self.table.len() as u64,
            processes_evicted: self.table.evicted(),
            dead_forgotten_early: self.table.forgotten_early(),
            containers: self.table.containers() as u64,
            containers_evicted: self.table.containers_evicted(),
            parked: (self.before_fork.len() + self.before_answer.len()) as u64,
            parked_lost: self.before_fork.given_up() + self.before_answer.given_up(),
            incidents: self.incidents.len() as u64,
            incidents_watched: self.incidents.watched_len() as u64,
            incidents_by_verdict: self.incidents.by_verdict(),
            incidents_evicted: self.incidents.evicted(),
            incidents_restored: self.incidents.restored(),
            written_files_evicted: self.knowledge.written.evicted(),
            findings: self.detectors.found().clone(),
            evictions: self.detectors.evictions(&self.knowledge),
        }
    }

    /// Returns the reported incident that the process of a wanted event belongs to.
    fn reported_incident(&self, event: &Event, wanted: Wanted) -> Option<IncidentId> {
        if wanted == Wanted::No {
            return None;
        }
        self.incidents.reported(&self.table, event.subject.key)
    }

    fn observation(&self, event: &Event) -> Observation {
        let process = self.table.get(event.subject.key);
        let parent = process.and_then(|process| self.table.parent_of(process));
        let domain = process.zip(event.body.destination()).and_then(|(process, destination)| {
            self.knowledge.domain_of(DnsClient::of(process, &self.table), destination.ip(), self.now)
        });
        Observation {
            process: process.map(|process| Arc::clone(&process.view)),
            parent: parent.map(|parent| Arc::clone(&parent.view)),
            domain,
            incident: None,
        }
    }

    /// Advances the time. The time never goes back, because events of different processors may arrive slightly out of
    /// order.
    fn advance(&mut self, time: BootTime, effects: &mut Vec<Effect>) {
        if time > self.now {
            self.now = time;
            self.give_up_parked(effects);
            self.table.expire(time);
            if self.incidents.is_due(time) {
                self.incidents.send_due(time, &self.table, &mut self.alerts);
                self.send_alerts(effects);
            }
        }
    }

    /// Processes parked events that timed out or exceed the limit, with what is known now.
    fn give_up_parked(&mut self, effects: &mut Vec<Effect>) {
        if self.before_fork.is_empty() && self.before_answer.is_empty() {
            return;
        }
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
        match &event.body {
            EventBody::File(change) if change.action == FileAction::Mount => {
                let written = &self.knowledge.written;
                if let Some(event) = mounted_by::attributed(event, change, &self.table, written) {
                    self.judge(&event, effects);
                }
            }
            _ => self.judge(event, effects),
        }
    }

    fn judge(&mut self, event: &Event, effects: &mut Vec<Effect>) {
        let key = event.subject.key;
        if let EventBody::ContainerDescription(description) = &event.body {
            self.describe_container(description, effects);
            return;
        }
        self.table.apply(event);
        if self.table.must_ask(&event.subject, self.now) {
            effects.push(Effect::Request(Request::DescribeContainer(event.subject.clone())));
        }
        if let EventBody::Fork(_) = event.body {
            return;
        }
        if let EventBody::Exec(_) = event.body
            && let Some(process) = self.table.get(key)
            && dropped_role::is_undeserved(process, &self.table, &self.knowledge.written)
        {
            self.table.withdraw_role(key);
        }
        let Some(process) = self.table.get(key) else { return };
        self.knowledge.observe(event, process, &self.table);
        let context = DetectionContext::new(event, process, &self.table, self.processors, &self.knowledge);
        self.findings.clear();
        self.detectors.inspect(&context, &mut self.findings);
        self.findings.ignore(&self.without);
        let taint_by_detector = self.findings.found().iter().find_map(|finding| finding.taint);
        let written = &self.knowledge.written;
        self.incidents.hold(&context, self.findings.held_mut());
        let taint_by_incident =
            self.incidents.observe(&context, self.findings.found_mut(), written, &mut self.alerts);
        if let Some(taint) = taint_by_incident.or(taint_by_detector)
            && let Some(process) = self.table.get_mut(key)
        {
            process.taint = Some(taint);
        }
        self.send_alerts(effects);
        effects.extend(self.findings.requests_mut().drain(..).map(Effect::Request));
        match &event.body {
            EventBody::Connect(connect) => {
                self.remember_connection(key, event.time, network::outbound(connect));
            }
            EventBody::RunningFlow(flow) => {
                self.remember_connection(key, event.time, network::outbound_at_start(flow));
            }
            EventBody::Exit(_) => self.table.exit(key, event.time),
            _ => {}
        }
    }

    /// Adds what a runtime says about a container to its processes and to the incidents that have suspects in it.
    fn describe_container(&mut self, description: &ContainerDescription, effects: &mut Vec<Effect>) {
        self.table.describe(description);
        // An incident may outlive what the table remembers.
        self.incidents.describe_container(description, self.now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    fn send_alerts(&mut self, effects: &mut Vec<Effect>) {
        // First, because each millisecond counts for the response.
        for mut alert in self.incidents.take_confirmed() {
            self.complete(&mut alert);
            effects.push(Effect::Confirmed(Box::new(alert)));
        }
        if self.alerts.is_empty() {
            return;
        }
        let mut alerts = std::mem::take(&mut self.alerts);
        for mut alert in alerts.drain(..) {
            self.complete(&mut alert);
            effects.push(Effect::Alert(Box::new(alert)));
        }
        // Keep the buffer for the next alerts.
        self.alerts = alerts;
    }

    /// Adds the data of an alert that does not come from the incident: latency, health, and the locations of peers.
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

    /// Adds a connection to the root of its process tree, for the chain of a later incident.
    fn remember_connection(&mut self, key: ProcessKey, at: BootTime, destination: Option<SocketAddr>) {
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
