//! Tests of look-ups: what matches, what does not match, and which list is reported.

use super::*;
use crate::intel::Builder;

fn list(name: &str, kind: ListKind) -> List {
    List { name: name.to_owned(), source: format!("/lists/{name}"), kind, weight: 60 }
}

fn table(lists: &[(ListKind, &[&str])]) -> Indicators {
    let mut builder = Builder::new(1_000);
    for (number, (kind, entries)) in lists.iter().enumerate() {
        assert!(builder.list(list(&format!("list{number}"), *kind)));
        for (entry, line) in entries.iter().zip(1..) {
            let (text, note) = entry.split_once(' ').unwrap_or((entry, ""));
            assert!(builder.add(&Indicator::parse(text).unwrap(), line, note));
        }
    }
    builder.build()
}

fn shown(listed: Option<Listed<'_>>) -> Option<String> {
    listed.map(|listed| format!("{}:{} {}", listed.list.name, listed.line, listed.entry))
}

#[test]
fn names_match_at_label_boundaries() {
    let table = table(&[(ListKind::Mining, &["pool.example", "deep.pool.example", "co.other.example"])]);
    for (name, entry) in [
        ("pool.example", Some("list0:1 pool.example")),
        ("eu.pool.example", Some("list0:1 pool.example")),
        ("a.b.c.pool.example", Some("list0:1 pool.example")),
        ("deep.pool.example", Some("list0:2 deep.pool.example")),
        ("x.deep.pool.example", Some("list0:2 deep.pool.example")),
        ("whirlpool.example", None),
        ("pool.example.net", None),
        ("example", None),
        ("other.example", None),
        ("", None),
        (".", None),
        ("..", None),
    ] {
        assert_eq!(shown(table.domain(name)).as_deref(), entry, "{name}");
    }
}

#[test]
fn addresses_networks_and_ports() {
    let table = table(&[(
        ListKind::Threat,
        &[
            "192.0.2.1",
            "198.51.100.0/24",
            "198.51.100.128/25",
            "203.0.113.5:3333",
            "2001:db8::/32",
            "2001:db9::1",
        ],
    )]);
    for (endpoint, entry) in [
        ("192.0.2.1:80", Some("list0:1 192.0.2.1")),
        ("[::ffff:192.0.2.1]:80", Some("list0:1 192.0.2.1")),
        ("192.0.2.2:80", None),
        ("198.51.100.7:443", Some("list0:2 198.51.100.0/24")),
        ("198.51.100.200:443", Some("list0:3 198.51.100.128/25")),
        ("203.0.113.5:3333", Some("list0:4 203.0.113.5:3333")),
        ("203.0.113.5:443", None),
        ("[2001:db8:1::5]:443", Some("list0:5 2001:db8::/32")),
        ("[2001:db9::1]:443", Some("list0:6 2001:db9::1")),
        ("[2001:db9::2]:443", None),
    ] {
        assert_eq!(shown(table.endpoint(endpoint.parse().unwrap())).as_deref(), entry, "{endpoint}");
    }
}

#[test]
fn a_port_of_a_name() {
    let table = table(&[(ListKind::Mining, &["relay.example:3333", "pool.example"])]);
    assert_eq!(
        shown(table.named_endpoint("eu.relay.example", 3333)).as_deref(),
        Some("list0:1 relay.example:3333")
    );
    assert_eq!(shown(table.named_endpoint("relay.example", 443)), None);
    assert_eq!(shown(table.named_endpoint("pool.example", 443)).as_deref(), Some("list0:2 pool.example"));
    assert_eq!(shown(table.domain("relay.example")), None);
}

#[test]
fn files() {
    let hash = "ab".repeat(32);
    let table = table(&[(ListKind::Mining, &[&hash])]);
    assert_eq!(shown(table.file(&hash)), Some(format!("list0:1 {hash}")));
    assert!(table.file(&hash.to_uppercase()).is_some());
    assert!(table.file(&"cd".repeat(32)).is_none());
    assert!(table.file("ab").is_none());
    assert!(table.file(&"é".repeat(32)).is_none());
}

#[test]
fn allowed_entries_never_match() {
    let hash = "ab".repeat(32);
    let entries = ["pool.example", "10.0.0.0/8", "192.0.2.1", "relay.example:3333", &hash];
    let allowed = ["eu.pool.example", "10.1.0.0/16", "192.0.2.1:443", "relay.example", &hash];
    let table = table(&[(ListKind::Threat, &entries), (ListKind::Allow, &allowed)]);
    assert!(table.domain("pool.example").is_some());
    assert!(table.domain("eu.pool.example").is_none());
    assert!(table.domain("x.eu.pool.example").is_none());
    let endpoint = |text: &str| table.endpoint(text.parse().unwrap()).is_some();
    assert!(endpoint("10.2.0.1:80"));
    assert!(!endpoint("10.1.0.1:80"));
    assert!(endpoint("192.0.2.1:80"));
    assert!(!endpoint("192.0.2.1:443"));
    assert!(table.named_endpoint("relay.example", 3333).is_none());
    assert!(table.file(&hash).is_none());
    assert_eq!((table.len(), table.allowed()), (5, 5));
}

#[test]
fn the_first_list_with_an_entry_is_reported() {
    let table = table(&[
        (ListKind::Mining, &["pool.example a pool"]),
        (ListKind::Threat, &["pool.example something else", "other.example a pool"]),
    ]);
    let listed = table.domain("pool.example").unwrap();
    assert_eq!((listed.list.kind, listed.note), (ListKind::Mining, Some("a pool")));
    assert_eq!(table.domain("other.example").unwrap().note, Some("a pool"));
    assert_eq!(table.notes.len(), 2);
}

#[test]
fn a_full_builder_refuses_entries() {
    let mut builder = Builder::new(1);
    let entry = Indicator::parse("pool.example").unwrap();
    assert!(!builder.add(&entry, 1, ""), "there is no list yet");
    assert!(builder.list(list("one", ListKind::Mining)));
    assert!(builder.is_empty());
    assert!(builder.add(&entry, 1, ""));
    assert!(!builder.add(&entry, 2, ""));
    assert_eq!(builder.len(), 1);
}

#[test]
fn the_entries_of_a_damaged_list_are_kept() {
    let earlier = table(&[
        (ListKind::Mining, &["one.example"]),
        (ListKind::Threat, &["two.example noted", "10.0.0.0/9", "192.0.2.1:80"]),
    ]);
    let mut builder = Builder::new(10);
    assert!(builder.list(list("list1", ListKind::Threat)));
    assert_eq!(builder.carry_over(&earlier, "/lists/list1"), 3);
    assert_eq!(builder.carry_over(&earlier, "/lists/list7"), 0);
    let table = builder.build();
    assert_eq!(table.domain("two.example").unwrap().note, Some("noted"));
    assert!(table.domain("one.example").is_none());
    assert!(table.endpoint("10.1.1.1:1".parse().unwrap()).is_some());
    assert!(table.endpoint("192.0.2.1:80".parse().unwrap()).is_some());
}
