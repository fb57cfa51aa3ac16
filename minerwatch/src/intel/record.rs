//! One CSV row or one JSON object, with the field names that exporters use.

mod field;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) use field::Field;

use super::{
    Indicator, Refusal,
    import_report::ImportLocation,
    importer::{Importer, reason_with},
    stix,
};

/// A text with its rank. The lowest rank is the best.
type Ranked = Option<(u8, String)>;

/// The fields of one entry.
#[derive(Debug, Default)]
pub(super) struct Record {
    value: Ranked,
    note: Ranked,
    kind: Option<String>,
    port: Option<u16>,
    unwanted: Option<&'static str>,
    expires: Option<String>,
    /// Whether `kind` is reliable, because its author uses a fixed set of kinds.
    strict: bool,
    id: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    labels: String,
}

impl Record {
    /// Sets a field. An empty field is ignored.
    pub(super) fn set(&mut self, field: Field, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match field {
            Field::Value(rank) => {
                // Only OTX uses the name "indicator", and OTX always gives the kind.
                self.strict |= rank == 0;
                keep(&mut self.value, rank, text);
            }
            Field::Note(rank) => keep(&mut self.note, rank, text),
            Field::Kind => self.kind = Some(text.to_owned()),
            Field::Port => self.port = text.parse().ok().filter(|port| *port != 0),
            Field::ForDetection => {
                self.strict = true;
                self.reject_if(is_no(text), "not meant for detection (to_ids)");
            }
            Field::Active => self.reject_if(is_no(text), "no longer active"),
            Field::Deleted => self.reject_if(is_yes(text), "deleted"),
            Field::Revoked => self.reject_if(is_yes(text), "revoked"),
            Field::Expires => self.expires = Some(text.to_owned()),
            Field::Misp => self.strict = true,
            Field::Id => self.id = Some(text.to_owned()),
            Field::Pattern => self.pattern = Some(text.to_owned()),
            Field::PatternType => self.pattern_type = Some(text.to_owned()),
            Field::Labels => {
                if !self.labels.is_empty() {
                    self.labels.push_str(", ");
                }
                self.labels.push_str(text);
            }
        }
    }

    fn reject_if(&mut self, reject: bool, reason: &'static str) {
        if reject {
            self.unwanted = Some(reason);
        }
    }

    /// Returns the note, which also applies to the entries inside the object.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_ref().map(|(_, note)| note.as_str())
    }

    /// Returns whether the record has an entry.
    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// Returns the type of a STIX object. The id of a STIX object begins with its type.
    pub(super) fn stix_type(&self) -> Option<&str> {
        let kind = self.kind.as_deref()?;
        self.id.as_deref()?.strip_prefix(kind)?.starts_with("--").then_some(kind)
    }

    /// Adds the entry of the record. `inherited` is the note of the object around the record.
    pub(super) fn take(
        &self,
        importer: &mut Importer<'_>,
        ordinal: u32,
        location: impl Fn() -> ImportLocation,
        inherited: Option<&str>,
    ) {
        let Some((_, value)) = &self.value else { return };
        if !self.is_usable(importer) {
            return;
        }
        if let Some(kind) = self.kind.as_deref().filter(|kind| !self.can_be_watched_for(kind)) {
            importer.skip(reason_with("type", kind));
            return;
        }
        let added = importer.add(self.parse(value), ordinal, location, &self.words(inherited));
        if let Some(expiry) = self.expiry().filter(|_| added) {
            importer.note_expiry(expiry);
        }
    }

    /// Adds the entries of a STIX indicator. `inherited` is the note of the object around it.
    pub(super) fn take_pattern(
        &self,
        importer: &mut Importer<'_>,
        ordinal: u32,
        location: impl Fn() -> ImportLocation,
        inherited: Option<&str>,
    ) {
        if !self.is_usable(importer) {
            return;
        }
        if let Some(language) = self.pattern_type.as_deref().filter(|language| *language != "stix") {
            importer.skip(reason_with("pattern of type", language));
            return;
        }
        let Some(pattern) = &self.pattern else {
            importer.refuse(location, "an indicator without a pattern", "indicator without a pattern");
            return;
        };
        let alternatives = match stix::alternatives(pattern) {
            Ok(alternatives) => alternatives,
            Err(error) => {
                importer.refuse(location, error.to_string(), error.kind());
                return;
            }
        };
        let words = self.words(inherited);
        for alternative in alternatives {
            match alternative {
                Ok(parsed) => {
                    let added = importer.add(parsed, ordinal, &location, &words);
                    if let Some(expiry) = self.expiry().filter(|_| added) {
                        importer.note_expiry(expiry);
                    }
                }
                Err(reason) => importer.skip(reason),
            }
        }
    }

    /// Returns whether the record is valid now. Counts the reason if it is not.
    fn is_usable(&self, importer: &mut Importer<'_>) -> bool {
        let reason = match self.unwanted {
            Some(reason) => reason,
            None if self.expiry().is_some_and(|expiry| importer.has_passed(expiry)) => "expired",
            None => return true,
        };
        importer.skip(reason);
        false
    }

    fn expiry(&self) -> Option<i64> {
        self.expires.as_deref().and_then(moment)
    }

    /// Returns whether entries of this kind can be looked up. The name of a file looks like the name of a host, and the
    /// hash of a certificate looks like the hash of a program. Therefore the kind decides.
    fn can_be_watched_for(&self, kind: &str) -> bool {
        const KINDS: [&str; 24] = [
            "domain",
            "hostname",
            "fqdn",
            "host",
            "domain-name",
            "domain|ip",
            "hostname|port",
            "ip",
            "ip-src",
            "ip-dst",
            "ip-src|port",
            "ip-dst|port",
            "ip:port",
            "ipv4",
            "ipv6",
            "cidr",
            "url",
            "uri",
            "sha256",
            "sha256_hash",
            "filehash-sha256",
            "filename|sha256",
            "file_hash",
            "malware-sample|sha256",
        ];
        const NEVER: [&str; 10] = [
            "filename",
            "file-name",
            "file_name",
            "filepath",
            "email",
            "mutex",
            "text",
            "regkey",
            "cve",
            "yara",
        ];
        let is = |known: &&str| known.eq_ignore_ascii_case(kind);
        KINDS.iter().any(is) || (!self.strict && !NEVER.iter().any(is))
    }

    /// Parses the entry, also if it is a MISP pair (`192.0.2.1|443`, `name.exe|HASH`). The port may come from another
    /// column.
    fn parse(&self, value: &str) -> Result<Indicator, Refusal> {
        match value.split_once('|') {
            Some((host, port)) if port.parse::<u16>().is_ok() => {
                Indicator::with_port(host, port.parse().ok())
            }
            Some((_, hash)) if hash.len() == 64 => Indicator::parse(hash),
            Some((name, _)) => Indicator::parse(name),
            None => Indicator::with_port(value, self.port),
        }
    }

    fn words(&self, inherited: Option<&str>) -> String {
        let note = self.note().or(inherited).unwrap_or_default();
        match (note, self.labels.as_str()) {
            (note, "") => note.to_owned(),
            ("", labels) => labels.to_owned(),
            (note, labels) => format!("{note} ({labels})"),
        }
    }
}

/// Keeps the text with the lower rank.
fn keep(best: &mut Ranked, rank: u8, text: &str) {
    if best.as_ref().is_none_or(|(kept, _)| rank < *kept) {
        *best = Some((rank, text.to_owned()));
    }
}

fn is_no(text: &str) -> bool {
    ["0", "false", "no"].iter().any(|no| no.eq_ignore_ascii_case(text))
}

fn is_yes(text: &str) -> bool {
    ["1", "true", "yes"].iter().any(|yes| yes.eq_ignore_ascii_case(text))
}

/// Parses a time in RFC 3339, with or without its zone. Returns seconds since 1970.
fn moment(text: &str) -> Option<i64> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let moment = parse(text)
        .or_else(|| parse(&format!("{}Z", text.replacen(' ', "T", 1))))
        .or_else(|| parse(&format!("{text}T00:00:00Z")))?;
    Some(moment.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, seconds) in [
            ("1970-01-01T00:01:00Z", Some(60)),
            ("1970-01-01T01:01:00.5+01:00", Some(60)),
            ("1970-01-01T00:01:00", Some(60)),
            ("1970-01-01 00:01:00", Some(60)),
            ("1970-01-02", Some(86_400)),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(moment(text), seconds, "{text}");
        }
    }
}
