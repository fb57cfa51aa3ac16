//! The types that all stages share: events, processes, signals, alerts and time. This module imports no other module of
//! the crate.

pub mod account;
mod agent_report;
mod alert;
mod allowed;
mod app_data;
mod container;
mod dns;
mod effect;
mod event;
mod evidence;
mod excepted;
mod fields;
mod flow;
mod flow_update;
mod geo;
mod hook;
mod host;
mod kinds;
mod memory;
pub mod miner_settings;
pub mod miner_words;
mod moment;
mod never;
mod options;
mod payload;
mod process;
mod quota;
mod report;
mod response;
mod rounding;
mod score;
mod signal;
mod socket;
mod time;
mod tls;
mod verdict;
pub mod wallet;
mod watched;

pub use account::{Account, AccountHasher};
pub use agent_report::{AgentNews, AgentReport};
pub use alert::{
    Alert, AlertAction, AlertReason, ChainEdge, ChainKind, DroppedFile, Health, IncidentId, Member,
    MemberRole, NotAnIncident, Peer, Suspect,
};
pub use allowed::Allowed;
pub use app_data::{AppData, Carrier, MiningMessage, MiningProtocol, MiningSide, TunnelHost, TunnelRequest};
pub use container::{
    Container, ContainerDescription, ContainerDetails, ContainerImage, ContainerRuntime, Labels, Pod,
};
pub use dns::{DnsAnswer, DnsData, DnsMessage, DnsRecord};
pub use effect::{Effect, InspectionRequest, Observation, Request, Wanted};
pub use event::{
    AccessedProcess, CGROUP_V1, Close, Connect, CpuUsage, DeviceOpen, DnsServerRole, Event, EventBody,
    EventKind, EventType, Exchange, Exec, Exit, FileAction, FileChange, Fork, HashedFile, HiddenBy,
    HiddenProcess, InputFile, Inspection, MinerSettings, PrivilegedCall, ProcessPresence, RunningFlow,
    RunningProcess, SchedulingPolicy, SentSignal, Subject,
};
pub use evidence::{Bound, Decimal, Evidence, Threshold, Value};
pub use excepted::{Excepted, ExceptedSuspect};
pub use fields::{CloudFields, ExtraFields};
pub use flow::{Flow, Protocol};
pub use flow_update::{FlowUpdate, PayloadSample};
pub use geo::GeoLocation;
pub use hook::{AttachType, DataSource, HookChoice, HookChoiceError, OFF};
pub use host::{AgentContext, HostContext};
pub use kinds::{KindSet, UnknownKind};
pub use memory::{HugePages, Mapping, MappingClass};
pub use moment::Moment;
pub use never::{Never, Traits};
pub use options::{Keepalive, SocketOptions};
pub use payload::{Bytes, Direction, Payload};
pub use process::{Credentials, Executable, ExecutableFlags, FileId, Namespaces, ProcessKey, ProcessView};
pub use quota::CpuQuota;
pub use report::{Condition, DataSourceStatus, Report, ScanReport};
pub use response::{
    AfterDeath, Approver, BlockedTraffic, ResponseAction, ResponseOutcome, ResponseReport, Stage,
};
pub use rounding::{ControlRegister, Rounding, RoundingCounts};
pub use score::{NextVerdict, Points, ScoreParts, SignalPoints};
pub use signal::{Signal, SignalClass, SignalId};
pub use socket::{HeldSocket, SocketSide};
pub use time::{BootTime, WallClock};
pub use tls::TlsHello;
pub use verdict::Verdict;
pub use watched::{NotWatched, WatchedIncident};
