//! The process table, the lineage of processes, roles of programs, and events that arrive before the fork of their
//! process.

mod command;
mod containers;
mod entry;
mod lineage;
mod parking;
mod path;
mod program;
mod program_file;
mod role;
mod table;
mod tool;

pub use command::Command;
pub use entry::{ConnectionHistory, ImageSource, Outbound, Process, Taint};
pub use lineage::{MAX_DEPTH, YOUNG_PARENT};
pub use parking::Parking;
pub use path::resolve;
pub use program::{reads_program_from_input, script_of};
pub use program_file::{base_name, directory_of, is_in_system_directory};
pub use role::{Above, Role, installs_packages, interprets};
pub use table::{ProcessTable, TableLimits};
pub use tool::is_tool;
