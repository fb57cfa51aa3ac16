//! What an output is given: whole lines of one class.

use bytes::Bytes;

use super::Class;

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

    /// Size of the lines, in bytes.
    pub fn bytes(&self) -> usize {
        self.lines.len()
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
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_split() {
        let batch = Batch::new(Class::Event, "one\n\nthree\n");
        let lines: Vec<Bytes> = batch.each().collect();
        assert_eq!((batch.count, batch.bytes()), (3, 11));
        assert_eq!(lines, [Bytes::from("one"), Bytes::new(), Bytes::from("three")]);
        assert_eq!(Batch::new(Class::Alert, "").each().count(), 0);
    }
}
