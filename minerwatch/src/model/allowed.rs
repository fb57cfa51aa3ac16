//! Addresses that an isolated suspect may still reach.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// An address or a network, with or without a port: `192.0.2.1`, `192.0.2.1:443`, `10.0.0.0/8`, `[2001:db8::/32]:443`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowed {
    /// The address, with zeros after the prefix.
    pub address: IpAddr,
    /// Length of the prefix in bits, at most 32 or 128.
    pub bits: u8,
    /// The port, or `None` for all.
    pub port: Option<u16>,
}

impl Allowed {
    /// Whether a peer is allowed.
    pub fn contains(&self, address: IpAddr, port: u16) -> bool {
        let is_in = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        };
        is_in && self.port.is_none_or(|own| own == port)
    }
}

impl TryFrom<String> for Allowed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse(&text).ok_or_else(|| {
            format!("`{text}` is no address or network, such as `192.0.2.1`, `192.0.2.1:443` or `10.0.0.0/8`")
        })
    }
}

fn parse(text: &str) -> Option<Allowed> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(whole(address, None));
    }
    if let Some((network, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        return Some(Allowed { port: Some(port.parse().ok()?), ..network_of(network)? });
    }
    match text.rsplit_once(':') {
        // More than one colon is an address of IPv6.
        Some((network, port)) if !network.contains(':') => {
            Some(Allowed { port: Some(port.parse().ok()?), ..network_of(network)? })
        }
        _ => network_of(text),
    }
}

fn network_of(text: &str) -> Option<Allowed> {
    let Some((address, bits)) = text.split_once('/') else { return Some(whole(text.parse().ok()?, None)) };
    let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
    let address = match address {
        IpAddr::V4(address) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
        _ => return None,
    };
    Some(Allowed { address, bits, port: None })
}

fn whole(address: IpAddr, port: Option<u16>) -> Allowed {
    Allowed { address, bits: if address.is_ipv4() { 32 } else { 128 }, port }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> Self {
        allowed.to_string()
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, bits, port } = self;
        let is_whole = *bits == if address.is_ipv4() { 32 } else { 128 };
        let network = if is_whole { address.to_string() } else { format!("{address}/{bits}") };
        match port {
            None => formatter.write_str(&network),
            Some(port) if address.is_ipv4() => write!(formatter, "{network}:{port}"),
            Some(port) => write!(formatter, "[{network}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_network_is_read_and_written() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:443", "192.0.2.1:443"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3/8:80", "10.0.0.0/8:80"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("[2001:db8::/32]:443", "[2001:db8::/32]:443"),
        ] {
            let allowed = Allowed::try_from(text.to_owned()).expect(text);
            assert_eq!(String::from(allowed.clone()), shown, "{text}");
            assert_eq!(Allowed::try_from(shown.to_owned()), Ok(allowed), "{text}");
        }
        for text in
            ["", "pool.example", "10.0.0.0/33", "1.2.3.4:", "1.2.3.4:99999", "::/129", "[::1]", "1.2.3"]
        {
            assert!(Allowed::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
