//! Recordings in memory.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use minerwatch::{
    model::Event,
    recording::{Header, Reader},
};
use minerwatch_tests::stories::{self, Class};

/// A recording: a story, or a day that is composed of stories.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Name of the story.
    pub name: String,
    /// What the story is; `None` if the story is not in the table.
    pub class: Option<Class>,
    /// Names of processes that the alerts must list as suspects.
    pub named: &'static [&'static str],
    /// The header of the recording.
    pub header: Header,
    /// The events.
    pub events: Vec<Event>,
}

impl Recorded {
    /// Returns the time from the first event to the last.
    pub fn span(&self) -> Duration {
        match (self.events.first(), self.events.last()) {
            (Some(first), Some(last)) => last.time.since(first.time),
            _ => Duration::ZERO,
        }
    }
}

/// Reads all recordings in a directory, in the order of their names. A file without events is an error, and so is a
/// damaged line.
pub fn all(directory: &Path) -> anyhow::Result<Vec<Recorded>> {
    let mut recordings = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // NAME.alerts.jsonl contains the expected alerts of a recording.
        if let Some(name) = file.strip_suffix(".jsonl").filter(|name| !name.contains('.')) {
            recordings.push(read(name, &path).with_context(|| path.display().to_string())?);
        }
    }
    ensure!(!recordings.is_empty(), "{} contains no recording", directory.display());
    recordings.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(recordings)
}

fn read(name: &str, path: &Path) -> anyhow::Result<Recorded> {
    let reader = Reader::new(BufReader::new(File::open(path)?))?;
    let header = reader.header().clone();
    let events = reader.collect::<Result<Vec<_>, _>>()?;
    ensure!(!events.is_empty(), "the recording has no events");
    let story = stories::story(name);
    let class = story.map(|story| story.class);
    let named = story.map_or(&[][..], |story| story.named);
    Ok(Recorded { name: name.to_owned(), class, named, header, events })
}
