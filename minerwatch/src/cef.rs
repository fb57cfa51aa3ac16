//! Events and alerts as messages in the Common Event Format (CEF), made from their ECS objects.
//!
//! A message is one line: a header of eight parts between bars, then pairs of key and value. The keys are those of the
//! CEF dictionary, so a SIEM knows their types.

mod message;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::ecs::read::{self, field, integer, milliseconds, text, texts};
use message::Message;

/// Maximum length of a message, in bytes.
pub const MAX_BYTES: usize = 8 << 10;

/// Converts an ECS object of minerwatch. The message has no line break and at most [`MAX_BYTES`] bytes.
pub fn message(ecs: &Value) -> String {
    let action = text(ecs, "event.action").unwrap_or("event");
    let name = text(ecs, "rule.name").map_or_else(|| action.replace('-', " "), str::to_owned);
    let version = text(ecs, "agent.version").unwrap_or("unknown");
    let mut message = Message::new(version, action, &name, severity(ecs));
    // The most important keys come first. If a message is full, the last ones are left out.
    about_the_alert(ecs, &mut message);
    about_the_host(ecs, &mut message);
    about_the_process(ecs, &mut message);
    about_the_network(ecs, &mut message);
    about_the_file(ecs, &mut message);
    message.finish()
}

/// Converts `event.severity`, which is 1 to 100. What has no severity is no alert.
fn severity(ecs: &Value) -> i64 {
    integer(ecs, "event.severity").map_or(1, |severity| severity.clamp(0, 100) / 10)
}

fn about_the_alert(ecs: &Value, message: &mut Message) {
    message.number("rt", milliseconds(ecs, "@timestamp"));
    message.text("externalId", text(ecs, "event.id"));
    message.text("msg", text(ecs, "message"));
    message.labelled("cs1", "verdict", text(ecs, "minerwatch.verdict"));
    message.labelled("cs2", "incident", text(ecs, "minerwatch.incident.id"));
    let signals = texts(ecs, "minerwatch.signal_ids").collect::<Vec<_>>().join(" ");
    message.labelled("cs3", "signals", Some(&signals));
    if let Some(score) = integer(ecs, "minerwatch.score") {
        message.number("cn1", Some(score));
        message.text("cn1Label", Some("score"));
    }
    message.text("reason", text(ecs, "minerwatch.reason").or_else(|| text(ecs, "error.code")));
    let category = texts(ecs, "event.category").collect::<Vec<_>>().join("/");
    message.text("cat", Some(&category));
    message.text("outcome", text(ecs, "event.outcome"));
    message.number("start", milliseconds(ecs, "event.start"));
}

fn about_the_host(ecs: &Value, message: &mut Message) {
    message.text("dvchost", text(ecs, "host.name"));
    message.text("deviceExternalId", text(ecs, "host.id"));
    message.labelled("cs5", "container", text(ecs, "container.id"));
    message.labelled("cs6", "pod", text(ecs, "orchestrator.resource.id"));
    message.labelled("flexString1", "name", read::place(ecs).as_deref());
    message.labelled("flexString2", "image", read::image(ecs).as_deref());
}

fn about_the_process(ecs: &Value, message: &mut Message) {
    message.text("sproc", text(ecs, "process.name"));
    message.number("spid", integer(ecs, "process.pid"));
    message.text("suser", text(ecs, "process.user.name"));
    message.text("suid", text(ecs, "process.user.id"));
    message.labelled("cs4", "commandLine", text(ecs, "process.command_line"));
    message.text("sourceServiceName", text(ecs, "minerwatch.unit"));
}

fn about_the_network(ecs: &Value, message: &mut Message) {
    message.text("src", text(ecs, "source.ip"));
    message.number("spt", integer(ecs, "source.port"));
    message.text("dst", text(ecs, "destination.ip"));
    message.number("dpt", integer(ecs, "destination.port"));
    message.text("dhost", text(ecs, "destination.domain").or_else(|| text(ecs, "tls.client.server_name")));
    message.text("destinationDnsDomain", text(ecs, "dns.question.name"));
    message.text("proto", text(ecs, "network.transport"));
    let direction = text(ecs, "network.direction").map(|direction| i64::from(direction == "egress"));
    message.number("deviceDirection", direction);
    message.number("in", integer(ecs, "destination.bytes"));
    message.number("out", integer(ecs, "source.bytes"));
}

/// Writes the file of the event, else the program. The hash is that of the program.
fn about_the_file(ecs: &Value, message: &mut Message) {
    let path = text(ecs, "file.path");
    let is_program = path.is_none();
    let path = path.or_else(|| text(ecs, "process.executable"));
    message.text("fname", path.and_then(|path| path.rsplit('/').next()));
    message.text("filePath", path);
    message.text("oldFilePath", text(ecs, "minerwatch.file.old_path"));
    if is_program {
        message.text("fileHash", text(ecs, "process.hash.sha256"));
    }
    message.text("fileId", field(ecs, "file.inode").and_then(Value::as_str));
}
