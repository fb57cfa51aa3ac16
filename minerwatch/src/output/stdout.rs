//! The output `[sink.stdout]`: writes whole lines to standard output immediately.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags};

use super::{
    Filter, Output, OutputSettings,
    buffered::{BACKLOG, Buffered, Target},
};
use crate::{
    model::KindSet,
    schema::{event_kinds, section, switch},
};

const NAME: &str = "standard output";

section! {
    /// Keys of `[sink.stdout]`.
    pub struct StdoutSettings {
        /// Whether alerts are written to standard output.
        pub alerts: bool = true, switch();
        /// Which events are written to standard output.
        pub events: KindSet = KindSet::NONE, event_kinds();
    }
}

impl OutputSettings for StdoutSettings {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn naming_key(&self) -> Option<&'static str> {
        None
    }

    fn filter(&self) -> Filter {
        Filter { events: self.events, alerts: self.alerts }
    }

    fn open(&self) -> anyhow::Result<Box<dyn Output>> {
        let stdout = Stdout::new().context("opening standard output")?;
        Ok(Box::new(Buffered::new(stdout, BACKLOG)))
    }
}

/// Standard output without the buffer of [`std::io::Stdout`]. Its reader gets each line immediately, and a failed write
/// reports how many bytes were written.
#[derive(Debug)]
struct Stdout {
    file: File,
}

impl Stdout {
    /// Duplicates the standard output of this process.
    fn new() -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self { file: File::from(descriptor) })
    }
}

impl Target for Stdout {
    fn name(&self) -> &str {
        NAME
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                // Another process that shares the terminal or pipe has made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut descriptors = [PollFd::new(&self.file, PollFlags::OUT)];
                    rustix::event::poll(&mut descriptors, None)?;
                }
                outcome => return outcome,
            }
        }
    }

    fn ends_with_its_reader(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::fd::OwnedFd, thread};

    use super::*;
    use crate::output::{Class, Closed};

    fn over(file: impl Into<OwnedFd>) -> Buffered<Stdout> {
        Buffered::new(Stdout { file: File::from(file.into()) }, 1_000_000)
    }

    #[test]
    fn a_reader_that_left_is_recognised() {
        let (reader, writer) = io::pipe().unwrap();
        let mut output = over(writer);
        assert!(output.write(Class::Event, b"{}\n").unwrap().is_none());
        drop(reader);
        assert_eq!(output.write(Class::Event, b"{}\n").unwrap_err(), Closed(NAME.to_owned()));
    }

    #[test]
    fn a_full_device_is_a_failure_and_not_the_end() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut output = over(full);
        let notice = output.write(Class::Alert, b"{}\n").unwrap().unwrap();
        assert!(notice.to_string().contains("free space"), "{notice}");
        assert_eq!(output.counters().waiting, 1);
    }

    #[test]
    fn a_slow_reader_of_a_non_blocking_pipe_gets_everything() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut output = over(writer);
        let lines = "x".repeat(99).into_bytes().into_iter().chain([b'\n']).cycle().take(300_000);
        let lines: Vec<u8> = lines.collect();
        let expected = lines.len();
        let writing = thread::spawn(move || output.write(Class::Event, &lines).unwrap().is_none());
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(writing.join().unwrap());
        assert_eq!(read.len(), expected);
    }
}
