//! The unit of lines that an output gets at once.

use bytes::Bytes;

use super::{Class, Document};

/// Whole lines of one class, each with its newline. A copy shares the memory of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The class of every line.
    pub class: Class,
    /// The lines.
    pub lines: Bytes,
    /// Number of lines.
    pub count: u64,
}

impl Batch {
    /// Creates a batch from whole lines.
    pub fn new(class: Class, lines: impl Into<Bytes>) -> Self {
        let lines = lines.into();
        let count = count_lines(&lines);
        Self { class, lines, count }
    }

    /// Creates a batch from documents.
    pub fn of<'a>(class: Class, documents: impl Iterator<Item = &'a Document>) -> Self {
        let mut lines = Vec::new();
        for document in documents {
            lines.extend_from_slice(&document.json);
            lines.push(b'\n');
        }
        Self::new(class, lines)
    }

    /// Size of the lines, in bytes.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// Splits the batch into batches of at most `bytes` bytes. A longer line is a batch of its own.
    pub fn parts(&self, bytes: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        let mut add = |begin: usize, end: usize| {
            if begin < end {
                parts.push(Self::new(self.class, self.lines.slice(begin..end)));
            }
        };
        for line in self.lines.split_inclusive(|byte| *byte == b'\n') {
            if end + line.len() - begin > bytes {
                add(begin, end);
                begin = end;
            }
            end += line.len();
        }
        add(begin, end);
        parts
    }

    /// Returns each line without its newline.
    pub fn each(&self) -> impl Iterator<Item = Bytes> {
        self.lines
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| self.lines.slice_ref(line.strip_suffix(b"\n").unwrap_or(line)))
    }
}

/// Returns the number of lines.
pub(super) fn count_lines(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_whole_lines() {
        let batch = Batch::new(Class::Event, "one\n\nthree\nx\n");
        let parts = |bytes| -> Vec<Bytes> { batch.parts(bytes).into_iter().map(|part| part.lines).collect() };
        assert_eq!(parts(5), ["one\n\n", "three\n", "x\n"]);
        assert_eq!(parts(100), ["one\n\nthree\nx\n"]);
        assert!(Batch::new(Class::Alert, "").parts(5).is_empty());
    }

    #[test]
    fn lines_are_counted_and_split() {
        let batch = Batch::new(Class::Event, "one\n\nthree\n");
        let lines: Vec<Bytes> = batch.each().collect();
        assert_eq!((batch.count, batch.bytes()), (3, 11));
        assert_eq!(lines, [Bytes::from("one"), Bytes::new(), Bytes::from("three")]);
        assert_eq!(Batch::new(Class::Alert, "").each().count(), 0);
    }
}
