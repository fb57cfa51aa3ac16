//! Runs the commands of a recipe as they are written.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch, executable,
    notes::note,
    require::{machine, servers},
};
use serde_json::Value;

use crate::{
    noida::{Noida, PORT},
    rsyslog::environment,
};

/// Environment variables of the commands.
type Environment = Vec<(&'static str, PathBuf)>;

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

/// Runs the section "Try it" of a page in the directory of an unpacked package, with a program of `path` and a command in
/// front. Returns the time that it took.
fn follow(
    page: &str,
    package: &Scratch,
    path: &str,
    wrapper: &[String],
    environment: Environment,
) -> Duration {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes").join(page);
    let page = fs::read_to_string(page).expect("the page is in the tree");
    fs::copy(executable("minerwatch"), package.join("minerwatch")).expect("the program can be copied");
    // After a failure, the programs of the page still run.
    let clean_up = "trap 'kill $(jobs -p) $(cat rsyslog.pid 2>/dev/null) 2>/dev/null || true' EXIT\n";
    let commands = clean_up.to_owned() + &commands(&page, "Try it");
    let shell = ["timeout", "--kill-after=5", "60", "bash", "-euo", "pipefail", "-c", &commands];
    let words: Vec<&str> = wrapper.iter().map(String::as_str).chain(shell).collect();
    let start = Instant::now();
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(package.path())
        .env("PATH", format!("{path}:{}", env::var("PATH").unwrap_or_default()))
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let log = fs::read_to_string(package.join("minerwatch.log")).unwrap_or_default();
    assert!(output.status.success(), "{}\n{}\n{log}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(start.elapsed() < MINUTE, "{:?}", start.elapsed());
    start.elapsed()
}

fn is_the_miner(alert: &Value) -> bool {
    alert["process"]["name"] == "xmrig" && alert["minerwatch"]["verdict"] == "mining"
}

#[test]
fn the_recipe_for_rsyslog_leads_to_an_alert_within_a_minute() {
    let test = "the_recipe_for_rsyslog_leads_to_an_alert_within_a_minute";
    let Some(_machine) = machine(test) else { return };
    let Some([rsyslogd]) = servers(test, ["rsyslogd"]) else { return };
    let package = Scratch::new();
    let own = rsyslogd.parent().expect("a directory").display().to_string();
    let time = follow("rsyslog.md", &package, &own, &[], environment(&rsyslogd));
    let alerts = fs::read_to_string(package.join("alerts.jsonl")).expect("the file of rsyslog");
    let mut alerts = alerts.lines().filter_map(|line| serde_json::from_str(line).ok());
    assert!(alerts.any(|alert| is_the_miner(&alert)));
    note(&format!("{test}: {:.1} s", time.as_secs_f64()));
}

#[test]
fn the_recipe_for_elastic_leads_to_an_alert_within_a_minute() {
    let test = "the_recipe_for_elastic_leads_to_an_alert_within_a_minute";
    let Some(_machine) = machine(test) else { return };
    let Some(mut server) = Noida::start(test) else { return };
    // The page starts the program by itself.
    server.stop();
    let package = Scratch::new();
    fs::set_permissions(package.path(), fs::Permissions::from_mode(0o755)).expect("our directory");
    let own = server.program().parent().expect("a directory").display().to_string();
    let time = follow("elastic.md", &package, &own, &server.wrapper(), Vec::new());
    let answer = fs::read_to_string(package.join("alerts.json")).expect("the answer of the server");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let mut hits = answer["hits"]["hits"].as_array().into_iter().flatten();
    assert!(hits.any(|hit| is_the_miner(&hit["_source"])), "{answer:#}");
    note(&format!("{test}: {:.1} s", time.as_secs_f64()));
}

/// Loads the templates with the commands of their page, and checks that the server has them.
#[test]
fn a_server_accepts_the_templates() {
    let Some(server) = Noida::start("a_server_accepts_the_templates") else { return };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/elasticsearch");
    let page = fs::read_to_string(directory.join("README.md")).expect("the page is in the tree");
    let block = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    let url = format!("URL=http://127.0.0.1:{PORT}");
    let commands: Vec<&str> = block
        .lines()
        .map(|line| if line.starts_with("URL=") { &url } else { line })
        // This server has no policies for the age of documents.
        .filter(|line| !line.contains("_ilm/policy"))
        .collect();
    assert_eq!(commands.len(), 5, "{block}");
    let [nsenter, namespace] = server.wrapper();
    let output = Command::new(nsenter)
        .args([&namespace, "bash", "-euo", "pipefail", "-c", &commands.join("\n")])
        .current_dir(directory)
        .output()
        .expect("bash starts");
    assert!(output.status.success(), "{output:?}");
    for index in ["minerwatch-alerts", "minerwatch-events"] {
        let template = server.get(&format!("_index_template/{index}"));
        assert_eq!(template["index_templates"][0]["name"], index, "{template:#}");
    }
}
