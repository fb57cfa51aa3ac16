//! The ECS objects of all samples and recordings, for tests of everything that reads ECS.

use std::{fs, io, path::Path};

use serde_json::Value;

use crate::{
    ecs,
    except::ExceptionSet,
    model::{Alert, EventKind},
    pipeline::{EventInfo, OutputSink, replay},
    recording::Reader,
};

/// Calls `look` with every sample.
pub(crate) fn each_sample(mut look: impl FnMut(&str, &Value)) {
    for object in ecs::tests::objects() {
        let name = format!("sample of {}", object["event"]["action"]);
        look(&name, &object);
    }
}

/// Replays every recording of the tree and calls `look` with each event and alert.
pub(crate) fn each_recorded(look: impl FnMut(&str, &Value)) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("recordings");
    let mut sink = Sink { look, name: String::new(), seen: 0 };
    for entry in fs::read_dir(directory).expect("the recordings are in the tree").flatten() {
        let file = entry.path();
        let name = entry.file_name().into_string().expect("plain names");
        let Some(story) = name.strip_suffix(".jsonl").filter(|story| !story.contains('.')) else { continue };
        story.clone_into(&mut sink.name);
        let reader = io::BufReader::new(fs::File::open(&file).expect("it can be read"));
        let reader = Reader::new(reader).expect("a recording");
        let header = reader.header().clone();
        replay(&header, None, ExceptionSet::default(), reader, &mut sink, |error| panic!("{error}"))
            .expect("the sink takes everything");
    }
    assert!(sink.seen > 1_000, "only {} objects", sink.seen);
}

struct Sink<F> {
    look: F,
    name: String,
    seen: usize,
}

impl<F: FnMut(&str, &Value)> Sink<F> {
    fn take(&mut self, line: &[u8]) {
        self.seen += 1;
        (self.look)(&self.name, &serde_json::from_slice(line).expect("JSON"));
    }
}

impl<F: FnMut(&str, &Value)> OutputSink for Sink<F> {
    fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
        true
    }

    fn event(&mut self, line: &[u8], _: EventInfo) -> io::Result<()> {
        self.take(line);
        Ok(())
    }

    fn alert(&mut self, line: &[u8], _alert: &Alert) -> io::Result<()> {
        self.take(line);
        Ok(())
    }
}
