//! Reads the lists of indicators that the configuration names.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use tracing::{info, warn};

use crate::{
    config::Intel,
    intel::{self, Builder, Indicators, List, ListKind},
};

/// The most entries, all lists together; 20 bytes each.
const MAX_ENTRIES: usize = 2_000_000;
/// A larger file is no list, bytes.
const MAX_SIZE: u64 = 256 << 20;

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
    let before = builder.len();
    let trouble = match read(path) {
        Ok(text) => {
            let problems = intel::read_text(&text, builder);
            for problem in &problems {
                warn!("{source}:{}: {}", problem.line, problem.reason);
            }
            // A page that says "not found", saved over a list, must not empty it.
            (!problems.is_empty() && builder.len() == before).then(|| "no line of it is an entry".to_owned())
        }
        Err(error) => Some(error.to_string()),
    };
    if let Some(trouble) = trouble {
        let kept = earlier.map_or(0, |earlier| builder.carry_over(earlier, &source));
        warn!("{source}: {trouble}; {kept} entries that were read before stay");
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 256 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
