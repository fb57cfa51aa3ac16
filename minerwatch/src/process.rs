//! Who is who: the process table, lineage, what a program is, and events that came before their process.

mod entry;
mod lineage;
mod parking;
mod program;
mod role;
mod table;

pub use entry::{ConnectionHistory, Knowledge, Outbound, Process, Taint};
pub use lineage::{MAX_DEPTH, YOUNG_PARENT};
pub use parking::Parking;
pub use program::{base_name, resolve, script_of};
pub use role::Role;
pub use table::{ProcessTable, TableLimits};
