//! Derives the settings of the engine and the encoder from a configuration.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::WrongUsage;
use crate::{
    config::{Config, Detection, Redact},
    detect::LoadThresholds,
    ecs::EncoderSettings,
    engine::EngineSettings,
    model::{AccountHasher, AgentContext, HostContext},
    redact::Redactor,
};

/// Maximum size of a file with a key, in bytes.
const MAX_KEY: u64 = 4_096;

/// Returns the settings of the encoder for a configuration.
pub fn encoder(config: &Config, host: HostContext, agent: AgentContext) -> EncoderSettings {
    let max_alert_bytes = usize::try_from(config.limits.max_alert_bytes).unwrap_or(usize::MAX);
    let redactor = redactor(config);
    let cluster = config.containers.cluster.as_deref().map(Arc::from);
    EncoderSettings { host, agent, fields: config.fields.extra(), max_alert_bytes, cluster, redactor }
}

/// Returns what removes secrets, if the configuration wants that.
pub fn redactor(config: &Config) -> Option<Arc<Redactor>> {
    let Redact { enabled, patterns } = &config.redact;
    // The configuration has checked the patterns.
    let redactor = Redactor::new(*enabled, patterns).ok().filter(|_| *enabled || !patterns.is_empty());
    redactor.map(Arc::new)
}

/// Returns what hashes accounts, with the key of a configuration.
///
/// # Errors
///
/// The file of the key cannot be read, or has no key.
pub fn accounts(config: &Config) -> anyhow::Result<AccountHasher> {
    match &config.detection.account_key_file {
        None => Ok(AccountHasher::new(config.detection.account_key.as_bytes())),
        Some(path) => key(path).map(|key| AccountHasher::new(&key)).map_err(|error| {
            WrongUsage(format!("detection.account_key_file: {}: {error}", path.display())).into()
        }),
    }
}

/// Reads a key from a file. The newline at the end does not count.
fn key(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    let mut key = Vec::new();
    file.take(MAX_KEY + 1).read_to_end(&mut key)?;
    if key.len() as u64 > MAX_KEY {
        return Err(io::Error::other("is larger than 4 KiB, so it is not a key"));
    }
    let key = key.trim_ascii_end();
    if key.is_empty() { Err(io::Error::other("is empty")) } else { Ok(key.to_vec()) }
}

/// Returns the engine settings for a configuration and a host with `processors`. [`accounts`] belongs to them, too, but
/// may read a file.
pub fn engine(config: &Config, processors: u32) -> EngineSettings {
    let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    EngineSettings {
        processors,
        max_processes: count(config.limits.max_processes),
        max_incidents: count(config.limits.max_incidents),
        min_verdict: config.detection.min_verdict,
        watch: config.detection.watch(),
        load: load(&config.detection),
        ..EngineSettings::default()
    }
}

fn load(detection: &Detection) -> LoadThresholds {
    LoadThresholds {
        process_share: detection.process_cpu_percent as f64 / 100.0,
        process_span: Duration::from_secs(detection.process_cpu_seconds),
        host_share: detection.host_cpu_percent as f64 / 100.0,
        host_span: Duration::from_secs(detection.host_cpu_seconds),
        jump: detection.cpu_rise_percent as f64 / 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(path: &Path) -> Config {
        let mut config = Config::default();
        config.detection.account_key_file = Some(path.to_owned());
        config
    }

    #[test]
    fn the_key_of_accounts_is_a_text_or_a_file() {
        let hash = |config: &Config| accounts(config).map(|hasher| hasher.account("alice").hash);
        let default = AccountHasher::default().account("alice").hash;
        assert_eq!(hash(&Config::default()).expect("a text"), default);
        let mut ours = Config::default();
        ours.detection.account_key = "ours".to_owned();
        assert_ne!(hash(&ours).expect("a text"), default);

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        for (content, part) in
            [(None, "No such file"), (Some("\n".to_owned()), "is empty"), (Some("x".repeat(5_000)), "4 KiB")]
        {
            if let Some(content) = content {
                std::fs::write(&path, content).expect("it can be written");
            }
            let error = format!("{:#}", hash(&with_file(&path)).expect_err(part));
            assert!(error.starts_with("detection.account_key_file: /") && error.contains(part), "{error}");
        }
        assert!(hash(&with_file(directory.path())).is_err());
        std::fs::write(&path, "ours\n").expect("it can be written");
        assert_eq!(hash(&with_file(&path)).expect("a key"), hash(&ours).expect("a text"));
    }
}
