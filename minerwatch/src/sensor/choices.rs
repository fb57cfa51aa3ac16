//! Checks the user's choice of hooks against the table of hooks.

use super::{
    error::SensorError,
    hooks::{self, Hook},
    ring_backend,
};
use crate::model::{AttachType, DataSource, HookChoice};

/// Checks that each choice names a hook that exists on some kernel.
pub(super) fn check(choices: &[HookChoice]) -> Result<(), SensorError> {
    for choice in choices {
        let possible = possible(*choice);
        if !possible.contains(&choice.attach_type) {
            return Err(SensorError::NoSuchHook { choice: *choice, possible });
        }
    }
    Ok(())
}

/// Returns the attach types that `choice` may name. `None` stands for switching the data source off.
fn possible(choice: HookChoice) -> Vec<Option<AttachType>> {
    let rows = hooks::table().filter(|row| choice.concerns(row.source));
    let mut possible: Vec<_> = rows.flat_map(|row| row.hooks).map(Hook::attach_type).collect();
    if choice.concerns(DataSource::RingBackend) {
        possible.extend(ring_backend::attach_types().map(Some));
    } else {
        possible.push(None);
    }
    possible.dedup();
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_choice_names_the_possible_ones() {
        let check = |text: &str| check(&[text.parse().expect("a choice")]);
        for possible in
            ["file=tracepoint", "file-open=fexit", "network=cgroup", "exec=off", "transport=perf-buffer"]
        {
            assert!(check(possible).is_ok(), "{possible}");
        }
        let refusal = check("exec=fexit").expect_err("no such hook").to_string();
        assert_eq!(refusal, "exec=fexit: there is no such hook; possible are btf-tracepoint or off");
        let refusal = check("transport=off").expect_err("one backend is needed").to_string();
        assert!(refusal.ends_with("possible are ring-buffer or perf-buffer"), "{refusal}");
    }
}
