//! Attaches programs according to the table of hooks. For each data source the hooks are tried in order, and the first
//! hook that the kernel accepts is used.

use std::{collections::HashSet, path::Path, thread};

use anyhow::{anyhow, bail};
use aya::{Btf, Ebpf, programs::Program};
use minerwatch_common::KernelLayout;
use tracing::debug;

use super::{
    hooks::{self, Hook, HookProgram, Row},
    reason,
    report::{SensorReport, SourceStatus},
};
use crate::model::HookChoice;

/// Attaches one hook for every data source: the first that works, or the hook that the user chose.
pub(super) fn attach(
    programs: &mut Ebpf,
    layout: &KernelLayout,
    btf: &Btf,
    choices: &[HookChoice],
) -> SensorReport {
    let absent: HashSet<&str> = layout.absent().map(|field| field.name).collect();
    let sources =
        hooks::table().filter(|row| row.only_with.is_none_or(|file| Path::new(file).exists())).map(|row| {
            let choice = chosen(row, choices);
            let mut status = SourceStatus {
                source: row.source,
                hook: None,
                attach_type: None,
                caveat: None,
                if_unavailable: row.if_unavailable,
                refused: Vec::new(),
            };
            for hook in row.hooks {
                match allowed(hook, choice, &absent).and_then(|()| attach_hook(programs, hook, btf)) {
                    Ok(()) => {
                        status.hook = Some(hook.name);
                        status.attach_type = hook.attach_type();
                        status.caveat = hook.caveat;
                        break;
                    }
                    Err(error) => {
                        debug!(source = row.source.name(), hook = hook.name, "refused: {error:#}");
                        status.refused.push((hook.name, reason::one_line(&error)));
                    }
                }
            }
            status
        });
    SensorReport { sources: sources.collect() }
}

/// Returns the user's last choice for a data source. A choice for a whole family applies only to data sources that have
/// such a hook.
fn chosen<'a>(row: &Row, choices: &'a [HookChoice]) -> Option<&'a HookChoice> {
    choices.iter().rev().find(|choice| {
        choice.concerns(row.source)
            && (choice.attach_type.is_none()
                || row.hooks.iter().any(|hook| hook.attach_type() == choice.attach_type))
    })
}

/// Fails if the user's choice rules out this hook, or if the kernel lacks a field that the hook needs.
fn allowed(hook: &Hook, choice: Option<&HookChoice>, absent: &HashSet<&str>) -> anyhow::Result<()> {
    match choice {
        Some(HookChoice { attach_type: None, .. }) => bail!("switched off"),
        Some(choice) if hook.attach_type() != choice.attach_type => {
            bail!("not tried, because {choice} was asked for")
        }
        Some(_) | None => {}
    }
    match hook.fields.iter().copied().flatten().find(|field| absent.contains(*field)) {
        Some(field) => bail!("this kernel has no {field}"),
        None => Ok(()),
    }
}

/// Loads and attaches all programs of a hook. If one program fails, the programs before it are detached again.
fn attach_hook(programs: &mut Ebpf, hook: &Hook, btf: &Btf) -> anyhow::Result<()> {
    let mut attached: Vec<&HookProgram> = Vec::new();
    let mut missing = Vec::new();
    for program in hook.programs {
        let missing_places = program.kind.missing_places();
        if !missing_places.is_empty() {
            missing.extend_from_slice(missing_places);
            continue;
        }
        let outcome = find(programs, program.name).and_then(|loaded| {
            program.kind.load(loaded, btf)?;
            program.kind.attach(loaded)
        });
        if let Err(error) = outcome {
            for program in attached {
                detach(programs, program);
            }
            return Err(error.context(program.name));
        }
        attached.push(program);
    }
    if attached.is_empty() && !missing.is_empty() {
        bail!("tracefs has none of {}", missing.join(", "));
    }
    Ok(())
}

fn detach(programs: &mut Ebpf, program: &HookProgram) {
    if let Err(error) = find(programs, program.name).and_then(|loaded| program.kind.detach(loaded)) {
        debug!(program = program.name, "could not be detached: {error:#}");
    }
}

/// Detaches the programs of tracepoints, each in a thread of its own.
///
/// A program is attached to one or more tracepoints. For each of them the kernel waits, for about 70 ms, until no CPU runs
/// the program any more. With threads some of these waits overlap: on the development machine the daemon ended 1.2 s
/// after SIGTERM instead of 1.8 s.
pub(super) fn detach_tracepoints(programs: &mut Ebpf) {
    thread::scope(|scope| {
        for (name, program) in programs.programs_mut() {
            let Program::TracePoint(program) = program else { continue };
            let unload = || {
                // An error means that the program is not loaded.
                let _ = program.unload();
            };
            // A program that got no thread is detached when `programs` is dropped.
            if let Err(error) = thread::Builder::new().name("detach".to_owned()).spawn_scoped(scope, unload) {
                debug!(program = name, "no thread to detach it: {error}");
            }
        }
    });
}

fn find<'a>(programs: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut Program> {
    programs.program_mut(name).ok_or_else(|| anyhow!("the embedded object has no program {name}"))
}
