//! The ends of connections, as attributes of events.

use std::net::IpAddr;

use super::{object::Object, source::Source};

/// Converts `source.*`, `destination.*` or a peer of a suspect.
pub(super) fn endpoint(source: Source<'_>) -> Option<Object> {
    let system = Object::default()
        .with("number", source.integer("as.number"))
        .with("name", source.text("as.organization.name"));
    Object::default()
        .with("ip", source.text_if("ip", |text| text.parse::<IpAddr>().is_ok()))
        .with("hostname", source.text("domain"))
        .if_any(&["ip", "hostname"])
        .map(|endpoint| {
            endpoint
                .with("port", source.integer("port").filter(|port| (0..=65_535).contains(port)))
                .with("location", Object::default().with("country", source.text("geo.country_iso_code")))
                .with("autonomous_system", system)
        })
}
