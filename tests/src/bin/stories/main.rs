//! Records the stories in `tests/recordings`: runs real processes while `minerwatch record` watches. Each story has its
//! own file system and network. `tests/recordings/README.md` says how to use this program.

mod cut;
mod stage;

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, ExitCode},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use minerwatch_tests::{Scratch, agent::Agent};
use rustix::{
    fs::{FlockOperation, flock},
    process::geteuid,
};

use stage::Stage;

const USAGE: &str = "\
usage: stories NAME...   record these stories, all at the same time, into tests/recordings
       stories --list    the names

It needs root. Stories in which the time of the CPU matters want to be recorded alone.";

/// Time for the last events to get from the kernel into the recording.
const SETTLE: Duration = Duration::from_secs(3);

/// Maximum size of a recording, in bytes. Larger files do not belong in the source tree.
const MOST_BYTES: usize = 200_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match act(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stories: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(arguments: &[String]) -> anyhow::Result<()> {
    match arguments {
        [] => bail!("{USAGE}"),
        [flag] if flag == "--list" => {
            names()?.iter().for_each(|name| println!("{name}"));
            Ok(())
        }
        stories => record(stories),
    }
}

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(story: &str) -> PathBuf {
    tests().join("stories").join(story).with_extension("bash")
}

/// Returns the names of all stories that have a script.
fn names() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(tests().join("stories"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "bash") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn record(stories: &[String]) -> anyhow::Result<()> {
    ensure!(geteuid().is_root(), "recording needs root");
    for story in stories {
        ensure!(script(story).exists(), "there is no story '{story}'; --list shows the names");
    }
    // Two runs at the same time would disturb each other's times and networks.
    let lock = File::create("/run/lock/minerwatch-stories.lock").context("the lock")?;
    flock(&lock, FlockOperation::LockExclusive).context("the lock")?;

    let scratch = Scratch::below("/run");
    let programs = stage::programs(&scratch)?;
    for story in stories {
        fs::copy(script(story), programs.join(story).with_extension("bash"))?;
        let before = script(story).with_extension("prepare");
        if before.exists() {
            fs::copy(before, programs.join(story).with_extension("prepare"))?;
        }
    }
    let stages: Vec<Stage> = (1..).zip(stories).map(|(number, _)| Stage::new(number, &scratch)).collect();
    let whole = scratch.join("whole.jsonl");
    let agent = Agent::start(["record", &whole]);
    let mut running: Vec<(&String, Child)> = Vec::new();
    for (story, stage) in stories.iter().zip(&stages) {
        running.push((story, stage.run(story, &scratch)?));
    }
    let mut failed = BTreeSet::new();
    for (story, child) in &mut running {
        let status = child.wait()?;
        if !status.success() {
            eprintln!("stories: {story} ended with {status}");
            failed.insert(*story);
        }
    }
    thread::sleep(SETTLE);
    agent.stop();
    let whole = fs::read_to_string(&whole).context("the recording")?;
    for story in stories {
        if failed.contains(story) {
            continue;
        }
        let cut = cut::story(&whole, story).with_context(|| story.clone())?;
        for own in [scratch.path(), tests()] {
            ensure!(!cut.contains(&*own.to_string_lossy()), "{story}: {} is in the recording", own.display());
        }
        if cut.len() > MOST_BYTES {
            eprintln!("stories: {story}: {} bytes are too many", cut.len());
            failed.insert(story);
            continue;
        }
        let path = tests().join("recordings").join(story).with_extension("jsonl");
        fs::write(&path, &cut).with_context(|| path.display().to_string())?;
        println!("{story}: {} events, {} bytes", cut.lines().count() - 1, cut.len());
    }
    ensure!(failed.is_empty(), "{} of {} stories failed", failed.len(), stories.len());
    Ok(())
}
