use super::*;
use crate::{
    model::{Exit, Fork},
    process::{ImageSource, Role},
    testing::{self, Host, seconds},
};

fn feed(table: &mut ProcessTable, events: &[Event]) {
    for event in events {
        table.apply(event);
        if let EventBody::Exit(_) = event.body {
            table.exit(event.subject.key, event.time);
        }
    }
}

fn table(events: &[Event]) -> ProcessTable {
    let mut table = ProcessTable::new(TableLimits::default());
    feed(&mut table, events);
    table
}

fn family() -> (Host, ProcessKey, ProcessKey, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
    let child = host.spawn(shell, "/usr/bin/true", &["true"]);
    (host, init, shell, child)
}

#[test]
fn a_child_has_its_parents_image_until_its_exec() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
    let child = host.fork(shell);
    let before = table(host.events());
    let inherited = before.get(child).unwrap();
    assert_eq!(inherited.view.executable.path.as_ref(), "/usr/bin/dash");
    assert_eq!((inherited.role, inherited.image_source), (Role::Shell, ImageSource::Inherited));
    host.exec(child, shell, "/usr/bin/true", "/usr/bin/true", &["true"]);
    let after = table(host.events());
    assert_eq!(after.get(child).unwrap().view.executable.path.as_ref(), "/usr/bin/true");
    assert_eq!(after.get(shell).unwrap().view.executable.path.as_ref(), "/usr/bin/dash");
}

#[test]
fn an_exec_sets_the_parent_if_the_fork_was_lost() {
    let (host, _, shell, child) = family();
    let lost: Vec<_> = host
        .events()
        .iter()
        .filter(|event| !(event.subject.key == child && matches!(event.body, EventBody::Fork(_))))
        .cloned()
        .collect();
    let table = table(&lost);
    assert_eq!(table.get(child).unwrap().parent, Some(shell));
}

#[test]
fn the_first_parent_stays_when_the_kernel_reports_another() {
    let (mut host, init, shell, child) = family();
    host.exit(shell);
    host.exec(child, init, "/usr/bin/sleep", "/usr/bin/sleep", &["sleep"]);
    let mut table = table(host.events());
    assert_eq!(table.get(child).unwrap().parent, Some(shell));
    table.expire(host.now().plus(seconds(3_600)));
    assert!(table.get(shell).is_some(), "a living process keeps its ancestors");
    table.exit(child, host.now().plus(seconds(3_600)));
    table.expire(host.now().plus(seconds(7_200)));
    assert!(table.get(child).is_none());
    assert!(table.get(shell).is_none(), "its last child is gone");
    assert_eq!(table.len(), 1);
    assert_eq!((table.evicted(), table.forgotten_early()), (0, 0));
}

#[test]
fn a_reused_pid_is_another_process() {
    let (host, init, _, child) = family();
    let mut events = host.events().to_vec();
    let later = ProcessKey { pid: child.pid, start_ticks: child.start_ticks + 500 };
    let mut fork = events.iter().find(|event| matches!(event.body, EventBody::Fork(_))).unwrap().clone();
    fork.time = host.now().plus(seconds(5));
    fork.subject.key = later;
    events.push(fork);
    let table = table(&events);
    assert!(!table.get(child).unwrap().is_alive(), "its exit was lost");
    assert!(table.get(later).unwrap().is_alive());
    assert_eq!(table.get(later).unwrap().parent, Some(init));
    assert_eq!(table.get(child).unwrap().view.executable.path.as_ref(), "/usr/bin/true");
}

#[test]
fn the_fork_of_an_older_process_with_the_same_pid_arrives_late() {
    let (host, _, _, child) = family();
    let mut events = host.events().to_vec();
    let mut fork = events.iter().find(|event| matches!(event.body, EventBody::Fork(_))).unwrap().clone();
    let earlier = ProcessKey { pid: child.pid, start_ticks: child.start_ticks - 1 };
    fork.subject.key = earlier;
    events.push(fork);
    let table = table(&events);
    assert!(table.get(child).unwrap().is_alive());
    assert!(!table.get(earlier).unwrap().is_alive());
}

#[test]
fn the_snapshot_never_overwrites_an_exec() {
    let (host, _, shell, child) = family();
    let running = |key: ProcessKey, parent, path: &str| {
        let mut event = host.events()[0].clone();
        event.subject.key = key;
        if let EventBody::RunningProcess(running) = &mut event.body {
            running.parent = parent;
            running.executable.path = Arc::from(path);
        }
        event
    };
    let mut known = table(host.events());
    known.apply(&running(child, Some(shell), "/usr/bin/before"));
    assert_eq!(known.get(child).unwrap().view.executable.path.as_ref(), "/usr/bin/true");

    // The snapshot is more reliable than a fork without an exec.
    let forked = ProcessKey { pid: 77, start_ticks: host.now().0 / 10_000_000 };
    let mut fork = host.events()[1].clone();
    fork.subject.key = forked;
    known.apply(&fork);
    known.apply(&running(forked, Some(shell), "/usr/bin/known"));
    assert_eq!(known.get(forked).unwrap().view.executable.path.as_ref(), "/usr/bin/known");

    // A process that has ended stays dead.
    known.exit(forked, host.now());
    known.apply(&running(forked, Some(shell), "/usr/bin/ghost"));
    assert!(!known.get(forked).unwrap().is_alive());
}

#[test]
fn a_new_user_without_an_exec_is_noticed() {
    let (mut host, init, ..) = family();
    let named = host.fork(init);
    host.become_user(named, 33);
    host.exec(named, init, "/usr/sbin/php-fpm8.2", "/usr/sbin/php-fpm8.2", &["php-fpm"]);
    let worker = host.spawn(init, "/usr/sbin/nginx", &["nginx"]);
    host.become_user(worker, 33);
    host.write(worker, "/var/log/x");
    let table = table(host.events());
    let credentials = &table.get(worker).unwrap().view.credentials;
    assert_eq!((credentials.uid, credentials.user.as_deref()), (33, Some("www-data")));
}

#[test]
fn cycles_of_parents_do_no_harm() {
    let one = ProcessKey { pid: 1_000, start_ticks: 7 };
    let two = ProcessKey { pid: 2_000, start_ticks: 7 };
    let fork = |key, parent| {
        testing::event(BootTime(100), key, EventBody::Fork(Fork { parent, name: Arc::from("x") }))
    };
    let mut table = ProcessTable::new(TableLimits { processes: 4, dead: 2, memory: Duration::from_secs(1) });
    feed(&mut table, &[fork(one, two), fork(two, one), fork(one, one), fork(two, two)]);
    assert!(table.ancestry(one).count() <= crate::process::MAX_DEPTH);
    assert!(table.tree_path(one, |_| true).count() <= crate::process::MAX_DEPTH);
    for key in [one, two] {
        table.exit(key, BootTime(200));
    }
    table.expire(BootTime(u64::MAX));
    for pid in 3_000..3_100 {
        let key = ProcessKey { pid, start_ticks: 9 };
        feed(&mut table, &[fork(key, one)]);
        assert!(table.len() <= 4);
    }
}

#[test]
fn late_events_of_a_dead_process_change_nothing() {
    let (mut host, _, _, child) = family();
    host.exit(child);
    host.write(child, "/x");
    host.happen(child, EventBody::Exit(Exit { code: Some(1), signal: None, on_cpu: 0 }));
    let table = table(host.events());
    assert!(!table.get(child).unwrap().is_alive());
    assert_eq!(table.len(), 3);
}

#[test]
fn a_file_mounted_over_a_program_of_the_system_has_no_role() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let shell = host.spawn(init, "/usr/bin/bash", &["bash", "x.sh"]);
    let dpkg = host.spawn(shell, "/usr/bin/dpkg", &["dpkg", "-i", "x"]);
    let script = host.spawn_script(dpkg, "/usr/bin/python3", "/usr/bin/dnf");
    let mut events = host.events().to_vec();
    let roles = |events: &[Event]| {
        let table = table(events);
        let process = |key| table.get(key).unwrap();
        let managed = table.is_managed(process(script));
        ([process(dpkg).role, process(script).role], process(dpkg).is_of_system(), managed)
    };
    assert_eq!(roles(&events), ([Role::PackageManager; 2], true, true));
    for event in &mut events {
        if let EventBody::Exec(exec) = &mut event.body {
            exec.executable.flags.foreign = event.subject.key != shell;
        }
    }
    let ([dpkg, script], is_of_system, managed) = roles(&events);
    assert!(!is_of_system && !managed, "nothing is excused");
    assert_eq!(dpkg, Role::Other);
    assert_ne!(script, Role::PackageManager);
}

#[test]
fn a_service_that_opens_sessions_may_be_started_by_an_init_script() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let script = host.spawn_script(init, "/usr/bin/dash", "/etc/init.d/dropbear");
    let starter = host.spawn(script, "/usr/sbin/start-stop-daemon", &["start-stop-daemon", "--start"]);
    let dropbear = host.spawn(starter, "/usr/sbin/dropbear", &["dropbear"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "-c", "x"]);
    let other = host.spawn(shell, "/usr/sbin/dropbear", &["dropbear"]);
    let below = host.spawn(other, "/usr/bin/dash", &["sh", "-c", "x"]);
    let table = table(host.events());
    let role = |key| table.get(key).unwrap().role;
    assert_eq!((role(dropbear), role(other)), (Role::LoginService, Role::Other));
    assert_eq!(table.tree_root(below), shell, "the tree goes on");
}

#[test]
fn who_is_told_a_program_cuts_no_lineage() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
    for (path, arguments, is_boundary) in [
        ("/usr/bin/conmon", &["conmon", "-c", "1", "-r", "/tmp/x"][..], false),
        ("/usr/bin/conmon", &["conmon", "-c", "1", "-r", "/usr/bin/crun"], true),
        ("/usr/sbin/telnetd", &["telnetd", "-l", "/tmp/x"], false),
        ("/usr/sbin/crond", &["crond", "-c", "/tmp/jobs"], false),
        ("/usr/bin/runsv", &["runsv", "x"], false),
    ] {
        let between = host.spawn(script, path, arguments);
        let below = host.spawn(between, "/usr/bin/x", &["x"]);
        assert_eq!(table(host.events()).tree_root(below) == below, is_boundary, "{arguments:?}");
    }
}

#[test]
fn the_name_of_a_build_agent_below_a_service_is_not_believed() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let agent = |host: &mut Host, parent| {
        let shell = host.spawn(parent, "/usr/bin/dash", &["sh", "-c", "x"]);
        host.spawn(shell, "/usr/bin/java", &["java", "-jar", "/home/ci/agent.jar"])
    };
    let service = host.spawn(init, "/usr/sbin/php-fpm8.2", &["php-fpm"]);
    let of_service = agent(&mut host, service);
    let of_init = agent(&mut host, init);
    let table = table(host.events());
    let role = |key| table.get(key).unwrap().role;
    assert_eq!((role(of_service), role(of_init)), (Role::Service, Role::JobRunner));
}
