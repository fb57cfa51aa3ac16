//! Renders an alert as a block of rows: the verdict, the suspect, the chain and the signals.

use super::{
    Style, chain,
    event::{command, short, user},
    line::{Edge, Line, Own, Peer, Process},
    text::{Row, Tone, time_of_day, wrapped},
};
use crate::cli::counted::counted;

const MARGIN: &str = "   ";
/// Width of the label column, in characters.
const LABEL: usize = 10;
/// Widths of the columns for the id and the weight of a signal.
const ID: usize = 3;
const WEIGHT: usize = 3;
/// Column at which the text of a signal begins. Each column to the left is followed by a space.
const SIGNAL: usize = MARGIN.len() + LABEL + 1 + ID + 1 + WEIGHT + 1;

/// Maximum number of suspects that are shown.
const MAX_SUSPECTS: usize = 12;

/// Appends an alert, with an empty row before and after. `steps` are the steps of the chain to draw.
pub(super) fn write(line: &Line, steps: &[&Edge], style: Style, out: &mut String) {
    out.push('\n');
    heading(line, style, out);
    for part in wrapped(&line.message, room(style, MARGIN.len())) {
        let mut row = Row::default();
        row.push(Tone::Plain, MARGIN).push(Tone::Strong, &part).write(style, out);
    }
    suspect(line, style, out);
    suspects(&line.minerwatch, style, out);
    tree(&line.minerwatch, steps, style, out);
    signals(&line.minerwatch, style, out);
    technique(line, style, out);
    health(&line.minerwatch, style, out);
    out.push('\n');
}

fn heading(line: &Line, style: Style, out: &mut String) {
    let own = &line.minerwatch;
    let tone = tone_of(&own.verdict);
    let action = line.event.action.strip_prefix("incident-").unwrap_or(&line.event.action);
    let mut row = Row::default();
    row.push(tone, &format!("━━ {} {} ━━", own.verdict.to_uppercase(), own.score));
    row.push(Tone::Strong, &format!(" incident {} {action}", own.incident.id));
    if !own.reason.is_empty() {
        row.push(Tone::Plain, &format!(" ({})", own.reason));
    }
    row.push(Tone::Plain, " ");
    row.push(Tone::Dim, &format!("━━ {} ", time_of_day(&line.timestamp)));
    if let Some(latency) = own.latency_ms.filter(|latency| *latency > 0.0) {
        row.push(Tone::Dim, &format!("━━ {latency:.1} ms after the event "));
    }
    row.push(tone, "━━").write(style, out);
}

/// Returns the words that say where the suspect runs: `pod shop/cart-7d9 (image nginx:1.27)`. A container without a known
/// name is shown by its id.
fn place(line: &Line) -> Option<String> {
    let (container, orchestrator) = (&line.container, &line.orchestrator);
    if container.id.is_empty() {
        return None;
    }
    let image = match (&*container.image.name, container.image.tag.first()) {
        ("", _) => String::new(),
        (name, Some(tag)) => format!(" (image {name}:{tag})"),
        (name, None) => format!(" (image {name})"),
    };
    Some(if !orchestrator.resource.name.is_empty() {
        format!("pod {}/{}{image}", orchestrator.namespace, orchestrator.resource.name)
    } else if !container.name.is_empty() {
        format!("container {}{image}", container.name)
    } else {
        format!("container {}", short(&container.id))
    })
}

pub(super) fn suspect(line: &Line, style: Style, out: &mut String) {
    let process = &line.process;
    let mut row = labelled("suspect");
    row.push(Tone::Strong, &process.name);
    let pid = process.pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
    row.push(Tone::Plain, &format!(" ({pid}, {})", user(process)));
    if let Some(place) = place(line) {
        row.push(Tone::Plain, &format!(" in {place}"));
    }
    row.push(Tone::Dim, "   ").push(Tone::Dim, command(process)).write(style, out);
}

/// Appends the suspects, if there are several or if there is more to say about the only one.
pub(super) fn suspects(own: &Own, style: Style, out: &mut String) {
    let shown = own.suspects.iter().take(MAX_SUSPECTS);
    for (index, suspect) in shown.enumerate() {
        let mut row = labelled(if index == 0 { "named" } else { "" });
        row.column(tone_of(&suspect.verdict), &suspect.verdict, 9);
        row.right(Tone::Plain, &suspect.score.to_string(), 3);
        row.push(Tone::Strong, &suspect.process.name);
        let pid = suspect.process.pid.map(|pid| format!(" {pid}")).unwrap_or_default();
        row.push(Tone::Plain, &format!("{pid}{}", if suspect.alive { "" } else { " (ended)" }));
        if suspect.returns > 0 {
            row.push(Tone::Bad, &format!(" back {}", counted(suspect.returns, "time", "times")));
        }
        row.push(Tone::Dim, &format!("   {}", suspect.signal_ids.join(" ")));
        if let Some(peer) = suspect.peers.last() {
            row.push(Tone::Network, &format!("   {}", endpoint(peer)));
        }
        if let Some(account) = suspect.accounts.last() {
            row.push(Tone::Plain, &format!(" for {}", account.shown));
        }
        row.write(style, out);
    }
    let more = own.more_suspects + own.suspects.len().saturating_sub(MAX_SUSPECTS) as u64;
    if more > 0 {
        labelled("").push(Tone::Dim, &format!("and {more} more")).write(style, out);
    }
}

fn endpoint(peer: &Peer) -> String {
    let address = if peer.ip.contains(':') { format!("[{}]", peer.ip) } else { peer.ip.clone() };
    let port = peer.port.map(|port| format!(":{port}")).unwrap_or_default();
    if peer.domain.is_empty() { format!("{address}{port}") } else { format!("{}{port}", peer.domain) }
}

/// Appends the steps as a tree.
pub(super) fn tree(own: &Own, steps: &[&Edge], style: Style, out: &mut String) {
    let takes_part = |process: &Process| {
        own.members.iter().any(|member| member.entity_id == process.entity_id && member.role != "bystander")
    };
    for row in chain::rows(steps, takes_part) {
        row.write(style, out);
    }
}

pub(super) fn tone_of(verdict: &str) -> Tone {
    match verdict {
        "mining" => Tone::Mining,
        "suspected" => Tone::Suspected,
        _ => Tone::Noted,
    }
}

fn signals(own: &Own, style: Style, out: &mut String) {
    for (index, signal) in own.signals.iter().enumerate() {
        let separator = if signal.name.is_empty() { "" } else { ": " };
        let text = format!("{}{separator}{}", signal.name, signal.detail);
        for (part_index, part) in wrapped(&text, room(style, SIGNAL)).iter().enumerate() {
            let mut row = labelled(if index == 0 && part_index == 0 { "signals" } else { "" });
            let weight = signal.weight.to_string();
            let (id, weight) = if part_index == 0 { (signal.id.as_str(), weight.as_str()) } else { ("", "") };
            row.column(Tone::Strong, id, ID).right(Tone::Plain, weight, WEIGHT);
            row.push(Tone::Plain, part).write(style, out);
        }
    }
    if own.folded > 0 {
        let mut row = labelled("");
        let repeats = counted(own.folded, "repeat", "repeats");
        row.push(Tone::Dim, &format!("and {repeats}")).write(style, out);
    }
}

fn technique(line: &Line, style: Style, out: &mut String) {
    let technique = &line.threat.technique;
    let whole = technique.id.iter().filter(|id| {
        !technique
            .subtechnique
            .id
            .iter()
            .any(|sub| sub.split_once('.').is_some_and(|(parent, _)| parent == *id))
    });
    let ids: Vec<&str> = whole.chain(&technique.subtechnique.id).map(String::as_str).collect();
    if ids.is_empty() {
        return;
    }
    for (index, part) in wrapped(&ids.join(" "), room(style, MARGIN.len() + LABEL + 1)).iter().enumerate() {
        labelled(if index == 0 { "ATT&CK" } else { "" }).push(Tone::Plain, part).write(style, out);
    }
}

fn health(own: &Own, style: Style, out: &mut String) {
    let lost: Vec<String> = own.lost.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let mut row = labelled("lost");
    if lost.is_empty() {
        row.push(Tone::Dim, "nothing");
    } else {
        row.push(Tone::Bad, &lost.join(", "));
    }
    if !own.blind.is_empty() {
        row.push(Tone::Dim, "   unavailable: ").push(Tone::Bad, &own.blind.join(", "));
    }
    row.write(style, out);
}

/// Returns the width for wrapped text after `used` columns. If a narrow terminal leaves fewer than 20 columns, returns
/// the whole width, and the rows are cut.
pub(super) fn room(style: Style, used: usize) -> Option<usize> {
    style.width.map(|width| width.checked_sub(used).filter(|room| *room >= 20).unwrap_or(width))
}

pub(super) fn labelled(label: &str) -> Row {
    let mut row = Row::default();
    row.push(Tone::Plain, MARGIN).column(Tone::Dim, label, LABEL);
    row
}
