//! Reads a recording, whatever state it is in.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::{Header, VERSION};
use crate::model::Event;

/// The longest line that is read: many times an event with 4 KiB of arguments whose every byte is escaped.
const MAX_LINE: usize = 1 << 20;

/// The file does not begin as a recording does.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// It could not be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
    /// It is empty.
    #[error("the file is empty, so it is no recording; make one with `minerwatch record FILE`")]
    Empty,
    /// Its first line is not the header of a recording.
    #[error(
        "this is no recording: its first line is not {{\"minerwatch_recording\":{VERSION},…}} ({0}); make \
         one with `minerwatch record FILE`"
    )]
    NotARecording(String),
    /// It is JSON lines of events or alerts, as `tail --json` and `run` write them.
    #[error(
        "this is minerwatch's JSON output, not a recording, and cannot be replayed; make a recording with \
         `minerwatch record FILE`"
    )]
    JsonOutput,
    /// A newer version of the program made it.
    #[error(
        "this recording has format {found}, made by a newer minerwatch; this one reads up to {VERSION}: \
         update it"
    )]
    TooNew {
        /// The format it has.
        found: u32,
    },
}

/// A line could not be read. Reading can go on after [`Line`](Self::Line) and [`TooLong`](Self::TooLong).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read further.
    #[error("line {line}: cannot read the recording: {error}")]
    Io {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        error: io::Error,
    },
    /// The file ends in the middle of a line. Everything before it was delivered.
    #[error(
        "line {line}: the recording ends in the middle of a line, after {bytes} bytes of it; everything before was read"
    )]
    CutOff {
        /// Which line, counted from 1.
        line: u64,
        /// How many of its bytes are there.
        bytes: usize,
    },
    /// The line is not an event.
    #[error("line {line}: not an event: {error}")]
    Line {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        error: serde_json::Error,
    },
    /// The line is longer than any event.
    #[error("line {line}: longer than {MAX_LINE} bytes, so it is no event")]
    TooLong {
        /// Which line, counted from 1.
        line: u64,
    },
}

/// Iterates over the events of a recording in order, with an error for each line that is none. Fields that this version
/// does not know are ignored.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    /// The number of the line that was read last, from 1.
    line: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    pub fn new(mut input: R) -> Result<Self, HeaderError> {
        let mut buffer = Vec::new();
        match read_line(&mut input, &mut buffer)? {
            Found::End => return Err(HeaderError::Empty),
            Found::TooLong => return Err(HeaderError::NotARecording("it is too long".to_owned())),
            Found::Line | Found::Unended => {}
        }
        let header = parse_header(&buffer)?;
        Ok(Self { input, header, line: 1, buffer, ended: false })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn read(&mut self) -> Option<Result<Event, ReadError>> {
        loop {
            let found = read_line(&mut self.input, &mut self.buffer);
            self.line += 1;
            let line = self.line;
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(ReadError::Io { line, error }));
                }
            };
            match found {
                Found::End => return None,
                Found::TooLong => return Some(Err(ReadError::TooLong { line })),
                Found::Line | Found::Unended if self.buffer.trim_ascii().is_empty() => {}
                Found::Line => {
                    let event = serde_json::from_slice(&self.buffer);
                    return Some(event.map_err(|error| ReadError::Line { line, error }));
                }
                Found::Unended => {
                    self.ended = true;
                    let bytes = self.buffer.len();
                    let event = serde_json::from_slice(&self.buffer);
                    return Some(event.map_err(|error: serde_json::Error| {
                        if error.is_eof() || std::str::from_utf8(&self.buffer).is_err() {
                            ReadError::CutOff { line, bytes }
                        } else {
                            ReadError::Line { line, error }
                        }
                    }));
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read();
        self.ended |= item.is_none();
        item
    }
}

fn parse_header(line: &[u8]) -> Result<Header, HeaderError> {
    /// Just enough fields to tell what the file is.
    #[derive(Deserialize)]
    struct Marker {
        minerwatch_recording: Option<u32>,
        ecs: Option<serde::de::IgnoredAny>,
    }
    let not_one = |error: serde_json::Error| HeaderError::NotARecording(error.to_string());
    let marker: Marker = serde_json::from_slice(line).map_err(not_one)?;
    match marker.minerwatch_recording {
        Some(found) if found > VERSION => Err(HeaderError::TooNew { found }),
        Some(_) => serde_json::from_slice(line).map_err(not_one),
        None if marker.ecs.is_some() => Err(HeaderError::JsonOutput),
        None => Err(HeaderError::NotARecording("the field is missing".to_owned())),
    }
}

enum Found {
    /// A line that ends with a newline.
    Line,
    /// Bytes after the last newline.
    Unended,
    /// A line of more than [`MAX_LINE`] bytes, which is skipped.
    TooLong,
    /// The end of the file.
    End,
}

/// Reads one line into `line`, without its newline.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Found> {
    line.clear();
    let mut too_long = false;
    let mut any = false;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(match (any, too_long) {
                (false, _) => Found::End,
                (true, true) => Found::TooLong,
                (true, false) => Found::Unended,
            });
        }
        any = true;
        let newline = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..newline.unwrap_or(available.len())).unwrap_or_default();
        too_long |= line.len() + part.len() > MAX_LINE;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(newline.is_some());
        input.consume(used);
        if newline.is_some() {
            return Ok(if too_long { Found::TooLong } else { Found::Line });
        }
    }
}
