//! The names of environment variables, and the keys that they override.

use crate::{
    config::key::similar,
    schema::{SectionText, Shape},
};

/// What the name of every variable begins with.
pub(super) const PREFIX: &str = "MINERWATCH_";
/// What stands between the levels of a key.
const BETWEEN: &str = "__";

/// Variables that are no overrides: the level of log messages, and those of the project's own build and tests.
const OTHERS: [&str; 8] = [
    "MINERWATCH_LOG",
    "MINERWATCH_BLESS",
    "MINERWATCH_EBPF_OBJECTS",
    "MINERWATCH_FULL_TESTS",
    "MINERWATCH_NIGHTLY",
    "MINERWATCH_REQUIRE_ROOT_TESTS",
    "MINERWATCH_SIGNING_PASSWORD",
    "MINERWATCH_TEST_NOTES",
];

/// What the name of a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A key, with its sections.
    Key(Vec<String>),
    /// Something else that is known.
    Other,
    /// Nothing that is known. The text says so, and names similar variables.
    Unknown(String),
}

/// Returns what a variable stands for, among the keys of `known`.
pub(super) fn classify(variable: &str, known: &SectionText) -> Name {
    if OTHERS.contains(&variable) || is_of_kubernetes(variable) {
        return Name::Other;
    }
    let Some(rest) = variable.strip_prefix(PREFIX) else { return Name::Other };
    let path: Vec<String> = rest.split(BETWEEN).map(str::to_ascii_lowercase).collect();
    let mut section = known;
    for (depth, name) in path.iter().enumerate() {
        let is_last = depth + 1 == path.len();
        match section.keys.iter().find(|key| key.name == name).map(|key| &key.shape) {
            Some(Shape::Value { .. }) if is_last && variable == name_of(&path) => return Name::Key(path),
            Some(Shape::Table(below)) if !is_last => section = below,
            Some(Shape::Tables(_)) => {
                let key = path.get(..=depth).unwrap_or_default().join(".");
                return Name::Unknown(format!(
                    "[[{key}]] may be given several times, so no variable can override it; write it in the file"
                ));
            }
            Some(Shape::Value { .. } | Shape::Table(_)) | None => break,
        }
    }
    let mut names = Vec::new();
    collect(&mut Vec::new(), known, &mut names);
    let near = similar(variable, names.iter().map(String::as_str));
    let hint = match near.as_slice() {
        [] => "the name of an override is MINERWATCH_SECTION__KEY".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    Name::Unknown(format!("no key has this name; {hint}"))
}

/// Returns the name of the variable for a key.
pub(super) fn name_of(path: &[impl AsRef<str>]) -> String {
    let levels: Vec<String> = path.iter().map(|name| name.as_ref().to_ascii_uppercase()).collect();
    PREFIX.to_owned() + &levels.join(BETWEEN)
}

/// Collects the names of all variables that override a key.
fn collect(above: &mut Vec<&'static str>, section: &SectionText, names: &mut Vec<String>) {
    for key in &section.keys {
        above.push(key.name);
        match &key.shape {
            Shape::Value { .. } => names.push(name_of(above)),
            Shape::Table(below) => collect(above, below, names),
            Shape::Tables(_) => {}
        }
        above.pop();
    }
}

/// Returns whether Kubernetes sets such a variable in each pod, because of a service whose name is `minerwatch` or begins
/// with `minerwatch-`.
fn is_of_kubernetes(variable: &str) -> bool {
    if variable.contains(BETWEEN) {
        return false;
    }
    let is_port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
        let protocol = parts.next().is_some_and(|part| matches!(part, "TCP" | "UDP" | "SCTP"));
        let kind = parts.next().is_none_or(|part| matches!(part, "PROTO" | "PORT" | "ADDR"));
        number && protocol && kind && parts.next().is_none()
    };
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || variable.ends_with("_PORT")
        || variable
            .match_indices("_PORT_")
            .any(|(at, separator)| variable.get(at + separator.len()..).is_some_and(is_port))
}
