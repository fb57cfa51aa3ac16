//! How a finding shows that something is on a list of indicators.

use crate::{
    detect::{DetectionContext, Finding, SignalInfo},
    intel::{ListKind, Listed},
};

/// Which list, and what it says, in words.
pub fn describe(listed: &Listed<'_>) -> String {
    match listed.note {
        Some(note) => format!("which '{}' lists ({note})", listed.list.name),
        None => format!("which '{}' lists", listed.list.name),
    }
}

/// A finding of this signal with the entry as evidence. Its points and its meaning are those of the list.
pub fn finding(
    info: SignalInfo,
    context: &DetectionContext<'_>,
    listed: &Listed<'_>,
    detail: String,
) -> Finding {
    let mut finding = Finding::new(info, context, detail)
        .value("list", &listed.list.name)
        .value("list_source", &listed.list.source)
        .value("list_line", listed.line)
        .value("list_entry", listed.entry.to_string());
    finding.signal.weight = listed.list.weight;
    finding.info.mining = listed.list.kind == ListKind::Mining;
    finding
}
