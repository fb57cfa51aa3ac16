//! The third witness: how it came and how it stays.

mod command_line;
mod drop_and_run;
mod fileless;
mod kernel_name;
mod persistence;
mod preload;
mod service_downloader;
mod triple_chain;

pub use command_line::miner_command_line;
pub use drop_and_run::{drop_and_run, drop_steps};
pub use fileless::{fileless, fileless_at_start};
pub use kernel_name::kernel_name;
pub use persistence::persistence;
pub use preload::preload;
pub use service_downloader::service_downloader;
pub use triple_chain::{ChainFacts, triple_chain};
