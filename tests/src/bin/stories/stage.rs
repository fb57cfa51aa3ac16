//! Sets up the stage of a story: a simulated host and a simulated internet.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};
use minerwatch_tests::{
    Scratch, executable,
    namespace::{Pair, Server},
    native::{self, Simulator},
};

/// The addresses of the servers in `internet.py`. They are documentation addresses (RFC 5737), which look like hosts on
/// the internet.
const WORLD: [&str; 7] = [
    "203.0.113.10",
    "203.0.113.20",
    "203.0.113.25",
    "192.0.2.30",
    "192.0.2.41",
    "192.0.2.46",
    "198.51.100.53",
];

/// The last port that `internet.py` opens.
const LAST_PORT: u16 = 1;

/// Two network namespaces. One of them contains the simulated internet.
pub(crate) struct Stage {
    pair: Pair,
    _internet: Server,
}

/// Fills the directory that a story sees as `/opt/story`, and the directory of the web server. Both contain the
/// simulators under plain names. Returns the path of the first.
pub(crate) fn programs(scratch: &Scratch) -> anyhow::Result<PathBuf> {
    let programs = scratch.path().join("programs");
    let share = scratch.path().join("share");
    fs::create_dir_all(&programs)?;
    for entry in fs::read_dir(crate::tests().join("stories/programs"))? {
        let path = entry?.path();
        fs::copy(&path, programs.join(path.file_name().context("a file has a name")?))?;
    }
    fs::copy(executable("simulator"), programs.join("simulator"))?;
    for (simulator, name) in [
        (Simulator::Memory, "memory"),
        (Simulator::Arithmetic, "arithmetic"),
        (Simulator::Client, "client"),
        (Simulator::PoolClient, "agent"),
    ] {
        let built = native::build(simulator, scratch, name);
        fs::rename(built, programs.join(name))?;
    }
    let status = Command::new("cp").arg("-r").arg(&programs).arg(&share).status()?;
    ensure!(status.success(), "the web server's files cannot be copied");
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=story",
            "-keyout",
            "-",
        ])
        .args(["-out", &scratch.join("certificate.pem")])
        .stderr(Stdio::null())
        .stdout(fs::File::create(scratch.join("key.pem"))?)
        .status()
        .context("openssl")?;
    ensure!(status.success(), "openssl makes no certificate");
    let both =
        fs::read_to_string(scratch.join("key.pem"))? + &fs::read_to_string(scratch.join("certificate.pem"))?;
    fs::write(scratch.join("certificate.pem"), both)?;
    Ok(programs)
}

impl Stage {
    /// Creates a stage. `number` distinguishes stages that exist at the same time.
    pub(crate) fn new(number: u8, scratch: &Scratch) -> Self {
        let subnet = 200 + number;
        let pair = Pair::new(subnet);
        let ip = |arguments: &[&str]| minerwatch_tests::command::run("ip", arguments);
        for address in WORLD {
            ip(&["-n", &pair.server.name, "address", "add", &format!("{address}/32"), "dev", "lo"]);
        }
        ip(&["-n", &pair.victim.name, "route", "add", "default", "via", &pair.server.address]);
        let internet = crate::tests().join("stories/stage/internet.py").to_string_lossy().into_owned();
        let (certificate, share) = (scratch.join("certificate.pem"), scratch.join("share"));
        let arguments = [internet.as_str(), &certificate, &share, &pair.victim.address];
        let internet = pair.server.serve(LAST_PORT, "/usr/bin/python3", &arguments);
        Self { pair, _internet: internet }
    }

    /// Starts a story on this stage.
    pub(crate) fn run(&self, story: &str, scratch: &Scratch) -> anyhow::Result<Child> {
        let enter = crate::tests().join("stories/stage/enter.bash");
        let words: [&Path; 4] = [Path::new("bash"), &enter, scratch.path(), Path::new(story)];
        let mut command = self.pair.victim.command("unshare", &["--mount"]);
        command.args(words).stdout(Stdio::null()).spawn().with_context(|| story.to_owned())
    }
}
