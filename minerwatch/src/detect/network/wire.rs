//! What is said on the wire: one recogniser per protocol, fed with the first payloads of connections.
//!
//! Recognisers are pure and build nothing; what they need of a stream that is split over payloads is put
//! together in [`StratumSessions`].

mod account;
mod crypto_note;
mod ethereum;
mod json;
mod message;
mod protocol_match;
mod reading;
mod solo;
mod stratum;
mod stratum_sessions;
mod stratum_v2;
mod tunnel;
mod zmq;

pub use message::Message;
pub use protocol_match::{Dialect, ProtocolMatch, Side};
pub use reading::{Reading, read};
pub use stratum_sessions::{StratumSessionCounters, StratumSessions};
pub use tunnel::{Host, Tunnel, tunnel_of};
