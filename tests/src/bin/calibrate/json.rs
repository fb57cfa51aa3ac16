//! The result as JSON.

use serde_json::{Value, json};

use super::{Report, judged::Judged, text, totals::Totals, without::Without};

/// Returns the result as one JSON object.
pub fn of(report: &Report) -> Value {
    json!({
        "stories": report.stories.iter().map(story).collect::<Vec<_>>(),
        "days": report.days.iter().map(story).collect::<Vec<_>>(),
        "totals": totals(&report.totals),
        "signals": report.signals.iter().map(signal).collect::<Vec<_>>(),
    })
}

fn story(story: &Judged) -> Value {
    let next = story.next.as_ref();
    let signal = |signal: &super::judged::Contribution| json!({"id": signal.id, "points": signal.points.as_f64(), "counted": signal.counted});
    json!({
        "name": story.name,
        "class": text::class(story.class),
        "verdict": story.verdict.map(|verdict| text::word(Some(verdict))),
        "seconds_to_verdict": story.seconds,
        "recorded_s": story.span.as_secs_f64(),
        "points": story.points,
        "next": next.map(|next| json!({"verdict": text::word(Some(next.verdict)), "missing": next.missing})),
        "signals": story.signals.iter().map(signal).collect::<Vec<_>>(),
        "suspects": story.suspects,
        "unnamed": story.unnamed,
        "pages": story.pages,
    })
}

fn totals(totals: &Totals) -> Value {
    json!({
        "attacks": totals.attacks,
        "found": totals.found,
        "benign": totals.benign,
        "benign_paged": totals.paged,
        "benign_noted": totals.noted,
        "false_pages": totals.pages,
        "recall": totals.recall(),
        "precision": totals.precision(),
        "f1": totals.f1(),
        "noted_share": totals.noted_share(),
        "host_days": totals.host_days(),
        "recorded_s": totals.recorded.as_secs_f64(),
        "composed_s": totals.composed.as_secs_f64(),
        "false_pages_per_host_day": totals.pages_per_host_day(),
        "seconds_to_verdict": {"p50": totals.percentile(50), "p99": totals.percentile(99)},
    })
}

fn signal(without: &Without) -> Value {
    let info = &without.info;
    json!({
        "id": info.id,
        "name": info.name,
        "points": [info.weight, info.full_weight],
        "measured": !without.remains,
        "attacks": without.attacks,
        "benign": without.benign,
        "lost": without.lost,
        "weaker": without.weaker,
        "quieter": without.quieter,
    })
}
