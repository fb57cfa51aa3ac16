//! Detectors of how a program gets onto the host, how it persists there, and how it hides and defends itself.

pub mod borrowed_name;
pub mod bpf_program;
mod built_here;
pub mod command_line;
pub mod credentials;
pub mod defence_off;
pub mod defences;
mod downloader;
pub mod drop_and_run;
mod due;
pub mod escape;
pub mod fileless;
pub mod hidden;
pub mod immutable;
mod intruder;
pub mod kernel_module;
pub mod kernel_name;
pub mod miner_settings;
pub mod persistence;
pub mod preload;
pub mod process_access;
pub mod rivals_killed;
pub mod service_downloader;
mod service_entry;
pub mod spread;
pub mod tool_replaced;
pub mod traces_removed;
pub mod triple_chain;

use std::sync::Arc;

use super::{DetectionContext, SignalInfo};
use crate::model::{EventBody, InspectionRequest};

// The message, the score and the triple chain of an incident refer to these items.
pub use built_here::is_built_here;
pub use command_line::MINER_COMMAND_LINE;
pub use defence_off::DEFENCE_OFF;
pub use downloader::is_downloader;
pub use drop_and_run::{DROP_AND_RUN, drop_steps};
pub use fileless::FILELESS;
pub use hidden::HIDDEN;
pub use kernel_module::KERNEL_MODULE;
pub use kernel_name::KERNEL_NAME;
pub use persistence::PERSISTENCE;
pub use preload::PRELOAD;
pub use service_downloader::{SERVICE_DOWNLOADER, is_fed};
pub use service_entry::{ServiceEntry, is_database, service_entry};
pub use triple_chain::{ChainFacts, TRIPLE_CHAIN, WayIn, triple_chain};

/// The signals that are deeds: they serve whatever their process works for, and say nothing about its program, which is
/// mostly a tool of the system.
pub const DEEDS: [SignalInfo; 13] = [
    SERVICE_DOWNLOADER,
    PERSISTENCE,
    PRELOAD,
    DEFENCE_OFF,
    defence_off::AGENT_REMOVED,
    immutable::IMMUTABLE,
    traces_removed::TRACES_REMOVED,
    tool_replaced::TOOL_REPLACED,
    rivals_killed::RIVALS_KILLED,
    credentials::CREDENTIALS,
    spread::SPREAD,
    escape::ESCAPE,
    KERNEL_MODULE,
];

/// Whether the event is the start of a program, or a program that was already running when minerwatch started. Kernel
/// threads do not count.
fn is_program(context: &DetectionContext<'_>) -> bool {
    match &context.event.body {
        EventBody::Exec(_) => true,
        EventBody::RunningProcess(running) => !running.kernel_thread,
        _ => false,
    }
}

/// Returns the two names that `ps` and `top` show for a process: the kernel's name (`comm`) and the first argument. A
/// program can change both while it runs, and an inspection has the new ones. Returns `None` for other events.
fn shown_names<'a>(context: &DetectionContext<'a>) -> Option<[&'a str; 2]> {
    let view = &context.process.view;
    match &context.event.body {
        // A kernel thread has no file, and its name is its own.
        EventBody::Inspection(inspection) if !view.executable.path.is_empty() => {
            let names = [inspection.name.as_deref(), inspection.title.as_deref()];
            names.iter().any(Option::is_some).then(|| names.map(Option::unwrap_or_default))
        }
        _ if is_program(context) => Some([&view.name, view.arguments.first().map_or("", AsRef::as_ref)]),
        _ => None,
    }
}

/// Asks for a closer look at the process of the event, only at its standard input if `only_input`. `files` are searched
/// for the settings of a miner.
fn inspection_of(
    context: &DetectionContext<'_>,
    only_input: bool,
    files: Vec<Arc<str>>,
) -> InspectionRequest {
    let view = &context.process.view;
    InspectionRequest {
        subject: context.event.subject.clone(),
        name: Arc::clone(&view.name),
        title: view.arguments.first().map_or_else(|| Arc::from(""), Arc::clone),
        only_input,
        files,
    }
}
