//! Reads exceptions from the configuration and from the file of exceptions, and reports on them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::{error, info, warn};

use crate::{
    config::{Config, ConfigError, ExceptionsFile},
    detect,
    except::{Exception, ExceptionSet, ExceptionStatus, ListedException, Source},
    incident::HiddenAlerts,
    model::Moment,
};

/// The exceptions in use.
#[derive(Debug)]
pub struct LoadedExceptions {
    /// The exceptions of the configuration, then those of the file.
    pub set: Arc<ExceptionSet>,
    /// The path of the file.
    pub file: PathBuf,
    /// Why the file is not used.
    error: Option<String>,
    /// The ids of the exceptions whose expiry was logged.
    said: BTreeSet<String>,
}

/// Reads the exceptions of a configuration and of its file of exceptions. `path` is the path of the configuration.
///
/// # Errors
///
/// The file of exceptions cannot be read, or is damaged.
pub fn exceptions(config: &Config, path: Option<&Path>) -> Result<ExceptionSet, ConfigError> {
    let file = config.detection.exceptions_path(path);
    let (entries, _) = ExceptionsFile::load(&file)?;
    let own = config.detection.except.iter().map(|entry| entry.to_exception(Source::Configuration));
    let of_file = entries.except.iter().map(|entry| entry.to_exception(Source::File));
    let mut all: Vec<Exception> = Vec::new();
    for exception in own.chain(of_file) {
        // The configuration comes first, so it wins.
        if all.iter().all(|known| known.id != exception.id) {
            all.push(exception);
        }
    }
    Ok(ExceptionSet::new(all))
}

/// Returns what is wrong with an exception, although it is allowed: one sentence each. `config` is what it applies with.
pub fn doubts(exception: &Exception, config: &Config) -> Vec<String> {
    let id = &exception.id;
    let mut doubts = Vec::new();
    if exception.expires.is_none() {
        doubts.push(format!("exception {id} never expires; add `expires`"));
    }
    if exception.criteria.needs_container_name() && !config.containers.names {
        doubts.push(format!(
            "exception {id} describes a container by its name, image, pod or labels, and `containers.names` is false, so \
             it matches nothing; give at least 12 digits of the id"
        ));
    }
    for signal in exception.signals.iter().filter(|signal| detect::signal(&signal.0).is_none()) {
        doubts.push(format!(
            "exception {id} names {signal}, but there is no such signal; docs/detection.md lists all"
        ));
    }
    doubts
}

/// Returns the exceptions with their counts, as of `now`.
pub fn exception_status(set: &ExceptionSet, hidden: Option<&HiddenAlerts>, now: Moment) -> ExceptionStatus {
    let listed = |exception: &Exception| ListedException {
        exception: exception.clone(),
        expired: exception.is_expired(now),
        hidden: hidden.map(|hidden| hidden.by_exception.get(&exception.id).copied().unwrap_or(0)),
    };
    let list: Vec<ListedException> = set.iter().map(listed).collect();
    let active = list.iter().filter(|own| !own.expired).count() as u64;
    ExceptionStatus {
        file: None,
        error: None,
        hidden: hidden.map_or(0, |hidden| hidden.all),
        active,
        expired: list.len() as u64 - active,
        list,
    }
}

impl LoadedExceptions {
    /// Reads the exceptions at the start. A damaged file does not stop the daemon: without its exceptions, the daemon
    /// alerts about more, not about less.
    pub fn open(config: &Config, path: Option<&Path>) -> Self {
        let file = config.detection.exceptions_path(path);
        let mut own = Self { set: Arc::default(), file, error: None, said: BTreeSet::new() };
        own.reload(config, path);
        if own.error.is_some() {
            let entries = config.detection.except.iter();
            let only = entries.map(|entry| entry.to_exception(Source::Configuration)).collect();
            own.set = Arc::new(ExceptionSet::new(only));
        }
        own
    }

    /// Reads the exceptions again, and logs what is wrong with them. A damaged file changes nothing.
    pub fn reload(&mut self, config: &Config, path: Option<&Path>) {
        self.file = config.detection.exceptions_path(path);
        match exceptions(config, path) {
            Ok(set) => {
                for doubt in set.iter().flat_map(|exception| doubts(exception, config)) {
                    warn!("{doubt}");
                }
                self.set = Arc::new(set);
                self.error = None;
                self.said.clear();
            }
            Err(error) => {
                error!("the exceptions stay as they were: {error}");
                self.error = Some(error.to_string());
            }
        }
    }

    /// Logs each exception that has expired, once.
    pub fn log_expired(&mut self, now: Moment) {
        for exception in self.set.iter().filter(|exception| exception.is_expired(now)) {
            if self.said.insert(exception.id.clone()) {
                let expires = exception.expires.unwrap_or_default();
                info!(
                    "exception {} expired ({expires}) and does not apply any more: {}",
                    exception.id,
                    exception.reason.escape_debug()
                );
            }
        }
    }

    /// Returns the exceptions with their counts.
    pub fn status(&self, hidden: &HiddenAlerts, now: Moment) -> ExceptionStatus {
        ExceptionStatus {
            file: Some(self.file.display().to_string()),
            error: self.error.clone(),
            ..exception_status(&self.set, Some(hidden), now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("m.toml");
        let text = "[[detection.except]]\nid = 'own'\nuser = 'ml'\nreason = 'x'\n";
        let config = Config::parse(text, &path).expect("allowed");
        let file = directory.path().join("m.exceptions.toml");
        std::fs::write(&file, "[[except]]\nid = 'more'\nuser = 'ai'\nreason = 'y'\n").expect("write");
        let mut loaded = LoadedExceptions::open(&config, Some(&path));
        let ids = |own: &LoadedExceptions| own.set.iter().map(|own| own.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&loaded), &loaded.file), (vec!["own".to_owned(), "more".to_owned()], &file));
        std::fs::write(&file, "[[except]\n").expect("write");
        loaded.reload(&config, Some(&path));
        assert_eq!(ids(&loaded).len(), 2);
        let status = loaded.status(&HiddenAlerts::default(), Moment::default());
        assert!(status.error.is_some_and(|error| error.contains("m.exceptions.toml:1")));
        let again = LoadedExceptions::open(&config, Some(&path));
        assert_eq!(ids(&again), ["own"]);
        std::fs::remove_file(&file).expect("it is there");
        loaded.reload(&config, Some(&path));
        assert_eq!(ids(&loaded), ["own"]);
        assert!(loaded.status(&HiddenAlerts::default(), Moment::default()).error.is_none());
    }

    #[test]
    fn doubts_are_said() {
        let text = "reason = 'x'\nid = 'a'\nuser = 'ml'\ncontainer = 'web'\nsignal = ['C9', 'Q7']\n";
        let mut config = Config::default();
        let exception = toml::from_str(text).expect("an exception");
        assert_eq!(doubts(&exception, &config).len(), 2, "runtimes know names");
        config.containers.names = false;
        let doubts = doubts(&exception, &config);
        assert_eq!(doubts.len(), 3, "{doubts:?}");
        for part in ["never expires", "by its name", "names Q7"] {
            assert!(doubts.iter().any(|doubt| doubt.contains(part)), "{part}: {doubts:?}");
        }
    }
}
