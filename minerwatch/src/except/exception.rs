//! One exception: its keys, and how they are compared with a suspect.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    pattern::{Pattern, Sha256},
    peer::PeerPattern,
    place::{LabelPattern, Place, is_id},
    subject::{Facts, Match, Subject},
};
use crate::model::{Moment, SignalId};

/// The keys that a suspect must match, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    /// SHA-256 of the executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// The path of the executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Pattern>,
    /// The user who runs the process, by name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Pattern>,
    /// The beginning of the container's id, its name or its image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Pattern>,
    /// The image of the container: its name with or without the tag, or a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Pattern>,
    /// The namespace of the Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Pattern>,
    /// Labels of the container or of its pod. All of them must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<LabelPattern>,
    /// The peers. Each peer of the suspect must match one of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peer: Vec<PeerPattern>,
}

/// Where an exception was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The configuration.
    #[default]
    Configuration,
    /// The file of exceptions, which `minerwatch except` edits.
    File,
    /// The command line of `minerwatch except test`.
    Command,
}

/// An exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The id: given, or derived from the keys.
    pub id: String,
    /// What a suspect must match.
    #[serde(flatten)]
    pub criteria: Criteria,
    /// The signals that the exception removes. Without any, it hides the alerts about the suspect.
    #[serde(default, rename = "signal", skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<SignalId>,
    /// Why the exception exists.
    pub reason: String,
    /// Who answers for the exception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_by: Option<String>,
    /// When the exception was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Moment>,
    /// From when on the exception does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Where the exception was read from.
    #[serde(default)]
    pub source: Source,
}

impl Exception {
    /// Whether the exception does not apply any more.
    pub fn is_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Compares the exception with a suspect. The signals and the expiry are not compared.
    pub fn matches(&self, subject: &Subject<'_>) -> Match {
        let Criteria { peer, .. } = &self.criteria;
        let is_peer = |met| peer.iter().any(|peer| peer.matches(met));
        if !peer.is_empty() && (subject.peers.is_empty() || !subject.peers.iter().all(is_peer)) {
            return Match::No;
        }
        subject.processes.iter().map(|facts| self.criteria.matches(facts)).min().unwrap_or(Match::No)
    }
}

impl Criteria {
    fn matches(&self, facts: &Facts<'_>) -> Match {
        let Self { sha256, path, user, unit, container, image, namespace, label, peer: _ } = self;
        let place = Place {
            container: container.as_ref(),
            image: image.as_ref(),
            namespace: namespace.as_ref(),
            label,
        };
        let view = facts.view;
        // The builder of a container chooses the paths and the users in it, so a path outside of containers says nothing
        // about it.
        let is_elsewhere =
            path.is_some() && sha256.is_none() && place.is_anywhere() && facts.container_id().is_some();
        let is_path = |path: &Pattern| !view.executable.flags.memfd && path.matches(&view.executable.path);
        let own_unit = view.container.as_deref().and_then(|container| container.unit.as_deref());
        let fits = path.as_ref().is_none_or(is_path)
            && user.as_deref().is_none_or(|user| is_user(user, facts))
            && unit.as_ref().is_none_or(|unit| own_unit.is_some_and(|own| unit.matches(own)));
        if is_elsewhere || !fits {
            return Match::No;
        }
        let hash = match (sha256, facts.sha256) {
            (None, _) => Match::Yes,
            (Some(hash), Some(own)) if hash.as_str().eq_ignore_ascii_case(own) => Match::Yes,
            (Some(_), Some(_)) => Match::No,
            (Some(_), None) => Match::Pending,
        };
        hash.min(place.matches(facts))
    }

    /// Whether the exception depends on what a runtime says about the container.
    pub fn needs_container_name(&self) -> bool {
        self.container.as_ref().is_some_and(|container| !is_id(container.as_str()))
            || self.image.is_some()
            || self.namespace.is_some()
            || !self.label.is_empty()
    }
}

fn is_user(user: &str, facts: &Facts<'_>) -> bool {
    let credentials = &facts.view.credentials;
    match user.parse::<u32>() {
        Ok(uid) => credentials.uid == uid,
        Err(_) => credentials.user.as_deref() == Some(user),
    }
}

/// Writes the keys on one line: `path=/opt/x user=ml signal=C9`.
impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Criteria { sha256, path, user, unit, container, image, namespace, label, peer } = &self.criteria;
        let mut parts = Vec::new();
        let mut add = |name: &str, value: Option<&str>| {
            parts.extend(value.map(|value| format!("{name}={}", value.escape_debug())));
        };
        add("sha256", sha256.as_ref().map(Sha256::as_str));
        add("path", path.as_ref().map(Pattern::as_str));
        add("user", user.as_deref());
        add("unit", unit.as_ref().map(Pattern::as_str));
        add("container", container.as_ref().map(Pattern::as_str));
        add("image", image.as_ref().map(Pattern::as_str));
        add("namespace", namespace.as_ref().map(Pattern::as_str));
        for label in label {
            add("label", Some(&label.to_string()));
        }
        for peer in peer {
            add("peer", Some(&peer.to_string()));
        }
        for signal in &self.signals {
            add("signal", Some(&signal.0));
        }
        formatter.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Container, ContainerDetails, ContainerImage, Peer, ProcessView},
        testing::samples,
    };

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const ID: &str = "4f2a9c0e7b11d3558e6a90cc1122334455667788990011223344556677889900";

    fn view() -> ProcessView {
        let mut view = samples::alert().suspect;
        view.executable.path = "/opt/ml/bin/train".into();
        view.executable.flags.memfd = false;
        view.credentials.uid = 1_001;
        view.credentials.user = Some("ml".into());
        view.sha256 = Some(HASH.into());
        view.container = Some(Arc::new(Container {
            cgroup: "/system.slice/train@7.service".into(),
            id: None,
            runtime: None,
            outer: None,
            pod_uid: None,
            unit: Some("train@7.service".into()),
            details: None,
        }));
        view
    }

    fn contained() -> ProcessView {
        let mut view = view();
        let container =
            Container { id: Some(ID.into()), ..Container::clone(view.container.as_deref().expect("set")) };
        view.container = Some(Arc::new(container));
        view
    }

    fn exception(text: &str) -> Exception {
        let text = format!("id = 'x'\nreason = 'test'\n{text}");
        toml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn matches(text: &str, views: &[ProcessView], peers: &[&str]) -> Match {
        let facts: Vec<Facts<'_>> = views.iter().map(Facts::of).collect();
        let peers: Vec<Peer> = peers
            .iter()
            .map(|peer| Peer {
                address: peer.parse().expect("an address"),
                name: Some("pool.example".into()),
            })
            .collect();
        exception(text).matches(&Subject { processes: &facts, peers: &peers })
    }

    #[test]
    fn each_key_is_compared() {
        for (text, expected) in [
            (format!("sha256 = '{HASH}'"), Match::Yes),
            (format!("sha256 = '{}'", HASH.to_uppercase()), Match::Yes),
            (format!("sha256 = '{}'", "0".repeat(64)), Match::No),
            ("path = '/opt/*/bin/train'".to_owned(), Match::Yes),
            ("path = '/opt/*'".to_owned(), Match::No),
            ("user = 'ml'".to_owned(), Match::Yes),
            ("user = '1001'".to_owned(), Match::Yes),
            ("user = 'root'".to_owned(), Match::No),
            ("unit = 'train@*.service'".to_owned(), Match::Yes),
            ("unit = 'other.service'".to_owned(), Match::No),
            (format!("container = '{}'", &ID[..12]), Match::No),
        ] {
            assert_eq!(matches(&text, &[view()], &[]), expected, "{text}");
        }
    }

    #[test]
    fn all_keys_must_match() {
        let both = "path = '/opt/ml/bin/train'\nuser = 'ml'";
        assert_eq!(matches(both, &[view()], &[]), Match::Yes);
        for other in ["path = '/opt/ml/bin/train'\nuser = 'root'", "path = '/opt/other'\nuser = 'ml'"] {
            assert_eq!(matches(other, &[view()], &[]), Match::No, "{other}");
        }
    }

    #[test]
    fn every_process_must_match() {
        let mut other = view();
        other.credentials.uid = 1_002;
        other.credentials.user = Some("mallory".into());
        assert_eq!(matches("user = 'ml'", &[view(), other], &[]), Match::No);
        assert_eq!(matches("user = 'ml'", &[], &[]), Match::No);
    }

    #[test]
    fn every_peer_must_match() {
        let own = "peer = ['192.0.2.0/24']";
        assert_eq!(matches(own, &[view()], &["192.0.2.1:1", "192.0.2.2:2"]), Match::Yes);
        assert_eq!(matches(own, &[view()], &["192.0.2.1:1", "198.51.100.1:2"]), Match::No);
        assert_eq!(matches(own, &[view()], &[]), Match::No);
        assert_eq!(matches("peer = ['pool.example:1']", &[view()], &["192.0.2.1:1"]), Match::Yes);
    }

    #[test]
    fn a_hash_that_is_not_known_yet_may_match_later() {
        let mut unknown = view();
        unknown.sha256 = None;
        let hash = format!("sha256 = '{HASH}'");
        assert_eq!(matches(&hash, &[unknown.clone()], &[]), Match::Pending);
        assert_eq!(matches(&format!("{hash}\nuser = 'root'"), &[unknown], &[]), Match::No);
    }

    #[test]
    fn a_path_of_the_host_is_no_path_of_a_container() {
        let path = "path = '/opt/ml/bin/train'\nuser = 'ml'";
        assert_eq!(matches(path, &[contained()], &[]), Match::No);
        let id = &ID[..12];
        assert_eq!(matches(&format!("{path}\ncontainer = '{id}'"), &[contained()], &[]), Match::Yes);
        assert_eq!(matches(&format!("{path}\nsha256 = '{HASH}'"), &[contained()], &[]), Match::Yes);
        // The beginning of an id has twelve digits. This may be a name, and the name is not known yet.
        assert_eq!(matches(&format!("container = '{}'", &ID[..11]), &[contained()], &[]), Match::Pending);
        let mut fileless = view();
        fileless.executable.flags.memfd = true;
        assert_eq!(matches(path, &[fileless], &[]), Match::No);
    }

    #[test]
    fn a_name_of_a_container_matches_once_it_is_known() {
        let own = exception("container = 'registry/train:*'");
        assert!(own.criteria.needs_container_name());
        let view = contained();
        let image =
            ContainerImage { name: "registry/train".into(), tag: Some("7".into()), digests: Vec::new() };
        let details = ContainerDetails { image: Some(image), ..ContainerDetails::default() };
        let matches = |details: ContainerDetails| {
            let mut view = view.clone();
            view.container = view.container.map(|container| container.described(&Arc::new(details)));
            own.matches(&Subject { processes: &[Facts::of(&view)], peers: &[] })
        };
        assert_eq!(matches(details), Match::Yes);
        assert_eq!(matches(ContainerDetails::default()), Match::No, "the runtime does not know it");
        assert_eq!(own.matches(&Subject { processes: &[Facts::of(&view)], peers: &[] }), Match::Pending);
    }

    #[test]
    fn an_exception_expires_at_its_moment() {
        let own = exception("user = 'ml'\nexpires = 2027-01-01");
        let at = |text| Moment::parse(text).expect("a moment");
        assert!(!own.is_expired(at("2026-12-31T23:59:59Z")) && own.is_expired(at("2027-01-01")));
        assert!(!exception("user = 'ml'").is_expired(at("2999-01-01")));
    }
}
