//! The DNS servers that the host, or the file system of a process, is configured with (resolv.conf(5)).

use std::{
    io::{self, Read},
    net::IpAddr,
    path::Path,
};

use super::{
    mounts::{self, Mount},
    open::open_below,
    proc::Proc,
};
use crate::host;

/// The file that the C library reads. It often names only a stub of this host.
const USED: &str = "etc/resolv.conf";
/// Files that name the servers behind the stubs of systemd-resolved and of `NetworkManager`.
const BEHIND_STUBS: [&str; 2] = ["run/systemd/resolve/resolv.conf", "run/NetworkManager/no-stub-resolv.conf"];
/// Maximum number of bytes read of one file.
const MAX_FILE: u64 = 64 << 10;
/// Maximum number of servers of one file. The C library uses three.
const MAX_SERVERS: usize = 8;

/// Returns the servers in the `/etc/resolv.conf` of the host, at most eight.
pub(crate) fn used_by_host() -> Vec<IpAddr> {
    below(&host::root(), &[USED])
}

/// Returns the servers in all `resolv.conf` files of the host, including those that a local stub forwards to. Without
/// duplicates.
pub(crate) fn of_host() -> Vec<IpAddr> {
    of_host_at(&host::root())
}

fn of_host_at(root: &Path) -> Vec<IpAddr> {
    let [resolved, manager] = BEHIND_STUBS;
    below(root, &[USED, resolved, manager])
}

/// Returns the DNS servers of a process that has a `resolv.conf` of its own, at most eight. Container runtimes and
/// `ip netns exec` mount a file of the host over `/etc/resolv.conf`, and this function reads that file on the host. It
/// opens nothing in the file systems of the process: one of them may be a FUSE file system of the process itself, which
/// could block the reader forever.
pub(crate) fn used_by(proc: &Proc, pid: u32) -> Vec<IpAddr> {
    mounted_for(&mounts::of_process(proc, pid), &mounts::of_host(), &host::root())
}

fn mounted_for(own: &[Mount], host: &[Mount], host_root: &Path) -> Vec<IpAddr> {
    let is_used = |mount: &&Mount| mount.point.strip_prefix('/') == Some(USED);
    let mounted = own.iter().rev().find(is_used).map(|mount| (mount.device, mount.root.clone().into()));
    let file = mounted.and_then(|place| mounts::path_on_host(host, &place));
    let file = file.as_deref().and_then(Path::to_str);
    file.map(|file| below(host_root, &[file])).unwrap_or_default()
}

/// Returns the DNS servers that a process is configured with: those of the host and, if the process has its own network
/// namespace, those of its own `resolv.conf`. Returns `None` if there are none.
pub(crate) fn configured_for(proc: &Proc, pid: u32) -> Option<Vec<IpAddr>> {
    let mut servers = of_host();
    if !shares_network(proc, pid, 1) {
        add(&mut servers, used_by(proc, pid));
    }
    (!servers.is_empty()).then_some(servers)
}

/// Whether two processes have the same network namespace.
fn shares_network(proc: &Proc, one: u32, other: u32) -> bool {
    let namespace = |pid| proc.path(pid, "ns/net").read_link().ok();
    namespace(one).is_some_and(|network| Some(network) == namespace(other))
}

fn below(root: &Path, files: &[&str]) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    for file in files {
        let text = read(root, file).unwrap_or_default();
        add(&mut servers, parse(&String::from_utf8_lossy(&text)).take(MAX_SERVERS).collect());
    }
    servers
}

fn add(servers: &mut Vec<IpAddr>, more: Vec<IpAddr>) {
    for server in more {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
}

/// Parses the text of a `resolv.conf`.
pub(super) fn parse(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        let address: IpAddr = address.split('%').next()?.parse().ok()?;
        Some(address.to_canonical())
    })
}

fn read(root: &Path, file: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_below(root, file)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    /// A directory with these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn servers_are_read_from_resolv_conf() {
        let text = "# comment\nnameserver 10.0.0.2\nsearch x\n nameserver fe80::1%eth0 \n\
            nameserver pool.example\nnameserver\t::ffff:10.0.0.3\n";
        let servers: Vec<IpAddr> = parse(text).collect();
        assert_eq!(servers, addresses(&["10.0.0.2", "fe80::1", "10.0.0.3"]));
    }

    #[test]
    fn the_servers_behind_a_stub_belong_to_the_host() {
        let host = root(&[
            ("run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n"),
            ("run/systemd/resolve/resolv.conf", "nameserver 10.0.0.2\nnameserver 127.0.0.53\n"),
        ]);
        fs::create_dir(host.path().join("etc")).expect("a directory");
        // An absolute link means the host's file, not that of a container that reads it.
        symlink("/run/systemd/resolve/stub-resolv.conf", host.path().join(USED)).expect("a link");
        assert_eq!(of_host_at(host.path()), addresses(&["127.0.0.53", "10.0.0.2"]));
        assert_eq!(below(host.path(), &[USED]), addresses(&["127.0.0.53"]));
        assert!(of_host_at(&host.path().join("nowhere")).is_empty());
    }

    #[test]
    fn the_file_that_is_mounted_for_a_process_is_read_on_the_host() {
        let lines: Vec<String> = (1..=20).map(|last| format!("nameserver 10.9.0.{last}")).collect();
        let lines = lines.join("\n");
        let host_root = root(&[("var/lib/runtime/7/resolv.conf", &lines), ("etc/x", "")]);
        let table = |text: &str| -> Vec<Mount> { mounts::parse(text).collect() };
        let host = table("1 0 8:1 / / rw - ext4 x rw\n2 1 8:2 / /var rw - ext4 y rw\n");
        let found = |own: &str| mounted_for(&table(own), &host, host_root.path());
        let mounted = "9 8 8:2 /lib/runtime/7/resolv.conf /etc/resolv.conf rw - ext4 y rw\n";
        assert_eq!(found(mounted).len(), MAX_SERVERS);
        assert!(found("9 8 0:77 / / rw - overlay x rw\n").is_empty(), "a file of its own is not looked up");
        assert!(
            found("9 8 0:78 / /etc/resolv.conf rw - fuse.x x rw\n").is_empty(),
            "the host has no such place"
        );
        assert!(mounted_for(&table(mounted), &[], host_root.path()).is_empty());
    }

    #[test]
    fn networks_are_compared() {
        let proc = root(&[]);
        for (pid, network) in [(1, "net:[1]"), (7, "net:[2]"), (8, "net:[1]")] {
            let directory = proc.path().join(format!("{pid}/ns"));
            fs::create_dir_all(&directory).expect("a directory");
            symlink(network, directory.join("net")).expect("a link");
        }
        let found = Proc::at(proc.path());
        assert!(shares_network(&found, 8, 1) && !shares_network(&found, 7, 1));
        assert!(!shares_network(&found, 99, 98), "processes that are gone");
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        let directory = root(&[("etc/resolv.conf/x", "")]);
        assert!(read(directory.path(), USED).is_err());
        let pipe = root(&[("etc/x", "")]);
        let mode = Mode::from_raw_mode(0o600);
        mknodat(CWD, pipe.path().join(USED), FileType::Fifo, mode, 0).expect("a pipe");
        assert!(read(pipe.path(), USED).is_err());
    }
}
