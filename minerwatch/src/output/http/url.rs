//! Addresses of servers.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

/// An address that begins with `https://` or `http://`. It contains no user and no password.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct HttpUrl(String);

impl HttpUrl {
    /// Description of the accepted values for the reference.
    pub const ACCEPTED: &str = "`\"https://…\"`, `\"http://…\"`";

    /// Returns a known address.
    pub(in crate::output) fn of(url: &'static str) -> Self {
        Self(url.to_owned())
    }

    /// Returns the whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns scheme, host and port, for messages. A path may contain a secret.
    pub fn origin(&self) -> &str {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0.get(start..).and_then(|rest| rest.find(['/', '?'])).map(|at| start + at);
        end.and_then(|end| self.0.get(..end)).unwrap_or(&self.0)
    }

    /// Returns the address with this path appended. A query (`?…`) stays at the end, and `query` joins it.
    pub fn join(&self, path: &str, query: &str) -> String {
        let (base, own) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let queries: Vec<&str> = [own, query].into_iter().filter(|part| !part.is_empty()).collect();
        let mark = if queries.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{}", base.trim_end_matches('/'), queries.join("&"))
    }

    /// Returns whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Returns whether the server is this host.
    pub fn is_loopback(&self) -> bool {
        let uri: Option<Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Returns whether a credential may be sent: over HTTPS, or to this host.
    pub fn keeps_secrets(&self) -> bool {
        self.is_https() || self.is_loopback()
    }
}

impl TryFrom<String> for HttpUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        // A message does not repeat the address: it may contain a secret.
        let Ok(uri) = url.parse::<Uri>() else { return Err("this is not a URL".to_owned()) };
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err("a URL begins with https:// or http://".to_owned());
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = uri.host().unwrap_or_default();
        let has_port = authority.rsplit('@').next().is_some_and(|place| place.len() > host.len());
        if host.is_empty() || has_port && uri.port_u16().is_none_or(|port| port == 0) {
            return Err("this URL names no host, or no port after the colon".to_owned());
        }
        if authority.contains('@') {
            return Err("a URL with a user or password shows it to everybody; use the keys for credentials"
                .to_owned());
        }
        if url.contains('#') {
            return Err("a URL of a server has no part after #".to_owned());
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HttpUrl({})", self.origin())
    }
}

/// Shows the origin.
impl fmt::Display for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<HttpUrl, String> {
        HttpUrl::try_from(text.to_owned())
    }

    #[test]
    fn only_addresses_of_servers_are_accepted() {
        for good in ["https://siem.example:9200", "http://[::1]:80/a", "http://10.0.0.1/x?y=1"] {
            assert!(url(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("siem.example", "https://"),
            ("ftp://siem.example", "https://"),
            ("https://", "not a URL"),
            ("https://:443/", "names no host"),
            ("https://siem.example:/", "no port"),
            ("https://siem.example:bad/", "no port"),
            ("https://siem.example:0/", "no port"),
            ("https://siem.example:65536/", "no port"),
            ("https://me:hunter2@siem.example", "user or password"),
            ("https://siem.example/#part", "after #"),
            ("https://a b", "not a URL"),
        ] {
            let error = url(bad).expect_err(bad);
            assert!(error.contains(why) && !error.contains("hunter2"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_path_is_appended_before_the_query() {
        let base = url("https://siem.example:9200/es/?pipeline=p").unwrap();
        assert_eq!(base.join("/_bulk", ""), "https://siem.example:9200/es/_bulk?pipeline=p");
        assert_eq!(base.join("/_bulk", "a=b"), "https://siem.example:9200/es/_bulk?pipeline=p&a=b");
        assert_eq!(url("http://h").unwrap().join("/x", "a=b"), "http://h/x?a=b");
        assert_eq!(base.to_string(), "https://siem.example:9200");
        assert_eq!(url("http://h?token=x").unwrap().to_string(), "http://h");
        assert_eq!(format!("{:?}", url("http://h/secret").unwrap()), "HttpUrl(http://h)");
    }

    #[test]
    fn secrets_go_to_this_host_or_over_https() {
        for good in ["https://siem.example", "http://localhost:1", "http://127.0.0.2", "http://[::1]:9200/"] {
            assert!(url(good).unwrap().keeps_secrets(), "{good}");
        }
        for bad in ["http://siem.example", "http://localhost.example", "http://10.0.0.1", "http://[fe80::1]"]
        {
            assert!(!url(bad).unwrap().keeps_secrets(), "{bad}");
        }
    }
}
