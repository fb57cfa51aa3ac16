//! Runs the agent during a workload, and reads the alerts that it wrote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Timeout for the agent to start, and for the agent to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running agent that writes every verdict to a file.
pub struct Watched {
    child: Child,
    alerts: PathBuf,
}

impl Watched {
    /// Starts the agent and waits until it is ready.
    pub fn start(target_dir: &Path) -> Result<Self> {
        let directory = target_dir.join("benign");
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let configuration = directory.join("minerwatch.toml");
        let state = directory.join("state");
        // With a fresh state directory and no control socket, earlier runs and other daemons do not matter.
        let _ = fs::remove_dir_all(&state);
        let text = format!(
            "[detection]\nmin_verdict = \"noted\"\n[control]\nenabled = false\n[state]\ndirectory = {:?}\n",
            state.display().to_string()
        );
        fs::write(&configuration, text).context("cannot write the agent's configuration")?;
        let (alerts, messages) = (directory.join("alerts.jsonl"), directory.join("messages"));
        let create =
            |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        let child = Command::new(target_dir.join("release/minerwatch"))
            .args(["run", "--config"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(create(&alerts)?)
            .stderr(create(&messages)?)
            .spawn()
            .context("cannot start the agent")?;
        let mut agent = Self { child, alerts };
        let until = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(&messages).unwrap_or_default();
            if said.contains("watching") {
                return Ok(agent);
            }
            if agent.child.try_wait()?.is_some() || Instant::now() > until {
                bail!("the agent does not start; it said:\n{said}");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the agent and returns its alerts.
    pub fn stop(mut self) -> Result<Seen> {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no such process id")?;
        kill_process(pid, Signal::TERM).context("the agent has gone")?;
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                bail!("the agent does not end");
            }
            thread::sleep(Duration::from_millis(20));
        }
        let text = fs::read_to_string(&self.alerts).context("cannot read the agent's alerts")?;
        let alerts = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(Seen { alerts: alerts.context("the agent's alerts are no JSON")? })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The alerts of one run.
pub struct Seen {
    alerts: Vec<Value>,
}

impl Seen {
    /// Returns the worst verdict; `-` without alerts.
    pub fn worst(&self) -> &'static str {
        let has = |verdict: &str| self.alerts.iter().any(|alert| verdict_of(alert) == Some(verdict));
        ["mining", "suspected", "noted"].into_iter().find(|verdict| has(verdict)).unwrap_or("-")
    }

    /// Whether the worst verdict is an alarm, which is `mining` or `suspected`.
    pub fn is_alarm(&self) -> bool {
        matches!(self.worst(), "mining" | "suspected")
    }

    /// Returns the alerts above the verdict `noted`, one per line.
    pub fn alarm(&self) -> String {
        let high = self.alerts.iter().filter(|alert| verdict_of(alert) != Some("noted"));
        high.map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// Returns every signal of the alerts, with its highest weight.
    pub fn signals(&self) -> String {
        let mut points: BTreeMap<String, u64> = BTreeMap::new();
        let all = self.alerts.iter().filter_map(|alert| alert["minerwatch"]["signals"].as_array()).flatten();
        for signal in all {
            let known = points.entry(signal["id"].as_str().unwrap_or("?").to_owned()).or_default();
            *known = (*known).max(signal["weight"].as_u64().unwrap_or(0));
        }
        points.iter().map(|(id, points)| format!("{id} {points}")).collect::<Vec<_>>().join(", ")
    }
}

fn verdict_of(alert: &Value) -> Option<&str> {
    alert["minerwatch"]["verdict"].as_str()
}
