//! Network Activity (4001) and DNS Activity (4003).

use serde_json::Value;

use super::{
    common::{self, Activity, Class, OTHER},
    endpoint::endpoint,
    object::Object,
    process_object,
    source::Source,
};

const CLASS: Class =
    Class { uid: 4001, name: "Network Activity", category_uid: 4, category: "Network Activity" };
const DNS: Class = Class { uid: 4003, name: "DNS Activity", category_uid: 4, category: "Network Activity" };

/// Converts connections and their traffic.
pub(super) fn event(source: Source<'_>) -> Option<Object> {
    let action = source.text("event.action").unwrap_or_default();
    let activity = match action {
        "connect" if source.text("event.outcome") == Some("failure") => match source.text("error.code") {
            Some("ECONNREFUSED") => Activity::Known(5, "Refuse"),
            _ => Activity::Known(4, "Fail"),
        },
        "connect" | "accept" => Activity::Known(1, "Open"),
        "close" => Activity::Known(2, "Close"),
        "flow" => Activity::Known(6, "Traffic"),
        "listen" => Activity::Known(7, "Listen"),
        other => Activity::Other(other),
    };
    // A `flow` counts from the beginning of the connection, and more will come.
    let traffic = if action == "flow" { "cumulative_traffic" } else { "traffic" };
    let event = connection(common::event(source, &CLASS, activity), source)?
        .with(traffic, counters(source))
        .with("tls", tls(source))
        .with("ja4_fingerprint_list", ja4(source).map(|print| vec![Value::from(print)]));
    Some(common::with_outcome(event, source))
}

/// Converts the answer of a DNS server.
pub(super) fn dns_event(source: Source<'_>) -> Option<Object> {
    let query = Object::default()
        .with("hostname", source.text("dns.question.name"))
        .if_any(&["hostname"])
        .map(|query| query.with("type", source.text("dns.question.type")));
    let answers: Vec<Value> = source
        .items("dns.answers")
        .filter_map(|answer| {
            Object::default().with("rdata", answer.text("data")).if_any(&["rdata"]).map(|it| (answer, it))
        })
        .map(|(answer, it)| it.with("type", answer.text("type")).with("ttl", answer.integer("ttl")).into())
        .collect();
    // The addresses are among the answers.
    source.skip_all(&["dns.type", "dns.resolved_ip"]);
    let event = connection(common::event(source, &DNS, Activity::Known(2, "Response")), source)?
        .with("query", query)
        .with("answers", answers);
    Some(match source.text("dns.response_code") {
        Some(code) => event.choice("rcode_id", "rcode", response_code(code)),
        None => event,
    })
}

fn response_code(code: &str) -> (u32, &str) {
    match code {
        "NOERROR" => (0, "NoError"),
        "FORMERR" => (1, "FormError"),
        "SERVFAIL" => (2, "ServError"),
        "NXDOMAIN" => (3, "NXDomain"),
        "NOTIMP" => (4, "NotImp"),
        "REFUSED" => (5, "Refused"),
        other => (OTHER, other),
    }
}

/// Adds both ends of a connection. `None` if neither is known.
fn connection(event: Object, source: Source<'_>) -> Option<Object> {
    let (protocol, number) = match source.text("network.transport") {
        Some("tcp") => (Some("tcp"), Some(6)),
        Some("udp") => (Some("udp"), Some(17)),
        other => (other, None::<u32>),
    };
    let version = match source.text("network.type") {
        Some("ipv4") => Some((4, "Internet Protocol version 4 (IPv4)")),
        Some("ipv6") => Some((6, "Internet Protocol version 6 (IPv6)")),
        _ => None,
    };
    let direction = match source.text("network.direction") {
        Some("egress") => (2, "Outbound"),
        Some("ingress") => (1, "Inbound"),
        _ => (0, "Unknown"),
    };
    let info = Object::default()
        .choice("direction_id", "direction", direction)
        .with("protocol_name", protocol)
        .with("protocol_num", number);
    let info = match version {
        Some(version) => info.choice("protocol_ver_id", "protocol_ver", version),
        None => info,
    };
    event
        .with("actor", process_object::actor(source))
        .with("src_endpoint", source.part("source").and_then(endpoint))
        .with("dst_endpoint", source.part("destination").and_then(endpoint))
        .with("connection_info", info)
        .if_any(&["src_endpoint", "dst_endpoint"])
}

fn counters(source: Source<'_>) -> Object {
    Object::default()
        .with("bytes", source.integer("network.bytes"))
        .with("bytes_in", source.integer("destination.bytes"))
        .with("bytes_out", source.integer("source.bytes"))
        .with("packets", source.integer("network.packets"))
        .with("packets_in", source.integer("destination.packets"))
        .with("packets_out", source.integer("source.packets"))
}

/// Converts a client hello. OCSF requires a version of TLS, and the fingerprint begins with it.
fn tls(source: Source<'_>) -> Option<Object> {
    let client = source.part("tls.client")?;
    let version = match client.text("ja4").and_then(|ja4| ja4.get(1..3)) {
        Some("13") => "1.3",
        Some("12") => "1.2",
        Some("11") => "1.1",
        Some("10") => "1.0",
        _ => "unknown",
    };
    Some(Object::default().with("version", version).with("sni", client.text("server_name")))
}

fn ja4(source: Source<'_>) -> Option<Object> {
    let value = source.text("tls.client.ja4")?;
    Some(Object::default().choice("type_id", "type", (1, "JA4")).with("value", value))
}
