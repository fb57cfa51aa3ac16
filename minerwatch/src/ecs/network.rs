//! `network.*`, `source.*` and `destination.*`.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::timestamp::Timestamp;

/// `network.*`.
#[derive(Debug, Serialize)]
pub(super) struct NetworkFields {
    pub transport: &'static str,
    pub r#type: &'static str,
    pub direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u32>,
}

/// One end of a connection.
#[derive(Debug, Serialize)]
pub(super) struct EndpointFields<'a> {
    pub ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geo: Option<GeoFields<'a>>,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub network: Option<AsFields<'a>>,
}

/// The country of an endpoint.
#[derive(Debug, Serialize)]
pub(super) struct GeoFields<'a> {
    pub country_iso_code: &'a str,
}

/// The autonomous system of an endpoint.
#[derive(Debug, Serialize)]
pub(super) struct AsFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Named<'a>>,
}

/// An object that contains only a `name`.
#[derive(Debug, Serialize)]
pub(super) struct Named<'a> {
    pub name: &'a str,
}

impl<'a> EndpointFields<'a> {
    /// Creates the fields of an endpoint. The port is left out while the socket is unbound.
    pub fn of(address: SocketAddr) -> Self {
        let port = address.port();
        Self {
            ip: address.ip().to_canonical(),
            domain: None,
            port: (port != 0).then_some(port),
            bytes: None,
            packets: None,
            geo: None,
            network: None,
        }
    }

    /// Sets the location of the endpoint, as found in a database.
    pub fn set_geo(&mut self, country: Option<&'a str>, number: Option<u32>, organization: Option<&'a str>) {
        self.geo = country.map(|country_iso_code| GeoFields { country_iso_code });
        if number.is_some() || organization.is_some() {
            self.network = Some(AsFields { number, organization: organization.map(|name| Named { name }) });
        }
    }
}

/// `minerwatch.network.*`.
#[derive(Debug, Default, Serialize)]
pub(super) struct OwnNetwork {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_payload: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_payload: Option<Timestamp>,
}
