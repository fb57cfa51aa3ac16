use std::fs;

use super::*;
use crate::{model::ProcessKey, testing::subject};

const LEAF: &str = "kubepods/pod1/container";
const SECOND: u64 = 1_000_000_000;

struct Host {
    root: tempfile::TempDir,
    quotas: Quotas,
}

/// Creates a host with all processes in one cgroup. `fields` chooses the unified hierarchy or a version 1 hierarchy.
fn host(fields: &str, membership: &str) -> Host {
    let root = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(root.path().join("cgroup").join(LEAF)).expect("a directory");
    for pid in [7, 8] {
        fs::create_dir_all(root.path().join(format!("proc/{pid}"))).expect("a directory");
        fs::write(root.path().join(format!("proc/{pid}/cgroup")), membership).expect("write");
    }
    let mountinfo = format!("1 1 0:1 / {}/cgroup rw - {fields}\n", root.path().display());
    let quotas = Quotas::new(Proc::at(&root.path().join("proc")), Hierarchies::parse(&mountinfo));
    Host { root, quotas }
}

fn unified() -> Host {
    host("cgroup2 none rw", &format!("0::/{LEAF}\n"))
}

impl Host {
    fn write(&self, cgroup: &str, name: &str, text: &str) {
        fs::write(self.root.path().join("cgroup").join(cgroup).join(name), text).expect("write");
    }

    fn limit(&self, cgroup: &str, limit: &str, periods: u64, throttled: u64) {
        self.write(cgroup, "cpu.max", limit);
        let stat = format!("nr_periods {periods}\nnr_throttled {throttled}\nthrottled_usec {throttled}\n");
        self.write(cgroup, "cpu.stat", &stat);
    }

    /// Reports at `second` that the process has used `on_cpu` seconds of CPU time. Returns the events about the
    /// process.
    fn report(&mut self, pid: u32, second: u64, on_cpu: u64) -> Vec<CpuQuota> {
        let subject = Subject { cgroup: 99, ..subject(ProcessKey::new(pid, 7)) };
        let now = BootTime(second * SECOND);
        self.quotas.note_busy(&subject, on_cpu * SECOND, now);
        let mut events = Vec::new();
        self.quotas.check(now, &mut events);
        let quota = |event: Event| match event.body {
            EventBody::Quota(quota) if event.subject == subject => *quota,
            body => panic!("{body:?}"),
        };
        events.into_iter().map(quota).collect()
    }
}

#[test]
fn what_happened_between_two_checks_is_reported() {
    let mut host = unified();
    host.limit(LEAF, "50000 100000\n", 1_000, 900);
    assert_eq!(host.report(7, 100, 40), [], "nothing to compare with");
    host.limit(LEAF, "50000 100000\n", 1_050, 950);
    assert_eq!(host.report(7, 105, 43), [], "not due");
    host.limit(LEAF, "50000 100000\n", 1_100, 998);
    let told = host.report(7, 110, 45);
    let quota = CpuQuota {
        cgroup: format!("/{LEAF}").into(),
        quota: 50_000,
        period: 100_000,
        window: 10 * SECOND,
        periods: 100,
        throttled: 98,
        throttled_time: 98_000,
        on_cpu: 5 * SECOND,
    };
    assert_eq!(told, [quota]);
}

#[test]
fn version_1_has_other_files() {
    for fields in ["cgroup cgroup rw,cpu", "cgroup cgroup rw,cpu,cpuacct"] {
        let mut host = host(fields, &format!("4:cpu,cpuacct:/{LEAF}\n0::/\n"));
        host.write(LEAF, "cpu.cfs_quota_us", "20000\n");
        host.write(LEAF, "cpu.cfs_period_us", "100000\n");
        host.write(LEAF, "cpu.stat", "nr_periods 5\nnr_throttled 5\nthrottled_time 9\n");
        host.report(7, 100, 1);
        host.write(LEAF, "cpu.stat", "nr_periods 105\nnr_throttled 85\nthrottled_time 19\n");
        let told = host.report(7, 110, 3);
        let [quota] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (quota.quota, quota.periods, quota.throttled, quota.throttled_time),
            (20_000, 100, 80, 10)
        );
    }
}

#[test]
fn the_nearest_limit_counts() {
    let mut host = unified();
    host.limit(LEAF, "max 100000\n", 0, 0);
    host.limit("kubepods/pod1", "150000 100000\n", 10, 10);
    host.limit("kubepods", "10000 100000\n", 10, 10);
    host.report(7, 100, 1);
    host.limit("kubepods/pod1", "150000 100000\n", 110, 110);
    let told = host.report(7, 110, 16);
    assert_eq!(told.iter().map(|quota| &*quota.cgroup).collect::<Vec<_>>(), ["/kubepods/pod1"]);
}

#[test]
fn counting_begins_again_when_the_limit_is_removed_or_moved_or_the_cgroup_is_new() {
    let mut host = unified();
    host.limit(LEAF, "50000 100000\n", 1_000, 900);
    host.report(7, 100, 40);
    host.limit(LEAF, "max 100000\n", 1_010, 905);
    assert_eq!(host.report(7, 110, 50), [], "the limit is removed");
    host.limit(LEAF, "50000 100000\n", 1_020, 915);
    assert_eq!(host.report(7, 150, 60), [], "a cgroup without a limit is left alone for a minute");
    assert_eq!(host.report(7, 180, 70), [], "nothing to compare with");
    host.limit(LEAF, "50000 100000\n", 3, 3);
    assert_eq!(host.report(7, 190, 80), [], "created again: the counts went back");
    host.limit(LEAF, "50000 100000\n", 103, 103);
    assert_eq!(host.report(7, 200, 85).len(), 1);
    host.write(LEAF, "cpu.max", "max 100000\n");
    host.limit("kubepods", "50000 100000\n", 400, 400);
    assert_eq!(host.report(7, 210, 90), [], "another cgroup's counts");
}

#[test]
fn processes_of_one_cgroup_share_what_was_read() {
    let mut host = unified();
    host.limit(LEAF, "50000 100000\n", 100, 100);
    host.report(7, 100, 40);
    host.report(8, 101, 10);
    host.limit(LEAF, "50000 100000\n", 200, 190);
    assert_eq!(host.report(7, 110, 43).len(), 1);
    fs::remove_file(host.root.path().join("cgroup").join(LEAF).join("cpu.stat")).expect("remove");
    let told = host.report(8, 111, 12);
    assert_eq!(
        told.iter().map(|quota| (quota.throttled, quota.on_cpu)).collect::<Vec<_>>(),
        [(90, 2 * SECOND)]
    );
}

#[test]
fn processes_that_are_gone_and_damaged_files_are_skipped() {
    let mut host = unified();
    assert_eq!(host.report(7, 100, 1), [], "no files");
    assert_eq!(host.report(9, 100, 1), [], "no process");
    for second in [200, 300, 400] {
        host.write(LEAF, "cpu.max", "\u{0}\u{0}");
        host.write(LEAF, "cpu.stat", "nr_periods many\n");
        assert_eq!(host.report(7, second, 1), []);
    }
}

#[test]
fn many_processes_take_bounded_memory() {
    let mut host = unified();
    host.limit(LEAF, "50000 100000\n", 100, 100);
    let process = |pid| Subject { cgroup: u64::from(pid), ..subject(ProcessKey::new(pid, 7)) };
    for pid in 10..100_000 {
        host.quotas.note_busy(&process(pid), 1, BootTime(1));
    }
    assert_eq!(host.quotas.waiting.len(), MAX_WAITING);
    host.quotas.check(BootTime(2), &mut Vec::new());
    assert!(host.quotas.waiting.is_empty() && host.quotas.processes.len() <= MAX_WAITING);
    let root = Subject { cgroup: ROOT, ..process(7) };
    host.quotas.note_busy(&root, 1, BootTime(3));
    assert!(host.quotas.waiting.is_empty(), "the root has no limit");
}
