//! Errors of opening the sensor. Every variant except [`SensorError::NoSuchHook`] leads to exit code 3.

use std::{error::Error, path::PathBuf};

use crate::model::{AttachType, HookChoice, OFF};

/// A reason why the sensor cannot be opened.
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
        /// The names of the missing capabilities.
        missing: Vec<&'static str>,
    },
    /// This process is in another PID namespace than the host's first process.
    #[error(
        "minerwatch runs in a PID namespace of its own, in which the processes of the host have other numbers or none: \
         start it in the host's (docker: --pid=host; Kubernetes: hostPID: true)"
    )]
    OwnPidNamespace,
    /// The kernel exports no type information.
    #[error(
        "this kernel has no type information at {}: minerwatch needs a kernel of 5.10 or later built with CONFIG_DEBUG_INFO_BTF=y",
        path.display()
    )]
    NoTypes {
        /// The path at which the type information should be.
        path: PathBuf,
    },
    /// The kernel's type information could not be read.
    #[error("cannot read this kernel's type information (/sys/kernel/btf/vmlinux): {source}")]
    Types {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Maps could not be created or the object could not be read.
    #[error("the kernel refused minerwatch's maps or programs: {source}{}", memory_hint(.source.as_ref()))]
    Load {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The embedded object lacks a map.
    #[error("the embedded programs lack the map {map}: this binary was not built from one source tree")]
    Incomplete {
        /// The name of the map.
        map: &'static str,
    },
    /// No hook could be attached.
    #[error("no hook could be attached on this kernel: {}", reasons.join("; "))]
    NothingAttached {
        /// The reason for each hook.
        reasons: Vec<String>,
    },
    /// The user asked for a hook that no kernel has.
    #[error("{choice}: there is no such hook; possible are {}", list(possible))]
    NoSuchHook {
        /// What the user asked for.
        choice: HookChoice,
        /// The attach types that exist for the data source. `None` stands for switching the data source off.
        possible: Vec<Option<AttachType>>,
    },
    /// The online CPUs could not be listed, or a ring could not be registered with tokio.
    #[error("cannot watch the programs' rings: {0}")]
    EventRings(#[source] std::io::Error),
}

fn list(attach_types: &[Option<AttachType>]) -> String {
    let names: Vec<&str> = attach_types.iter().map(|each| each.map_or(OFF, AttachType::name)).collect();
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
