//! Tests of patterns and the entries that they give.

use super::*;

/// Returns the entries as text, with reasons in angle brackets.
fn shown(pattern: &str) -> Result<Vec<String>, String> {
    let alternatives = alternatives(pattern).map_err(|error| error.to_string())?;
    let hash = |bytes: [u8; 32]| format!("sha256 {:02x}", bytes[0]);
    Ok(alternatives
        .into_iter()
        .map(|alternative| match alternative {
            Ok(Ok(Indicator::Domain(name))) => name,
            Ok(Ok(Indicator::NamedEndpoint(name, port))) => format!("{name}:{port}"),
            Ok(Ok(Indicator::Address(address))) => address.to_string(),
            Ok(Ok(Indicator::Network(address, bits))) => format!("{address}/{bits}"),
            Ok(Ok(Indicator::Endpoint(endpoint))) => endpoint.to_string(),
            Ok(Ok(Indicator::Sha256(bytes))) => hash(bytes),
            Ok(Err(refusal)) => format!("<{}>", refusal.kind()),
            Err(reason) => format!("<{reason}>"),
        })
        .collect())
}

#[test]
fn patterns_that_a_list_can_express() {
    let sha256 = "ab".repeat(32);
    for (pattern, expected) in [
        ("[domain-name:value = 'pool.example']", &["pool.example"] as &[&str]),
        ("[ ipv4-addr:value='192.0.2.1' ]", &["192.0.2.1"]),
        ("[ipv6-addr:value = '2001:db8::1']", &["2001:db8::1"]),
        ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", &["198.51.100.0/24"]),
        ("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", &["192.0.2.1", "192.0.2.2"]),
        ("[url:value = 'http://a.example:8080']", &["a.example:8080"]),
        ("[url:value = 'http://192.0.2.1/x.sh']", &["192.0.2.1"]),
        ("[url:value = 'http://a.example/x.sh']", &["<the address of a single page>"]),
        ("[file:hashes.'SHA-256' = 'HASH']", &["sha256 ab"]),
        ("[file:hashes.'SHA-256' = 'HASH' AND file:name = 'x']", &["sha256 ab"]),
        (
            "[file:hashes.MD5 = 'x' OR file:hashes.'SHA-256' = 'HASH']",
            &["<pattern about 'file:hashes.MD5'>", "sha256 ab"],
        ),
        (
            "[domain-name:value = 'a.example'] OR ([domain-name:value = 'b.example'])",
            &["a.example", "b.example"],
        ),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 3333]",
            &["192.0.2.1:3333"],
        ),
        (
            "[(domain-name:value = 'a.example' OR domain-name:value = 'b.example') AND network-traffic:dst_port = 80]",
            &["a.example:80", "b.example:80"],
        ),
        (
            "[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '192.0.2.1']",
            &["a.example"],
        ),
        ("[domain-name:value = 'it\\'s']", &["<no indicator>"]),
        ("[domain-name:value != 'a.example']", &["<pattern about 'domain-name:value'>"]),
        ("[NOT domain-name:value = 'a.example']", &["<pattern about 'domain-name:value'>"]),
        ("[domain-name:value LIKE '%.example']", &["<pattern about 'domain-name:value'>"]),
        ("[file:name = 'xmrig']", &["<pattern about 'file:name'>"]),
        ("[EXISTS x-custom:y]", &["<pattern about 'x-custom:y'>"]),
        ("[network-traffic:dst_port = 3333]", &["<pattern without a host or a file>"]),
        (
            "[domain-name:value = 'a.example' AND ipv4-addr:value = '192.0.2.1']",
            &["<pattern of several conditions>"],
        ),
    ] {
        let pattern = pattern.replace("HASH", &sha256);
        let expected = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(shown(&pattern), Ok(expected), "{pattern}");
    }
}

#[test]
fn patterns_that_a_list_cannot_express() {
    for (pattern, part) in [
        ("[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']", "several observations"),
        (
            "[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']",
            "several observations",
        ),
        ("[domain-name:value = 'a.example'] REPEATS 5 TIMES", "counts or times"),
        (
            "[domain-name:value = 'a.example'] START t'2026-11-25T00:00:00Z' STOP t'2026-11-26T00:00:00Z'",
            "counts or times",
        ),
        ("", "not understood"),
        ("domain-name:value = 'a.example'", "not understood"),
        ("[domain-name:value = 'a.example'", "not understood"),
        ("[domain-name:value = 'a.example]", "not understood"),
        ("[domain-name:value]", "not understood"),
        ("[= 'a']", "not understood"),
        ("[domain-name:value = 'a.example']]", "not understood"),
        ("[ö = 'a']", "not understood"),
    ] {
        let error = shown(pattern).expect_err(pattern);
        assert!(error.contains(part), "{pattern}: {error}");
    }
    let deep = format!("[{}domain-name:value = 'a.example'{}]", "(".repeat(50), ")".repeat(50));
    assert!(shown(&deep).expect_err("deep").contains("brackets"));
    let wide = format!("[{} a:b = 'x']", "a:b = 'x' AND ".repeat(2_000));
    assert!(shown(&wide).expect_err("wide").contains("conditions"));
}
