//! `[fields]`: fields of the user's own in every object.

use std::collections::BTreeMap;

use crate::{
    model::{CloudFields, ExtraFields},
    schema::{checked, optional, section, table},
};

/// Maximum length of one value, and of the name of a label, in bytes.
const MAX_VALUE: usize = 64;
/// Maximum length of all tags, and of all labels, in bytes of JSON. Alerts must have room for them.
const MAX_TOTAL: usize = 512;

/// The text that a value may be, as the reference shows it.
const TEXT: &str = "a text of 1 to 64 bytes";

section! {
    /// Keys of `[fields]`.
    pub struct Fields {
        /// The ECS field `tags`.
        pub tags: Vec<String> = Vec::new(), checked("a list of texts of 1 to 64 bytes", are_tags);
        /// The ECS fields `labels.*`, for example `labels.team = "web"`.
        pub labels: BTreeMap<String, String> = BTreeMap::new(),
            checked("texts of 1 to 64 bytes by name; a name has letters, digits, `_`, `-`", are_labels);
        /// The place of this host in a cloud.
        pub cloud: Cloud = Cloud::default(), table();
    }
}

section! {
    /// Keys of `[fields.cloud]`.
    pub struct Cloud {
        /// The ECS field `cloud.provider`, for example `aws`.
        pub provider: Option<String> = None, optional(checked(TEXT, is_value));
        /// The ECS field `cloud.region`.
        pub region: Option<String> = None, optional(checked(TEXT, is_value));
        /// The ECS field `cloud.availability_zone`.
        pub availability_zone: Option<String> = None, optional(checked(TEXT, is_value));
        /// The account in the cloud.
        pub account: CloudAccount = CloudAccount::default(), table();
        /// The instance in the cloud.
        pub instance: CloudInstance = CloudInstance::default(), table();
    }
}

section! {
    /// Keys of `[fields.cloud.account]`.
    pub struct CloudAccount {
        /// The ECS field `cloud.account.id`.
        pub id: Option<String> = None, optional(checked(TEXT, is_value));
    }
}

section! {
    /// Keys of `[fields.cloud.instance]`.
    pub struct CloudInstance {
        /// The ECS field `cloud.instance.id`.
        pub id: Option<String> = None, optional(checked(TEXT, is_value));
    }
}

impl Fields {
    /// Returns the length of all fields in JSON, about.
    pub fn json_length(&self) -> usize {
        let Self { tags, labels, cloud } = self;
        let Cloud { provider, region, availability_zone, account, instance } = cloud;
        let cloud = [provider, region, availability_zone, &account.id, &instance.id];
        let values = tags.iter().chain(cloud.into_iter().flatten());
        values.map(|value| json_length(value)).sum::<usize>() + labels_length(labels)
    }

    /// Returns the fields for the encoder.
    pub fn extra(&self) -> ExtraFields {
        let Self { tags, labels, cloud } = self;
        let Cloud { provider, region, availability_zone, account, instance } = cloud;
        ExtraFields {
            tags: tags.clone(),
            labels: labels.clone(),
            cloud: CloudFields {
                provider: provider.clone(),
                region: region.clone(),
                availability_zone: availability_zone.clone(),
                account_id: account.id.clone(),
                instance_id: instance.id.clone(),
            },
        }
    }
}

fn is_value(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("a value is empty; remove it".to_owned());
    }
    if value.len() > MAX_VALUE {
        return Err(format!("`{value}` has {} bytes; at most {MAX_VALUE} are allowed", value.len()));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("{value:?} contains a control character"));
    }
    Ok(())
}

fn are_tags(tags: &[String]) -> Result<(), String> {
    tags.iter().try_for_each(|tag| is_value(tag))?;
    fit(tags.iter().map(|tag| json_length(tag)).sum(), "tags")
}

fn are_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in labels {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > MAX_VALUE || !name.bytes().all(is_plain) {
            return Err(format!(
                "`{name}` is not a name of a label: 1 to {MAX_VALUE} letters, digits, `_`, `-`"
            ));
        }
        is_value(value).map_err(|error| format!("label `{name}`: {error}"))?;
    }
    fit(labels_length(labels), "labels")
}

fn labels_length(labels: &BTreeMap<String, String>) -> usize {
    labels.iter().map(|(name, value)| json_length(name) + json_length(value)).sum()
}

fn fit(total: usize, what: &str) -> Result<(), String> {
    if total <= MAX_TOTAL {
        return Ok(());
    }
    Err(format!("all {what} have {total} bytes together; at most {MAX_TOTAL} are allowed"))
}

/// Returns the length of a text without control characters in JSON, with its quotes and a separator.
fn json_length(text: &str) -> usize {
    text.len() + text.matches(['"', '\\']).count() + 3
}
