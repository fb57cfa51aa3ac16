//! One look at a process.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use crate::{
    enrich::{
        open::open_below,
        proc::{Proc, file_id},
    },
    model::{InputFile, Inspection, InspectionRequest, MinerSettings, miner_settings},
};

/// Maximum number of bytes read of an environment. The kernel allows 6 MiB; variables of miners stand among a few dozen.
const MAX_ENVIRONMENT: u64 = 64 << 10;
/// Maximum number of bytes read of a configuration file. That of XMRig has 3 KiB.
const MAX_FILE: u64 = 64 << 10;
/// Maximum length of a name or a first argument in bytes.
const MAX_NAME: u64 = 256;

/// Looks at a process. Returns `None` if the process has ended.
pub(super) fn at(request: &InspectionRequest) -> Option<Inspection> {
    let proc = Proc::default();
    let key = request.subject.key;
    let lives = || proc.stat(key.pid).is_some_and(|stat| stat.start_ticks == key.start_ticks);
    if !lives() {
        return None;
    }
    let mut found = Inspection { input: input(&proc, key.pid), ..Inspection::default() };
    if !request.only_input {
        found.name = changed(&proc, key.pid, "comm", &request.name);
        found.title = changed(&proc, key.pid, "cmdline", &request.title);
        found.deleted = is_deleted(&proc, key.pid);
        let environment = proc.read(key.pid, "environ", MAX_ENVIRONMENT).unwrap_or_default();
        found.preloaded = miner_settings::preloaded_in(&environment);
        if !request.files.is_empty() {
            found.settings = settings(&proc.path(key.pid, "root"), &environment, &request.files);
        }
    }
    // Another process may have got the id meanwhile.
    lives().then_some(found)
}

/// Returns the first string in a file of a process, if it is not the known one.
fn changed(proc: &Proc, pid: u32, file: &str, known: &str) -> Option<Arc<str>> {
    let bytes = proc.read(pid, file, MAX_NAME).ok()?;
    let first = bytes.split(|byte| matches!(byte, 0 | b'\n')).next()?;
    let text = String::from_utf8_lossy(first);
    // Both texts may be cut at different lengths.
    let is_same =
        text.is_empty() || known.starts_with(&*text) || text.starts_with(known) && !known.is_empty();
    (!is_same).then(|| Arc::from(&*text))
}

/// Whether the file of the program has no name any more (`proc_pid_exe(5)`).
fn is_deleted(proc: &Proc, pid: u32) -> bool {
    fs::read_link(proc.path(pid, "exe"))
        .is_ok_and(|path| path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)"))
}

/// Returns the regular file that a process reads as its standard input.
fn input(proc: &Proc, pid: u32) -> Option<InputFile> {
    let link = proc.path(pid, "fd/0");
    let path = fs::read_link(&link).ok()?;
    // Pipes, sockets and terminals are no files of a file system.
    if !path.is_absolute() || path.starts_with("/dev/pts") || path == Path::new("/dev/null") {
        return None;
    }
    let metadata = fs::metadata(&link).ok().filter(fs::Metadata::is_file)?;
    let file = file_id(metadata.dev(), metadata.ino());
    Some(InputFile { path: path.to_string_lossy().into(), file })
}

/// Returns the settings of a miner in the environment, else those in the first file that has some.
fn settings(root: &Path, environment: &[u8], files: &[Arc<str>]) -> Option<MinerSettings> {
    let arguments = miner_settings::in_environment(environment);
    if !arguments.is_empty() {
        return Some(MinerSettings { file: None, arguments });
    }
    let home = miner_settings::variable(environment, "HOME").filter(|home| home.starts_with('/'));
    let at_home = ["/.xmrig.json", "/.config/xmrig.json"];
    let more = home.into_iter().flat_map(|home| at_home.map(|file| Arc::from(format!("{home}{file}"))));
    files.iter().cloned().chain(more).find_map(|file| {
        let arguments = miner_settings::in_file(&read(root, &file)?);
        (!arguments.is_empty()).then_some(MinerSettings { file: Some(file), arguments })
    })
}

fn read(root: &Path, path: &str) -> Option<Vec<u8>> {
    let file: File = open_below(root, path).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Child, Command, Stdio},
    };

    use super::*;
    use crate::model::{ProcessKey, Subject};

    const WALLET: &str =
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

    fn request(child: &Child, files: Vec<Arc<str>>) -> InspectionRequest {
        let pid = child.id();
        let start_ticks = Proc::default().stat(pid).expect("a process").start_ticks;
        let key = ProcessKey { pid, start_ticks };
        let subject = Subject { key, tid: pid, uid: 0, gid: 0, cgroup: 0, container: None };
        InspectionRequest { subject, name: "sleep".into(), title: "sleep".into(), only_input: false, files }
    }

    /// Waits until the child runs its program.
    fn started(child: &Child) {
        let name = |pid| Proc::default().read(pid, "comm", 64).unwrap_or_default();
        for _ in 0..200 {
            if name(child.id()).starts_with(b"sleep") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the child did not start");
    }

    #[test]
    fn a_look_finds_input_libraries_and_settings() {
        let mut script = tempfile::NamedTempFile::new().expect("a file");
        writeln!(script, "{{\"pools\":[{{\"url\":\"pool.example:3333\",\"user\":\"{WALLET}\"}}]}}")
            .expect("a line");
        let path: Arc<str> = script.path().to_string_lossy().into();
        let mut child = Command::new("sleep")
            .arg("60")
            .env_clear()
            .env("LD_PRELOAD", "/nowhere/x.so")
            .stdin(Stdio::from(script.reopen().expect("the file")))
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        started(&child);
        let found =
            at(&request(&child, vec!["/nowhere".into(), Arc::clone(&path)])).expect("a living process");
        assert_eq!((&found.name, &found.title, found.deleted), (&None, &None, false));
        assert_eq!(found.preloaded, ["/nowhere/x.so".into()]);
        assert_eq!(found.input.as_ref().map(|input| &*input.path), Some(&*path));
        let settings = found.settings.expect("settings");
        assert_eq!(settings.file, Some(path));
        assert_eq!(settings.arguments.len(), 4);
        let mut other = request(&child, Vec::new());
        (other.name, other.title) = ("kworker/0:1".into(), "x".into());
        let found = at(&other).expect("a living process");
        assert_eq!(found.name.as_deref(), Some("sleep"));
        assert_eq!(found.title.as_deref(), Some("sleep"));
        assert_eq!(found.settings, None, "not searched for");
        other.subject.key.start_ticks += 1;
        assert_eq!(at(&other), None, "another process of that id");
        child.kill().expect("the end");
        child.wait().expect("the end");
        assert_eq!(at(&request_of(child.id())), None);
    }

    fn request_of(pid: u32) -> InspectionRequest {
        let key = ProcessKey { pid, start_ticks: 1 };
        let subject = Subject { key, tid: pid, uid: 0, gid: 0, cgroup: 0, container: None };
        InspectionRequest { subject, name: "".into(), title: "".into(), only_input: true, files: Vec::new() }
    }
}
