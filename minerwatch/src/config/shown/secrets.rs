//! Hides secrets in values that are shown. The names of keys tell which values are secret, so that a new kind of output
//! needs to do nothing for it.

use toml::Value;

/// What stands for a secret.
const HIDDEN: &str = "<hidden>";

/// A key whose name has one of these words, between underscores, is secret.
const SECRET_WORDS: [&str; 10] = [
    "authorization",
    "credential",
    "credentials",
    "header",
    "headers",
    "key",
    "passphrase",
    "password",
    "secret",
    "token",
];

/// A key whose name ends with one of these words names the place of a secret, not a secret.
const PLACES: [&str; 4] = ["file", "path", "env", "variable"];

/// Minimum length of a part of a URL's path that is taken for a secret if it has letters and digits.
const MIN_TOKEN: usize = 16;

/// Returns the value of the key `name` without secrets.
pub(super) fn without_secrets(name: &str, value: &Value) -> Value {
    replace(value, is_secret(name))
}

fn replace(value: &Value, secret: bool) -> Value {
    match value {
        Value::String(_) if secret => Value::String(HIDDEN.to_owned()),
        Value::String(text) => Value::String(without_secret_parts(text)),
        Value::Array(values) => Value::Array(values.iter().map(|value| replace(value, secret)).collect()),
        Value::Table(table) => {
            let entry =
                |(name, value): (&String, &Value)| (name.clone(), replace(value, secret || is_secret(name)));
            Value::Table(table.iter().map(entry).collect())
        }
        // Nobody uses a number, a date or a switch as a secret, except under a name that says so.
        _ if secret => Value::String(HIDDEN.to_owned()),
        other => other.clone(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['_', '-']);
    let is_place = words.clone().next_back().is_some_and(|word| PLACES.contains(&word));
    !is_place && words.any(|word| SECRET_WORDS.contains(&word))
}

/// Hides the parts of a URL that may be secret: the user, the query, and long parts of the path with letters and digits,
/// as in the addresses of webhooks. Returns other texts as they are.
fn without_secret_parts(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (place, query) = rest.split_once('?').map_or((rest, false), |(place, _)| (place, true));
    let (authority, path) = place.split_once('/').map_or((place, None), |(own, path)| (own, Some(path)));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => authority.to_owned(),
    };
    let path = path.map(|path| {
        let parts: Vec<&str> =
            path.split('/').map(|part| if is_token(part) { HIDDEN } else { part }).collect();
        format!("/{}", parts.join("/"))
    });
    let query = if query { format!("?{HIDDEN}") } else { String::new() };
    format!("{scheme}://{host}{}{query}", path.unwrap_or_default())
}

fn is_token(part: &str) -> bool {
    part.len() >= MIN_TOKEN
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_says_that_it_is_secret() {
        for name in
            ["password", "account_key", "api_key", "bearer_token", "headers", "Authorization", "routing-key"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["account_key_file", "token_env", "keep", "tags", "path", "monkey", "user", "ca_file"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_url_shows_where_it_leads_and_no_secret() {
        for (text, shown) in [
            ("https://siem.example:9200/_bulk", "https://siem.example:9200/_bulk"),
            ("https://u:p@siem.example/x?key=1", "https://<hidden>@siem.example/x?<hidden>"),
            (
                "https://hooks.example/services/T0/B0/a1b2c3d4e5f6a7b8c9d0",
                "https://hooks.example/services/T0/B0/<hidden>",
            ),
            (
                "https://hooks.example/minerwatch-alerts-by-host",
                "https://hooks.example/minerwatch-alerts-by-host",
            ),
            ("pool.example:3333", "pool.example:3333"),
            ("://", "://"),
        ] {
            assert_eq!(without_secret_parts(text), shown);
        }
    }

    #[test]
    fn a_secret_is_hidden_below_its_key_too() {
        let value: Value = toml::from_str("a = [1, 'x']\nb = { c = 'y' }\npassword = 'z'").expect("TOML");
        let shown = without_secrets("headers", &value).to_string();
        assert_eq!(shown.matches(HIDDEN).count(), 4, "{shown}");
        let shown = without_secrets("options", &value).to_string();
        assert!(shown.contains("'x'") || shown.contains("\"x\""), "{shown}");
        assert!(!shown.contains('z'), "{shown}");
    }
}
