//! The effective configuration as text for people and as JSON, with secrets hidden.

mod secrets;

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use toml::{Table, Value};

use self::secrets::without_secrets;
use super::{
    Config, Effective, Origin,
    effective::Step::{self, Key, Number},
};
use crate::schema::{Section as _, SectionText, Shape};

/// The effective configuration, to be shown. Secrets are replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The configuration, with all defaults.
    configuration: Table,
    /// Where the values come from that are no defaults: `file`, or the name of the variable. The sections that may be
    /// repeated have their number, as in `sink.file.0.path`.
    origins: BTreeMap<String, String>,
    /// The text for people.
    #[serde(skip)]
    text: String,
}

impl Shown {
    /// Returns the configuration in TOML. A comment after each value says where it comes from.
    pub fn to_toml(&self) -> &str {
        &self.text
    }
}

impl From<&Effective> for Shown {
    fn from(effective: &Effective) -> Self {
        let Value::Table(all) = Value::from(effective) else { return Self::empty() };
        let mut shown = Self::empty();
        let configuration = shown.section(&Config::text(), &all, effective, &mut Vec::new(), false);
        Self { configuration, text: shown.text.trim_start().to_owned(), ..shown }
    }
}

impl Shown {
    fn empty() -> Self {
        Self { configuration: Table::new(), origins: BTreeMap::new(), text: String::new() }
    }

    /// Adds a section with the sections below it. Returns its content without secrets.
    fn section<'a>(
        &mut self,
        known: &SectionText,
        content: &'a Table,
        effective: &Effective,
        path: &mut Vec<Step<'a>>,
        repeated: bool,
    ) -> Table {
        let mut shown = Table::new();
        let is_value = |name: &str| {
            known.keys.iter().any(|key| key.name == name && matches!(key.shape, Shape::Value { .. }))
        };
        if content.keys().any(|name| is_value(name)) {
            let (open, close) = if repeated { ("[[", "]]") } else { ("[", "]") };
            let _ = writeln!(self.text, "\n{open}{}{close}", named(path, false));
        }
        let mut below = Vec::new();
        for key in &known.keys {
            let Some((name, value)) = content.get_key_value(key.name) else { continue };
            match &key.shape {
                Shape::Value { .. } => {
                    path.push(Key(name));
                    shown.insert(name.clone(), self.value(name, value, effective, path));
                    path.pop();
                }
                Shape::Table(section) => below.push((name, value, section, false)),
                Shape::Tables(section) => below.push((name, value, section, true)),
            }
        }
        for (name, value, section, repeated) in below {
            path.push(Key(name));
            let value = match value {
                Value::Table(content) => {
                    Value::Table(self.section(section, content, effective, path, repeated))
                }
                Value::Array(values) => Value::Array(self.sections(section, values, effective, path)),
                other => other.clone(),
            };
            path.pop();
            shown.insert(name.clone(), value);
        }
        shown
    }

    /// Adds the sections of one kind that may be repeated.
    fn sections<'a>(
        &mut self,
        known: &SectionText,
        values: &'a [Value],
        effective: &Effective,
        path: &mut Vec<Step<'a>>,
    ) -> Vec<Value> {
        let mut all = Vec::new();
        for (number, content) in values.iter().filter_map(Value::as_table).enumerate() {
            path.push(Number(number));
            all.push(Value::Table(self.section(known, content, effective, path, true)));
            path.pop();
        }
        all
    }

    /// Adds a value. Returns it without secrets.
    fn value(&mut self, name: &str, value: &Value, effective: &Effective, path: &[Step<'_>]) -> Value {
        let origin = effective.origin(path);
        let shown = match &origin {
            // The defaults are public.
            Origin::Default => value.clone(),
            Origin::File | Origin::Environment(_) => without_secrets(name, value),
        };
        let source = match origin {
            Origin::Default => None,
            Origin::File => Some("file".to_owned()),
            Origin::Environment(variable) => Some(variable),
        };
        let hidden = if shown == *value { "" } else { ", a secret is hidden" };
        let _ = writeln!(self.text, "{name} = {shown}  # {}{hidden}", source.as_deref().unwrap_or("default"));
        if let Some(source) = source {
            self.origins.insert(named(path, true), source);
        }
        shown
    }
}

/// Returns a path with points, with or without the numbers.
fn named(path: &[Step<'_>], numbers: bool) -> String {
    let names = path.iter().filter_map(|step| match step {
        Key(name) => Some((*name).to_owned()),
        Number(number) => numbers.then(|| number.to_string()),
    });
    names.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Environment;

    fn shown(text: &str, variables: &[(&str, &str)]) -> (Effective, Shown) {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let effective = Effective::parse(text, Some(Path::new("m.toml")), &Environment::of(variables))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let shown = Shown::from(&effective);
        (effective, shown)
    }

    const TEXT: &str = "\
[fields]
tags = ['a \"b\"', 'ü']
labels.team = 'x'
cloud.account.id = '123'
[[sink.file]]
path = '/var/log/a b.json'
events = ['exec', 'cpu']
[[sink.file]]
path = '/b'
keep = 1
[[intel.sync]]
name = 'a'
from = '/srv/lists'
list = 'pools'
[[detection.except]]
user = 'ml'
reason = 'ours'
peer = ['192.0.2.1:1']
signal = 'C9'
expires = '2027-01-01'
[events]
hooks = ['file=tracepoint']
";

    #[test]
    fn what_is_shown_is_the_same_configuration() {
        for (text, variables) in [
            ("", &[][..]),
            (TEXT, &[]),
            (
                TEXT,
                &[("MINERWATCH_LIMITS__MAX_INCIDENTS", "77"), ("MINERWATCH_DETECTION__MIN_VERDICT", "noted")],
            ),
        ] {
            let (effective, shown) = shown(text, variables);
            let again = Config::parse(shown.to_toml(), Path::new("shown"));
            assert_eq!(
                again.map_err(|error| error.to_string()),
                Ok(effective.config.clone()),
                "{}",
                shown.to_toml()
            );
            let text = toml::to_string(&shown.configuration).expect("a table");
            let again = Config::parse(&text, Path::new("json")).map_err(|error| error.to_string());
            assert_eq!(again, Ok(effective.config), "{text}");
        }
    }

    #[test]
    fn a_comment_says_where_a_value_comes_from() {
        let (_, shown) = shown(TEXT, &[("MINERWATCH_LIMITS__MAX_INCIDENTS", "77")]);
        for line in [
            "keep = 5  # default\n",
            "keep = 1  # file\n",
            "max_incidents = 77  # MINERWATCH_LIMITS__MAX_INCIDENTS\n",
            "\n[[sink.file]]\npath = \"/b\"  # file\n",
            "\n[fields.cloud.account]\nid = \"123\"  # file\n",
        ] {
            assert!(shown.to_toml().contains(line), "{line}: {}", shown.to_toml());
        }
        let json = serde_json::to_value(&shown).expect("plain data");
        assert_eq!(json["configuration"]["sink"]["file"][1]["keep"], 1);
        assert_eq!(json["origins"]["sink.file.1.keep"], "file");
        assert_eq!(json["origins"]["limits.max_incidents"], "MINERWATCH_LIMITS__MAX_INCIDENTS");
        assert_eq!(json["origins"].get("sink.file.0.keep"), None);
    }

    #[test]
    fn a_secret_is_hidden_everywhere() {
        let text = "[detection]\naccount_key = 'hunter2'\n[[intel.sync]]\nname = 'a'\nlist = 'pools'\n\
                    from = 'https://user:hunter2@lists.example/a?token=hunter2'\n";
        for variables in [&[][..], &[("MINERWATCH_DETECTION__ACCOUNT_KEY", "hunter2")]] {
            let (_, shown) = shown(text, variables);
            let json = serde_json::to_string(&shown).expect("plain data");
            for shown in [shown.to_toml(), &json] {
                assert!(!shown.contains("hunter2"), "{shown}");
                assert!(shown.contains("lists.example/a"), "{shown}");
            }
        }
        let (_, shown) = shown("", &[]);
        assert!(shown.to_toml().contains("account_key = \"minerwatch\"  # default\n"));
    }
}
