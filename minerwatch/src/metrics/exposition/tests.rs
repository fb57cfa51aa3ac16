//! Tests of the text, of its documentation, and of what uses its names.

mod everything;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use self::everything::everything;
use super::{Snapshot, families, kind::Kind, page};
use crate::metrics::Metrics;

/// The beginning and the end of the tables in the documentation.
const BEGIN: &str =
    "<!-- metrics: made from the program, run the tests with MINERWATCH_BLESS=1 to renew -->\n";
const END: &str = "<!-- end of metrics -->\n";

fn text(metrics: Metrics) -> String {
    Snapshot { metrics, age: Duration::from_millis(250) }.to_text().expect("text")
}

/// Collects every number of the status above 1000, with its path. These are the numbers that [`everything`] gives.
fn numbers(value: &serde_json::Value, path: &str, found: &mut Vec<(String, u64)>) {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(name, member)| numbers(member, &format!("{path}.{name}"), found));
        }
        value => found
            .extend(value.as_u64().filter(|number| *number > 1_000).map(|number| (path.to_owned(), number))),
    }
}

#[test]
fn every_counter_of_the_status_is_a_metric() {
    let text = text(everything());
    let status: serde_json::Value = serde_json::from_str(&everything().to_json()).expect("JSON");
    let mut found = Vec::new();
    numbers(&status, "", &mut found);
    assert!(found.len() > 60, "{found:?}");
    for (path, number) in found {
        assert!(text.lines().any(|line| line.ends_with(&format!(" {number}"))), "{path} is not in:\n{text}");
    }
    for line in [
        "minerwatch_build_info{version=\"0.1.0\"} 1",
        "minerwatch_config_info{hash=\"0123456789ab\"} 1",
        "minerwatch_snapshot_age_seconds 0.25",
        "minerwatch_degraded{reason=\"losses\"} 1",
        "minerwatch_degraded{reason=\"hook-gone\"} 0",
        "minerwatch_source_available{source=\"payload\"} 0",
        "minerwatch_source_available{source=\"exec\"} 1",
        "minerwatch_lost_total{place=\"kernel\",kind=\"flow-table\"} 1006",
        "minerwatch_alerts_total{action=\"incident-opened\",verdict=\"mining\"} 1",
        "minerwatch_alerts_total{action=\"incident-updated\",verdict=\"noted\"} 0",
        "minerwatch_table_evictions_total{table=\"conversations\"} 1023",
        "minerwatch_output_failing{output=\"a \\\"name\\\"\"} 1",
        "minerwatch_event_latency_seconds_bucket{le=\"0.0005\"} 1",
        "minerwatch_alert_latency_seconds_bucket{le=\"10.0\"} 1",
        "minerwatch_alert_latency_seconds_bucket{le=\"+Inf\"} 2",
        "minerwatch_alert_latency_seconds_count 2",
        "minerwatch_bpf_program_run_seconds_total{program=\"process_exec\"} 2.5",
        "process_cpu_seconds_total 1.5",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn each_family_is_written_once_under_a_conventional_name() {
    let text = text(everything());
    let mut names = BTreeSet::new();
    for family in families::all() {
        assert!(names.insert(family.name), "{} is declared twice", family.name);
        assert!(
            family.name.starts_with("minerwatch_") || family.name.starts_with("process_"),
            "{}",
            family.name
        );
        assert!(!family.name.ends_with("_total"), "{}: a counter gets its suffix", family.name);
        assert!(family.help.ends_with('.') || family.help.ends_with(".)"), "{}", family.help);
        assert_eq!(text.matches(&format!("# TYPE {} ", family.name)).count(), 1, "{}", family.name);
        if family.kind == Kind::Histogram {
            assert!(family.name.ends_with("_seconds"));
        }
        let has_sample = family.series().iter().all(|series| {
            text.lines().any(|line| {
                line.strip_prefix(series.as_str()).is_some_and(|rest| rest.starts_with([' ', '{']))
            })
        });
        assert!(has_sample, "{} has no sample", family.name);
    }
}

#[test]
fn a_daemon_without_outputs_and_statistics_has_a_valid_text() {
    let text = text(Metrics::default());
    assert!(text.contains("\nminerwatch_bpf_stats_enabled 0\n"), "{text}");
    assert!(!text.contains("minerwatch_bpf_program_runs_total{"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_documented_metrics_are_up_to_date() {
    let path = root().join("docs/metrics.md");
    let text = fs::read_to_string(&path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("the tables begin");
    let (written, after) = rest.split_once(END).expect("the tables end");
    let tables = page::tables();
    if env::var_os("MINERWATCH_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).expect("the page is written");
    } else {
        assert_eq!(written, tables, "docs/metrics.md is behind: run this test with MINERWATCH_BLESS=1");
    }
}

/// Returns the names in a text that look like those of our metrics.
fn mentioned(text: &str) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.split(|character| !is_name(character))
        .filter(|word| word.starts_with("minerwatch_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Rules and a dashboard that name a metric that does not exist would show nothing and alert never.
#[test]
fn the_rules_and_the_dashboard_name_only_metrics_that_exist() {
    let series: BTreeSet<String> = page::series().into_iter().collect();
    for (file, fewest) in
        [("deploy/prometheus/minerwatch.rules.yaml", 10), ("deploy/grafana/minerwatch.json", 20)]
    {
        let text = fs::read_to_string(root().join(file)).expect(file);
        let used = mentioned(&text);
        assert!(used.len() >= fewest, "{file} uses only {used:?}");
        let unknown: Vec<&String> = used.difference(&series).collect();
        assert!(unknown.is_empty(), "{file} names metrics that do not exist: {unknown:?}");
    }
}

/// A panel whose query or whose data source is missing would be empty.
#[test]
fn the_dashboard_is_complete() {
    let text = fs::read_to_string(root().join("deploy/grafana/minerwatch.json")).expect("the dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "an id is used twice");
        let title = panel["title"].as_str().expect("a title");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().expect(title);
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let query = target["expr"].as_str().expect(title);
            assert!(query.contains("instance=~\"$instance\""), "{title}: {query}");
        }
    }
}
