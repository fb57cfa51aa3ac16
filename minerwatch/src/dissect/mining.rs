//! Mining protocols: one parser for each. The parsers read the first payloads of connections, borrow from them and
//! allocate nothing.

mod alephium;
mod beam;
mod crypto_note;
mod cuckoo;
mod ethereum;
mod getwork_socket;
mod grpc;
mod json;
mod member;
mod message;
mod protocol_match;
mod qubic;
mod reading;
mod solo;
mod stratum;
mod stratum_v2;
mod zmq;

pub use member::Member;
pub use message::Message;
pub use protocol_match::ProtocolMatch;
pub use reading::{Reading, read, read_next_line};
pub use solo::asks_height;
