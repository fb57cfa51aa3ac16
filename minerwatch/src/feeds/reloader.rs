//! Reloads lists and databases when they change. The work happens in a separate thread, because a million entries take
//! a second to read and events must not wait.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use tracing::info;

use super::{
    files::{self, Mtimes},
    load::{Loaded, load},
    metrics::ListMetrics,
};
use crate::{
    config::Intel,
    enrich::geo::{self, GeoDatabases},
    host,
    intel::Indicators,
};

/// Interval between two checks of the files.
const POLL: Duration = Duration::from_secs(1);
/// Changed files are read when two consecutive checks find the same metadata, or after this many checks with changes.
const MAX_CHECKS: u32 = 15;

/// New lists for the engine.
#[derive(Debug)]
pub struct Lists {
    /// The loaded lists.
    pub indicators: Arc<Indicators>,
    /// Counters of the lists.
    pub counts: ListMetrics,
    /// Databases of the countries and networks of addresses.
    pub geo: Option<Arc<GeoDatabases>>,
    /// Whether the lists were loaded because of [`ListReloader::reconfigure`].
    pub asked: bool,
}

/// Handle of the thread that reloads lists. The thread ends when the handle is dropped.
#[derive(Debug)]
pub struct ListReloader {
    configurations: mpsc::Sender<Intel>,
}

impl ListReloader {
    /// Starts the thread, with the privileges of the caller. `loaded` and `geo` are the lists and databases in use.
    /// `deliver` receives each new version, and returns `false` if no further version is needed.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        config: Intel,
        loaded: Loaded,
        geo: Option<Arc<GeoDatabases>>,
        deliver: impl Fn(Lists) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (configurations, queue) = mpsc::channel();
        let mut reloader = Reloader::new(config, loaded, geo);
        thread::Builder::new()
            .name("lists".to_owned())
            .spawn(move || reloader.run(&queue, deliver))
            .context("starting the thread that reads lists")?;
        Ok(Self { configurations })
    }

    /// Makes the thread load all lists of a new configuration and pass them to `deliver`. Returns `false` if the thread
    /// has ended.
    pub fn reconfigure(&self, config: Intel) -> bool {
        self.configurations.send(config).is_ok()
    }
}

struct Reloader {
    config: Intel,
    indicators: Arc<Indicators>,
    counts: ListMetrics,
    geo: Option<Arc<GeoDatabases>>,
    next_expiry: Option<i64>,
    /// Metadata of the list files when they were last read.
    read: Mtimes,
    /// Metadata of the databases of countries and networks when they were last read.
    databases: Mtimes,
    /// Metadata of all files at the last check, and the number of checks that found changes. `None` if nothing has
    /// changed.
    changing: Option<(Mtimes, u32)>,
}

impl Reloader {
    fn new(config: Intel, loaded: Loaded, geo: Option<Arc<GeoDatabases>>) -> Self {
        let databases = files::mtimes_of(config.geo_databases.clone());
        let read = loaded.mtimes.clone();
        let next_expiry = loaded.next_expiry();
        let counts = loaded.counts();
        Self {
            config,
            indicators: loaded.indicators,
            counts,
            geo,
            next_expiry,
            read,
            databases,
            changing: None,
        }
    }

    fn run(&mut self, queue: &mpsc::Receiver<Intel>, deliver: impl Fn(Lists) -> bool) {
        loop {
            let next = if self.has_nothing_to_watch() {
                queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                queue.recv_timeout(POLL)
            };
            let asked = match next {
                Ok(config) => {
                    self.config = config;
                    true
                }
                Err(RecvTimeoutError::Timeout) if self.is_due(host::unix_seconds()) => false,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            self.load(asked);
            let (indicators, geo) = (Arc::clone(&self.indicators), self.geo.clone());
            if !deliver(Lists { indicators, counts: self.counts, geo, asked }) {
                return;
            }
        }
    }

    fn has_nothing_to_watch(&self) -> bool {
        let Intel { built_in: _, pools, threats, allow, geo_databases, home_countries: _, sync: _ } =
            &self.config;
        [pools, threats, allow, geo_databases].into_iter().all(Vec::is_empty)
    }

    /// Returns whether changed files are ready to be read, or an entry has expired.
    fn is_due(&mut self, now: i64) -> bool {
        if self.next_expiry.is_some_and(|expiry| expiry <= now) {
            return true;
        }
        let mut mtimes = files::mtimes(&self.config);
        mtimes.extend(files::mtimes_of(self.config.geo_databases.clone()));
        if mtimes.iter().eq(self.read.iter().chain(&self.databases)) {
            self.changing = None;
            return false;
        }
        let checks = match &self.changing {
            Some((earlier, _)) if *earlier == mtimes => return true,
            Some((_, checks)) if *checks >= MAX_CHECKS => return true,
            Some((_, checks)) => checks + 1,
            None => 1,
        };
        self.changing = Some((mtimes, checks));
        false
    }

    /// Loads the lists. Opens the databases again if their files have changed or if `all` is set.
    fn load(&mut self, all: bool) {
        let databases = files::mtimes_of(self.config.geo_databases.clone());
        if all || databases != self.databases {
            self.geo =
                geo::open(&self.config.geo_databases, &self.config.home_countries, self.geo.as_deref());
            self.databases = databases;
        }
        let loaded = load(&self.config, host::unix_seconds(), Some(&self.indicators));
        for (path, mtime) in &loaded.mtimes {
            if !self.read.iter().any(|(known, before)| known == path && before == mtime) {
                info!("{} is new or has changed", path.display());
            }
        }
        loaded.log();
        self.changing = None;
        self.read.clone_from(&loaded.mtimes);
        self.next_expiry = loaded.next_expiry();
        self.counts = loaded.counts();
        self.indicators = loaded.indicators;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_when_it_no_longer_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.txt");
        let config =
            Intel { built_in: false, threats: vec![directory.path().to_owned()], ..Intel::default() };
        let mut reloader = Reloader::new(config.clone(), load(&config, 0, None), None);
        assert!(!reloader.is_due(0), "there are no files");
        fs::write(&path, "a.example\n").unwrap();
        assert!(!reloader.is_due(0), "it may still be written");
        fs::write(&path, "a.example\nb.example\n").unwrap();
        assert!(!reloader.is_due(0), "it was being written");
        assert!(reloader.is_due(0));
        reloader.load(false);
        assert_eq!(reloader.indicators.len(), 2);
        assert!(!reloader.is_due(0));
        let checks = (0..100).take_while(|number| {
            fs::write(&path, "c.example\n".repeat(number + 3)).unwrap();
            !reloader.is_due(0)
        });
        assert_eq!(checks.count(), MAX_CHECKS as usize, "a file that always changes is read too");
    }

    #[test]
    fn an_entry_that_expires_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.csv");
        fs::write(&path, "domain,valid_until\na.example,1970-01-01T00:01:00Z\nb.example,\n").unwrap();
        let config = Intel { built_in: false, threats: vec![path], ..Intel::default() };
        let mut reloader = Reloader::new(config.clone(), load(&config, 0, None), None);
        assert!(!reloader.is_due(59));
        assert!(reloader.is_due(60));
        assert_eq!(reloader.indicators.len(), 2);
        reloader.load(false);
        assert_eq!(reloader.indicators.len(), 1);
        assert!(!reloader.is_due(60), "and not again and again");
    }

    #[test]
    fn the_thread_delivers_and_ends() {
        let config = Intel { built_in: false, ..Intel::default() };
        let (sender, lists) = mpsc::channel();
        let reloader = ListReloader::start(config.clone(), load(&config, 0, None), None, move |lists| {
            sender.send(lists).is_ok()
        })
        .unwrap();
        assert!(reloader.reconfigure(Intel { built_in: true, ..config }));
        let new = lists.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(new.asked && !new.indicators.is_empty());
        drop(reloader);
        assert!(lists.recv_timeout(Duration::from_secs(20)).is_err(), "the thread is gone");
    }
}
