//! Tests of lists whose files appear, change, get damaged and disappear.

use super::*;

#[test]
fn a_list_replaced_by_an_error_page_keeps_its_entries() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pools.txt");
    let config = Intel { built_in: false, pools: vec![path.clone()], ..Intel::default() };
    let reload = |text: Option<&str>, earlier: &Indicators| -> Arc<Indicators> {
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        load(&config, 0, Some(earlier)).indicators
    };
    let good = reload(Some("pool.example\nnonsense\n192.0.2.1\n"), &Indicators::none());
    assert_eq!(good.len(), 2);
    let rubbish = reload(Some("<html>\n<h1>Not found</h1>\n</html>\n"), &good);
    assert!(rubbish.domain("eu.pool.example").is_some());
    assert_eq!(rubbish.len(), 2);
    assert_eq!(reload(None, &rubbish).len(), 2, "and so does one that is gone");
    // The list is emptied on purpose: only comments are left.
    fs::write(&path, "").unwrap();
    assert_eq!(reload(Some("# nothing any more\n"), &rubbish).len(), 0);
}

#[test]
fn a_damaged_list_keeps_its_entries_and_a_new_one_what_could_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("feed.json");
    let config = Intel { built_in: false, threats: vec![directory.path().to_owned()], ..Intel::default() };
    fs::write(&path, r#"["a.example", "b.example"]"#).unwrap();
    let good = load(&config, 0, None);
    fs::write(&path, r#"["c.example", "d.exam"#).unwrap();
    let cut = load(&config, 0, Some(&good.indicators));
    assert!(cut.indicators.domain("b.example").is_some() && cut.indicators.domain("c.example").is_none());
    let report = cut.files.first().unwrap();
    assert_eq!(report.kept, Some(2));
    assert!(report.trouble.as_ref().is_some_and(|trouble| trouble.starts_with("line 1: is not JSON: EOF")));
    let fresh = load(&config, 0, None);
    assert!(fresh.indicators.domain("c.example").is_some(), "better than nothing");
    assert_eq!(fresh.files.first().unwrap().kept, None);
    fs::remove_file(&path).unwrap();
    assert_eq!(load(&config, 0, Some(&good.indicators)).indicators.len(), 0, "taken out of its directory");
}

#[test]
fn what_is_not_a_file_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large.txt");
    File::create(&large).unwrap().set_len(MAX_SIZE + 1).unwrap();
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let config = Intel {
        built_in: false,
        pools: vec![large, pipe, "/dev/zero".into(), "/nowhere".into()],
        ..Intel::default()
    };
    let loaded = load(&config, 0, None);
    let trouble: Vec<&str> = loaded.files.iter().filter_map(|file| file.trouble.as_deref()).collect();
    assert_eq!(
        trouble,
        [
            "is larger than 256 MiB",
            "is not a file",
            "is not a file",
            "No such file or directory (os error 2)"
        ]
    );
    assert!(loaded.indicators.is_empty());
}
