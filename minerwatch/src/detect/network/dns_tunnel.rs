//! B12: data in questions for names. Many different long names below one domain, in which letters and digits
//! are mixed as in no word, are not asked for to be resolved.

use std::hash::{BuildHasher as _, BuildHasherDefault};

use rustc_hash::{FxHashSet, FxHasher};

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, ProcessKey},
};

/// What one process asked for below one domain.
#[derive(Debug)]
struct Asked {
    since: BootTime,
    /// Names by their hash, until there are enough.
    names: FxHashSet<u64>,
    bytes: usize,
    told: bool,
}

/// Long random names, by process and domain.
#[derive(Debug)]
pub struct DnsTunnels {
    asked: BoundedMap<(ProcessKey, String), Asked>,
}

impl Default for DnsTunnels {
    fn default() -> Self {
        Self { asked: BoundedMap::new(tuning::TUNNELS) }
    }
}

impl DnsTunnels {
    /// Looks at a question of a process that does not answer for names itself: others would ask through it.
    pub fn asked(
        &mut self,
        context: &DetectionContext<'_>,
        message: &crate::model::DnsMessage,
    ) -> Option<Finding> {
        let (carried, domain) = data_in(message)?;
        let now = context.at();
        let fresh = || Asked { since: now, names: FxHashSet::default(), bytes: 0, told: false };
        let asked = self.asked.entry(&(context.key(), domain.to_owned()), fresh);
        if now.since(asked.since) > tuning::TUNNEL_SPAN {
            *asked = Asked { told: asked.told, ..fresh() };
        }
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(carried);
        if asked.told || !asked.names.insert(hash) {
            return None;
        }
        asked.bytes += carried.len();
        if asked.names.len() < tuning::TUNNEL_NAMES {
            return None;
        }
        asked.told = true;
        asked.names = FxHashSet::default();
        let detail = format!(
            "asked for {} long random names below {domain} within {} seconds ({} bytes), as who carries data in them",
            tuning::TUNNEL_NAMES,
            now.since(asked.since).as_secs(),
            asked.bytes
        );
        Some(
            Finding::new(signals::DNS_TUNNEL, context, detail)
                .with("domain", &domain)
                .with("bytes", &asked.bytes),
        )
    }
}

/// Whether the name that a question asks for looks like data.
pub fn carries_data(message: &crate::model::DnsMessage) -> bool {
    data_in(message).is_some()
}

/// The data in a question's name, and the domain that it lies in.
fn data_in(message: &crate::model::DnsMessage) -> Option<(&str, &str)> {
    let (carried, domain) = split(&message.answer.question).filter(|_| !message.response)?;
    let is_data = carried.len() >= tuning::TUNNEL_NAME && mixture(carried) >= tuning::TUNNEL_MIXTURE;
    is_data.then_some((carried, domain))
}

/// What a name carries, and the domain that it lies in: its last two labels.
fn split(name: &str) -> Option<(&str, &str)> {
    let (rest, _) = name.rsplit_once('.')?;
    let at = rest.rfind('.')?;
    Some((&name[..at], &name[at + 1..]))
}

/// The share of neighbours of which one is a letter and one a digit: names that people give have few, encoded data has
/// 26 in a hundred (base 64) to 47 (hexadecimal).
fn mixture(text: &str) -> f64 {
    let pairs = text.as_bytes().windows(2);
    let count = pairs.len().max(1);
    let mixed = pairs.filter(|pair| match pair {
        [one, other] => {
            one.is_ascii_alphabetic() && other.is_ascii_digit()
                || one.is_ascii_digit() && other.is_ascii_alphabetic()
        }
        _ => false,
    });
    mixed.count() as f64 / count as f64
}

#[cfg(test)]
mod tests {
    use crate::{
        detect::network::dns::tests::message,
        engine::testing::{Host, findings, seconds, verdict},
        model::{Direction, DnsServerRole, EventBody},
    };

    fn after(names: impl Iterator<Item = String>, pause: u64) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        for name in names {
            host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(&name, None, &[]));
            host.wait(seconds(pause));
        }
        assert_eq!(verdict(&host), None, "never alone");
        findings(&host)
    }

    /// Letters of base 32 that chance picks, the same in every run.
    fn carried(count: u64) -> impl Iterator<Item = String> + Clone {
        (1..=count).map(|serial| {
            let mut state = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let letters = (0..40).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
            });
            letters.collect()
        })
    }

    #[test]
    fn data_in_names_is_told_of_once() {
        let names = carried(500).map(|data| format!("{data}.t.example.com"));
        assert_eq!(after(names, 1), [("B12", 15)]);
    }

    #[test]
    fn what_a_server_of_names_is_asked_for_is_not_its_own() {
        let found = |serves: bool| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let server = host.spawn(init, "/usr/sbin/dnsmasq", &["dnsmasq"]);
            host.happen(server, EventBody::DnsServerRole(DnsServerRole { serves }));
            for data in carried(200) {
                let name = format!("{data}.t.example.com");
                host.datagram(server, "10.0.0.53:53", Direction::Sent, &message(&name, None, &[]));
            }
            findings(&host).len()
        };
        assert_eq!((found(true), found(false)), (0, 1));
    }

    #[test]
    fn others_are_nothing() {
        let slow = carried(500).map(|data| format!("{data}.t.example.com"));
        assert_eq!(after(slow, 10), [], "not many at a time");
        let few = carried(500).map(|data| format!("{data}.{}.example", &data[..8]));
        assert_eq!(after(few, 0), [], "each of a domain of its own");
        let same = carried(3).cycle().take(500).map(|data| format!("{data}.cdn.example.com"));
        assert_eq!(after(same, 0), [], "the same again and again");
        let words =
            (0..500).map(|serial| format!("very-long-service-name-of-a-host-{serial}.eu.example.com"));
        assert_eq!(after(words, 0), [], "words and numbers");
    }
}
