//! Short texts about an event or an alert, made from its ECS object, for chat and pagers.
//!
//! The texts have no control characters and no characters that turn the direction of writing. A destination escapes its
//! own markup.

mod plain;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::ecs::read::{self, field, integer, items, text, texts};
use plain::{join, plain};

/// Maximum length of a headline, in characters.
pub const MAX_HEADLINE: usize = 200;
/// Maximum length of a value in a summary, in characters.
pub const MAX_VALUE: usize = 300;

/// Returns one line that says what happened, where, and who did it.
pub fn headline(ecs: &Value) -> String {
    let host = plain(text(ecs, "host.name").unwrap_or("unknown host"), 60);
    let is_response = text(ecs, "event.action").is_some_and(|action| action.starts_with("response-"));
    let line = match text(ecs, "minerwatch.incident.id") {
        Some(_) if !is_response => about_an_incident(ecs, &host),
        Some(_) | None => match text(ecs, "message") {
            Some(message) => format!("minerwatch on {host}: {}", plain(message, MAX_HEADLINE)),
            None => about_an_event(ecs, &host),
        },
    };
    plain(&line, MAX_HEADLINE)
}

fn about_an_incident(ecs: &Value, host: &str) -> String {
    let verdict = match text(ecs, "minerwatch.verdict") {
        Some("mining") => "Mining",
        Some("suspected") => "Suspected mining",
        _ => "Signs of mining",
    };
    let stage = match text(ecs, "event.action") {
        Some("incident-updated") => " (update)",
        Some("incident-closed") => " (closed)",
        Some("alert-storm") => " (alert storm)",
        _ => "",
    };
    let parts = [program(ecs), place(ecs), destination(ecs).or_else(|| load(ecs))];
    format!("{verdict} on {host}{stage}: {}", join(parts, ", "))
}

fn about_an_event(ecs: &Value, host: &str) -> String {
    let action = plain(text(ecs, "event.action").unwrap_or("event"), 40);
    let file = text(ecs, "file.path").map(|path| plain(path, 60));
    let parts = [program(ecs), place(ecs), file, destination(ecs)];
    format!("{action} on {host}: {}", join(parts, ", "))
}

/// Returns the most important fields of an alert as names and values for a message. A field that the alert does not have
/// is omitted.
pub fn summary(ecs: &Value) -> Vec<(&'static str, String)> {
    let of = |name: &str| text(ecs, name).map(str::to_owned);
    let incident = text(ecs, "minerwatch.incident.id");
    let score = integer(ecs, "minerwatch.score").map(|score| score.to_string());
    let advice = incident.map(|id| format!("minerwatch explain {id}"));
    let facts = [
        ("What", of("message")),
        ("Host", of("host.name")),
        ("Verdict", of("minerwatch.verdict")),
        ("Score", score),
        ("Program", program(ecs)),
        ("User", of("process.user.name").or_else(|| of("process.user.id"))),
        ("Command line", of("process.command_line")),
        ("Container", container(ecs)),
        ("Image", read::image(ecs)),
        ("Pod", pod(ecs)),
        ("Unit", of("minerwatch.unit")),
        ("Destination", destination(ecs)),
        ("Load", load(ecs)),
        ("Signals", signals(ecs)),
        ("Reason", of("minerwatch.reason")),
        ("Incident", of("minerwatch.incident.id")),
        ("What to do", advice),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, plain(&value?, MAX_VALUE))))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Returns the program with its pid and user: `/tmp/.xm (pid 4713, root)`.
fn program(ecs: &Value) -> Option<String> {
    let program = text(ecs, "process.executable").or_else(|| text(ecs, "process.name"))?;
    let pid = integer(ecs, "process.pid").map(|pid| format!("pid {pid}"));
    let user = text(ecs, "process.user.name").map(|user| plain(user, 32));
    Some(format!("{} ({})", plain(program, 60), join([pid, user], ", ")))
}

/// Returns the container with its id: `web (4f3c…)`.
fn container(ecs: &Value) -> Option<String> {
    let id = text(ecs, "container.id")?;
    Some(match text(ecs, "container.name") {
        Some(name) => format!("{} ({id})", plain(name, 80)),
        None => id.to_owned(),
    })
}

/// Returns the pod with its uid: `shop/cart-7d9 (0f6e…)`.
fn pod(ecs: &Value) -> Option<String> {
    let id = text(ecs, "orchestrator.resource.id");
    let name = text(ecs, "orchestrator.resource.name").and_then(|_| read::place(ecs));
    match (name, id) {
        (Some(name), Some(id)) => Some(format!("{} ({id})", plain(&name, 120))),
        (name, id) => name.or_else(|| id.map(str::to_owned)),
    }
}

/// Returns the name of the pod or container. If the name is not known, returns the first characters of the id.
fn place(ecs: &Value) -> Option<String> {
    if let Some(name) = read::place(ecs) {
        let kind = if text(ecs, "orchestrator.resource.name").is_some() { "pod" } else { "container" };
        return Some(format!("{kind} {}", plain(&name, 60)));
    }
    let pod = text(ecs, "orchestrator.resource.id").map(|id| ("pod", id));
    let (kind, id) = pod.or_else(|| text(ecs, "container.id").map(|id| ("container", id)))?;
    let short: String = id.chars().take(12).collect();
    Some(format!("{kind} {}", plain(&short, 12)))
}

fn destination(ecs: &Value) -> Option<String> {
    let name = text(ecs, "destination.domain").or_else(|| text(ecs, "destination.ip"))?;
    // Brackets keep the port apart from the address.
    let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let name = plain(&name, 80);
    Some(match integer(ecs, "destination.port") {
        Some(port) => format!("{name}:{port}"),
        None => name,
    })
}

/// Returns what the strongest signal about the processor says.
fn load(ecs: &Value) -> Option<String> {
    let compute = items(ecs, "minerwatch.signals").iter().find(|it| text(it, "class") == Some("compute"))?;
    text(compute, "detail").map(|detail| plain(detail, 100))
}

/// Returns the signals with their names: `B2 file written, then run; C5 half the cores busy`.
fn signals(ecs: &Value) -> Option<String> {
    let named = items(ecs, "minerwatch.signals").iter().filter_map(|signal| {
        let id = text(signal, "id")?;
        Some(
            field(signal, "name")
                .and_then(Value::as_str)
                .map_or(id.to_owned(), |name| format!("{id} {name}")),
        )
    });
    let named = named.collect::<Vec<_>>();
    let ids = || texts(ecs, "minerwatch.signal_ids").collect::<Vec<_>>().join(", ");
    let all = if named.is_empty() { ids() } else { named.join("; ") };
    (!all.is_empty()).then_some(all)
}
