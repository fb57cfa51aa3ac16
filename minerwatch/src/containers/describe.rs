//! Turns the texts of a runtime into details of bounded size.

use std::{borrow::Cow, sync::Arc};

use crate::{
    model::{ContainerDetails, ContainerImage, ContainerRuntime, Labels, Pod},
    redact::Redactor,
};

/// Maximum length of a name, in bytes. A Kubernetes name has at most 253.
const MAX_NAME: usize = 253;
/// Maximum length of the name of an image, in bytes.
const MAX_IMAGE: usize = 512;
/// Maximum length of the name and of the value of a label, in bytes. Kubernetes allows 317 and 63.
const MAX_LABEL_NAME: usize = 317;
const MAX_LABEL_VALUE: usize = 256;
/// Maximum length of the part of a value that is searched for secrets, in bytes. A secret may end after what is kept.
const MAX_SEARCHED: usize = 1_024;
/// Maximum number of labels of a container or a pod, and of their bytes.
const MAX_LABELS: usize = 32;
const MAX_LABEL_BYTES: usize = 2_048;
/// Maximum number of digests.
const MAX_DIGESTS: usize = 4;

/// Labels that the kubelet adds. They name the pod.
const KUBELET: &str = "io.kubernetes.";

/// What a runtime says about a container, unchanged.
#[derive(Debug, Default)]
pub(super) struct Described<'a> {
    pub(super) runtime: Option<ContainerRuntime>,
    pub(super) name: &'a str,
    /// References to the image, the one that people use first: `nginx:1.27`, `docker.io/library/nginx@sha256:…`.
    pub(super) images: Vec<&'a str>,
    /// Labels of the container.
    pub(super) labels: Vec<(&'a str, &'a str)>,
    /// The pod, if the runtime knows pods.
    pub(super) pod: Option<DescribedPod<'a>>,
}

/// Name, namespace and labels of a pod.
pub(super) type DescribedPod<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

impl Described<'_> {
    /// Returns the details, cut to bounded sizes and without secrets.
    pub(super) fn details(&self, redactor: Option<&Redactor>) -> ContainerDetails {
        let label = |name: &str| {
            let found = self.labels.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
            found.filter(|value| !value.is_empty())
        };
        let of_pod = |value: Option<&str>, label_name: &str| {
            value
                .filter(|text| !text.is_empty())
                .or_else(|| label(label_name))
                .map(|text| cut(text, MAX_NAME))
        };
        let (pod_name, namespace, pod_labels) = match &self.pod {
            Some((name, namespace, labels)) => (Some(*name), Some(*namespace), labels.as_slice()),
            None => (None, None, [].as_slice()),
        };
        let pod = of_pod(pod_name, "io.kubernetes.pod.name").map(|name| Pod {
            name,
            namespace: of_pod(namespace, "io.kubernetes.pod.namespace").unwrap_or_default(),
            labels: labels(pod_labels, redactor),
        });
        // Docker's names of containers in pods repeat the names of the pods.
        let name = label("io.kubernetes.container.name").unwrap_or(self.name);
        ContainerDetails {
            name: (!name.is_empty()).then(|| cut(name, MAX_NAME)),
            image: image(&self.images),
            labels: labels(&self.labels, redactor),
            pod,
            runtime: self.runtime,
        }
    }
}

/// Returns the first bytes of a text, up to a limit, without characters that could move a cursor.
fn cut(text: &str, limit: usize) -> Arc<str> {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    if text.contains(char::is_control) { text.replace(char::is_control, "?").into() } else { text.into() }
}

/// Returns labels, those of the kubelet left out.
fn labels(all: &[(&str, &str)], redactor: Option<&Redactor>) -> Labels {
    let mut kept = Labels::new();
    let mut bytes = 0;
    let mut sorted: Vec<_> =
        all.iter().filter(|(name, _)| !name.is_empty() && !name.starts_with(KUBELET)).collect();
    sorted.sort_unstable();
    for (name, value) in sorted {
        let name = cut(name, MAX_LABEL_NAME);
        let value = cut(&without_secret(&name, &cut(value, MAX_SEARCHED), redactor), MAX_LABEL_VALUE);
        bytes += name.len() + value.len();
        if kept.len() == MAX_LABELS || bytes > MAX_LABEL_BYTES {
            break;
        }
        kept.insert(name, value);
    }
    kept
}

/// Returns the value of a label, with each secret replaced by `[redacted]`. The name of the label may mark the whole value
/// as a secret.
fn without_secret<'a>(name: &str, value: &'a str, redactor: Option<&Redactor>) -> Cow<'a, str> {
    let Some(redactor) = redactor else { return Cow::Borrowed(value) };
    // The redactor works on JSON. Plain text always serializes.
    let Ok(mut line) = serde_json::to_vec(&format!("{name}={value}")) else { return Cow::Borrowed("") };
    redactor.redact(&mut line, 0);
    let text: String = serde_json::from_slice(&line).unwrap_or_default();
    match text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
        Some(rest) if rest == value => Cow::Borrowed(value),
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => Cow::Borrowed("[redacted]"),
    }
}

/// Returns the image with the first name and the digests of all references.
fn image(references: &[&str]) -> Option<ContainerImage> {
    let mut image = ContainerImage::default();
    for reference in references.iter().map(|reference| reference.trim()) {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, digest),
            None if is_digest(reference) => ("", reference),
            None => (reference, ""),
        };
        if is_digest(digest) && image.digests.len() < MAX_DIGESTS {
            let digest = Arc::from(digest);
            if !image.digests.contains(&digest) {
                image.digests.push(digest);
            }
        }
        if image.name.is_empty() && !is_bare_id(name) {
            let (name, tag) = split_tag(name);
            image.name = cut(name, MAX_IMAGE);
            image.tag = tag.map(|tag| cut(tag, MAX_NAME));
        }
    }
    (image != ContainerImage::default()).then_some(image)
}

/// Splits `host:5000/name:tag` into name and tag. A port is no tag.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') && !tag.is_empty() => (name, Some(tag)),
        _ => (name, None),
    }
}

/// Whether a text is a digest as ECS has them: `sha256:…`.
fn is_digest(text: &str) -> bool {
    let is_hexadecimal = |text: &str| text.len() >= 32 && text.len() <= 128 && is_lower_hexadecimal(text);
    text.split_once(':').is_some_and(|(algorithm, value)| {
        matches!(algorithm, "sha256" | "sha384" | "sha512") && is_hexadecimal(value)
    })
}

/// Whether a name is the id of an image, which says nothing to people.
fn is_bare_id(name: &str) -> bool {
    name.is_empty() || (name.len() == 64 && is_lower_hexadecimal(name))
}

fn is_lower_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:5a3cbd4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d";

    /// References; and the name, the tag and the digests of the image.
    type Case<'a> = (&'a [&'a str], &'a str, Option<&'a str>, &'a [&'a str]);

    #[test]
    fn a_reference_has_a_name_a_tag_and_a_digest() {
        let other = DIGEST.replace("5a3c", "5a3d");
        let pinned = format!("nginx:1.27@{DIGEST}");
        let by_digest = format!("docker.io/library/nginx@{DIGEST}");
        let cases: [Case<'_>; 9] = [
            (&["nginx:1.27"], "nginx", Some("1.27"), &[]),
            (&["localhost:5000/shop/cart"], "localhost:5000/shop/cart", None, &[]),
            (&["localhost:5000/shop/cart:2"], "localhost:5000/shop/cart", Some("2"), &[]),
            (&[&pinned], "nginx", Some("1.27"), &[DIGEST]),
            (&["nginx:1.27", &by_digest, DIGEST, &other], "nginx", Some("1.27"), &[DIGEST, &other]),
            (&[DIGEST, &by_digest], "docker.io/library/nginx", None, &[DIGEST]),
            (&[DIGEST], "", None, &[DIGEST]),
            (&[DIGEST.split_once(':').expect("a colon").1, "web"], "web", None, &[]),
            (&["nginx:"], "nginx:", None, &[]),
        ];
        for (references, name, tag, digests) in cases {
            let found = image(references).unwrap_or_else(|| panic!("{references:?}"));
            assert_eq!((&*found.name, found.tag.as_deref()), (name, tag), "{references:?}");
            assert_eq!(found.digests.iter().map(|own| &**own).collect::<Vec<_>>(), digests, "{references:?}");
        }
        assert_eq!(image(&[]), None);
        assert_eq!(image(&["", " "]), None);
    }

    #[test]
    fn labels_of_the_kubelet_name_the_pod() {
        let described = Described {
            name: "k8s_cart_cart-7d9_shop_0f6e4a1c_0",
            labels: vec![
                ("io.kubernetes.container.name", "cart"),
                ("io.kubernetes.pod.name", "cart-7d9"),
                ("io.kubernetes.pod.namespace", "shop"),
                ("app", "cart"),
            ],
            ..Described::default()
        };
        let details = described.details(None);
        let pod = details.pod.expect("a pod");
        assert_eq!(
            (&*pod.namespace, &*pod.name, details.name.as_deref()),
            ("shop", "cart-7d9", Some("cart"))
        );
        assert_eq!(details.labels.keys().map(|name| &**name).collect::<Vec<_>>(), ["app"]);
    }

    #[test]
    fn texts_of_any_size_become_details_of_bounded_size() {
        let long = "ж\n".repeat(100_000);
        let names: Vec<String> = (0..10_000).map(|index| format!("label-{index:05}")).collect();
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
        let described = Described {
            name: &long,
            images: vec![&long],
            labels: all.clone(),
            pod: Some((&long, &long, vec![("name", &long)])),
            ..Described::default()
        };
        let details = described.details(None);
        assert_eq!(details.labels.len(), MAX_LABELS);
        let size = serde_json::to_vec(&details).expect("JSON").len();
        assert!(size < 5_000, "{size}");
        assert!(details.name.is_some_and(|name| name.len() <= MAX_NAME && !name.contains('\n')));
        assert_eq!(Described::default().details(None), ContainerDetails::default());
    }

    #[test]
    fn secrets_in_labels_are_removed() {
        let redactor = Redactor::new(true, &[]).expect("patterns");
        let labels = labels(
            &[("api.token", "s3cr3t-value"), ("url", "https://user:pass@host/"), ("a", "b")],
            Some(&redactor),
        );
        let text = format!("{labels:?}");
        assert!(!text.contains("s3cr3t") && !text.contains("pass@"), "{text}");
        assert_eq!(labels.get("a").map(|value| &**value), Some("b"));
    }
}
