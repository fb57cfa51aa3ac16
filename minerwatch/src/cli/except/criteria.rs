//! The options that describe one exception.

use anyhow::anyhow;

use super::super::{ExitReason, Failure};
use crate::{
    config::ExceptionEntry,
    detect,
    except::{LabelPattern, Pattern, PeerPattern, Sha256},
    model::{Moment, SignalId},
};

/// What a suspect must match: all options that are given.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct CriteriaArguments {
    /// SHA-256 of the executable, in hexadecimal
    #[arg(long, value_name = "HASH")]
    sha256: Option<String>,
    /// Path of the executable; `*` stands for any characters except `/`. Needs --user, --unit, --container or --sha256
    #[arg(long, value_name = "PATTERN")]
    path: Option<String>,
    /// User who runs the process, by name or number
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// systemd unit of the process; `*` stands for any characters
    #[arg(long, value_name = "PATTERN")]
    unit: Option<String>,
    /// At least 12 digits of the id of the container, or its name or image; `*` stands for any characters
    #[arg(long, value_name = "ID")]
    container: Option<String>,
    /// Image of the container, with or without the tag, or its digest; `*` stands for any characters except `/`
    #[arg(long, value_name = "PATTERN")]
    image: Option<String>,
    /// Namespace of the Kubernetes pod; `*` stands for any characters
    #[arg(long, value_name = "PATTERN")]
    namespace: Option<String>,
    /// Label of the container or its pod, as `NAME=VALUE`; may be repeated
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Address, network or name of the peers, with or without `:PORT`; may be repeated
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    peer: Vec<String>,
    /// Remove only this signal; may be repeated. Without it, the alerts about the suspect are hidden
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    signal: Vec<String>,
}

impl CriteriaArguments {
    /// Whether no option is given.
    pub(super) fn is_empty(&self) -> bool {
        let Self { sha256, path, user, unit, container, image, namespace, label, peer, signal } = self;
        let single = [sha256, path, user, unit, container, image, namespace];
        single.iter().all(|option| option.is_none())
            && label.is_empty()
            && peer.is_empty()
            && signal.is_empty()
    }

    /// Returns the exception. The options are checked as the keys of the file are.
    pub(super) fn entry(&self, reason: &str) -> Result<ExceptionEntry, Failure> {
        let Self { sha256, path, user, unit, container, image, namespace, label, peer, signal } =
            self.clone();
        let wrong =
            |option: &str, message: String| Failure::new(ExitReason::Usage, anyhow!("--{option}: {message}"));
        let mut entry = ExceptionEntry::new(reason.to_owned());
        entry.sha256 =
            sha256.map(Sha256::try_from).transpose().map_err(|message| wrong("sha256", message))?;
        entry.path = path.map(Pattern::new);
        entry.user = user;
        entry.unit = unit.map(Pattern::new);
        entry.container = container.map(Pattern::new);
        entry.image = image.map(Pattern::new);
        entry.namespace = namespace.map(Pattern::new);
        entry.label = label
            .into_iter()
            .map(LabelPattern::try_from)
            .collect::<Result<_, _>>()
            .map_err(|message| wrong("label", message))?;
        entry.peer = peer
            .into_iter()
            .map(PeerPattern::try_from)
            .collect::<Result<_, _>>()
            .map_err(|message| wrong("peer", message))?;
        if let Some(unknown) = signal.iter().find(|id| detect::signal(id).is_none()) {
            let known: Vec<&str> = detect::catalogue().iter().map(|info| info.id).collect();
            let shown = unknown.escape_debug();
            return Err(wrong(
                "signal",
                format!("there is no signal `{shown}`; known: {}", known.join(", ")),
            ));
        }
        entry.signal = signal.into_iter().map(|id| SignalId(id.into())).collect();
        entry.check().map_err(|(key, message)| wrong(key, message))?;
        Ok(entry)
    }
}

/// Parses the value of `--expires`: a date, a time, a number of days (`30d`) or `never`.
pub(super) fn expiry(text: Option<&str>, now: Moment) -> Result<Option<Moment>, String> {
    /// Days after which an exception expires by default.
    const DEFAULT: u32 = 90;
    match text {
        None => Ok(Some(now.day().plus_days(DEFAULT))),
        Some("never") => Ok(None),
        Some(text) => match text.strip_suffix('d').and_then(|days| days.parse().ok()) {
            Some(days @ 1..=36_500) => Ok(Some(now.day().plus_days(days))),
            Some(_) => Err(format!("`{text}` is not between 1d and 36500d")),
            None => match Moment::parse(text)? {
                moment if moment <= now => Err(format!("{moment} is over already")),
                moment => Ok(Some(moment)),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_date_a_number_of_days_or_never() {
        let now = Moment::parse("2026-11-28T12:00:00Z").expect("a time");
        let shown = |text| expiry(text, now).map(|own| own.map(|moment| moment.to_string()));
        assert_eq!(shown(None), Ok(Some("2027-02-26".to_owned())));
        assert_eq!(shown(Some("30d")), Ok(Some("2026-12-28".to_owned())));
        assert_eq!(shown(Some("2027-01-01")), Ok(Some("2027-01-01".to_owned())));
        assert_eq!(shown(Some("never")), Ok(None));
        for (text, part) in
            [("2026-11-28", "over already"), ("0d", "between"), ("soon", "neither"), ("ad", "neither")]
        {
            assert!(shown(Some(text)).expect_err(text).contains(part), "{text}");
        }
    }
}
