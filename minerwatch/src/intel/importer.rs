//! Adds the entries of one list to a builder, and notes what was left out and why.

use std::borrow::Cow;

use super::{
    Builder, Indicator, Refusal,
    import_report::{Form, ImportLocation, ImportReport, Problem},
};

/// The most problems of one list that are reported; a file that is not a list has one on every line.
pub(super) const MAX_PROBLEMS: usize = 20;
/// The most reasons that are counted separately: some of them quote the list.
const MAX_REASONS: usize = 64;
/// Further reasons are counted under this one.
const OTHER: &str = "other reasons";

/// Adds entries to a builder and fills in the report.
pub(super) struct Importer<'a> {
    builder: &'a mut Builder,
    pub(super) report: ImportReport,
    /// Seconds since 1970.
    now: i64,
}

impl<'a> Importer<'a> {
    pub(super) fn new(form: Form, now: i64, builder: &'a mut Builder) -> Self {
        Self { builder, report: ImportReport::new(form), now }
    }

    /// Adds an entry. `ordinal` is its line or number, and `location` says where it is, should it be refused.
    /// Returns whether it was added.
    pub(super) fn add(
        &mut self,
        parsed: Result<Indicator, Refusal>,
        ordinal: u32,
        location: impl FnOnce() -> ImportLocation,
        note: &str,
    ) -> bool {
        match parsed {
            Ok(indicator) if self.builder.add(&indicator, ordinal, note) => {
                self.report.kinds.count(&indicator);
                return true;
            }
            Ok(_) => self.refuse(location, "there is no room for more entries", "no room"),
            Err(refusal) => self.refuse(location, refusal.to_string(), refusal.kind()),
        }
        false
    }

    /// Something is not an entry: it is counted as `kind`, and reported with its location.
    pub(super) fn refuse(
        &mut self,
        location: impl FnOnce() -> ImportLocation,
        reason: impl Into<String>,
        kind: impl Into<Cow<'static, str>>,
    ) {
        if self.report.problems.len() < MAX_PROBLEMS {
            self.report.problems.push(Problem { location: location(), reason: reason.into() });
        }
        self.skip(kind);
    }

    /// An entry is left out on purpose: it is counted.
    pub(super) fn skip(&mut self, kind: impl Into<Cow<'static, str>>) {
        let kind = kind.into();
        let skipped = &mut self.report.skipped;
        let kind = if skipped.len() >= MAX_REASONS && !skipped.contains_key(&kind) {
            Cow::Borrowed(OTHER)
        } else {
            kind
        };
        *skipped.entry(kind).or_default() += 1;
    }

    /// Whether this moment has passed.
    pub(super) fn has_passed(&self, seconds: i64) -> bool {
        seconds <= self.now
    }

    /// Notes that an entry that was added expires at this moment.
    pub(super) fn note_expiry(&mut self, seconds: i64) {
        let first = self.report.next_expiry.map_or(seconds, |earlier| earlier.min(seconds));
        self.report.next_expiry = Some(first);
    }
}

/// The reason `what 'kind'`; `kind` comes from a list and is shortened.
pub(super) fn reason_with(what: &str, kind: &str) -> String {
    let kind: String = kind.chars().filter(|letter| !letter.is_control()).take(40).collect();
    format!("{what} '{kind}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_problems_nor_reasons_grow_without_end() {
        let mut builder = Builder::new(1);
        let mut importer = Importer::new(Form::Text, 0, &mut builder);
        for number in 0..1_000 {
            importer.refuse(|| ImportLocation::Line(number), "nonsense", format!("kind {number}"));
        }
        let report = importer.report;
        assert_eq!(report.problems.len(), MAX_PROBLEMS);
        assert_eq!((report.skipped.len(), report.skipped()), (MAX_REASONS + 1, 1_000));
        assert_eq!(report.skipped.get(OTHER), Some(&(1_000 - MAX_REASONS as u64)));
    }
}
