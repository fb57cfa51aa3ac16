//! Keeps the lists up to date on a thread of its own: a million entries take a second to read, and events must not wait.

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
};
use crate::{
    config::Intel,
    enrich::geo::{self, GeoDatabases},
    host,
    intel::Indicators,
    metrics::ListMetrics,
};

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(1);
/// A file that is being written is left alone until it was the same in two looks, but not longer than for so many.
const PATIENCE: u32 = 15;

/// New lists for the engine.
#[derive(Debug)]
pub struct Lists {
    /// The lists.
    pub indicators: Arc<Indicators>,
    /// How they stand.
    pub counts: ListMetrics,
    /// Countries and networks of addresses.
    pub places: Option<Arc<GeoDatabases>>,
    /// Whether they were asked for by [`ListReloader::reconfigure`].
    pub asked: bool,
}

/// The thread that looks after the lists; it ends when this is dropped.
#[derive(Debug)]
pub struct ListReloader {
    configurations: mpsc::Sender<Intel>,
}

impl ListReloader {
    /// Starts the thread, which keeps what privileges the caller has. `loaded` and `places` are what the pipeline has by
    /// now; `deliver` takes what comes later, and says whether anybody still wants it.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(
        config: Intel,
        loaded: Loaded,
        places: Option<Arc<GeoDatabases>>,
        deliver: impl Fn(Lists) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (configurations, queue) = mpsc::channel();
        let mut keeper = Keeper::new(config, loaded, places);
        thread::Builder::new()
            .name("lists".to_owned())
            .spawn(move || keeper.run(&queue, deliver))
            .context("starting the thread that reads lists")?;
        Ok(Self { configurations })
    }

    /// Reads all lists again, those of another configuration; the answer comes by way of `deliver`. `false` if the
    /// thread is gone.
    pub fn reconfigure(&self, config: Intel) -> bool {
        self.configurations.send(config).is_ok()
    }
}

struct Keeper {
    config: Intel,
    indicators: Arc<Indicators>,
    counts: ListMetrics,
    places: Option<Arc<GeoDatabases>>,
    next_expiry: Option<i64>,
    /// The files as they were when they were read.
    read: Mtimes,
    /// The same of the databases of places.
    databases: Mtimes,
    /// All as they are since, and in how many looks they went on changing.
    changing: Option<(Mtimes, u32)>,
}

impl Keeper {
    fn new(config: Intel, loaded: Loaded, places: Option<Arc<GeoDatabases>>) -> Self {
        let databases = files::stamps_of(config.geo_databases.clone());
        let read = loaded.stamps.clone();
        let next_expiry = loaded.next_expiry();
        let counts = loaded.counts();
        Self {
            config,
            indicators: loaded.indicators,
            counts,
            places,
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
            let (indicators, places) = (Arc::clone(&self.indicators), self.places.clone());
            if !deliver(Lists { indicators, counts: self.counts, places, asked }) {
                return;
            }
        }
    }

    fn has_nothing_to_watch(&self) -> bool {
        let Intel { built_in: _, pools, threats, allow, geo_databases, home_countries: _, sync: _ } =
            &self.config;
        [pools, threats, allow, geo_databases].into_iter().all(Vec::is_empty)
    }

    /// Whether files changed and have settled, or an entry ran out.
    fn is_due(&mut self, now: i64) -> bool {
        if self.next_expiry.is_some_and(|expiry| expiry <= now) {
            return true;
        }
        let mut stamps = files::stamps(&self.config);
        stamps.extend(files::stamps_of(self.config.geo_databases.clone()));
        if stamps.iter().eq(self.read.iter().chain(&self.databases)) {
            self.changing = None;
            return false;
        }
        let looks = match &self.changing {
            Some((earlier, _)) if *earlier == stamps => return true,
            Some((_, looks)) if *looks >= PATIENCE => return true,
            Some((_, looks)) => looks + 1,
            None => 1,
        };
        self.changing = Some((stamps, looks));
        false
    }

    /// Reads the lists, and the databases if they changed or `all` are wanted.
    fn load(&mut self, all: bool) {
        let databases = files::stamps_of(self.config.geo_databases.clone());
        if all || databases != self.databases {
            self.places = geo::open(&self.config, self.places.as_deref());
            self.databases = databases;
        }
        let loaded = load(&self.config, host::unix_seconds(), Some(&self.indicators));
        for (path, stamp) in &loaded.stamps {
            if !self.read.iter().any(|(known, before)| known == path && before == stamp) {
                info!("{} is new or has changed", path.display());
            }
        }
        loaded.tell();
        self.changing = None;
        self.read.clone_from(&loaded.stamps);
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
    fn changes_settle_before_they_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.txt");
        let config =
            Intel { built_in: false, threats: vec![directory.path().to_owned()], ..Intel::default() };
        let mut keeper = Keeper::new(config.clone(), load(&config, 0, None), None);
        assert!(!keeper.is_due(0), "nothing is there");
        fs::write(&path, "a.example\n").unwrap();
        assert!(!keeper.is_due(0), "it may still be written");
        fs::write(&path, "a.example\nb.example\n").unwrap();
        assert!(!keeper.is_due(0), "it was");
        assert!(keeper.is_due(0));
        keeper.load(false);
        assert_eq!(keeper.indicators.len(), 2);
        assert!(!keeper.is_due(0));
        let looks = (0..100).take_while(|number| {
            fs::write(&path, "c.example\n".repeat(number + 3)).unwrap();
            !keeper.is_due(0)
        });
        assert_eq!(looks.count(), PATIENCE as usize, "one that never settles is read all the same");
    }

    #[test]
    fn what_runs_out_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.csv");
        fs::write(&path, "domain,valid_until\na.example,1970-01-01T00:01:00Z\nb.example,\n").unwrap();
        let config = Intel { built_in: false, threats: vec![path], ..Intel::default() };
        let mut keeper = Keeper::new(config.clone(), load(&config, 0, None), None);
        assert!(!keeper.is_due(59));
        assert!(keeper.is_due(60));
        assert_eq!(keeper.indicators.len(), 2);
        keeper.load(false);
        assert_eq!(keeper.indicators.len(), 1);
        assert!(!keeper.is_due(60), "and not again and again");
    }

    #[test]
    fn the_thread_delivers_and_ends() {
        let config = Intel { built_in: false, ..Intel::default() };
        let (sender, lists) = mpsc::channel();
        let keeper = ListReloader::start(config.clone(), load(&config, 0, None), None, move |lists| {
            sender.send(lists).is_ok()
        })
        .unwrap();
        assert!(keeper.reconfigure(Intel { built_in: true, ..config }));
        let new = lists.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(new.asked && !new.indicators.is_empty());
        drop(keeper);
        assert!(lists.recv_timeout(Duration::from_secs(20)).is_err(), "the thread is gone");
    }
}
