//! The systemd drop-in that a configuration needs. The unit allows no network, and writing only to its own directories.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{Config, ListenAddress, SyncSource};
use crate::{model::Approver, output::host_of};

/// Directories that the unit creates and in which the daemon may write: `StateDirectory` and `RuntimeDirectory`.
const OWN_DIRECTORIES: [&str; 2] = ["/var/lib/minerwatch", "/run/minerwatch"];

/// What systemd calls the addresses of the host itself.
const LOOPBACK: &str = "localhost";

const INTRODUCTION: &str = "\
# The systemd drop-in for this configuration of minerwatch, as `minerwatch config unit` prints it. Save it as
# /etc/systemd/system/minerwatch.service.d/outputs.conf. Then run:
#   systemctl daemon-reload && systemctl restart minerwatch

[Service]
";

/// What the responder needs. Capabilities add to those of the unit.
const RESPONSE: &str = "\
# The response writes to cgroups, signals processes, and moves executables of suspects, wherever they are.
ProtectControlGroups=no
ProtectSystem=no
RestrictSUIDSGID=no
CapabilityBoundingSet=CAP_KILL CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_CHOWN CAP_SETFCAP CAP_LINUX_IMMUTABLE
";

const NOTHING: &str =
    "# This configuration needs no systemd drop-in: minerwatch.service allows what it does.\n";

/// Returns the drop-in for `minerwatch.service` that a configuration needs, or a comment if it needs none. It allows no
/// more than the configuration needs.
pub fn drop_in(config: &Config) -> String {
    let mut text = String::new();
    directories(config, &mut text);
    network(config, &mut text);
    if config.response.enabled {
        text.push_str(RESPONSE);
    }
    if text.is_empty() { NOTHING.to_owned() } else { format!("{INTRODUCTION}{text}") }
}

/// Adds the directories in which the daemon writes, besides those of the unit.
fn directories(config: &Config, text: &mut String) {
    let files = config.sink.all().into_iter().flat_map(|output| output.needs().writes);
    let files = files.map(|(_, path)| path);
    let socket = config.control.enabled.then(|| config.control.socket.clone());
    let metrics = match &config.metrics.listen {
        Some(ListenAddress::Unix(path)) => Some(path.clone()),
        Some(ListenAddress::Tcp(_)) | None => None,
    };
    let parents = files.chain(socket).chain(metrics).filter_map(|path| path.parent().map(Path::to_owned));
    let all: BTreeSet<PathBuf> = parents.chain([config.state.directory.clone()]).collect();
    let is_own = |path: &Path| OWN_DIRECTORIES.into_iter().any(|own| path.starts_with(own));
    let mut needed: Vec<&PathBuf> = Vec::new();
    for path in all.iter().filter(|path| !is_own(path)) {
        // A directory sorts before those below it.
        if !needed.iter().any(|above| path.starts_with(above)) {
            needed.push(path);
        }
    }
    if needed.is_empty() {
        return;
    }
    text.push_str("# The daemon writes to these directories. They must exist.\n");
    for path in needed {
        if let Some(path) = quoted(path) {
            let _ = writeln!(text, "ReadWritePaths={path}");
        } else {
            let shown = path.to_string_lossy();
            let _ = writeln!(
                text,
                "# A unit cannot contain the name of this directory: {}",
                shown.escape_debug()
            );
        }
    }
}

/// Returns a path as a unit contains it, or `None` if a unit cannot contain it.
fn quoted(path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| !path.chars().any(char::is_control))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:".contains(&byte);
    if path.bytes().all(is_plain) {
        return Some(path.to_owned());
    }
    Some(format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%")))
}

/// Adds the hosts that the daemon connects to, and those that may connect to it.
fn network(config: &Config, text: &mut String) {
    let outputs = config.sink.all().into_iter().flat_map(|output| output.needs().hosts);
    let lists = config.intel.sync.iter().filter_map(|sync| match &sync.from {
        SyncSource::Url(url) => host_of(url),
        SyncSource::Path(_) => None,
    });
    let is_asked = config.response.enabled && config.response.approve == Approver::Webhook;
    let approver = is_asked.then(|| config.response.approval.needs().hosts);
    let mut hosts: BTreeSet<String> = outputs.chain(lists).chain(approver.into_iter().flatten()).collect();
    let listens = match &config.metrics.listen {
        Some(ListenAddress::Tcp(address)) => Some(address.ip()),
        Some(ListenAddress::Unix(_)) | None => None,
    };
    if listens.is_some_and(|address| address.is_loopback()) {
        hosts.insert(LOOPBACK.to_owned());
    }
    let is_public = listens.is_some_and(|address| !address.is_loopback());
    if hosts.is_empty() && !is_public {
        return;
    }
    text.push_str("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n");
    let is_address = |host: &String| *host == LOOPBACK || host.parse::<IpAddr>().is_ok();
    let (addresses, names): (Vec<String>, Vec<String>) = hosts.into_iter().partition(is_address);
    if names.is_empty() && !is_public {
        text.push_str("# Only these addresses are used. If there is a proxy, add its address.\n");
        let _ = writeln!(text, "IPAddressAllow={}", addresses.join(" "));
        return;
    }
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| name.escape_default().to_string()).collect();
        let _ = writeln!(
            text,
            "# The daemon connects to hosts by name: {}. Their addresses may change,\n\
             # and the resolver must be reachable.",
            names.join(", ")
        );
    }
    if is_public {
        text.push_str("# Other hosts may read the metrics (metrics.listen).\n");
    }
    text.push_str(
        "# So every address is allowed. If all addresses are known, write instead:\n\
         #   IPAddressAllow=ADDRESS OF EACH HOST AND OF THE RESOLVER\n\
         IPAddressDeny=\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop_in_of(text: &str) -> String {
        drop_in(&Config::parse(text, Path::new("m.toml")).unwrap_or_else(|error| panic!("{error}")))
    }

    fn settings(text: &str) -> Vec<String> {
        let is_setting = |line: &&str| !line.starts_with('#') && line.contains('=');
        drop_in_of(text).lines().filter(is_setting).map(str::to_owned).collect()
    }

    const SYNC: &str = "[[intel.sync]]\nname = 'NAME'\nlist = 'pools'\nfrom = 'FROM'\n";

    fn sync(name: &str, from: &str) -> String {
        SYNC.replace("NAME", name).replace("FROM", from)
    }

    #[test]
    fn what_the_unit_allows_needs_nothing() {
        for text in [
            "",
            "[[sink.file]]\npath = '/var/lib/minerwatch/events.json'",
            "[[sink.file]]\npath = '/run/minerwatch/a/b'\n[state]\ndirectory = '/var/lib/minerwatch/x'",
            "[control]\nenabled = false\nsocket = '/srv/x'",
            &sync("a", "/srv/lists"),
        ] {
            assert_eq!(drop_in_of(text), NOTHING, "{text}");
        }
    }

    #[test]
    fn a_response_needs_what_the_daemon_alone_does_not() {
        let needed = settings("[response]\nenabled = true");
        assert!(needed.contains(&"ProtectControlGroups=no".to_owned()), "{needed:?}");
        assert!(
            needed.iter().any(|line| line.starts_with("CapabilityBoundingSet=") && line.contains("CAP_KILL"))
        );
    }

    #[test]
    fn directories_that_are_written_to_are_allowed() {
        let text = "[[sink.file]]\npath = '/var/log/mw/a'\n[[sink.file]]\npath = '/var/log/mw/deep/b'\n[[sink.file]]\n\
                    path = '/srv/my \"50%\" logs\\x/c'\n[state]\ndirectory = '/data'\n[control]\nsocket = '/tmp/s/c'\n\
                    [[sink.file]]\npath = '/var/log/mwx/d'\n";
        assert_eq!(
            settings(text),
            [
                "ReadWritePaths=/data",
                "ReadWritePaths=\"/srv/my \\\"50%%\\\" logs\\\\x\"",
                "ReadWritePaths=/tmp/s",
                "ReadWritePaths=/var/log/mw",
                "ReadWritePaths=/var/log/mwx",
            ]
        );
    }

    #[test]
    fn a_path_cannot_add_a_line_to_the_unit() {
        let text = "[[sink.file]]\npath = \"/a\\nExecStartPre=/bin/x/b\"\n";
        assert_eq!(settings(text), [""; 0]);
        let host = sync("a", "https://a\\nExecStartPre=b/x").replace('\'', "\"");
        assert!(
            settings(&host).iter().all(|line| !line.starts_with("ExecStartPre")),
            "{}",
            drop_in_of(&host)
        );
    }

    #[test]
    fn only_the_addresses_that_are_used_are_allowed() {
        let families = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6".to_owned();
        let two = sync("a", "https://192.0.2.1:8443/x") + &sync("b", "https://[2001:db8::1]/x");
        assert_eq!(settings(&two), [families.clone(), "IPAddressAllow=192.0.2.1 2001:db8::1".to_owned()]);
        let named = two + &sync("c", "https://lists.example/x");
        assert_eq!(settings(&named), [families.clone(), "IPAddressDeny=".to_owned()]);
        assert!(drop_in_of(&named).contains("lists.example"), "{}", drop_in_of(&named));
    }

    #[test]
    fn who_reads_the_metrics_is_allowed() {
        let families = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6".to_owned();
        let listen = |address: &str| settings(&format!("[metrics]\nlisten = '{address}'\n"));
        assert_eq!(listen("unix:/run/minerwatch/metrics.sock"), [""; 0]);
        assert_eq!(listen("unix:/srv/x/metrics.sock"), ["ReadWritePaths=/srv/x"]);
        for address in ["127.0.0.1:9464", "[::1]:9464"] {
            assert_eq!(listen(address), [families.clone(), "IPAddressAllow=localhost".to_owned()]);
        }
        for address in ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464"] {
            assert_eq!(listen(address), [families.clone(), "IPAddressDeny=".to_owned()]);
        }
    }
}
