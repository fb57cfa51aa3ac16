//! Tests with databases that a small writer of the format creates.

mod writer;

use std::fmt::Write as _;

use super::*;
use writer::{Value, database};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn country(code: &str) -> Value {
    Value::Map(vec![(
        "country",
        Value::Map(vec![("geoname_id", Value::Number(1)), ("iso_code", text(code))]),
    )])
}

fn network(number: u32, name: &str) -> Value {
    Value::Map(vec![
        ("autonomous_system_number", Value::Number(number)),
        ("autonomous_system_organization", text(name)),
    ])
}

/// Writes three databases: countries in the form of `GeoLite2`, networks, and countries in the forms of other vendors.
fn files() -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let databases = [
        (
            "country.mmdb",
            database(
                6,
                &[
                    ("203.0.113.0/24", country("NL")),
                    ("2001:db8::/32", country("DE")),
                    ("198.51.100.7/32", country("AT")),
                ],
            ),
        ),
        ("asn.mmdb", database(4, &[("203.0.113.0/25", network(64_500, "Example Networks"))])),
        (
            "other.mmdb",
            database(
                4,
                &[
                    ("192.0.2.0/25", Value::Map(vec![("country_code", text("FR"))])),
                    ("192.0.2.128/25", Value::Map(vec![("country", text("ES"))])),
                    ("203.0.113.0/24", Value::Map(vec![("country_code", text("ZZ"))])),
                ],
            ),
        ),
    ];
    let paths = databases.map(|(name, bytes)| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    (directory, paths.to_vec())
}

fn shown(databases: &GeoDatabases, address: &str) -> String {
    let Some(location) = databases.of(address.parse().unwrap()) else { return "nothing".to_owned() };
    let GeoLocation { country, as_number, as_organization, foreign } = location;
    let mut text = country.as_deref().unwrap_or("?").to_owned();
    if let Some(number) = as_number {
        let _ = write!(text, " AS{number} {}", as_organization.as_deref().unwrap_or("?"));
    }
    text + if foreign { " foreign" } else { "" }
}

#[test]
fn several_databases_make_one_answer() {
    let (_directory, paths) = files();
    let home = vec!["DE".to_owned(), "AT".to_owned()];
    let databases = open(&paths, &home, None).expect("three databases");
    for (address, expected) in [
        ("203.0.113.9", "NL AS64500 Example Networks foreign"),
        ("::ffff:203.0.113.9", "NL AS64500 Example Networks foreign"),
        ("203.0.113.200", "NL foreign"),
        ("198.51.100.7", "AT"),
        ("198.51.100.8", "nothing"),
        ("2001:db8::1", "DE"),
        ("2001:db9::1", "nothing"),
        ("192.0.2.1", "FR foreign"),
        ("192.0.2.200", "ES foreign"),
        ("10.0.0.1", "nothing"),
        ("127.0.0.1", "nothing"),
    ] {
        assert_eq!(shown(&databases, address), expected, "{address}");
    }
    let nowhere = open(&paths, &[], None).expect("the same databases");
    assert_eq!(shown(&nowhere, "192.0.2.1"), "FR", "without home countries nothing is foreign");
}

#[test]
fn the_earlier_version_of_a_damaged_database_stays() {
    let (_directory, paths) = files();
    let first = paths.first().unwrap();
    let one = std::slice::from_ref(first);
    let databases = open(one, &[], None).expect("a database");
    let bytes = fs::read(first).unwrap();
    fs::write(first, &bytes[..bytes.len() / 2]).unwrap();
    assert!(open(one, &[], None).is_none());
    let kept = open(one, &[], Some(&databases)).expect("the earlier one");
    assert_eq!(shown(&kept, "203.0.113.9"), "NL");
    assert!(open(&[], &[], Some(&databases)).is_none(), "no longer configured");
    assert!(open(&["/dev/zero".into(), "/nowhere".into()], &[], None).is_none());
}

#[test]
fn a_damaged_database_causes_no_panic() {
    let (_directory, paths) = files();
    for whole in paths {
        let whole = fs::read(whole).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let Ok(reader) = Reader::from_source(bytes) else { continue };
            let databases = vec![Database { path: PathBuf::new(), reader: Arc::new(reader) }];
            let databases = GeoDatabases { databases, home: Vec::new() };
            for address in ["203.0.113.9", "192.0.2.200", "2001:db8::1"] {
                let _ = databases.of(address.parse().unwrap());
            }
        }
    }
}
