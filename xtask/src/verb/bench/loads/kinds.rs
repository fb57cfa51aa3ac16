//! The loads to choose from.

use anyhow::{Result, bail, ensure};

use super::super::stage::Stage;
use super::{commands, compile, nginx, postgres, redis};

/// One kind of load.
pub struct Kind {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// What one unit of its work is.
    pub unit: &'static str,
    /// The number of units in one turn, which then takes one to three seconds.
    pub amount: u32,
    /// The programs that it needs.
    pub programs: &'static [&'static str],
    /// Starts its server, if it has one, and prepares its data.
    pub start: fn(&Stage) -> Result<Box<dyn Load + '_>>,
}

/// A load that is ready to run.
pub trait Load {
    /// Does `amount` units of work. Returns the time in seconds.
    fn run(&mut self, amount: u32) -> Result<f64>;
}

impl<F: FnMut(u32) -> Result<f64>> Load for F {
    fn run(&mut self, amount: u32) -> Result<f64> {
        self(amount)
    }
}

/// All loads, in the order of the table.
pub const ALL: [Kind; 10] = [
    Kind {
        name: "nginx",
        unit: "request",
        amount: 100_000,
        programs: &nginx::PROGRAMS,
        start: nginx::keep_alive,
    },
    Kind {
        name: "nginx-connections",
        unit: "request",
        amount: 20_000,
        programs: &nginx::PROGRAMS,
        start: nginx::connections,
    },
    Kind {
        name: "redis",
        unit: "command",
        amount: 150_000,
        programs: &redis::PROGRAMS,
        start: redis::keep_alive,
    },
    Kind {
        name: "redis-connections",
        unit: "command",
        amount: 20_000,
        programs: &redis::PROGRAMS,
        start: redis::connections,
    },
    Kind {
        name: "pgbench",
        unit: "transaction",
        amount: 5_000,
        programs: &postgres::PROGRAMS,
        start: postgres::start,
    },
    Kind { name: "compile", unit: "file", amount: 16, programs: &compile::PROGRAMS, start: compile::start },
    Kind { name: "shell", unit: "program", amount: 2_000, programs: &["sh"], start: commands::shell },
    Kind { name: "find", unit: "walk", amount: 4, programs: &["find"], start: commands::find },
    Kind { name: "tar", unit: "archive", amount: 12, programs: &["tar"], start: commands::tar },
    Kind {
        name: "hackbench",
        unit: "round",
        amount: 1_500,
        programs: &["hackbench"],
        start: commands::hackbench,
    },
];

/// Returns the loads with these names; all if there are no names.
pub fn named(names: &[String]) -> Result<Vec<&'static Kind>> {
    for name in names {
        if !ALL.iter().any(|kind| kind.name == name) {
            let all: Vec<_> = ALL.iter().map(|kind| kind.name).collect();
            bail!("there is no load {name:?}; there are: {}", all.join(", "));
        }
    }
    let kinds: Vec<_> =
        ALL.iter().filter(|kind| names.is_empty() || names.iter().any(|name| kind.name == name)).collect();
    ensure!(!kinds.is_empty(), "no load was named");
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_chosen_by_their_whole_name() {
        let names = |names: &[&str]| -> Result<Vec<&str>> {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            Ok(named(&names)?.iter().map(|kind| kind.name).collect())
        };
        assert_eq!(names(&["redis", "nginx"]).unwrap(), ["nginx", "redis"]);
        assert_eq!(names(&[]).unwrap().len(), ALL.len());
        let error = names(&["ngin"]).unwrap_err().to_string();
        assert!(error.contains("\"ngin\"") && error.contains("hackbench"), "{error}");
    }
}
