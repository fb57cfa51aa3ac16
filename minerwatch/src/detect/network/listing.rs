//! Findings about entries of indicator lists.

use crate::{
    detect::{DetectionContext, Finding, SignalInfo, SignalKind},
    intel::{ListKind, Listed},
};

/// Describes a list entry in words: the name of the list, and the note of the entry.
pub fn describe(listed: &Listed<'_>) -> String {
    match listed.note {
        Some(note) => format!("which '{}' lists ({note})", listed.list.name),
        None => format!("which '{}' lists", listed.list.name),
    }
}

/// Creates a finding of a signal with the list entry as evidence. The list decides the points and whether the signal is
/// about mining.
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
    let is_pool = listed.list.kind == ListKind::Mining;
    finding.info.kind = if is_pool { SignalKind::Mining } else { SignalKind::Sign };
    finding
}
