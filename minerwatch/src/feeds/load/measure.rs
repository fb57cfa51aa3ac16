//! Measures the cost of lists with a thousand to a million entries:
//! `cargo test --release -p minerwatch --no-default-features --features sensor --lib -- --ignored --nocapture a_million`.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use super::*;
use crate::{host, intel::Indicators};

/// Number of look-ups per measurement.
const LOOKUPS: u32 = 1_000_000;
/// Number of different values to look up.
const DIFFERENT: u64 = 100_000;

/// Hashes a number to 64 bits (`SplitMix64`).
fn spread(number: u64) -> u64 {
    let mut word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

fn name(number: u64) -> String {
    format!("host-{:x}.pool{}.example", spread(number) >> 40, number)
}

fn address(number: u64) -> String {
    let [_, _, _, _, b, c, d, _] = spread(number).to_be_bytes();
    format!("45.{b}.{c}.{d}")
}

fn hash(number: u64) -> String {
    (0..4).fold(String::new(), |text, part| text + &format!("{:016x}", spread(number * 4 + part)))
}

/// Returns the entry with this number. Of 100 entries, 60 are names, 25 addresses, 5 networks and 10 hashes.
fn entry(number: u64) -> String {
    match number % 20 {
        0..12 => name(number),
        12..17 => address(number),
        17 => format!("{}/{}", address(number), 16 + number / 20 % 14),
        _ => hash(number),
    }
}

fn pattern(number: u64) -> String {
    match number % 20 {
        0..12 => format!("[domain-name:value = '{}']", name(number)),
        12..18 => format!("[ipv4-addr:value = '{}']", address(number)),
        _ => format!("[file:hashes.'SHA-256' = '{}']", hash(number)),
    }
}

fn text(entries: u64) -> String {
    (0..entries).fold(String::new(), |text, number| text + &entry(number) + "\n")
}

fn stix(entries: u64) -> String {
    let mut text = "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[".to_owned();
    for number in 0..entries {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"type\":\"indicator\",\"id\":\"indicator--{number}\",\"pattern_type\":\"stix\",\
             \"valid_until\":\"2100-01-01T00:00:00Z\",\"pattern\":\"{}\"}}",
            pattern(number)
        );
    }
    text + "]}"
}

fn per_lookup(lookup: impl Fn(u64) -> bool) -> (f64, bool) {
    let begin = Instant::now();
    let found = (0..u64::from(LOOKUPS)).filter(|number| black_box(lookup(*number))).count();
    (begin.elapsed().as_nanos() as f64 / f64::from(LOOKUPS), found > 0)
}

/// Measures the time of a look-up, in nanoseconds: listed and unlisted names and addresses, and listed hashes.
fn lookups(table: &Indicators, entries: u64) -> String {
    // The values are made before the measurement. There are too many of them for the caches of the processor.
    let some: Vec<u64> = (0..DIFFERENT).map(|number| spread(number) % entries / 20 * 20).collect();
    let of = |kind: u64| some.iter().map(move |number| number + kind);
    let listed: Vec<String> = of(0).map(name).collect();
    let below: Vec<String> = listed.iter().map(|name| format!("a.b.{name}")).collect();
    let other: Vec<String> =
        (0..DIFFERENT).map(|number| format!("www{number}.cdn.shop.example.net")).collect();
    let peers: Vec<_> = of(12).map(|number| format!("{}:443", address(number)).parse().unwrap()).collect();
    let others: Vec<_> = (0..DIFFERENT)
        .map(|number| format!("52.{}.{}.9:443", number % 250, number / 250 % 250).parse().unwrap())
        .collect();
    let files: Vec<String> = of(18).map(hash).collect();
    let at = |number: u64| usize::try_from(number % DIFFERENT).unwrap();
    let figures = [
        ("listed name", per_lookup(|number| table.domain(&listed[at(number)]).is_some()), true),
        ("name below", per_lookup(|number| table.domain(&below[at(number)]).is_some()), true),
        ("other name", per_lookup(|number| table.domain(&other[at(number)]).is_some()), false),
        ("listed address", per_lookup(|number| table.endpoint(peers[at(number)]).is_some()), true),
        ("other address", per_lookup(|number| table.endpoint(others[at(number)]).is_some()), false),
        ("listed file", per_lookup(|number| table.file(&files[at(number)]).is_some()), true),
    ];
    figures
        .iter()
        .map(|(what, (nanoseconds, found), expected)| {
            assert_eq!(found, expected, "{what}");
            format!("{what} {nanoseconds:.0} ns")
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the peak resident memory, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "a measurement, not a check"]
fn a_million_entries() {
    let directory = tempfile::tempdir().unwrap();
    for (form, write) in [("text", text as fn(u64) -> String), ("stix", stix)] {
        for entries in [1_000, 100_000, 1_000_000] {
            let path = directory.path().join(form);
            let list = write(entries);
            fs::write(&path, &list).unwrap();
            let size = list.len() >> 10;
            drop(list);
            let config = Intel { built_in: false, threats: vec![path], ..Intel::default() };
            // Reset the peak resident memory (proc(5)).
            fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = host::resident_bytes();
            let begin = Instant::now();
            let loaded = load(&config, 0, None);
            let elapsed = begin.elapsed();
            let grown = host::resident_bytes().saturating_sub(before) >> 10;
            let peak = peak().saturating_sub(before >> 10);
            let table = &loaded.indicators;
            let read = loaded.files.first().and_then(|file| file.import.as_ref()).unwrap();
            assert_eq!(read.kinds.total(), entries, "{read:?}");
            println!(
                "{form}: {entries} entries, file {size} KiB: read in {:.0} ms, table {} KiB, resident +{grown} KiB, at most +{peak} KiB; {}",
                elapsed.as_secs_f64() * 1e3,
                table.bytes() >> 10,
                lookups(table, entries)
            );
        }
    }
}
