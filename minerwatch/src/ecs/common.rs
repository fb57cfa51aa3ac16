//! The fields that are the same in every object of a run. They are written once, at the start, and copied to each line.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ECS_VERSION, EncoderSettings, values::Identified};
use crate::model::{AgentContext, CloudFields, ExtraFields, HostContext};

#[derive(Debug, Serialize)]
struct Common<'a> {
    ecs: Version,
    host: HostFields<'a>,
    agent: AgentFields<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<Cloud<'a>>,
}

#[derive(Debug, Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct HostFields<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    boot: Identified<&'a str>,
}

#[derive(Debug, Serialize)]
struct AgentFields<'a> {
    r#type: &'static str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Cloud<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Identified<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Identified<&'a str>>,
}

impl<'a> Cloud<'a> {
    fn new(cloud: &'a CloudFields) -> Option<Self> {
        if *cloud == CloudFields::default() {
            return None;
        }
        let CloudFields { provider, region, availability_zone, account_id, instance_id } = cloud;
        let identified = |id: &'a Option<String>| id.as_deref().map(|id| Identified { id });
        Some(Self {
            provider: provider.as_deref(),
            region: region.as_deref(),
            availability_zone: availability_zone.as_deref(),
            account: identified(account_id),
            instance: identified(instance_id),
        })
    }
}

/// Writes the fields as one JSON object.
pub(super) fn object(settings: &EncoderSettings) -> String {
    let EncoderSettings { host, agent, fields, max_alert_bytes: _, cluster: _, redactor: _ } = settings;
    let HostContext { name, id, boot_id, clock: _ } = host;
    let AgentContext { id: agent_id, version } = agent;
    let ExtraFields { tags, labels, cloud } = fields;
    let common = Common {
        ecs: Version { version: ECS_VERSION },
        host: HostFields { name, id: id.as_deref(), boot: Identified { id: boot_id } },
        agent: AgentFields { r#type: "minerwatch", version, id: agent_id.as_deref() },
        tags,
        labels,
        cloud: Cloud::new(cloud),
    };
    // Not expected to fail: every key is a string.
    serde_json::to_string(&common).unwrap_or_else(|_| "{}".to_owned())
}

/// Returns the end of every line: the fields without their opening brace, after a comma, and a newline.
pub(super) fn line_end(settings: &EncoderSettings) -> Box<[u8]> {
    let object = object(settings);
    let inner = object.strip_prefix('{').filter(|inner| *inner != "}");
    match inner {
        Some(inner) => format!(",{inner}\n").into_bytes().into(),
        None => b"}\n".as_slice().into(),
    }
}
