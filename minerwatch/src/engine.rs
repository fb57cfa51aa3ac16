//! Events in, alerts out. Synchronous, single owner, free of input, output and clocks: time comes with the
//! event and through [`Engine::tick`], so the same recording gives the same alerts anywhere.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    detect::{
        DetectionContext, Detectors, Fact, Finding, LoadThresholds, compute::LoadHistoryState, network,
    },
    incident::{IncidentLimits, Incidents},
    model::{Alert, AppData, BootTime, Event, EventBody, Flow, ProcessKey, ProcessView, Subject, Verdict},
    process::{ConnectionHistory, Outbound, Parking, ProcessTable, TableLimits, Taint},
};

#[cfg(test)]
mod scenarios;
#[cfg(test)]
pub(crate) mod testing;

/// The most events that wait for their process.
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
        }
    }
}

/// Counters of what the engine holds and had to forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Processes and programs whose CPU use was forgotten for others.
    pub scheduling_evicted: u64,
    /// Connections that may be a miner's, forgotten for others before their messages were whole.
    #[serde(rename = "conversations_evicted")]
    pub stratum_sessions_evicted: u64,
    /// Connections by TLS whose rhythm was forgotten for others.
    #[serde(rename = "cadences_evicted")]
    pub beaconing_evicted: u64,
    /// Addresses whose names were forgotten for others.
    pub names_evicted: u64,
}

/// The correlation engine.
#[derive(Debug)]
pub struct Engine {
    processors: u32,
    now: BootTime,
    events: u64,
    table: ProcessTable,
    parking: Parking,
    detectors: Detectors,
    incidents: Incidents,
    /// What was found in the event at hand; kept for its room.
    findings: Vec<Finding>,
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
        } = settings;
        Self {
            processors: processors.max(1),
            now: BootTime::default(),
            events: 0,
            table: ProcessTable::new(TableLimits {
                processes: max_processes,
                dead: max_dead,
                memory: dead_memory,
            }),
            parking: Parking::new(MAX_PARKED, PARK_TIMEOUT),
            detectors: Detectors::new(load),
            incidents: Incidents::new(IncidentLimits {
                incidents: max_incidents,
                quiet,
                quiet_persistent,
                min_verdict,
            }),
            findings: Vec::new(),
        }
    }

    /// Takes one event in; what follows from it is appended to `alerts`.
    pub fn ingest(&mut self, event: &Event, alerts: &mut Vec<Alert>) {
        self.events += 1;
        self.pass_time(event.time, alerts);
        if !self.table.can_take(event) {
            self.parking.park(event, self.now);
            self.give_up_parked(alerts);
            return;
        }
        self.process(event, alerts);
        if let Some(waiting) = self.parking.release(event.subject.key) {
            for event in &waiting {
                self.process(event, alerts);
            }
        }
    }

    /// Lets time pass to `now`: windows end, incidents close, the dead are forgotten.
    pub fn tick(&mut self, now: BootTime, alerts: &mut Vec<Alert>) {
        self.pass_time(now, alerts);
        self.incidents.tick(self.now, &self.table, alerts);
    }

    /// The process of an event just taken in and its parent, for whoever shows the event. A process of
    /// which nothing is known gives `None`.
    pub fn view(&self, event: &Event) -> (Option<Arc<ProcessView>>, Option<Arc<ProcessView>>) {
        let Some(process) = self.table.get(event.subject.key) else { return (None, None) };
        let parent = self.table.parent_of(process).map(|parent| Arc::clone(&parent.view));
        (Some(Arc::clone(&process.view)), parent)
    }

    /// The processes whose arithmetic looks odd and needs more looks, since the last call: whoever samples
    /// should look at them more often for [`crate::detect::tuning::ROUNDING_CLOSER`].
    pub fn take_undecided(&mut self) -> Vec<ProcessKey> {
        self.detectors.take_undecided()
    }

    /// The processes that were found to speak to a pool since the last call: what they serve others with should be looked
    /// at, for it may be the same words.
    pub fn take_pool_clients(&mut self) -> Vec<Subject> {
        self.detectors.take_pool_clients()
    }

    /// The connections by TLS of which it would say more to know how their sockets are set up, since the last call; the
    /// answer is an event, [`EventBody::SocketOptions`].
    pub fn take_anonymous(&mut self) -> Vec<(Subject, Flow)> {
        self.detectors.take_anonymous()
    }

    /// Whether it should be known of the process of an event that comes next if it answers for names itself; the answer is
    /// an event that is to be taken in before it, [`EventBody::DnsServerRole`].
    pub fn needs_dns_role(&mut self, event: &Event) -> bool {
        match &event.body {
            EventBody::Payload(payload) => self.detectors.needs_dns_role(event, payload),
            _ => false,
        }
    }

    /// Replaces the lists of indicators; an engine begins with those that come with the program.
    pub fn set_indicators(&mut self, indicators: Arc<crate::intel::Indicators>) {
        self.detectors.names_mut().set_indicators(indicators);
    }

    /// The name that the peer of a connection was last resolved from, as far as the answers passed by.
    pub fn domain(&mut self, event: &Event) -> Option<Arc<str>> {
        let peer = match &event.body {
            EventBody::Connect(connect) => connect.flow.destination,
            EventBody::Close(close) => close.flow.destination,
            EventBody::RunningFlow(flow) => flow.destination,
            EventBody::Payload(payload) => payload.flow.destination,
            EventBody::FlowUpdate(course) => course.flow.destination,
            EventBody::SocketOptions(options) => options.flow.destination,
            EventBody::Fork(_)
            | EventBody::DnsServerRole(_)
            | EventBody::Exec(_)
            | EventBody::Exit(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::Rounding(_)
            | EventBody::Mapping(_)
            | EventBody::HugePages(_)
            | EventBody::Quota(_)
            | EventBody::RunningProcess(_)
            | EventBody::HashedFile(_) => return None,
        };
        let network = self.table.get(event.subject.key).map_or(0, |process| process.network);
        self.detectors.names_mut().name_of(network, peer.ip(), self.now)
    }

    /// What a payload says, if the event is one that has a line: a TLS client's first message, a DNS answer.
    pub fn said(&self, event: &Event) -> Option<AppData> {
        let EventBody::Payload(payload) = &event.body else { return None };
        network::tls::facts(payload)
            .map(AppData::Tls)
            .or_else(|| network::dns::answer_in(payload).map(AppData::Dns))
    }

    /// Replaces [`EngineSettings::min_verdict`] from now on.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.incidents.set_min_verdict(min_verdict);
    }

    /// How the incidents stand, most points first: all of them, or the one of this id. The verdict is `None`
    /// for one that is not worth noting.
    pub fn incidents(&self, id: Option<&str>) -> Vec<(Alert, Option<Verdict>)> {
        self.incidents.states(id, self.now)
    }

    /// The CPU time of every program over the last days, to be kept for [`Self::restore_load_history`].
    pub fn duty(&self) -> LoadHistoryState {
        self.detectors.scheduling().duty(self.now)
    }

    /// Takes over what an earlier engine gave `elapsed` ago.
    pub fn restore_load_history(&mut self, state: LoadHistoryState, now: BootTime, elapsed: Duration) {
        self.detectors.scheduling_mut().restore_load_history(state, now, elapsed);
    }

    /// What it holds.
    pub fn counters(&self) -> EngineCounters {
        EngineCounters {
            events: self.events,
            processes: self.table.len() as u64,
            processes_evicted: self.table.evicted(),
            dead_forgotten_early: self.table.forgotten_early(),
            parked: self.parking.len() as u64,
            parked_lost: self.parking.given_up(),
            incidents: self.incidents.len() as u64,
            incidents_evicted: self.incidents.evicted(),
            written_files_evicted: self.detectors.written().evicted(),
            scheduling_evicted: self.detectors.scheduling().evicted(),
            stratum_sessions_evicted: self.detectors.stratum_sessions().counters().evicted,
            beaconing_evicted: self.detectors.beaconing().evicted(),
            names_evicted: self.detectors.names().evicted(),
        }
    }

    /// Time never goes back: events of two processors may come a little out of order.
    fn pass_time(&mut self, time: BootTime, alerts: &mut Vec<Alert>) {
        if time > self.now {
            self.now = time;
            self.give_up_parked(alerts);
            self.table.expire(time);
        }
    }

    /// Events whose process never came are taken in all the same, with what their heads say of it.
    fn give_up_parked(&mut self, alerts: &mut Vec<Alert>) {
        while let Some(given_up) = self.parking.give_up(self.now) {
            for event in &given_up {
                self.process(event, alerts);
            }
        }
    }

    fn process(&mut self, event: &Event, alerts: &mut Vec<Alert>) {
        let key = event.subject.key;
        self.table.take_in(event);
        if let EventBody::Fork(_) = event.body {
            return;
        }
        let Some(process) = self.table.get(key) else { return };
        let context = DetectionContext { event, process, table: &self.table, processors: self.processors };
        self.findings.clear();
        self.detectors.inspect(&context, &mut self.findings);
        let suspicion = correlate(&context, &mut self.findings, &mut self.incidents, &self.detectors, alerts);
        self.suspect(key, suspicion);
        match &event.body {
            EventBody::Connect(connect) => {
                if let Some(destination) = network::outbound(connect) {
                    self.note(key, event.time, destination);
                }
            }
            EventBody::RunningFlow(flow) => {
                if let Some(destination) = network::outbound_at_start(flow) {
                    self.note(key, event.time, destination);
                }
            }
            EventBody::Exit(_) => self.table.exit(key, event.time),
            EventBody::Fork(_)
            | EventBody::Exec(_)
            | EventBody::Close(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::Rounding(_)
            | EventBody::Mapping(_)
            | EventBody::HugePages(_)
            | EventBody::Quota(_)
            | EventBody::RunningProcess(_)
            | EventBody::HashedFile(_)
            | EventBody::Payload(_)
            | EventBody::FlowUpdate(_)
            | EventBody::SocketOptions(_)
            | EventBody::DnsServerRole(_) => {}
        }
    }

    fn suspect(&mut self, key: ProcessKey, suspicion: Option<Taint>) {
        if let Some(suspicion) = suspicion
            && let Some(process) = self.table.get_mut(key)
        {
            process.suspicion = Some(suspicion);
        }
    }

    /// Remembers a connection at the root of its tree, in case the tree turns out to matter.
    fn note(&mut self, key: ProcessKey, at: BootTime, destination: std::net::SocketAddr) {
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

/// Hands what was found to the incidents; the answer is what the process is suspected of from now on.
fn correlate(
    context: &DetectionContext<'_>,
    findings: &mut Vec<Finding>,
    incidents: &mut Incidents,
    detectors: &Detectors,
    alerts: &mut Vec<Alert>,
) -> Option<Taint> {
    let found = findings.iter().find_map(|finding| match finding.fact {
        Some(Fact::Suspect(suspicion)) => Some(suspicion),
        Some(Fact::Persisted) | None => None,
    });
    incidents.observe(context, findings, detectors.written(), alerts).or(found)
}
