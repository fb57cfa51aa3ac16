//! Sends one test alert to an output, without the daemon.

use std::time::{Duration, Instant};

use super::settings;
use crate::{
    config::Config,
    ecs::Encoder,
    host,
    model::{AgentContext, AgentNews, AgentReport, Health},
    output::{Batch, Class, Document, OutputSettings, Queue},
};

/// Capacity of the queue of a local output, in bytes. It is for one line.
const CAPACITY: usize = 1 << 20;

/// Maximum length of the server's words that are shown, in characters.
const MAX_WORDS: usize = 400;

/// What became of a test alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputTest {
    /// Whether the output took the alert.
    pub taken: bool,
    /// The other side's own words, or what went wrong. May be empty.
    pub words: String,
    /// How long it took.
    pub took: Duration,
}

/// Sends one alert, marked as a test, to an output: to the server of a network output, and to the file of a local one.
pub fn test_output(settings: &dyn OutputSettings, config: &Config) -> OutputTest {
    let start = Instant::now();
    let line = test_alert(&settings.name(), config);
    let outcome = match settings.destination() {
        Some(mut destination) => {
            let json = line.strip_suffix(b"\n").unwrap_or(&line).to_vec().into();
            match destination.send(&[Document { class: Class::Alert, json }]) {
                Ok(delivery) => match delivery.refused.first() {
                    Some(refusal) => Err(refusal.reason.clone()),
                    None if delivery.later.is_empty() => Ok(delivery.words),
                    None => Err(delivery.words),
                },
                Err(error) => Err(error.to_string()),
            }
        }
        None => write(settings, config, line),
    };
    let (taken, words) = outcome.map_or_else(|words| (false, words), |words| (true, words));
    OutputTest { taken, words: shown(&words), took: start.elapsed() }
}

/// Writes the line as the daemon would.
fn write(settings: &dyn OutputSettings, config: &Config, line: Vec<u8>) -> Result<String, String> {
    let output = settings.open(&config.state.directory).map_err(|error| format!("{error:#}"))?;
    let queue = Queue::new(CAPACITY);
    queue.push(Batch::new(Class::Alert, line));
    queue.close();
    output.run(&queue);
    let counters = queue.counters();
    if counters.alerts == 1 {
        Ok("written".to_owned())
    } else {
        Err(counters.last_error.unwrap_or_else(|| "it cannot be written".to_owned()))
    }
}

/// Returns the line of an alert that says that it is a test.
fn test_alert(output: &str, config: &Config) -> Vec<u8> {
    let encoder = settings::encoder(config, host::context(), AgentContext::this(None));
    let encoder = Encoder::new(&encoder, super::signal_text);
    let report = AgentReport {
        time: host::now(),
        started: host::now(),
        news: AgentNews::OutputTest,
        message: format!(
            "TEST of the output {output}: minerwatch can send alerts here. There is no incident."
        ),
        config_hash: config.hash(),
        health: Health::default(),
        spool_age: Duration::ZERO,
    };
    let mut line = Vec::new();
    encoder.report(&report, 0, &mut line);
    line
}

/// Returns a text on one line, without control characters.
fn shown(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(MAX_WORDS).collect()
}
