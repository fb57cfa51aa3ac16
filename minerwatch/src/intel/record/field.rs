//! Maps the names of CSV columns and JSON keys to fields.

/// The meaning of a column or a key. If there are several values or several notes, the lowest rank counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::intel) enum Field {
    /// The entry.
    Value(u8),
    /// A note about the entry.
    Note(u8),
    /// The kind of entry.
    Kind,
    /// The port of the entry.
    Port,
    /// MISP: whether the entry is meant for detection.
    ForDetection,
    /// OTX: whether the entry is still valid.
    Active,
    /// MISP: whether the entry was withdrawn.
    Deleted,
    /// STIX: whether the entry was withdrawn.
    Revoked,
    /// The expiry time of the entry.
    Expires,
    /// A key that only MISP has. It shows that `type` is reliable.
    Misp,
    /// STIX: the identifier, `type--uuid`.
    Id,
    /// STIX: the pattern.
    Pattern,
    /// STIX: the pattern language.
    PatternType,
    /// STIX: labels.
    Labels,
}

/// Names of values, best rank first: general names, and then narrower kinds before wider kinds.
const VALUES: [&str; 26] = [
    "indicator",
    "ioc_value",
    "ioc",
    "value",
    "observable",
    "sha256",
    "sha256_hash",
    "sha_256",
    "domain",
    "domain_name",
    "fqdn",
    "hostname",
    "host",
    "ip",
    "ip_address",
    "ipv4",
    "ipv6",
    "dst_ip",
    "dstip",
    "dest_ip",
    "address",
    "cidr",
    "network",
    "hash",
    "file_hash",
    "url",
];
/// Names of notes, best rank first.
const NOTES: [&str; 12] = [
    "note",
    "comment",
    "title",
    "name",
    "description",
    "info",
    "threat",
    "malware_printable",
    "malware",
    "family",
    "reference",
    "source",
];

impl Field {
    /// Returns the field of a CSV column or a JSON key with this name.
    pub(in crate::intel) fn of(name: &str) -> Option<Self> {
        let mut buffer = [0; 24];
        let name = name.trim();
        let buffer = buffer.get_mut(..name.len())?;
        for (to, from) in buffer.iter_mut().zip(name.bytes()) {
            *to = if matches!(from, b'-' | b' ' | b'.') { b'_' } else { from.to_ascii_lowercase() };
        }
        let name = str::from_utf8(buffer).ok()?;
        let rank = |names: &[&str]| {
            names.iter().position(|known| *known == name).and_then(|rank| u8::try_from(rank).ok())
        };
        Some(match name {
            "type" | "ioc_type" | "indicator_type" | "kind" => Self::Kind,
            "port" | "dst_port" | "dstport" | "dest_port" => Self::Port,
            "to_ids" => Self::ForDetection,
            "is_active" | "active" => Self::Active,
            "deleted" => Self::Deleted,
            "revoked" => Self::Revoked,
            "valid_until" | "expiration" | "expires" => Self::Expires,
            "event_id" | "category" | "object_relation" | "disable_correlation" => Self::Misp,
            "id" => Self::Id,
            "pattern" => Self::Pattern,
            "pattern_type" => Self::PatternType,
            "labels" | "tags" | "indicator_types" => Self::Labels,
            _ => match rank(&VALUES) {
                Some(rank) => Self::Value(rank),
                None => Self::Note(rank(&NOTES)?),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_their_names() {
        for (name, field) in [
            ("Domain", Some(Field::Value(8))),
            (" IP Address ", Some(Field::Value(14))),
            ("sha-256", Some(Field::Value(7))),
            ("IOC_Type", Some(Field::Kind)),
            ("dst_port", Some(Field::Port)),
            ("Comment", Some(Field::Note(1))),
            ("first_seen_utc", None),
            ("", None),
            ("a very long name of a column indeed", None),
            ("ä", None),
        ] {
            assert_eq!(Field::of(name), field, "{name}");
        }
    }
}
