//! Tests with lists in the export formats of other programs.

use proptest::prelude::*;

use super::*;
use crate::intel::{Indicators, List, ListKind};

const NOW: i64 = 1_800_000_000;

fn read(text: &str) -> (Indicators, ImportReport) {
    let mut builder = Builder::new(1_000);
    let list = List { name: "l".to_owned(), source: "l".to_owned(), kind: ListKind::Threat, weight: 60 };
    assert!(builder.list(list));
    let report = read_json(text.as_bytes(), NOW, &mut builder);
    (builder.build(), report)
}

fn problems(report: &ImportReport) -> Vec<String> {
    report.problems.iter().map(|problem| format!("{}: {}", problem.location, problem.reason)).collect()
}

const MISP: &str = r#"{"response": [{"Event": {
    "id": "7", "info": "Cryptojacking campaign", "Tag": [{"name": "tlp:white"}],
    "Attribute": [
        {"type": "domain", "category": "Network activity", "to_ids": true, "value": "c2.example", "comment": "panel"},
        {"type": "ip-dst|port", "category": "Network activity", "to_ids": true, "value": "192.0.2.7|3333", "comment": ""},
        {"type": "ip-dst", "category": "Network activity", "to_ids": false, "value": "192.0.2.8"},
        {"type": "domain", "category": "Network activity", "to_ids": true, "deleted": true, "value": "old.example"},
        {"type": "filename", "category": "Payload delivery", "to_ids": true, "value": "xmrig.sh"},
        {"type": "md5", "category": "Payload delivery", "to_ids": true, "value": "d41d8cd98f00b204e9800998ecf8427e"},
        {"type": "url", "category": "Network activity", "to_ids": true, "value": "http://pages.example/xmrig.sh", "data": "AAAA"}
    ],
    "Object": [{"name": "file", "Attribute": [
        {"type": "sha256", "category": "Payload delivery", "object_relation": "sha256", "to_ids": true,
         "value": "abababababababababababababababababababababababababababababababab"}
    ]}]
}}]}"#;

#[test]
fn misp_events() {
    let (table, report) = read(MISP);
    assert_eq!(table.len(), 3, "{report:?}");
    assert_eq!(table.domain("c2.example").unwrap().note, Some("panel"));
    let endpoint = table.endpoint("192.0.2.7:3333".parse().unwrap()).unwrap();
    assert_eq!(endpoint.note, Some("Cryptojacking campaign"));
    assert_eq!(table.file(&"ab".repeat(32)).unwrap().note, Some("Cryptojacking campaign"));
    assert_eq!(
        report.reasons(),
        "deleted: 1, not meant for detection (to_ids): 1, the address of a single page: 1, \
         type 'filename': 1, type 'md5': 1"
    );
    assert_eq!(
        problems(&report),
        ["response[0].Event.Attribute[6]: the address of a single page cannot be watched for"]
    );
    let (bare, _) =
        read(r#"{"response": {"Attribute": [{"type": "domain", "value": "a.example", "to_ids": "1"}]}}"#);
    assert_eq!(bare.len(), 1);
    let (warnings, _) =
        read(r#"{"name": "Known good", "type": "hostname", "list": ["a.example", "b.example"]}"#);
    assert_eq!(warnings.domain("b.example").unwrap().note, Some("Known good"));
}

const STIX: &str = r#"{"type": "bundle", "id": "bundle--1", "spec_version": "2.1", "objects": [
    {"type": "identity", "id": "identity--1", "name": "Somebody"},
    {"id": "indicator--1", "pattern": "[domain-name:value = 'pool.example' OR ipv4-addr:value = '192.0.2.1']",
     "name": "Pool", "labels": ["malicious-activity", "mining"], "pattern_type": "stix", "type": "indicator",
     "valid_from": "2020-01-01T00:00:00Z", "valid_until": "2100-01-01T00:00:00Z"},
    {"type": "indicator", "id": "indicator--2", "pattern_type": "stix", "valid_until": "2021-01-01T00:00:00Z",
     "pattern": "[domain-name:value = 'expired.example']"},
    {"type": "indicator", "id": "indicator--3", "pattern_type": "stix", "revoked": true,
     "pattern": "[domain-name:value = 'revoked.example']"},
    {"type": "indicator", "id": "indicator--4", "pattern_type": "yara", "pattern": "rule x { condition: true }"},
    {"type": "indicator", "id": "indicator--5", "pattern_type": "stix", "pattern": "[domain-name:value = "},
    {"type": "indicator", "id": "indicator--6", "pattern_type": "stix"},
    {"type": "indicator", "id": "indicator--7", "pattern_type": "stix",
     "pattern": "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'] OR [file:hashes.'SHA-256' = 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd']"},
    {"type": "domain-name", "id": "domain-name--1", "value": "seen.example"},
    {"type": "observed-data", "id": "observed-data--1", "objects": {"0": {"type": "ipv4-addr", "value": "192.0.2.99"}}}
]}"#;

#[test]
fn stix_bundles() {
    let (table, report) = read(STIX);
    assert_eq!(table.len(), 3, "{report:?}");
    assert_eq!(table.domain("eu.pool.example").unwrap().note, Some("Pool (malicious-activity, mining)"));
    assert!(table.endpoint("192.0.2.1:1".parse().unwrap()).is_some());
    assert!(table.file(&"cd".repeat(32)).is_some());
    assert!(table.endpoint("192.0.2.99:1".parse().unwrap()).is_none(), "an observation is not an accusation");
    assert_eq!(report.next_expiry, Some(4_102_444_800));
    assert_eq!(
        report.reasons(),
        "STIX object 'domain-name': 1, STIX object 'identity': 1, STIX object 'observed-data': 1, expired: 1, \
         indicator without a pattern: 1, pattern about 'file:hashes.MD5': 1, pattern not understood: 1, \
         pattern of type 'yara': 1, revoked: 1"
    );
    assert_eq!(
        problems(&report),
        [
            "objects[5]: the pattern is not understood near 'its end'",
            "objects[6]: an indicator without a pattern"
        ]
    );
}

const OTX: &str = r#"{"results": [{"id": "65a", "name": "Miners on SSH", "tags": ["ssh", "xmr"],
    "references": ["https://blog.example/post"], "indicators": [
    {"id": 1, "indicator": "198.51.100.4", "type": "IPv4", "title": "", "is_active": 1, "expiration": null},
    {"id": 2, "indicator": "drop.example", "type": "hostname", "title": "dropper", "is_active": 1},
    {"id": 3, "indicator": "gone.example", "type": "domain", "is_active": 0},
    {"id": 4, "indicator": "late.example", "type": "domain", "expiration": "2021-01-01T00:00:00"},
    {"id": 5, "indicator": "xmrig.sh", "type": "FilePath"},
    {"id": 6, "indicator": "CVE-2021-44228", "type": "CVE"}
]}]}"#;

#[test]
fn otx_pulses() {
    let (table, report) = read(OTX);
    assert_eq!(table.len(), 2, "{report:?}");
    assert_eq!(table.endpoint("198.51.100.4:22".parse().unwrap()).unwrap().note, Some("Miners on SSH"));
    assert_eq!(table.domain("drop.example").unwrap().note, Some("dropper"));
    assert_eq!(report.reasons(), "expired: 1, no longer active: 1, type 'CVE': 1, type 'FilePath': 1");
}

#[test]
fn plain_lists_and_feeds() {
    for (text, entries, skipped) in [
        (r#"["a.example", "192.0.2.1", 7, null, "nonsense%", ["b.example"]]"#, 3, 2),
        (r#"[{"domain": "a.example", "note": "x"}, {"ip": "192.0.2.1", "port": 3333}, {"x": 1}]"#, 2, 1),
        (r#"{"domains": ["a.example"], "ips": ["192.0.2.1"], "version": 3}"#, 2, 0),
        (
            r#"{"17": [{"ioc_value": "192.0.2.1:80", "ioc_type": "ip:port"}], "18": [{"ioc_value": "a.example"}]}"#,
            2,
            0,
        ),
        ("{\"domain\": \"a.example\"}\n{\"domain\": \"b.example\"}\n", 2, 0),
        ("\"a.example\"", 0, 1),
        ("[]", 0, 0),
        ("{}", 0, 1),
        ("null", 0, 0),
    ] {
        let (table, report) = read(text);
        assert_eq!((table.len() as u64, report.skipped()), (entries, skipped), "{text}: {report:?}");
        assert_eq!(report.broken, None, "{text}");
    }
    let (table, _) = read(r#"{"name": "feed", "entries": [{"ip": "192.0.2.1", "port": 3333}]}"#);
    assert_eq!(table.endpoint("192.0.2.1:3333".parse().unwrap()).unwrap().note, Some("feed"));
    assert!(table.endpoint("192.0.2.1:443".parse().unwrap()).is_none());
}

#[test]
fn a_list_that_is_cut_off_says_where() {
    for whole in [MISP, STIX, OTX] {
        for (at, _) in whole.char_indices() {
            let (_, report) = read(&whole[..at]);
            assert!(report.broken.is_some(), "cut at {at}");
        }
    }
    let (table, report) = read("[\"a.example\",\n \"b.example\",\n nonsense]");
    let broken = report.broken.unwrap();
    assert_eq!((table.len(), broken.location), (2, ImportLocation::Line(3)));
    assert!(broken.reason.starts_with("is not JSON: "), "{}", broken.reason);
    let deep = "[".repeat(100_000);
    assert!(read(&deep).1.broken.is_some());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[\\[\\]{}\",:a-z0-9. ']{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn any_pattern_is_read_without_a_panic(pattern in "[\\[\\]()='A-Z a-z0-9.:*-]{0,120}") {
        let object = serde_json::json!([{"type": "indicator", "id": "indicator--1", "pattern": pattern}]);
        let _ = read(&object.to_string());
    }
}
