//! What is said on the wire: one recogniser per protocol, fed with the first payloads of connections.
//!
//! Recognisers are pure and build nothing; what they need of a stream that is split over payloads is put
//! together in [`Conversations`].

mod account;
mod conversations;
mod crypto_note;
mod ethereum;
mod json;
mod message;
mod reading;
mod sighting;
mod solo;
mod stratum;
mod stratum_v2;
mod tunnel;
mod zmq;

pub use conversations::{ConversationCounters, Conversations};
pub use message::Message;
pub use reading::{Reading, read};
pub use sighting::{Dialect, Side, Sighting};
pub use tunnel::{Host, Tunnel, tunnel_of};
