//! Reads a recording and tolerates damaged lines.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::{Header, VERSION};
use crate::model::Event;

/// Maximum length of a line, in bytes. An event with 4 KiB of arguments is far shorter, even if every byte is escaped.
const MAX_LINE: usize = 1 << 20;

/// Why a file is not a readable recording.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file could not be read.
    #[error("cannot read the recording: {0}")]
    Io(#[from] io::Error),
    /// The file is empty.
    #[error("the file is empty, so it is no recording; make one with `minerwatch record FILE`")]
    Empty,
    /// The first line is not the header of a recording.
    #[error(
        "this is no recording: its first line is not {{\"minerwatch_recording\":{VERSION},…}} ({0}); make \
         one with `minerwatch record FILE`"
    )]
    NotARecording(String),
    /// The file contains JSON lines of events or alerts, as `tail --json` and `run` write them.
    #[error(
        "this is minerwatch's JSON output, not a recording, and cannot be replayed; make a recording with \
         `minerwatch record FILE`"
    )]
    JsonOutput,
    /// A newer version of the program made the recording.
    #[error(
        "this recording has format {found}, made by a newer minerwatch; this one reads up to {VERSION}: \
         update it"
    )]
    TooNew {
        /// Format version of the recording.
        found: u32,
    },
}

/// Why a line could not be read. Reading can continue after [`Line`](Self::Line) and [`TooLong`](Self::TooLong).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system failed to read the file.
    #[error("line {line}: cannot read the recording: {error}")]
    Io {
        /// Number of the line, counted from 1.
        line: u64,
        /// The error of the system.
        error: io::Error,
    },
    /// The file ends in the middle of a line. All earlier lines were read.
    #[error(
        "line {line}: the recording ends in the middle of a line, after {bytes} bytes of it; everything before was read"
    )]
    CutOff {
        /// Number of the line, counted from 1.
        line: u64,
        /// Number of bytes in the incomplete line.
        bytes: usize,
    },
    /// The line is not an event.
    #[error("line {line}: not an event: {error}")]
    Line {
        /// Number of the line, counted from 1.
        line: u64,
        /// The error of the JSON parser.
        error: serde_json::Error,
    },
    /// The line is longer than any event.
    #[error("line {line}: longer than {MAX_LINE} bytes, so it is no event")]
    TooLong {
        /// Number of the line, counted from 1.
        line: u64,
    },
}

/// Iterates over the events of a recording in order. A line that is no event yields an error. Blank lines and unknown
/// fields are ignored.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    /// Number of the line that was read last, counted from 1.
    line: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Creates a reader and reads the header.
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

    /// Returns the header of the recording.
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
    /// The fields that distinguish a recording from JSON output.
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
