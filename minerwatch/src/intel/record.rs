//! One row of a table or one object of JSON, as the people who export lists name their columns.

mod field;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(super) use field::Field;

use super::{
    Indicator, Refusal,
    import_report::{ImportLocation, Importer},
};

/// A text and its rank.
type Ranked = Option<(u8, String)>;

/// What is known of one entry.
#[derive(Debug, Default)]
pub(super) struct Record {
    value: Ranked,
    note: Ranked,
    kind: Option<String>,
    port: Option<u16>,
    unwanted: Option<&'static str>,
    expires: Option<String>,
    /// Whether what `kind` says is to be believed: whoever wrote this has a closed set of kinds.
    strict: bool,
    id: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    labels: String,
}

impl Record {
    /// Takes over a field. What is empty is as good as not there.
    pub(super) fn set(&mut self, field: Field, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match field {
            Field::Value(rank) => {
                // "indicator" is what OTX calls it, and OTX says what kind it is of.
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

    /// The word on it, for the entries inside as well.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_ref().map(|(_, note)| note.as_str())
    }

    /// Whether there is anything to look for.
    pub(super) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// The type of a STIX object: its id begins with it.
    pub(super) fn stix_type(&self) -> Option<&str> {
        let kind = self.kind.as_deref()?;
        self.id.as_deref()?.strip_prefix(kind)?.starts_with("--").then_some(kind)
    }

    /// Takes it in as an entry. `inherited` is the word on everything around it.
    pub(super) fn take(
        &self,
        intake: &mut Importer<'_>,
        ordinal: u32,
        place: impl Fn() -> ImportLocation,
        inherited: Option<&str>,
    ) {
        let Some((_, value)) = &self.value else { return };
        if !self.is_usable(intake) {
            return;
        }
        if let Some(kind) = self.kind.as_deref().filter(|kind| !self.can_be_watched_for(kind)) {
            intake.pass_over(of_kind("type", kind));
            return;
        }
        let added = intake.add(self.parse(value), ordinal, place, &self.words(inherited));
        if let Some(expiry) = self.expiry().filter(|_| added) {
            intake.expires(expiry);
        }
    }

    /// Takes a STIX indicator in.
    pub(super) fn take_pattern(
        &self,
        intake: &mut Importer<'_>,
        ordinal: u32,
        place: impl Fn() -> ImportLocation,
        inherited: Option<&str>,
    ) {
        if !self.is_usable(intake) {
            return;
        }
        if let Some(language) = self.pattern_type.as_deref().filter(|language| *language != "stix") {
            intake.pass_over(of_kind("pattern of type", language));
            return;
        }
        let Some(pattern) = &self.pattern else {
            intake.refuse(place, "an indicator without a pattern", "indicator without a pattern");
            return;
        };
        let alternatives = match super::stix::alternatives(pattern) {
            Ok(alternatives) => alternatives,
            Err(error) => {
                intake.refuse(place, error.to_string(), error.kind());
                return;
            }
        };
        let words = self.words(inherited);
        for alternative in alternatives {
            match alternative {
                Ok(parsed) => {
                    let added = intake.add(parsed, ordinal, &place, &words);
                    if let Some(expiry) = self.expiry().filter(|_| added) {
                        intake.expires(expiry);
                    }
                }
                Err(reason) => intake.pass_over(reason),
            }
        }
    }

    /// Whether it still holds; what does not is counted.
    fn is_usable(&self, intake: &mut Importer<'_>) -> bool {
        let reason = match self.unwanted {
            Some(reason) => reason,
            None if self.expiry().is_some_and(|expiry| intake.has_passed(expiry)) => "expired",
            None => return true,
        };
        intake.pass_over(reason);
        false
    }

    fn expiry(&self) -> Option<i64> {
        self.expires.as_deref().and_then(moment)
    }

    /// A kind that is told must be one that is compared with something: a file's name looks like a host's, the
    /// hash of a certificate like that of a program.
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

    /// The value, with MISP's pairs (`192.0.2.1|443`, `name.exe|HASH`) and a port of its own column.
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

/// `what 'kind'`, the kind at a length that can be shown.
pub(super) fn of_kind(what: &str, kind: &str) -> String {
    let kind: String = kind.chars().filter(|letter| !letter.is_control()).take(40).collect();
    format!("{what} '{kind}'")
}

fn keep(place: &mut Ranked, rank: u8, text: &str) {
    if place.as_ref().is_none_or(|(kept, _)| rank < *kept) {
        *place = Some((rank, text.to_owned()));
    }
}

fn is_no(text: &str) -> bool {
    ["0", "false", "no"].iter().any(|no| no.eq_ignore_ascii_case(text))
}

fn is_yes(text: &str) -> bool {
    ["1", "true", "yes"].iter().any(|yes| yes.eq_ignore_ascii_case(text))
}

/// A moment in RFC 3339, its zone left out by some; seconds since 1970.
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
