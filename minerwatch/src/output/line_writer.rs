//! Writes whole lines to a target. After a failed write, the rest of a torn line is removed or written later.

use std::{fmt, io};

use bytes::Bytes;

/// A destination to which bytes can be written.
pub(super) trait Target: fmt::Debug + Send {
    /// The name in messages and metrics.
    fn name(&self) -> &str;

    /// Prepares to write `length` bytes: opens a closed target, and rotates a full file. Returns the description of a
    /// problem that does not prevent the write, if there is one.
    fn prepare(&mut self, _length: usize) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Writes as many bytes as one call can write, and returns their number.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Opens the target again by its name, after another program has moved it away.
    fn reopen(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Removes the last `length` bytes, which are the beginning of a line. Returns whether that was possible. If not, the
    /// rest of the line is written next.
    fn take_back(&mut self, _length: usize) -> bool {
        false
    }

    /// Syncs the written data to the disk.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Returns whether the output ends when its reader closes the pipe. A FIFO in place of a file may get another
    /// reader, so a file output does not end.
    fn ends_with_its_reader(&self) -> bool {
        false
    }
}

/// A target, and the rest of a line that was written in part.
#[derive(Debug)]
pub(super) struct LineWriter<T> {
    pub(super) target: T,
    torn: Bytes,
}

/// A failed write.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// Why the write failed.
    pub error: io::Error,
    /// The lines that still have to be written. The writer keeps the rest of a torn line itself.
    pub rest: Bytes,
}

impl<T: Target> LineWriter<T> {
    /// Creates a writer.
    pub fn new(target: T) -> Self {
        Self { target, torn: Bytes::new() }
    }

    /// Returns whether the rest of a line must still be written.
    pub fn is_torn(&self) -> bool {
        !self.torn.is_empty()
    }

    /// Writes the rest of a torn line, and then whole lines. Returns the description of a problem that did not prevent the
    /// write, if there was one.
    pub fn write(&mut self, lines: &Bytes) -> Result<Option<String>, Unwritten> {
        let whole = |error| Unwritten { error, rest: lines.clone() };
        self.end_torn_line().map_err(whole)?;
        let problem = self.target.prepare(lines.len()).map_err(whole)?;
        let (written, outcome) = write_all(&mut self.target, lines);
        let Err(error) = outcome else { return Ok(problem) };
        let done = lines.slice(..written.min(lines.len()));
        let rest = lines.slice(done.len()..);
        let half = done.len() - done.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if half == 0 || self.target.take_back(half) {
            return Err(Unwritten { error, rest: lines.slice(done.len() - half..) });
        }
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        self.torn = rest.slice(..end);
        Err(Unwritten { error, rest: rest.slice(end..) })
    }

    fn end_torn_line(&mut self) -> io::Result<()> {
        let (written, outcome) = write_all(&mut self.target, &self.torn);
        self.torn = self.torn.slice(written.min(self.torn.len())..);
        outcome
    }
}

/// Writes until all bytes are written or an error occurs. Returns the number of written bytes in both cases.
fn write_all(target: &mut impl Target, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match target.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
pub(super) mod tests;
