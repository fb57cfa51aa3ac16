//! Reads lists and databases again when they change. It has a thread of its own, because a million entries take a second
//! to read and events must not wait.

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

/// How often the files are checked.
const POLL: Duration = Duration::from_secs(1);
/// A file is read when two checks in a row find it unchanged, or after this many checks.
const MAX_CHECKS: u32 = 15;

/// New lists for the engine.
#[derive(Debug)]
pub struct Lists {
    /// The lists.
    pub indicators: Arc<Indicators>,
    /// Their counters.
    pub counts: ListMetrics,
    /// Countries and networks of addresses.
    pub geo: Option<Arc<GeoDatabases>>,
    /// Whether [`ListReloader::reconfigure`] asked for them.
    pub asked: bool,
}

/// The thread that reloads lists; it ends when this is dropped.
#[derive(Debug)]
pub struct ListReloader {
    configurations: mpsc::Sender<Intel>,
}

impl ListReloader {
    /// Starts the thread, with the privileges of the caller. `loaded` and `geo` are what the pipeline has now;
    /// `deliver` takes what comes later, and returns whether anybody still wants it.
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

    /// Reads all lists of a new configuration; they come through `deliver`. Returns `false` if the thread has ended.
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
    /// The files when they were last read.
    read: Mtimes,
    /// The databases of countries and networks when they were last read.
    databases: Mtimes,
    /// All files at the last check, if they have changed, and how many checks found changes.
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

    /// Whether files have changed and are complete, or an entry has expired.
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

    /// Reads the lists. Reads the databases if they changed, or with `all`.
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
