//! The configuration's list of processes that are never touched.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Never {
    /// A path of an executable. A `*` at its end stands for any rest.
    Path(String),
    /// A systemd unit.
    Unit(String),
    /// A user, by name or number.
    User(String),
    /// The beginning of a container's id.
    Container(String),
}

impl TryFrom<String> for Never {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let named =
            |prefix: &str| text.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
        if let Some(unit) = named("unit:") {
            Ok(Self::Unit(unit))
        } else if let Some(user) = named("user:") {
            Ok(Self::User(user))
        } else if let Some(container) = named("container:") {
            Ok(Self::Container(container))
        } else if text.starts_with('/') {
            Ok(Self::Path(text))
        } else {
            Err(format!(
                "`{text}` is no absolute path, and does not begin with `unit:`, `user:` or `container:`"
            ))
        }
    }
}

impl From<Never> for String {
    fn from(never: Never) -> Self {
        never.to_string()
    }
}

impl fmt::Display for Never {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => formatter.write_str(path),
            Self::Unit(unit) => write!(formatter, "unit:{unit}"),
            Self::User(user) => write!(formatter, "user:{user}"),
            Self::Container(container) => write!(formatter, "container:{container}"),
        }
    }
}

/// What the entries are compared with.
#[derive(Clone, Debug, Default)]
pub struct Traits<'a> {
    /// The executable.
    pub path: &'a str,
    /// The cgroups, one path a line, as in `/proc/PID/cgroup`.
    pub cgroups: &'a str,
    /// The user's number.
    pub uid: u32,
    /// The user's name, if known.
    pub user: Option<&'a str>,
}

impl Never {
    /// Whether the entry is about a process.
    pub fn concerns(&self, traits: &Traits<'_>) -> bool {
        // `/proc/PID/cgroup` separates the components of a path by `/`.
        let has_component = |matches: &dyn Fn(&str) -> bool| {
            traits.cgroups.lines().any(|line| line.split('/').skip(1).any(matches))
        };
        match self {
            Self::Path(pattern) => match pattern.strip_suffix('*') {
                Some(beginning) => traits.path.starts_with(beginning),
                None => traits.path == pattern,
            },
            Self::Unit(unit) => has_component(&|component| component == unit),
            Self::Container(id) => {
                has_component(&|component| component.split(['-', '.', ':']).any(|part| part.starts_with(id)))
            }
            Self::User(user) => traits.user == Some(user) || user.parse() == Ok(traits.uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_concerns_what_it_names() {
        let traits = Traits {
            path: "/opt/ml/bin/train",
            cgroups: "5:cpu:/docker/0123abcd\n0::/system.slice/ml.service\n",
            uid: 1001,
            user: Some("ml"),
        };
        let cases = [
            ("/opt/ml/bin/train", true),
            ("/opt/ml/*", true),
            ("/opt/ml", false),
            ("unit:ml.service", true),
            ("unit:l.service", false),
            ("user:ml", true),
            ("user:1001", true),
            ("user:100", false),
            ("container:0123ab", true),
            ("container:123ab", false),
        ];
        for (text, expected) in cases {
            let never = Never::try_from(text.to_owned()).expect(text);
            assert_eq!(never.concerns(&traits), expected, "{text}");
            assert_eq!(String::from(never), text);
        }
        for text in ["", "train", "unit:", "opt/ml", "pid:7"] {
            assert!(Never::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
