//! Compares the container of a process with what an exception says about containers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    pattern::Pattern,
    subject::{Facts, Match},
};
use crate::model::{ContainerDetails, Labels};

/// Minimum length of the beginning of a container's id.
const MIN_CONTAINER_ID: usize = 12;

/// A label of a container or of its pod: `NAME=VALUE`. The value may have `*`, which stands for any characters except
/// `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelPattern {
    name: String,
    value: Pattern,
}

impl LabelPattern {
    fn matches(&self, labels: &Labels) -> bool {
        labels.get(self.name.as_str()).is_some_and(|value| self.value.matches(value))
    }
}

impl TryFrom<String> for LabelPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value))
                if !name.is_empty() && !value.is_empty() && !text.contains(char::is_control) =>
            {
                Ok(Self { name: name.to_owned(), value: Pattern::new(value) })
            }
            _ => Err(format!("`{}` is not a label: write `NAME=VALUE`", text.escape_debug())),
        }
    }
}

impl From<LabelPattern> for String {
    fn from(label: LabelPattern) -> Self {
        label.to_string()
    }
}

impl fmt::Display for LabelPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.value)
    }
}

/// What an exception says about the container of a process. All of it must match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) container: Option<&'a Pattern>,
    pub(super) image: Option<&'a Pattern>,
    pub(super) namespace: Option<&'a Pattern>,
    pub(super) label: &'a [LabelPattern],
}

impl Place<'_> {
    /// Whether nothing is said.
    pub(super) fn is_anywhere(&self) -> bool {
        self.container.is_none() && self.image.is_none() && self.namespace.is_none() && self.label.is_empty()
    }

    /// Compares a process. The runtime may not have answered yet.
    pub(super) fn matches(&self, facts: &Facts<'_>) -> Match {
        if self.is_anywhere() {
            return Match::Yes;
        }
        let Some(id) = facts.container_id() else { return Match::No };
        let by_id = |text: &str| is_id(text) && id.starts_with(text);
        let is_container = self.container.is_some_and(|container| by_id(container.as_str()));
        if is_container && (Self { container: None, ..*self }).is_anywhere() {
            return Match::Yes;
        }
        let Some(details) = facts.details() else { return Match::Pending };
        let fits = self.container.is_none_or(|own| is_container || is_name(own, details))
            && self.image.is_none_or(|image| is_image(image, details))
            && self.namespace.is_none_or(|own| is_namespace(own, details))
            && self.label.iter().all(|label| has_label(label, details));
        if fits { Match::Yes } else { Match::No }
    }
}

/// Whether the name or the image matches.
fn is_name(pattern: &Pattern, details: &ContainerDetails) -> bool {
    details.name.as_deref().is_some_and(|name| pattern.matches(name)) || is_image(pattern, details)
}

/// Whether the image matches: its name with the tag, its name, or a digest.
fn is_image(pattern: &Pattern, details: &ContainerDetails) -> bool {
    details.image.as_ref().is_some_and(|image| {
        image.reference().is_some_and(|reference| pattern.matches(&reference))
            || (!image.name.is_empty() && pattern.matches(&image.name))
            || image.digests.iter().any(|digest| pattern.matches(digest))
    })
}

fn is_namespace(pattern: &Pattern, details: &ContainerDetails) -> bool {
    details.pod.as_ref().is_some_and(|pod| pattern.matches(&pod.namespace))
}

fn has_label(label: &LabelPattern, details: &ContainerDetails) -> bool {
    label.matches(&details.labels) || details.pod.as_ref().is_some_and(|pod| label.matches(&pod.labels))
}

/// Whether a text is the beginning of an id, rather than a name.
pub(super) fn is_id(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() >= MIN_CONTAINER_ID && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{Container, ProcessView},
        testing::samples,
    };

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// A process in the container of the samples, which is `web` of pod `shop/cart-7d9`.
    fn view(details: Option<Arc<ContainerDetails>>) -> ProcessView {
        let container = Container { id: Some(ID.into()), details, ..Container::clone(&samples::container()) };
        ProcessView { container: Some(Arc::new(container)), ..samples::bash() }
    }

    fn matches(text: &str, view: &ProcessView) -> Match {
        let own: super::super::Exception = toml::from_str(&format!("id = 'x'\nreason = 'test'\n{text}"))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        own.matches(&super::super::Subject { processes: &[Facts::of(view)], peers: &[] })
    }

    #[test]
    fn names_images_namespaces_and_labels_match_once_the_runtime_answered() {
        let known = view(Some(samples::container_details()));
        let unknown = view(Some(Arc::default()));
        let pending = view(None);
        let outside = ProcessView { container: None, ..samples::bash() };
        for (text, expected) in [
            ("container = 'cart'", Match::Yes),
            ("container = 'car*'", Match::Yes),
            ("container = 'registry.example/shop/cart:*'", Match::Yes),
            ("container = 'web'", Match::No),
            ("image = 'registry.example/shop/cart'", Match::Yes),
            ("image = 'registry.example/shop/cart:1.4'", Match::Yes),
            ("image = 'registry.example/*/cart:1.*'", Match::Yes),
            ("image = 'cart'", Match::No),
            ("image = 'cart:1.4'", Match::No),
            ("namespace = 'shop'", Match::Yes),
            ("namespace = 'sho'", Match::No),
            ("label = ['app=cart']", Match::Yes),
            ("label = ['team=pay*']", Match::Yes),
            ("label = ['app=cart', 'app=web']", Match::No),
            ("label = ['nothing=cart']", Match::No),
            ("namespace = 'shop'\nimage = 'registry.example/shop/cart'\nlabel = ['app=cart']", Match::Yes),
            ("namespace = 'kube-system'\nimage = 'registry.example/shop/cart'", Match::No),
        ] {
            assert_eq!(matches(text, &known), expected, "{text}");
            assert_eq!(matches(text, &unknown), Match::No, "{text}");
            assert_eq!(matches(text, &pending), Match::Pending, "{text}");
            assert_eq!(matches(text, &outside), Match::No, "{text}");
        }
        let by_id = format!("container = '{}'", &ID[..12]);
        assert_eq!(matches(&by_id, &pending), Match::Yes, "an id needs no answer");
        assert_eq!(matches(&format!("{by_id}\nnamespace = 'shop'"), &pending), Match::Pending);
        assert_eq!(matches(&format!("{by_id}\nnamespace = 'shop'"), &known), Match::Yes);
    }

    #[test]
    fn a_path_is_accepted_beside_what_says_which_container_it_is_in() {
        let known = view(Some(samples::container_details()));
        let path = format!("path = '{}'", known.executable.path);
        assert_eq!(matches(&format!("{path}\nuser = '0'"), &known), Match::No);
        for place in ["container = 'cart'", "namespace = 'shop'", "label = ['app=cart']"] {
            assert_eq!(matches(&format!("{path}\n{place}"), &known), Match::Yes, "{place}");
        }
    }

    #[test]
    fn a_label_has_a_name_and_a_value() {
        for text in ["app=cart", "app.kubernetes.io/name=*", "a=b=c"] {
            let label = LabelPattern::try_from(text.to_owned()).expect(text);
            assert_eq!(label.to_string(), text);
        }
        for text in ["", "app", "=cart", "app=", "app=\n"] {
            LabelPattern::try_from(text.to_owned()).expect_err(text);
        }
    }
}
