//! The signals of the network detectors that are not declared in their own files yet.

use super::SignalInfo;
use crate::model::SignalClass::{Behavior, Network};

/// Decides alone: nothing but a miner says it.
pub(crate) const MINER_WORDS: SignalInfo = SignalInfo {
    id: "N1",
    class: Network,
    weight: 100,
    full_weight: 100,
    mining: true,
    name: "Speaks a mining protocol",
    description: "The process sent a pool the words of a miner: it logged in, asked for work, or handed results in.",
    catches: "Any miner that speaks a known protocol in the clear, on any port and under any program name.",
    techniques: &["T1496.001", "T1071"],
    ..SignalInfo::NONE
};

/// Not alone: the process may be one that only looks at a pool's work.
pub(crate) const POOL_WORDS: SignalInfo = SignalInfo {
    id: "N2",
    class: Network,
    weight: 80,
    full_weight: 80,
    mining: true,
    name: "Receives work from a pool",
    description: "A peer sent the process the words of a pool: a job, or how hard it shall be.",
    catches: "A pool's answers on any port, even when the miner's own words were missed.",
    techniques: &["T1496.001"],
    ..SignalInfo::NONE
};

/// Not alone: pools and explorers ask nodes for work as well.
pub(crate) const SOLO_MINING: SignalInfo = SignalInfo {
    id: "N7",
    class: Network,
    weight: 60,
    full_weight: 60,
    mining: true,
    name: "Asks a node for work",
    description: "The process calls a cryptocurrency node the way a solo miner does: for block templates, to submit blocks, or for its height every second.",
    catches: "Miners that work against a node of their own and never contact a pool.",
    techniques: &["T1496.001"],
    ..SignalInfo::NONE
};

/// Decides alone, as its words do.
pub(crate) const RELAY: SignalInfo = SignalInfo {
    id: "N8",
    class: Network,
    weight: 95,
    full_weight: 95,
    mining: true,
    name: "Passes mining on",
    description: "One process speaks a mining protocol on connections it accepted and on one it opened: a proxy for miners inside.",
    catches: "A proxy inside the network that hides many miners behind one connection.",
    techniques: &["T1090", "T1496.001"],
    ..SignalInfo::NONE
};

/// Sizes alone prove little: other protocols may begin with 64 bytes too.
pub(crate) const NOISE_HANDSHAKE: SignalInfo = SignalInfo {
    id: "N10",
    class: Network,
    weight: 10,
    full_weight: 10,
    mining: false,
    name: "Connection that begins like Stratum V2",
    description: "The first messages of a connection have the sizes of Stratum V2's encrypted handshake: 64 bytes, then 170 or 234.",
    catches: "Encrypted Stratum V2, of which no word can be read.",
    techniques: &["T1573"],
    ..SignalInfo::NONE
};

/// Never alone: a broker's client that publishes by chance and subscribes to others looks the same.
pub(crate) const ENCRYPTED_BEACONING: SignalInfo = SignalInfo {
    id: "N5",
    class: Network,
    weight: 30,
    full_weight: 30,
    mining: true,
    name: "Encrypted connection with the rhythm of mining",
    description: "A connection by TLS has gone on for minutes in few bytes, with messages of one size at irregular times, each answered, as shares are, and others that came unasked, as new work does.",
    catches: "Mining inside TLS, known by the sizes and times of its messages alone.",
    techniques: &["T1496.001", "T1573"],
    ..SignalInfo::NONE
};

/// Never alone: brokers of messages and databases that are reached by their address look the same.
pub(crate) const TLS_WITHOUT_SNI: SignalInfo = SignalInfo {
    id: "N6",
    class: Network,
    weight: 15,
    full_weight: 25,
    mining: false,
    name: "TLS without a name",
    description: "A program opened TLS to another host and named neither the host nor a protocol to speak, as miners do by default; it weighs more where the socket is set up as a miner's. Other programs that know their peer by its address do so as well.",
    catches: "Encrypted connections to a bare address, as miners open them by default.",
    techniques: &["T1573"],
    ..SignalInfo::NONE
};

/// Browsers and some resolvers do it by design.
pub(crate) const ENCRYPTED_DNS: SignalInfo = SignalInfo {
    id: "N11",
    class: Network,
    weight: 5,
    full_weight: 5,
    mining: false,
    name: "Names asked for in secret",
    description: "A program asks for names over TLS or HTTPS, where nobody on the way hears which, and neither does minerwatch.",
    catches: "Programs that hide which names they look up.",
    techniques: &["T1071.004"],
    ..SignalInfo::NONE
};

/// The full form is a connection to a port that is no web page's; its points are the list's, 60 by default. Asking
/// for the name, or a visit to the page, is what a curious person does too.
pub(crate) const POOL_NAME: SignalInfo = SignalInfo {
    id: "N3",
    class: Network,
    weight: 20,
    full_weight: 60,
    mining: true,
    name: "Name of a mining pool",
    description: "A program asked for the address of a mining pool, or connected to one by its name, or asked for it by TLS or through a proxy. A visit to a pool's web page counts a third, unless it goes on for minutes in few bytes.",
    catches: "Pools on ports that look harmless, such as 443, and behind proxies.",
    techniques: &["T1496.001"],
    ..SignalInfo::NONE
};

/// The points are the list's own, 60 by default.
pub(crate) const LISTED_PEER: SignalInfo = SignalInfo {
    id: "I1",
    class: Network,
    weight: 60,
    full_weight: 60,
    mining: false,
    name: "Peer on a list",
    description: "A program talked to a host that a list of indicators speaks of.",
    catches: "Addresses, networks and names that threat intelligence reports.",
    techniques: &["T1071"],
    ..SignalInfo::NONE
};

/// The points are the list's own, 60 by default.
pub(crate) const LISTED_FILE: SignalInfo = SignalInfo {
    id: "I2",
    class: Behavior,
    weight: 60,
    full_weight: 60,
    mining: false,
    name: "Program on a list",
    description: "The content of a program that runs is on a list of indicators.",
    catches: "A known program under another name or path.",
    techniques: &["T1204.002"],
    ..SignalInfo::NONE
};

pub(crate) const POOL_PORT: SignalInfo = SignalInfo {
    id: "N4",
    class: Network,
    weight: 5,
    full_weight: 5,
    mining: false,
    name: "Connection to a port that mining pools use",
    description: "Mining pools like a handful of ports. Much else uses them too, so this counts for next to nothing by itself.",
    catches: "Nothing more than the port; it only adds to other signals.",
    techniques: &["T1571"],
    ..SignalInfo::NONE
};

/// As little as the port of a pool: most of the web is in some other country.
pub(crate) const FOREIGN_PEER: SignalInfo = SignalInfo {
    id: "N4F",
    class: Network,
    weight: 5,
    full_weight: 5,
    mining: false,
    name: "Connection to port 443 in a foreign country",
    description: "Where home countries are configured: the peer's address is in none of them. Much else is too, so this counts for next to nothing by itself.",
    catches: "Web traffic to unusual countries; it only adds to other signals.",
    techniques: &["T1071.001"],
    ..SignalInfo::NONE
};

/// Ten points, so that a dropped program which calls out (25 + 10 + 10) is put on record and no more.
pub(crate) const SUSPECT_CONNECTION: SignalInfo = SignalInfo {
    id: "N9",
    class: Network,
    weight: 10,
    full_weight: 10,
    mining: false,
    name: "Outbound connection by a suspect program",
    description: "A program that was dropped and run, that runs from memory, or that fetches for a service's shell opened a connection to another host.",
    catches: "A dropped or fileless program that calls out, on any port.",
    techniques: &["T1071"],
    ..SignalInfo::NONE
};

/// Some filters of mail and of software look up hashes in this way, hence few points.
pub(crate) const DNS_TUNNEL: SignalInfo = SignalInfo {
    id: "B12",
    class: Behavior,
    weight: 15,
    full_weight: 15,
    mining: false,
    name: "Data in questions for names",
    description: "A program asked within minutes for many long random names below one domain, which is how data gets out where only DNS may.",
    catches: "Data that leaves through DNS where nothing else may leave.",
    techniques: &["T1071.004", "T1048.003"],
    ..SignalInfo::NONE
};
