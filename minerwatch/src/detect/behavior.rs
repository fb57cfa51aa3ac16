//! Detectors of how a program gets onto the host and how it persists there.

pub mod command_line;
pub mod drop_and_run;
pub mod fileless;
pub mod kernel_name;
pub mod persistence;
pub mod preload;
pub mod service_downloader;
pub mod triple_chain;

use super::DetectionContext;
use crate::model::EventBody;

// The message, the score and the triple chain of an incident refer to these items.
pub use command_line::MINER_COMMAND_LINE;
pub use drop_and_run::{DROP_AND_RUN, drop_steps};
pub use fileless::FILELESS;
pub use kernel_name::KERNEL_NAME;
pub use persistence::PERSISTENCE;
pub use preload::PRELOAD;
pub use service_downloader::SERVICE_DOWNLOADER;
pub use triple_chain::{ChainFacts, TRIPLE_CHAIN, triple_chain};

/// Whether the event is the start of a program, or a program that was already running when minerwatch started. Kernel
/// threads do not count.
fn is_program(context: &DetectionContext<'_>) -> bool {
    match &context.event.body {
        EventBody::Exec(_) => true,
        EventBody::RunningProcess(running) => !running.kernel_thread,
        _ => false,
    }
}
