//! Mining protocols: one parser for each. The parsers read the first payloads of connections, borrow from them and
//! allocate nothing.

mod crypto_note;
mod ethereum;
mod json;
mod message;
mod protocol_match;
mod reading;
mod solo;
mod stratum;
mod stratum_v2;
mod zmq;

pub use message::Message;
pub use protocol_match::ProtocolMatch;
pub use reading::{Reading, read};
