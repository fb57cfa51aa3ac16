//! The output `[sink.stdout]`: writes lines to standard output immediately.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    path::Path,
};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags};

use super::{Filter, FilterKeys, Output, OutputSettings, line_writer::Target, local::Local};
use crate::schema::section;

const NAME: &str = "standard output";

section! {
    /// Keys of `[sink.stdout]`.
    pub struct StdoutSettings {
        include {
            pub filter: FilterKeys;
        }
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
        self.filter.filter(false)
    }

    fn open(&self, _: &Path) -> anyhow::Result<Box<dyn Output>> {
        let stdout = Stdout::new().context("opening standard output")?;
        Ok(Box::new(Local::new(stdout)))
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
    use crate::output::{Batch, Class, End, Queue};

    fn over(file: impl Into<OwnedFd>) -> Box<Local<Stdout>> {
        Box::new(Local::new(Stdout { file: File::from(file.into()) }))
    }

    #[test]
    fn the_output_ends_when_the_reader_closes_the_pipe() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let queue = Queue::new(1_000);
        queue.push(Batch::new(Class::Event, "{}\n"));
        assert_eq!(over(writer).run(&queue), End::ReaderGone);
    }

    #[test]
    fn lines_for_a_full_device_keep_waiting() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let queue = Queue::new(1_000);
        queue.push(Batch::new(Class::Alert, "{}\n"));
        queue.close();
        assert_eq!(over(full).run(&queue), End::Closed);
        assert_eq!((queue.counters().waiting, queue.counters().alerts), (1, 0));
    }

    #[test]
    fn a_slow_reader_of_a_non_blocking_pipe_gets_everything() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let lines = "x".repeat(99).into_bytes().into_iter().chain([b'\n']).cycle().take(300_000);
        let lines: Vec<u8> = lines.collect();
        let expected = lines.len();
        let queue = Queue::new(1_000_000);
        queue.push(Batch::new(Class::Event, lines));
        queue.close();
        let writing = thread::spawn(move || over(writer).run(&queue));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(writing.join().unwrap(), End::Closed);
        assert_eq!(read.len(), expected);
    }
}
