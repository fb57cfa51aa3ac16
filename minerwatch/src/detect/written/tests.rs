use super::{reserve::MAX_SHARE, *};
use crate::{
    process::TableLimits,
    testing::{Host, seconds},
};

const CAPACITY: usize = 4_096;

/// Passes the events of a host to a buffer.
fn observed(host: &Host, capacity: usize) -> WrittenFiles {
    let mut table = ProcessTable::new(TableLimits::default());
    let mut files = WrittenFiles::new(capacity);
    for event in host.events() {
        table.apply(event);
        files.observe(event, table.get(event.subject.key).expect("a known process"), &table);
        if let EventBody::Exit(_) = event.body {
            table.exit(event.subject.key, event.time);
        }
    }
    files
}

/// Returns a host with a shell that runs a script.
fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let shell = host.spawn(init, "/usr/bin/bash", &["bash", "/srv/x.sh"]);
    (host, shell)
}

fn become_curl(host: &mut Host, key: ProcessKey, shell: ProcessKey) {
    host.exec(key, shell, "/usr/bin/curl", "/usr/bin/curl", &["curl", "http://192.0.2.1/x"]);
}

fn is_fetched(files: &WrittenFiles, path: &str) -> Option<bool> {
    files.find(path, None, None).map(|written| written.fetched)
}

#[test]
fn what_a_shell_opens_for_a_downloader_is_fetched() {
    let (mut host, shell) = host();
    let curl = host.fork(shell);
    host.create(curl, "/tmp/a", 0o644);
    host.create(curl, "/home/me/public_html/a", 0o644);
    become_curl(&mut host, curl, shell);
    host.exit(curl);
    host.create(shell, "/tmp/own", 0o644);
    let cat = host.fork(shell);
    host.create(cat, "/tmp/b", 0o644);
    host.exec(cat, shell, "/usr/bin/cat", "/usr/bin/cat", &["cat", "/srv/b"]);
    let late = host.fork(shell);
    host.create(late, "/tmp/c", 0o644);
    host.wait(seconds(6));
    become_curl(&mut host, late, shell);
    let files = observed(&host, CAPACITY);
    assert_eq!(is_fetched(&files, "/tmp/a"), Some(true));
    assert_eq!(is_fetched(&files, "/home/me/public_html/a"), Some(true), "it is odd there");
    for path in ["/tmp/own", "/tmp/b", "/tmp/c"] {
        assert_eq!(is_fetched(&files, path), Some(false), "{path}");
    }
}

#[test]
fn a_file_stays_executable_when_it_turns_out_to_be_fetched() {
    let (mut host, shell) = host();
    let curl = host.fork(shell);
    host.create(curl, "/tmp/a", 0o644);
    host.chmod(curl, "/tmp/a", 0o755);
    become_curl(&mut host, curl, shell);
    let files = observed(&host, CAPACITY);
    let written = files.find("/tmp/a", None, None).expect("it is known");
    assert!(written.fetched && written.armed.is_some());
}

#[test]
fn what_a_pipeline_writes_is_fetched() {
    for curl_first in [true, false] {
        let (mut host, shell) = host();
        let (curl, tar, decode) = (host.fork(shell), host.fork(shell), host.fork(shell));
        if curl_first {
            become_curl(&mut host, curl, shell);
        }
        host.exec(tar, shell, "/usr/bin/tar", "/usr/bin/tar", &["tar", "x"]);
        host.create(tar, "/tmp/x/a", 0o755);
        host.create(decode, "/tmp/b", 0o644);
        host.exec(decode, shell, "/usr/bin/base64", "/usr/bin/base64", &["base64", "-d"]);
        if !curl_first {
            become_curl(&mut host, curl, shell);
        }
        let files = observed(&host, CAPACITY);
        for path in ["/tmp/x/a", "/tmp/b"] {
            assert_eq!(is_fetched(&files, path), Some(true), "{path}, {curl_first}");
        }
    }
}

#[test]
fn one_command_after_another_is_no_pipeline() {
    let (mut host, shell) = host();
    let before = host.spawn(shell, "/usr/bin/gcc", &["gcc"]);
    host.create(before, "/tmp/before.o", 0o644);
    host.exit(before);
    let curl = host.fork(shell);
    become_curl(&mut host, curl, shell);
    host.exit(curl);
    let after = host.spawn(shell, "/usr/bin/gcc", &["gcc"]);
    host.create(after, "/tmp/after.o", 0o644);
    host.exit(after);
    // A downloader in the background, and a service that another shell started.
    let slow = host.fork(shell);
    become_curl(&mut host, slow, shell);
    host.wait(seconds(5));
    let later = host.spawn(shell, "/usr/bin/gcc", &["gcc"]);
    host.create(later, "/tmp/later.o", 0o644);
    let other = host.spawn(shell, "/usr/bin/bash", &["bash", "/srv/y.sh"]);
    let stranger = host.spawn(other, "/usr/bin/gcc", &["gcc"]);
    host.create(stranger, "/tmp/stranger.o", 0o644);
    let files = observed(&host, CAPACITY);
    for name in ["before", "after", "later", "stranger"] {
        assert_eq!(is_fetched(&files, &format!("/tmp/{name}.o")), Some(false), "{name}");
    }
}

#[test]
fn only_a_connection_that_was_answered_makes_writes_fetched() {
    let (mut host, shell) = host();
    let failed = host.spawn(shell, "/usr/bin/python3", &["python3", "a.py"]);
    host.connect_fails(failed, "192.0.2.1:80", 111);
    host.create(failed, "/tmp/failed", 0o644);
    let connected = host.spawn(shell, "/usr/bin/python3", &["python3", "b.py"]);
    host.connect(connected, "192.0.2.1:80");
    host.create(connected, "/tmp/connected", 0o644);
    let files = observed(&host, CAPACITY);
    assert_eq!(is_fetched(&files, "/tmp/failed"), Some(false));
    assert_eq!(is_fetched(&files, "/tmp/connected"), Some(true));
}

/// Returns a host on which a file was fetched, and the shell that did it.
fn host_with_fetched() -> (Host, ProcessKey) {
    let (mut host, shell) = host();
    let curl = host.fork(shell);
    become_curl(&mut host, curl, shell);
    host.create(curl, "/tmp/fetched", 0o755);
    host.exit(curl);
    (host, shell)
}

/// Begins another job of a CI host, whose tree is its own.
fn job(host: &mut Host, number: usize) -> ProcessKey {
    let runner = host.boot("/usr/bin/gitlab-runner", &["gitlab-runner"]);
    host.spawn(runner, "/usr/bin/bash", &["bash", &format!("/srv/job{number}.sh")])
}

#[test]
fn a_busy_host_does_not_push_out_what_was_fetched() {
    for touches in [CAPACITY, 10_000] {
        let (mut host, _) = host_with_fetched();
        let build = job(&mut host, 0);
        let cc = host.spawn(build, "/usr/bin/cc", &["cc"]);
        for number in 0..touches {
            host.create(cc, &format!("/tmp/{number}.o"), 0o755);
        }
        let files = observed(&host, CAPACITY);
        assert_eq!(is_fetched(&files, "/tmp/fetched"), Some(true), "{touches}");
        assert!(files.evicted() <= touches as u64);
    }
}

#[test]
fn a_job_that_fetches_much_pushes_out_only_its_own() {
    let (mut host, _) = host_with_fetched();
    let build = job(&mut host, 0);
    // Each package has a downloader of its own.
    for number in 0..10_000 {
        let curl = host.fork(build);
        become_curl(&mut host, curl, build);
        host.create(curl, &format!("/tmp/{number}.tar"), 0o644);
        host.exit(curl);
    }
    let files = observed(&host, CAPACITY);
    assert_eq!(is_fetched(&files, "/tmp/fetched"), Some(true));
    let kept = (0..10_000).filter(|number| is_fetched(&files, &format!("/tmp/{number}.tar")).is_some());
    assert_eq!(kept.count(), CAPACITY + MAX_SHARE, "the rest is among the other files");
}

#[test]
fn an_old_shell_has_one_share_for_all_that_it_starts() {
    let (mut host, _) = host_with_fetched();
    let build = job(&mut host, 0);
    host.wait(seconds(600));
    for number in 0..2 * CAPACITY {
        let curl = host.fork(build);
        become_curl(&mut host, curl, build);
        host.create(curl, &format!("/tmp/{number}.tar"), 0o644);
        host.exit(curl);
    }
    assert_eq!(is_fetched(&observed(&host, CAPACITY), "/tmp/fetched"), Some(true));
}

#[test]
fn many_jobs_share_the_reserve_fairly() {
    let (mut host, _) = host_with_fetched();
    for number in 0..100 {
        let build = job(&mut host, number);
        let curl = host.spawn(build, "/usr/bin/curl", &["curl"]);
        for part in 0..2 * MAX_SHARE {
            host.create(curl, &format!("/tmp/{number}/{part}"), 0o644);
        }
    }
    // The other files are pushed out, so that only the reserved slots are left.
    let cc = host.boot("/usr/bin/cc", &["cc"]);
    for number in 0..CAPACITY {
        host.create(cc, &format!("/tmp/{number}.o"), 0o755);
    }
    let files = observed(&host, CAPACITY);
    assert_eq!(is_fetched(&files, "/tmp/fetched"), Some(true), "its owner has the fewest");
    let kept = |number: usize| {
        (0..2 * MAX_SHARE)
            .filter(|part| is_fetched(&files, &format!("/tmp/{number}/{part}")).is_some())
            .count()
    };
    let all: Vec<usize> = (0..100).map(kept).collect();
    assert_eq!(all.iter().sum::<usize>(), CAPACITY / RESERVED_SHARE - 1);
    assert!(all.iter().all(|kept| (1..=MAX_SHARE).contains(kept)), "{all:?}");
}

#[test]
fn a_deleted_file_gives_its_place_back() {
    let (mut host, shell) = host_with_fetched();
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl"]);
    for number in 0..1_000 {
        host.create(curl, &format!("/tmp/{number}"), 0o644);
        host.delete(curl, &format!("/tmp/{number}"));
    }
    let files = observed(&host, 64);
    assert_eq!(is_fetched(&files, "/tmp/fetched"), Some(true));
    assert_eq!(files.evicted(), 0);
}

#[test]
fn a_small_buffer_has_no_reserve() {
    let (mut host, shell) = host_with_fetched();
    host.create(shell, "/tmp/a", 0o644);
    let files = observed(&host, 0);
    assert_eq!(is_fetched(&files, "/tmp/a"), Some(false));
    assert_eq!((is_fetched(&files, "/tmp/fetched"), files.evicted()), (None, 1));
}

#[test]
fn a_file_is_known_as_long_as_one_of_its_links_is_there() {
    for deleted_first in ["/tmp/a", "/usr/local/bin/b"] {
        let (mut host, shell) = host();
        host.create(shell, "/tmp/a", 0o755);
        host.link(shell, "/tmp/a", "/usr/local/bin/b");
        host.delete(shell, deleted_first);
        let file = host.events().iter().rev().find_map(|event| match &event.body {
            EventBody::File(change) => change.file,
            _ => None,
        });
        let files = observed(&host, CAPACITY);
        let written = files.find("/usr/local/bin/b", file, None).expect("one link is left");
        assert!(written.place.is_odd(), "it was written in /tmp");
        host.delete(shell, "/usr/local/bin/b");
        assert!(observed(&host, CAPACITY).find("/usr/local/bin/b", file, None).is_none(), "no link is left");
    }
}

#[test]
fn without_an_identity_each_link_is_known_by_its_path() {
    let (mut host, shell) = host();
    host.create(shell, "/tmp/a", 0o755);
    host.link(shell, "/tmp/a", "/var/tmp/b");
    host.delete(shell, "/tmp/a");
    let mut files = WrittenFiles::new(CAPACITY);
    let mut table = ProcessTable::new(TableLimits::default());
    for event in host.events() {
        let mut event = event.clone();
        if let EventBody::File(change) = &mut event.body {
            change.file = None;
        }
        table.apply(&event);
        files.observe(&event, table.get(event.subject.key).expect("a known process"), &table);
    }
    assert!(files.find("/var/tmp/b", None, None).is_some());
    assert!(files.find("/tmp/a", None, None).is_none());
}

/// Passes the events of a host to a buffer as a hook sees them that does not know the files of renames.
fn observed_without_identities(host: &Host) -> WrittenFiles {
    let mut table = ProcessTable::new(TableLimits::default());
    let mut files = WrittenFiles::new(CAPACITY);
    for event in host.events() {
        let mut event = event.clone();
        if let EventBody::File(change) = &mut event.body
            && change.action == FileAction::Rename
        {
            (change.file, change.mode) = (None, 0);
            change.exchange = change.exchange.map(|half| Exchange { file: None, mode: 0, ..half });
        }
        table.apply(&event);
        files.observe(&event, table.get(event.subject.key).expect("a known process"), &table);
    }
    files
}

#[test]
fn an_exchange_moves_both_files() {
    for (one, other) in [("/tmp/a", "/opt/b"), ("/opt/b", "/tmp/a")] {
        let (mut host, shell) = host();
        let (a, b) = (host.file("/tmp/a"), host.file("/opt/b"));
        host.create(shell, "/tmp/a", 0o755);
        host.wait(seconds(1));
        host.create(shell, "/opt/b", 0o755);
        host.exchange(shell, one, other);
        for files in [observed(&host, CAPACITY), observed_without_identities(&host)] {
            for (path, file, place) in [("/opt/b", a, "/opt/b"), ("/tmp/a", b, "/tmp/a")] {
                let written = files.find_file(Some(file)).expect("it is known");
                assert_eq!((&*written.path, written.place), (path, PathKind::of(place)));
                assert!(written.content, "its content was written");
                assert_eq!(files.find(path, None, None).map(|found| found.file), Some(Some(file)));
            }
        }
        // What is exchanged twice is where it was.
        host.exchange(shell, one, other);
        for files in [observed(&host, CAPACITY), observed_without_identities(&host)] {
            assert_eq!(files.find("/tmp/a", None, None).map(|found| found.file), Some(Some(a)));
            assert_eq!(files.find("/opt/b", None, None).map(|found| found.file), Some(Some(b)));
        }
    }
}

#[test]
fn a_written_file_is_known_at_the_path_of_an_old_one() {
    for (one, other) in [("/tmp/a", "/usr/bin/ps"), ("/usr/bin/ps", "/tmp/a")] {
        let (mut host, shell) = host();
        host.create(shell, "/tmp/a", 0o755);
        let written = host.file("/tmp/a");
        host.exchange(shell, one, other);
        let old = host.file("/tmp/a");
        for files in [observed(&host, CAPACITY), observed_without_identities(&host)] {
            let found = files.find("/usr/bin/ps", Some(written), None).expect("it runs from there");
            assert!(found.content && found.writer == shell);
            let found = files.find("/tmp/a", Some(old), None).expect("it is in an odd place");
            assert!(!found.content, "only its name is new");
        }
    }
}

#[test]
fn two_links_to_one_file_are_not_exchanged() {
    let (mut host, shell) = host();
    host.create(shell, "/tmp/a", 0o755);
    host.link(shell, "/tmp/a", "/var/tmp/b");
    host.exchange(shell, "/tmp/a", "/var/tmp/b");
    let file = host.file("/tmp/a");
    let files = observed(&host, CAPACITY);
    assert!(files.find_file(Some(file)).is_some_and(|written| written.content));
}

#[test]
fn exchanged_directories_take_their_files_along() {
    for (one, other) in [("/tmp/n", "/opt/app"), ("/opt/app", "/tmp/n")] {
        let (mut host, shell) = host();
        for path in ["/tmp/n/run", "/tmp/n/new", "/opt/app/run", "/opt/application/run"] {
            host.create(shell, path, 0o755);
        }
        let (new, old) = (host.file("/tmp/n/run"), host.file("/opt/app/run"));
        host.exchange_directories(shell, one, other);
        assert_eq!(host.file("/opt/app/run"), new, "the simulated host exchanges them");
        let files = observed(&host, CAPACITY);
        let at = |path| files.find(path, None, None).and_then(|written| written.file);
        assert_eq!((at("/opt/app/run"), at("/tmp/n/run")), (Some(new), Some(old)));
        assert!(at("/opt/app/new").is_some() && at("/tmp/n/new").is_none());
        assert!(at("/opt/application/run").is_some(), "it lies elsewhere");
        assert!(files.find_file(Some(old)).is_some_and(|written| written.place.is_odd()));
    }
}
