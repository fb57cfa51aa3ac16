//! Detectors of how a program gets onto the host, how it persists there, and how it hides and defends itself.

pub mod borrowed_name;
pub mod command_line;
pub mod credentials;
pub mod defence_off;
pub mod defences;
pub mod drop_and_run;
pub mod escape;
pub mod fileless;
pub mod hidden;
pub mod immutable;
pub mod kernel_name;
pub mod persistence;
pub mod preload;
pub mod rivals_killed;
pub mod service_downloader;
pub mod spread;
pub mod tool_replaced;
pub mod traces_removed;
pub mod triple_chain;

use super::{DetectionContext, SignalInfo};
use crate::model::EventBody;

// The message, the score and the triple chain of an incident refer to these items.
pub use command_line::MINER_COMMAND_LINE;
pub use defence_off::DEFENCE_OFF;
pub use drop_and_run::{DROP_AND_RUN, drop_steps};
pub use fileless::FILELESS;
pub use hidden::HIDDEN;
pub use kernel_name::KERNEL_NAME;
pub use persistence::PERSISTENCE;
pub use preload::PRELOAD;
pub use service_downloader::SERVICE_DOWNLOADER;
pub use triple_chain::{ChainFacts, TRIPLE_CHAIN, triple_chain};

/// The signals that are deeds: they serve whatever their process works for, and say nothing about its program, which is
/// mostly a tool of the system.
pub const DEEDS: [SignalInfo; 12] = [
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
