//! Why the sensor could not be opened. Every variant but [`SensorError::NoSuchWay`] is a reason for exit code 3.

use std::{error::Error, path::PathBuf};

use crate::model::{AttachType, HookChoice};

/// What this kernel or these privileges do not allow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SensorError {
    /// Capabilities are missing.
    #[error(
        "watching the kernel needs the {} {}: run as root, or grant {} (see deploy/minerwatch.service)",
        if missing.len() == 1 { "capability" } else { "capabilities" },
        missing.join(", "),
        if missing.len() == 1 { "it" } else { "them" }
    )]
    NotPermitted {
        /// Their names.
        missing: Vec<&'static str>,
    },
    /// The kernel exports no type information.
    #[error(
        "this kernel has no type information at {}: minerwatch needs a kernel of 5.10 or later built with CONFIG_DEBUG_INFO_BTF=y",
        path.display()
    )]
    NoTypes {
        /// Where it should be.
        path: PathBuf,
    },
    /// The kernel's type information could not be read.
    #[error("cannot make sense of this kernel's type information (/sys/kernel/btf/vmlinux): {source}")]
    Types {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Maps could not be created or the object could not be read.
    #[error("the kernel refused minerwatch's maps or programs: {source}{}", memory_hint(.source.as_ref()))]
    Load {
        /// What the kernel said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The object lacks a map.
    #[error("the embedded programs lack the map {map}: this binary was not built from one source tree")]
    Incomplete {
        /// Its name.
        map: &'static str,
    },
    /// Not one hook could be attached.
    #[error("no hook could be attached on this kernel: {}", reasons.join("; "))]
    NothingAttached {
        /// The reasons, one a purpose.
        reasons: Vec<String>,
    },
    /// A hook was asked for that there is not on any kernel.
    #[error("{choice}: no such hook; what it can be is {}", list(ways))]
    NoSuchWay {
        /// What was asked for.
        choice: HookChoice,
        /// What could be; `None` is to switch it off.
        ways: Vec<Option<AttachType>>,
    },
    /// What the programs send could not be watched.
    #[error("cannot watch the programs' buffers: {0}")]
    EventRings(#[source] std::io::Error),
}

fn list(ways: &[Option<AttachType>]) -> String {
    let names: Vec<&str> = ways.iter().map(|way| way.map_or("off", AttachType::name)).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

fn memory_hint(source: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(source);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.raw_os_error() == Some(1)
        {
            return " (on kernels before 5.11 raise the limit of locked memory, `ulimit -l unlimited`)";
        }
        cause = error.source();
    }
    ""
}
