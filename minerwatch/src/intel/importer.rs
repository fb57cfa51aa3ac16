//! Adds the entries of one list to a builder, and reports what was skipped and why.

use std::borrow::Cow;

use super::{
    Builder, Indicator, Refusal,
    import_report::{Form, ImportLocation, ImportReport, Problem},
};

/// Maximum number of reported problems per list. A file that is not a list has a problem on every line.
pub(super) const MAX_PROBLEMS: usize = 20;
/// Maximum number of reasons with their own count. Some reasons quote the list, so there may be many.
const MAX_REASONS: usize = 64;
/// The reason under which further reasons are counted.
const OTHER: &str = "other reasons";

/// Adds entries to a builder, and fills in the report.
pub(super) struct Importer<'a> {
    builder: &'a mut Builder,
    pub(super) report: ImportReport,
    /// The current time, in seconds since 1970.
    now: i64,
}

impl<'a> Importer<'a> {
    pub(super) fn new(form: Form, now: i64, builder: &'a mut Builder) -> Self {
        Self { builder, report: ImportReport::new(form), now }
    }

    /// Adds an entry. `ordinal` is its line number, or its number if the format has no lines. `location` gives its
    /// position for a report. Returns whether the entry was added.
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

    /// Reports something that is not an entry with its location, and counts it under the reason `kind`.
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

    /// Counts an entry that is skipped on purpose under the reason `kind`.
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

    /// Returns whether a time, in seconds since 1970, has passed.
    pub(super) fn has_passed(&self, seconds: i64) -> bool {
        seconds <= self.now
    }

    /// Notes that an added entry expires at this time, in seconds since 1970.
    pub(super) fn note_expiry(&mut self, seconds: i64) {
        let first = self.report.next_expiry.map_or(seconds, |earlier| earlier.min(seconds));
        self.report.next_expiry = Some(first);
    }
}

/// Formats the reason `what 'kind'`. `kind` comes from a list, so it is shortened.
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
