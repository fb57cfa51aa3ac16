//! Reads the fields of an encoded object by their dotted names, such as `process.user.name`.

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Returns a field. A list has no fields.
pub fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    name.split('.').try_fold(object, |value, part| value.as_object()?.get(part))
}

/// Returns a field that is a text and not empty.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    field(object, name)?.as_str().filter(|text| !text.is_empty())
}

/// Returns a field that is an integer.
pub fn integer(object: &Value, name: &str) -> Option<i64> {
    field(object, name)?.as_i64()
}

/// Returns a field that is an RFC 3339 timestamp, in milliseconds since 1970.
pub fn milliseconds(object: &Value, name: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text(object, name)?, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// Returns a field that is an RFC 3339 timestamp since 1970, in nanoseconds since then.
pub fn nanoseconds(object: &Value, name: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text(object, name)?, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

/// Returns the items of a field that is a list. A field that is missing or is no list has none.
pub fn items<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    field(object, name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the texts in a field that is a list.
pub fn texts<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    items(object, name).iter().filter_map(Value::as_str)
}

/// Returns the name of the pod (`NAMESPACE/NAME`), else of the container.
pub fn place(object: &Value) -> Option<String> {
    match (text(object, "orchestrator.namespace"), text(object, "orchestrator.resource.name")) {
        (Some(namespace), Some(pod)) => Some(format!("{namespace}/{pod}")),
        _ => text(object, "container.name").map(str::to_owned),
    }
}

/// Returns the image of the container, with its tag: `nginx:1.27`.
pub fn image(object: &Value) -> Option<String> {
    let name = text(object, "container.image.name")?;
    Some(match texts(object, "container.image.tag").next() {
        Some(tag) => format!("{name}:{tag}"),
        None => name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn timestamps_are_rounded_down() {
        let object =
            json!({"a": "1970-01-01T00:00:01.999999999Z", "b": "1969-12-31T23:59:59.9999Z", "c": "now"});
        assert_eq!(milliseconds(&object, "a"), Some(1_999));
        assert_eq!(milliseconds(&object, "b"), Some(-1));
        assert_eq!((milliseconds(&object, "c"), milliseconds(&object, "d")), (None, None));
        assert_eq!(nanoseconds(&object, "a"), Some(1_999_999_999));
        assert_eq!((nanoseconds(&object, "b"), nanoseconds(&object, "c")), (None, None));
    }

    #[test]
    fn fields_are_found_by_their_dotted_names() {
        let object = json!({"a": {"b": {"c": "x", "n": 3, "e": ""}, "l": ["p", 1, "q"]}});
        assert_eq!(text(&object, "a.b.c"), Some("x"));
        assert_eq!(integer(&object, "a.b.n"), Some(3));
        assert_eq!(texts(&object, "a.l").collect::<Vec<_>>(), ["p", "q"]);
        for missing in ["a.b", "a.b.n", "a.b.e", "a.b.c.d", "a.l.0", "", "x"] {
            assert_eq!(text(&object, missing), None, "{missing}");
        }
        assert_eq!((integer(&object, "a.b.c"), items(&object, "a.b").len()), (None, 0));
    }
}
