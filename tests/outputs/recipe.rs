//! Runs the commands of a recipe as they are written.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch, executable,
    notes::note,
    require::{machine, servers},
};
use serde_json::Value;

use crate::rsyslog::environment;

/// Time from the unpacked package to the first alert, and to the end.
const MINUTE: Duration = Duration::from_secs(60);

/// Returns the commands of a section.
fn commands(page: &str, section: &str) -> String {
    let (_, rest) = page.split_once(&format!("## {section}\n")).expect("the section");
    let section = rest.split("\n## ").next().expect("its text");
    let mut commands = String::new();
    let mut is_command = false;
    for line in section.lines() {
        match line {
            "```bash" => is_command = true,
            "```" => is_command = false,
            line if is_command => commands = commands + line + "\n",
            _ => {}
        }
    }
    commands
}

#[test]
fn the_recipe_for_rsyslog_leads_to_an_alert_within_a_minute() {
    let test = "the_recipe_for_rsyslog_leads_to_an_alert_within_a_minute";
    let Some(_machine) = machine(test) else { return };
    let Some([rsyslogd]) = servers(test, ["rsyslogd"]) else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes/rsyslog.md");
    let page = fs::read_to_string(page).expect("the page is in the tree");
    let package = Scratch::new();
    fs::copy(executable("minerwatch"), package.join("minerwatch")).expect("the program can be copied");
    let own = rsyslogd.parent().expect("a directory").display().to_string();
    let path = format!("{own}:{}", env::var("PATH").unwrap_or_default());
    // After a failure, the programs of the page still run.
    let clean_up = "trap 'kill $(jobs -p) $(cat rsyslog.pid) 2>/dev/null || true' EXIT\n";
    let commands = clean_up.to_owned() + &commands(&page, "Try it");
    let start = Instant::now();
    let output = Command::new("timeout")
        .args(["--kill-after=5", "60", "bash", "-euo", "pipefail", "-c", &commands])
        .current_dir(package.path())
        .env("PATH", path)
        .envs(environment(&rsyslogd))
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let log = fs::read_to_string(package.join("minerwatch.log")).unwrap_or_default();
    assert!(output.status.success(), "{}\n{}\n{log}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < MINUTE, "{:?}", start.elapsed());
    let alerts = fs::read_to_string(package.join("alerts.jsonl")).expect("the file of rsyslog");
    let alerts: Vec<Value> = alerts.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is_the_miner =
        |alert: &&Value| alert["process"]["name"] == "xmrig" && alert["minerwatch"]["verdict"] == "mining";
    assert!(alerts.iter().any(|alert| is_the_miner(&alert)), "{alerts:#?}");
    note(&format!("{test}: {:.1} s", start.elapsed().as_secs_f64()));
}
