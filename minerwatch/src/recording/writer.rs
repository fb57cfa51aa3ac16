//! Writes a recording event by event.

use std::io::{self, BufWriter, Write};

use super::Header;
use crate::model::Event;

/// Writes events in order. Call [`flush`](Self::flush) regularly and at the end, because events stay in a buffer until
/// then.
#[derive(Debug)]
pub struct Writer<W: Write> {
    output: BufWriter<W>,
    /// Reused buffer for one line. A line reaches the output only after it is complete.
    line: Vec<u8>,
    events: u64,
}

impl<W: Write> Writer<W> {
    /// Starts a recording with its header.
    pub fn new(output: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { output: BufWriter::new(output), line: Vec::new(), events: 0 };
        writer.append(header)?;
        Ok(writer)
    }

    /// Writes one event.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.append(event)?;
        self.events += 1;
        Ok(())
    }

    /// Writes what is buffered to the output.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Number of events written so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Flushes the recording and returns the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.output.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn append(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.output.write_all(&self.line)
    }
}
