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
    match read(path) {
        Ok(text) => {
            for problem in intel::read_text(&text, builder) {
                warn!("{source}:{}: {}", problem.line, problem.reason);
            }
        }
        Err(error) => {
            let kept = earlier.map_or(0, |earlier| builder.carry_over(earlier, &source));
            warn!("{source}: {error}; {kept} entries that were read before stay");
        }
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
