//! Renders alerts as text for snapshots.

use std::fmt::Write as _;

use crate::model::{Alert, BootTime, Evidence};

/// Renders alerts as text, one paragraph per alert. Chain times are in seconds since the start of the simulated host.
pub fn story(alerts: &[Alert]) -> String {
    let mut page = String::new();
    for alert in alerts {
        let Alert { action, verdict, score, folded, suspect, parent, message, .. } = alert;
        let parent = parent.as_ref().map_or("nobody", |parent| &parent.name);
        let _ = writeln!(page, "{action:?} {verdict:?} score {score} folded {folded}");
        let _ = writeln!(page, "  suspect {} ({}) of {parent}", suspect.name, suspect.key.pid);
        let _ = writeln!(page, "  {message}");
        for signal in &alert.signals {
            let _ = writeln!(
                page,
                "  {:>3} {:<3} {:?} pid {}: {}",
                signal.weight, signal.id.0, signal.class, signal.process.pid, signal.detail
            );
            for Evidence { name, value, threshold, unit: _ } in &signal.evidence {
                let _ = writeln!(page, "          {name} = {value}");
                if let Some(threshold) = threshold {
                    let _ = writeln!(page, "          {name}_threshold = {threshold}");
                }
            }
        }
        for edge in &alert.chain {
            let at = edge.at.since(BootTime(3_600_000_000_000)).as_secs_f64();
            let kind = format!("{:?}", edge.kind).to_lowercase();
            let _ = writeln!(
                page,
                "  {at:>8.3} {kind:<8} {} ({}) → {}",
                edge.name, edge.process.pid, edge.object
            );
        }
        page.push('\n');
    }
    page
}
