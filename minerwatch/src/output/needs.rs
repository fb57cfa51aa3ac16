//! The hosts and files that an output uses.

use std::path::PathBuf;

/// The hosts and files that an output uses. `minerwatch config unit` derives the systemd drop-in from it, and the
/// daemon and `minerwatch config check` verify the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Hosts that the output connects to: names or addresses, without a port. IPv6 addresses have no brackets.
    pub hosts: Vec<String>,
    /// Files that the output writes, each with the key that names it. The daemon does not start if the directory of
    /// such a file is missing, or if the file cannot be written.
    pub writes: Vec<(&'static str, PathBuf)>,
    /// Files that the output reads, each with the key that names it. The daemon does not start if such a file cannot
    /// be read.
    pub reads: Vec<(&'static str, PathBuf)>,
}

/// Returns the files that are set, each with the key that names it.
pub(super) fn reads<const N: usize>(
    files: [(&'static str, &Option<PathBuf>); N],
) -> Vec<(&'static str, PathBuf)> {
    files.into_iter().filter_map(|(key, path)| Some((key, path.clone()?))).collect()
}

/// Returns the host of a URL, without its port, user and brackets. Returns `None` if the text has no host.
pub fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit('@').next()?;
    let host = match place.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => place.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_a_url_has_nothing_else() {
        for (url, host) in [
            ("https://siem.example", Some("siem.example")),
            ("https://siem.example:9200/_bulk?x=a@b", Some("siem.example")),
            ("http://user:pass@10.0.0.1:80/", Some("10.0.0.1")),
            ("https://[2001:db8::1]:9200/", Some("2001:db8::1")),
            ("https://[2001:db8::1", None),
            ("https:///path", None),
            ("siem.example", None),
            ("", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
