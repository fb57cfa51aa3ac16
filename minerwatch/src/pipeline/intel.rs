//! Reads the lists of indicators that the configuration names.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
    sync::Arc,
};

use tracing::{info, warn};

use super::host;
use crate::{
    config::Intel,
    intel::{self, Builder, Indicators, List, ListKind, Problem, Reading},
};

/// The most entries, all lists together; 20 bytes each.
const MAX_ENTRIES: usize = 2_000_000;
/// A larger file is no list, bytes.
const MAX_SIZE: u64 = 256 << 20;
const BUFFER: usize = 64 << 10;

/// All lists. One that cannot be read is left out and told of; where an `earlier` table has it, its entries stay.
pub fn load(config: &Intel, earlier: Option<&Indicators>) -> Arc<Indicators> {
    let mut builder = Builder::new(MAX_ENTRIES);
    if config.built_in {
        intel::add_built_in(&mut builder);
    }
    let kinds = [
        (&config.allow, ListKind::Allow),
        (&config.pools, ListKind::Mining),
        (&config.threats, ListKind::Threat),
    ];
    for (paths, kind) in kinds {
        for path in paths {
            add(path, kind, &mut builder, earlier);
        }
    }
    let indicators = builder.build();
    info!(
        "listed names, addresses and files: {} watched for, from lists: {}, allowed: {}",
        indicators.len(),
        indicators.lists().len(),
        indicators.allowed()
    );
    Arc::new(indicators)
}

fn add(path: &Path, kind: ListKind, builder: &mut Builder, earlier: Option<&Indicators>) {
    let source = path.display().to_string();
    let name = path.file_stem().map_or_else(|| source.clone(), |name| name.to_string_lossy().into_owned());
    let list = List { name, source: source.clone(), kind, weight: intel::DEFAULT_WEIGHT };
    if !builder.list(list) {
        warn!("{source}: there are too many lists");
        return;
    }
    let trouble = match open(path) {
        Ok(input) => {
            let reading = intel::read_list(&source, input, host::unix_seconds(), builder);
            tell(&source, &reading);
            match &reading.broken {
                Some(broken) => Some(format!("at line {}: {}", broken.place, broken.reason)),
                // A page that says "not found", saved over a list, must not empty it.
                None if reading.kinds.total() == 0 && !reading.problems.is_empty() => {
                    Some("nothing in it is an entry".to_owned())
                }
                None => None,
            }
        }
        Err(error) => Some(error.to_string()),
    };
    let Some(trouble) = trouble else { return };
    let known = |earlier: &&Indicators| earlier.lists().iter().any(|list| list.source == source);
    if let Some(earlier) = earlier.filter(known) {
        builder.clear_list();
        let kept = builder.carry_over(earlier, &source);
        warn!("{source}: {trouble}; {kept} entries that were read before stay");
    } else {
        warn!("{source}: {trouble}");
    }
}

/// Says what was left out of a list.
fn tell(source: &str, reading: &Reading) {
    for Problem { place, reason } in &reading.problems {
        warn!("{source}:{place}: {reason}");
    }
    if reading.skipped() > 0 {
        let form = reading.form.name();
        info!("{source} ({form}): {} entries, left out: {}", reading.kinds.total(), reading.reasons());
    }
}

fn open(path: &Path) -> io::Result<impl BufRead> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("not a file"));
    }
    if about.len() > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 256 MiB"));
    }
    Ok(BufReader::with_capacity(BUFFER, File::open(path)?.take(MAX_SIZE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_became_rubbish_keeps_its_entries() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pools.txt");
        let config = Intel { built_in: false, pools: vec![path.clone()], ..Intel::default() };
        let reload = |text: Option<&str>, earlier: &Indicators| {
            match text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            load(&config, Some(earlier))
        };
        let good = reload(Some("pool.example\nnonsense\n192.0.2.1\n"), &Indicators::none());
        assert_eq!(good.len(), 2);
        let rubbish = reload(Some("<html>\n<h1>Not found</h1>\n</html>\n"), &good);
        assert!(rubbish.domain("eu.pool.example").is_some());
        assert_eq!(rubbish.len(), 2);
        assert_eq!(reload(None, &rubbish).len(), 2, "nor does one that is gone");
        // Emptied on purpose: only notes are left.
        std::fs::write(&path, "").unwrap();
        assert_eq!(reload(Some("# nothing any more\n"), &rubbish).len(), 0);
    }
}
