use std::{fs, os::unix::fs::PermissionsExt as _};

use proptest::prelude::*;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use super::*;

const LIMITS: SpoolLimits = SpoolLimits { bytes: 64 << 20, age: Duration::from_secs(3_600) };

fn open(directory: &Path) -> Spool {
    Spool::open("the test".to_owned(), directory.join("spool/test.redb"), LIMITS)
}

fn alert(id: u64) -> SpooledAlert {
    SpooledAlert { id, line: Bytes::from(format!("alert {id}\n")) }
}

fn event(number: u64) -> Batch {
    Batch::new(Class::Event, format!("event {number}\n"))
}

/// Returns the lines of a class.
fn lines(spool: &Spool, class: Class) -> Vec<String> {
    let spooled = spool.oldest(class, usize::MAX).unwrap();
    spooled
        .iter()
        .flat_map(|spooled| spooled.batch.each())
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect()
}

#[test]
fn lines_survive_and_come_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1), alert(2)]).unwrap();
    spool.add_events(&[event(1), event(2)]).unwrap();
    drop(spool);
    let spool = open(directory.path());
    spool.add_alerts(&[alert(3)]).unwrap();
    assert_eq!(lines(&spool, Class::Alert), ["alert 1", "alert 2", "alert 3"]);
    assert_eq!(lines(&spool, Class::Event), ["event 1", "event 2"]);
    let (counters, dropped) = spool.counters();
    assert_eq!((counters.alerts, counters.events, dropped), (3, 2, (0, 0)));
    let first = spool.oldest(Class::Alert, 1).unwrap();
    assert_eq!(first.len(), 1, "at least one, although it is larger");
    spool.settle(Class::Alert, vec![(first[0].key, None)]).unwrap();
    assert_eq!(lines(&spool, Class::Alert), ["alert 2", "alert 3"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("spool")), 0o700);
    assert_eq!(mode(&directory.path().join("spool/test.redb")), 0o600);
}

#[test]
fn an_alert_that_is_handed_over_again_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1)]).unwrap();
    let key = spool.oldest(Class::Alert, 1).unwrap()[0].key;
    spool.settle(Class::Alert, vec![(key, None)]).unwrap();
    drop(spool);
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1), alert(2)]).unwrap();
    assert_eq!(lines(&spool, Class::Alert), ["alert 2"]);
}

#[test]
fn what_was_delivered_while_the_disk_failed_is_not_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1), alert(2)]).unwrap();
    let first = spool.oldest(Class::Alert, 1).unwrap();
    // The disk fails: the directory is gone and cannot be created again.
    let (state, away) = (directory.path().join("spool"), directory.path().join("away"));
    spool.disk().store = None;
    fs::rename(&state, &away).unwrap();
    fs::write(&state, "in the way").unwrap();
    assert_eq!(spool.settle(Class::Alert, vec![(first[0].key, None)]), Err(SpoolUnavailable));
    fs::remove_file(&state).unwrap();
    fs::rename(&away, &state).unwrap();
    spool.disk().not_before = None;
    assert_eq!(lines(&spool, Class::Alert), ["alert 2"]);
}

#[test]
fn the_rest_of_a_batch_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    spool.add_events(&[Batch::new(Class::Event, "a\nb\nc\n"), event(2)]).unwrap();
    let key = spool.oldest(Class::Event, 1).unwrap()[0].key;
    spool.settle(Class::Event, vec![(key, Some(Batch::new(Class::Event, "b\nc\n")))]).unwrap();
    assert_eq!(lines(&spool, Class::Event), ["b", "c", "event 2"]);
    assert_eq!(spool.counters().0.events, 3);
}

#[test]
fn events_are_dropped_before_alerts_and_the_file_stays_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let limits = SpoolLimits { bytes: 6 << 20, ..LIMITS };
    let spool = Spool::open("the test".to_owned(), path.clone(), limits);
    let line = |class, number: u64| Batch::new(class, format!("{number} {}\n", "x".repeat(10_000)));
    for number in 0..40 {
        spool.add_alerts(&[SpooledAlert { id: number, line: line(Class::Alert, number).lines }]).unwrap();
    }
    for number in 0..2_000 {
        spool.add_events(&[line(Class::Event, number)]).unwrap();
        assert!(fs::metadata(&path).unwrap().len() <= limits.bytes, "{number}");
    }
    let (counters, (events, alerts)) = spool.counters();
    assert_eq!((counters.alerts, alerts, counters.events + events), (40, 0, 2_000));
    assert!(lines(&spool, Class::Event).last().unwrap().starts_with("1999 "), "the oldest are dropped");
    for number in 100..1_000 {
        spool.add_alerts(&[SpooledAlert { id: number, line: line(Class::Alert, number).lines }]).unwrap();
    }
    let (counters, (events, alerts)) = spool.counters();
    assert_eq!((counters.events, events, counters.alerts + alerts), (0, 2_000, 940));
    assert!(fs::metadata(&path).unwrap().len() <= limits.bytes);
    // When everything is delivered, the space is given back.
    let keys: Vec<_> =
        spool.oldest(Class::Alert, usize::MAX).unwrap().iter().map(|spooled| (spooled.key, None)).collect();
    spool.settle(Class::Alert, keys).unwrap();
    spool.add_alerts(&[alert(5_000)]).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 3 << 20);
    assert_eq!(lines(&spool, Class::Alert), ["alert 5000"]);
}

#[test]
fn events_that_are_being_sent_do_not_count_as_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { bytes: 4 << 20, ..LIMITS };
    let spool = Spool::open("the test".to_owned(), directory.path().join("spool/test.redb"), limits);
    let line = |class, number: u64| Batch::new(class, format!("{number} {}\n", "x".repeat(10_000)));
    let add = |numbers: std::ops::Range<u64>| {
        numbers.for_each(|number| spool.add_events(&[line(Class::Event, number)]).unwrap());
    };
    let held = || {
        spool.oldest(Class::Event, usize::MAX).unwrap().iter().map(|spooled| spooled.batch.count).sum::<u64>()
    };
    add(0..20);
    let sent = spool.oldest(Class::Event, 100_000).unwrap();
    add(20..1_000);
    spool.settle(Class::Event, sent.iter().map(|spooled| (spooled.key, None)).collect()).unwrap();
    let (_, (dropped, _)) = spool.counters();
    assert_eq!(sent.len() as u64 + dropped + held(), 1_000);
    // If they were not delivered, they may be dropped again.
    let first = spool.oldest(Class::Event, 1).unwrap()[0].key;
    spool.settle(Class::Event, Vec::new()).unwrap();
    add(0..1_000);
    assert!(spool.oldest(Class::Event, 1).unwrap()[0].key > first);
    // An alert always finds room.
    let all = spool.oldest(Class::Event, usize::MAX).unwrap();
    for number in 0..60 {
        spool.add_alerts(&[SpooledAlert { id: number, line: line(Class::Alert, number).lines }]).unwrap();
    }
    let (counters, (_, alerts)) = spool.counters();
    assert_eq!((counters.alerts, alerts), (60, 0));
    assert!(held() < all.len() as u64);
}

#[test]
fn old_lines_are_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let mut store = Store::open(&path).unwrap();
    let long_ago = unix_seconds() - 7_200;
    store.add(Class::Alert, &[Entry::new(long_ago, 1, b"old\n")], &[1]).unwrap();
    store
        .add(
            Class::Event,
            &[Entry::new(long_ago, 2, b"old\nold\n"), Entry::new(unix_seconds(), 1, b"new\n")],
            &[],
        )
        .unwrap();
    drop(store);
    let spool = open(directory.path());
    assert_eq!((lines(&spool, Class::Alert).len(), lines(&spool, Class::Event)), (0, vec!["new".to_owned()]));
    assert_eq!(spool.counters().1, (2, 1));
}

#[test]
fn a_damaged_file_is_set_aside_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let unusable = directory.path().join("spool/test.redb.unusable");
    drop(open(directory.path()));
    let good = fs::read(&path).unwrap();
    for content in [&b"not a database"[..], &good[..good.len() / 2], &[0; 5_000]] {
        fs::write(&path, content).unwrap();
        let spool = open(directory.path());
        assert_eq!(spool.counters().0.damaged, 1);
        assert_eq!(fs::read(&unusable).unwrap(), content);
        spool.add_alerts(&[alert(1)]).unwrap();
        assert_eq!(lines(&spool, Class::Alert), ["alert 1"]);
    }
}

#[test]
fn a_disk_that_fails_is_used_again_when_it_works() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("spool");
    fs::write(&state, "in the way").unwrap();
    let spool = open(directory.path());
    assert_eq!(spool.add_alerts(&[alert(1)]), Err(SpoolUnavailable));
    assert_eq!(spool.counters().0.failures, 1);
    assert!(spool.oldest(Class::Alert, 1).unwrap().is_empty());
    fs::remove_file(&state).unwrap();
    spool.disk.lock().unwrap().not_before = None;
    spool.add_alerts(&[alert(1)]).unwrap();
    assert_eq!(lines(&spool, Class::Alert), ["alert 1"]);
}

/// Fills a small file system and makes it read-only.
#[test]
fn a_full_or_read_only_disk_loses_nothing_that_was_taken() {
    let directory = tempfile::tempdir().unwrap();
    if let Err(error) = mount("tmpfs", directory.path(), "tmpfs", MountFlags::empty(), Some(c"size=4m")) {
        let required = std::env::var_os("MINERWATCH_REQUIRE_ROOT_TESTS").is_some_and(|value| value == "1");
        assert!(!required, "mounting a tmpfs needs root: {error}");
        eprintln!("SKIPPED a_full_or_read_only_disk: mounting a tmpfs needs root: {error}");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let again = |spool: &Spool| spool.disk.lock().unwrap().not_before = None;
        let spool = open(directory.path());
        let large = |id| SpooledAlert { id, line: Bytes::from(format!("{id} {}\n", "x".repeat(100_000))) };
        let mut taken = Vec::new();
        for id in 0..100 {
            again(&spool);
            if spool.add_alerts(&[large(id)]).is_ok() {
                taken.push(id);
            }
        }
        assert!((5..100).contains(&taken.len()), "{}", taken.len());
        mount_remount(directory.path(), MountFlags::empty(), c"size=64m").unwrap();
        again(&spool);
        spool.add_alerts(&[large(200)]).unwrap();
        taken.push(200);
        mount_remount(directory.path(), MountFlags::RDONLY, c"").expect_err("it is in use");
        drop(spool);
        mount_remount(directory.path(), MountFlags::RDONLY, c"").unwrap();
        let spool = open(directory.path());
        assert_eq!(spool.add_alerts(&[large(300)]), Err(SpoolUnavailable));
        assert_eq!(spool.counters().0.damaged, 0, "it is not damaged");
        mount_remount(directory.path(), MountFlags::empty(), c"").unwrap();
        again(&spool);
        spool.add_alerts(&[large(300)]).unwrap();
        taken.push(300);
        let ids: Vec<u64> = lines(&spool, Class::Alert)
            .iter()
            .map(|line| line.split(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(ids, taken);
    });
    unmount(directory.path(), UnmountFlags::DETACH).unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens to the file, the spool works afterwards, and no thread ends.
    #[test]
    fn no_damage_ends_the_agent(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool/test.redb");
        let spool = open(directory.path());
        for id in 0..20 {
            spool.add_alerts(&[alert(id)]).unwrap();
        }
        drop(spool);
        let mut content = fs::read(&path).unwrap();
        // The pages in use are at the beginning.
        let used = content.len().min(200_000);
        for (index, value) in damage {
            content[index.index(used)] = value;
        }
        fs::write(&path, content).unwrap();
        let spool = open(directory.path());
        let mut works = false;
        for id in 100..104 {
            works = spool.add_alerts(&[alert(id)]).is_ok() && spool.oldest(Class::Alert, usize::MAX).is_ok();
            let _ = spool.settle(Class::Alert, vec![(0, None)]);
        }
        prop_assert!(works);
    }
}

/// A kill right after the last delivery must not make the alerts unknown.
#[test]
fn alerts_stay_known_when_the_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1)]).unwrap();
    spool.add_events(&[Batch::new(Class::Event, "x\n".repeat(4 << 20))]).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    for class in [Class::Alert, Class::Event] {
        let all: Vec<_> =
            spool.oldest(class, usize::MAX).unwrap().iter().map(|spooled| (spooled.key, None)).collect();
        spool.settle(class, all).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() < size / 8, "it was replaced");
    drop(spool);
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1), alert(2)]).unwrap();
    assert_eq!(lines(&spool, Class::Alert), ["alert 2"]);
}

#[test]
fn a_file_that_another_program_removes_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1), alert(2)]).unwrap();
    spool.add_events(&[event(1)]).unwrap();
    let first = spool.oldest(Class::Alert, 1).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    spool.settle(Class::Alert, vec![(first[0].key, None)]).unwrap();
    spool.add_alerts(&[alert(1), alert(3)]).unwrap();
    assert_eq!(spool.counters().1, (0, 0));
    drop(spool);
    let spool = open(directory.path());
    assert_eq!(lines(&spool, Class::Alert), ["alert 2", "alert 3"]);
    assert_eq!(lines(&spool, Class::Event), ["event 1"]);
}

#[test]
fn a_file_stays_below_a_small_limit_whatever_comes_at_once() {
    for length in [50, 700, 1_500, 3_000, 40_000] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool/test.redb");
        let limits = SpoolLimits { bytes: 4 << 20, ..LIMITS };
        let spool = Spool::open("the test".to_owned(), path.clone(), limits);
        let size = || fs::metadata(&path).unwrap().len();
        let line = format!("{}\n", "x".repeat(length - 1));
        let alert = |id| SpooledAlert { id, line: line.clone().into() };
        spool.add_alerts(&[alert(1), alert(2)]).unwrap();
        // A queue that has filled up comes at once.
        let count = (8 << 20) / length;
        spool.add_events(&[Batch::new(Class::Event, line.repeat(count))]).unwrap();
        assert!(size() <= limits.bytes, "{length}: {}", size());
        let (counters, (events, alerts)) = spool.counters();
        assert_eq!((counters.events + events, counters.alerts, alerts), (count as u64, 2, 0));
        assert!(counters.bytes > 300_000, "{length}: {counters:?}");
        for round in 0..20 {
            let alerts: Vec<SpooledAlert> = (0..10).map(|number| alert(10 + round * 10 + number)).collect();
            spool.add_alerts(&alerts).unwrap();
            spool.add_events(&[Batch::new(Class::Event, line.repeat(20))]).unwrap();
            let some = spool.oldest(Class::Event, 100_000).unwrap();
            let settled: Vec<_> = some.iter().map(|spooled| (spooled.key, None)).collect();
            spool.settle(Class::Event, settled).unwrap();
            assert!(size() <= limits.bytes, "{length}: {}", size());
        }
    }
}

/// A limit that was lowered applies to the file that is there.
#[test]
fn a_file_above_the_limit_becomes_smaller() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool/test.redb");
    let spool = open(directory.path());
    spool.add_alerts(&[alert(1)]).unwrap();
    spool.add_events(&[Batch::new(Class::Event, "x\n".repeat(8 << 20))]).unwrap();
    drop(spool);
    let limits = SpoolLimits { bytes: 4 << 20, ..LIMITS };
    assert!(fs::metadata(&path).unwrap().len() > limits.bytes);
    let spool = Spool::open("the test".to_owned(), path.clone(), limits);
    assert!(fs::metadata(&path).unwrap().len() <= limits.bytes);
    let (counters, (events, alerts)) = spool.counters();
    assert_eq!((counters.events + events, counters.alerts, alerts), (8 << 20, 1, 0));
}

/// The clock was set back since, or the host did not know the time yet.
#[test]
fn a_line_with_a_wrong_time_is_kept() {
    for time in [unix_seconds() + 1_000_000, 100] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("spool/test.redb")).unwrap();
        store.add(Class::Alert, &[Entry::new(time, 1, b"strange\n")], &[1]).unwrap();
        drop(store);
        let spool = open(directory.path());
        spool.add_alerts(&[alert(2)]).unwrap();
        assert_eq!(lines(&spool, Class::Alert), ["strange", "alert 2"]);
        assert_eq!(spool.counters().1, (0, 0));
    }
}
