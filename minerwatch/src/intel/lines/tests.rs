//! Tests with text and CSV as people and feeds write them.

use super::*;
use crate::intel::{Indicators, List, ListKind, importer::MAX_PROBLEMS};

fn read(text: &str, room: usize) -> (Indicators, ImportReport) {
    let mut builder = Builder::new(room);
    let list = List { name: "l".to_owned(), source: "l".to_owned(), kind: ListKind::Mining, weight: 60 };
    assert!(builder.list(list));
    let report = read_lines(text.as_bytes(), 1_000, &mut builder);
    (builder.build(), report)
}

fn locations(report: &ImportReport) -> Vec<String> {
    report.problems.iter().map(|problem| problem.location.to_string()).collect()
}

#[test]
fn entries_notes_and_problems() {
    let text = "\u{feff}# a list\n\npool.example # eu\nevil[.]example,2026-11-25,C2\n192.0.2.1;x\r\n\
                two words\n10.0.0.0/33\nstratum+tcp://a.example:3333\n";
    let (table, report) = read(text, 10);
    assert_eq!((table.len(), report.kinds.total(), report.form), (4, 4, Form::Text));
    assert_eq!(locations(&report), ["6", "7"]);
    let (table, report) = read(text, 2);
    assert_eq!((table.len(), report.skipped()), (2, 4));
    assert_eq!(locations(&report), ["5", "6", "7", "8"]);
    assert_eq!(report.reasons(), "matches far too much: 1, no indicator: 1, no room: 2");
    assert_eq!(read(&"nonsense%\n".repeat(100), 10).1.problems.len(), MAX_PROBLEMS);
}

#[test]
fn a_table_with_quotes_and_line_breaks() {
    let text = "\"first_seen\",\"IOC\",\"type\",\"comment\"\n\
                \"2026-11-25\",\"evil.example\",\"domain\",\"says \"\"hi\"\", twice\nand more\"\n\
                2026-11-25,192.0.2.9:443,ip:port,plain\n\
                2026-11-25,xmrig.exe,filename,\n\
                2026-11-25,,domain,nothing there\n\
                2026-11-25,\"good.example,domain,never closed\n\
                2026-11-25,last.example,domain,behind it\n";
    let (table, report) = read(text, 10);
    assert_eq!((table.len(), report.form), (3, Form::Csv));
    assert_eq!(locations(&report), ["6", "7"]);
    assert_eq!(report.reasons(), "quote out of place: 1, row without an entry: 1, type 'filename': 1");
    let listed = table.domain("evil.example").expect("listed");
    assert_eq!((listed.line, listed.note), (2, Some("says \"hi\", twice and more")));
    assert!(table.endpoint("192.0.2.9:443".parse().unwrap()).is_some());
    assert!(table.endpoint("192.0.2.9:80".parse().unwrap()).is_none());
    assert!(table.domain("last.example").is_some(), "one bad quote costs one line");
}

#[test]
fn tables_of_known_feeds() {
    // The header rows of exports of abuse.ch, with or without `#`, and of MISP.
    let feeds = [
        "# first_seen_utc,dst_ip,dst_port,c2_status\n2026-11-25,192.0.2.1,8080,online\n",
        "################\n# Some feed # \n#\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n\
         \"2026-11-25\", \"1\", \"192.0.2.1:8080\", \"ip:port\"\n# Number of entries: 1\n",
        "uuid,event_id,category,type,value,comment,to_ids\n1,2,x,ip-dst|port,192.0.2.1|8080,,1\n\
         1,2,x,ip-dst,192.0.2.1,,0\n1,2,x,x509-fingerprint-sha256,00,,1\n",
        "# Firstseen,DstIP,DstPort\n2026-11-25 10:00:00,192.0.2.1,8080\n",
        "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\
         \"3\",\"2026-11-25\",\"http://192.0.2.1:8080/x.sh\",\"online\",\"\",\"malware\",\"elf\",\"\",\"me\"\n",
        "host;port;note\n192.0.2.1;8080;x\n",
        "ip\tport\n192.0.2.1\t8080\n",
    ];
    for feed in feeds {
        let (table, report) = read(feed, 10);
        assert_eq!((report.form, table.len()), (Form::Csv, 1), "{feed}: {report:?}");
        assert!(table.endpoint("192.0.2.1:8080".parse().unwrap()).is_some(), "{feed}");
        assert!(table.endpoint("192.0.2.1:80".parse().unwrap()).is_none(), "{feed}");
    }
    let otx =
        "Indicator type,Indicator,Description\nhostname,c2.example,x\nFileHash-MD5,00,\nCVE,CVE-2021-1,\n";
    let (table, report) = read(otx, 10);
    assert_eq!((table.len(), report.reasons().as_str()), (1, "type 'CVE': 1, type 'FileHash-MD5': 1"));
    let hosts = "# blocked\n127.0.0.1 localhost\n0.0.0.0 pool.example # a pool\n0.0.0.0\tother.example\n::1 third.example\n";
    let (table, report) = read(hosts, 10);
    assert_eq!((table.len(), locations(&report)), (3, vec!["2".to_owned()]));
    let (_, plain) = read("# hosts, domain names and such\npool.example\n", 10);
    assert_eq!((plain.form, plain.kinds.domains), (Form::Text, 1));
}

#[test]
fn expired_entries_are_left_out() {
    let text = "domain,valid_until\na.example,1970-01-01T00:10:00Z\nb.example,1970-01-01T01:00:00Z\n\
                c.example,\nd.example,some day\n";
    let (table, report) = read(text, 10);
    assert_eq!((table.len(), report.reasons().as_str()), (3, "expired: 1"));
    assert_eq!(report.next_expiry, Some(3_600));
    assert!(table.domain("a.example").is_none());
}

#[test]
fn a_line_of_any_length() {
    let text = format!("a.example\n{}\nb.example\n", "x".repeat(1 << 20));
    let (table, report) = read(&text, 10);
    assert_eq!((table.len(), report.reasons().as_str()), (2, "line too long: 1"));
    let quotes = format!("domain\n{}", "\"x\"\"y\n".repeat(10_000));
    assert_eq!(read(&quotes, 10).1.skipped(), 10_000);
}
