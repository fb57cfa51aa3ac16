//! Loading and attaching by the table of hooks: what works is found by trying.

use std::{collections::HashSet, error::Error, fs::File, path::PathBuf};

use anyhow::{Context as _, anyhow, bail};
use aya::{
    Btf, Ebpf,
    programs::{
        BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, CgroupSockAddr, FEntry,
        FExit, Program, ProgramError, RawTracePoint, TracePoint,
    },
};
use minerwatch_common::KernelLayout;
use tracing::debug;

use super::hooks::{Attachment, Hook, SensorReport, Service, table};
use crate::model::HookChoice;

/// Serves every purpose of the table with the first hook that works, or with the one that was chosen.
pub fn attach(programs: &mut Ebpf, layout: &KernelLayout, btf: &Btf, choices: &[HookChoice]) -> SensorReport {
    let absent: HashSet<&str> = layout.absent().map(|field| field.name).collect();
    let mut report = SensorReport::default();
    for row in table() {
        let choice = choices.iter().rev().find(|choice| {
            // A family's choice leaves those of it alone that it cannot be.
            choice.concerns(row.purpose)
                && (choice.way.is_none() || row.hooks.iter().any(|hook| hook.way() == choice.way))
        });
        let mut service = Service {
            purpose: row.purpose,
            hook: None,
            way: None,
            caveat: None,
            without: row.without,
            refused: Vec::new(),
        };
        for hook in row.hooks {
            let missing = hook.fields.iter().copied().flatten().find(|field| absent.contains(*field));
            let outcome = match (choice, missing) {
                (Some(HookChoice { way: None, .. }), _) => Err(anyhow!("switched off")),
                (Some(choice), _) if hook.way() != choice.way => {
                    Err(anyhow!("not tried, for {choice} was asked for"))
                }
                (_, Some(field)) => Err(anyhow!("this kernel has no {field}")),
                (_, None) => serve(programs, hook, btf),
            };
            match outcome {
                Ok(()) => {
                    service.hook = Some(hook.name);
                    service.way = hook.way();
                    service.caveat = hook.caveat;
                    break;
                }
                Err(error) => {
                    debug!(purpose = row.purpose.name(), hook = hook.name, "refused: {error:#}");
                    service.refused.push((hook.name, short(&error)));
                }
            }
        }
        report.services.push(service);
    }
    report
}

/// Loads and attaches all programs of a hook; when one fails the ones before are taken off again.
fn serve(programs: &mut Ebpf, hook: &Hook, btf: &Btf) -> anyhow::Result<()> {
    let mut attached = Vec::new();
    let mut absent = Vec::new();
    for attachment in hook.attachments {
        let name = program_name(attachment);
        if let Attachment::PartOf { program } = attachment {
            // Whether it is attached is not asked: no row attaches and then fails.
            let loaded = programs.program(program).is_some_and(|program| program.fd().is_ok());
            if !loaded {
                bail!("{program} is not loaded");
            }
            continue;
        }
        if let Attachment::SystemCalls { tracepoints, .. } = attachment
            && known(tracepoints).next().is_none()
        {
            absent.extend_from_slice(tracepoints);
            continue;
        }
        let outcome = programs
            .program_mut(name)
            .ok_or_else(|| anyhow!("the embedded object has no program {name}"))
            .and_then(|program| attach_one(program, attachment, btf));
        if let Err(error) = outcome {
            for name in attached {
                take_off(programs, name);
            }
            return Err(error.context(name));
        }
        attached.push(name);
    }
    if attached.is_empty() && !absent.is_empty() {
        bail!("tracefs shows none of {}", absent.join(", "));
    }
    Ok(())
}

fn program_name(attachment: &Attachment) -> &'static str {
    match attachment {
        Attachment::RawTracepoint { program, .. }
        | Attachment::BtfTracepoint { program, .. }
        | Attachment::Function { program, .. }
        | Attachment::FunctionExit { program, .. }
        | Attachment::SystemCalls { program, .. }
        | Attachment::CgroupAddress { program }
        | Attachment::CgroupPacket { program, .. }
        | Attachment::CgroupSocket { program }
        | Attachment::PartOf { program } => program,
    }
}

fn attach_one(program: &mut Program, attachment: &Attachment, btf: &Btf) -> anyhow::Result<()> {
    match attachment {
        Attachment::RawTracepoint { tracepoint, .. } => {
            let program: &mut RawTracePoint = program.try_into()?;
            program.load()?;
            program.attach(tracepoint)?;
        }
        Attachment::BtfTracepoint { tracepoint, .. } => {
            let program: &mut BtfTracePoint = program.try_into()?;
            program.load(tracepoint, btf)?;
            program.attach()?;
        }
        Attachment::Function { functions, .. } => {
            let program: &mut FEntry = program.try_into()?;
            load_for_function(program, functions, btf)?;
            program.attach()?;
        }
        Attachment::FunctionExit { function, .. } => {
            let program: &mut FExit = program.try_into()?;
            program.load(function, btf)?;
            program.attach()?;
        }
        Attachment::SystemCalls { tracepoints, .. } => {
            let program: &mut TracePoint = program.try_into()?;
            program.load()?;
            attach_system_calls(program, tracepoints)?;
        }
        Attachment::CgroupAddress { .. } => {
            let program: &mut CgroupSockAddr = program.try_into()?;
            program.load()?;
            program.attach(root_cgroup()?, CgroupAttachMode::Single)?;
        }
        Attachment::CgroupPacket { sent, .. } => {
            let program: &mut CgroupSkb = program.try_into()?;
            program.load()?;
            let side = if *sent { CgroupSkbAttachType::Egress } else { CgroupSkbAttachType::Ingress };
            program.attach(root_cgroup()?, side, CgroupAttachMode::Single)?;
        }
        Attachment::CgroupSocket { .. } => {
            let program: &mut CgroupSock = program.try_into()?;
            program.load()?;
            program.attach(root_cgroup()?, CgroupAttachMode::Single)?;
        }
        Attachment::PartOf { .. } => {}
    }
    Ok(())
}

/// Loads for the first of the functions that this kernel has and takes a program for.
fn load_for_function(program: &mut FEntry, functions: &[&str], btf: &Btf) -> anyhow::Result<()> {
    let mut refusal = anyhow!("this kernel has no {}", functions.join(" or "));
    for name in functions {
        match program.load(name, btf) {
            Ok(()) => return Ok(()),
            // It has none of that name.
            Err(ProgramError::Btf(_)) => {}
            Err(error) => refusal = error.into(),
        }
    }
    Err(refusal)
}

/// Those of the calls that this kernel knows.
fn known<'a>(tracepoints: &'a [&'static str]) -> impl Iterator<Item = &'static str> + 'a {
    tracepoints.iter().copied().filter(|tracepoint| {
        ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
            .iter()
            .any(|root| PathBuf::from(format!("{root}/events/syscalls/{tracepoint}/id")).exists())
    })
}

fn attach_system_calls(program: &mut TracePoint, tracepoints: &[&'static str]) -> anyhow::Result<()> {
    for tracepoint in known(tracepoints) {
        program.attach("syscalls", tracepoint).context(tracepoint)?;
    }
    Ok(())
}

fn take_off(programs: &mut Ebpf, name: &str) {
    // Unloading closes the program and drops its links with it.
    let outcome = match programs.program_mut(name) {
        Some(Program::RawTracePoint(program)) => program.unload(),
        Some(Program::BtfTracePoint(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        Some(Program::TracePoint(program)) => program.unload(),
        Some(Program::CgroupSockAddr(program)) => program.unload(),
        Some(Program::CgroupSock(program)) => program.unload(),
        Some(Program::CgroupSkb(program)) => program.unload(),
        _ => Ok(()),
    };
    if let Err(error) = outcome {
        debug!(program = name, %error, "could not be taken off");
    }
}

/// The root of the unified hierarchy: `/sys/fs/cgroup`, or on hosts that run both versions, below it.
fn root_cgroup() -> anyhow::Result<File> {
    let candidates = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let root = candidates
        .iter()
        .find(|path| PathBuf::from(path).join("cgroup.controllers").exists())
        .ok_or_else(|| anyhow!("no unified cgroup hierarchy at {}", candidates.join(" or ")))?;
    File::open(root).with_context(|| format!("opening {root}"))
}

/// The reason in one line: the kernel's errno where there is one, not the verifier's whole log.
pub(super) fn short(error: &anyhow::Error) -> String {
    let errno = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>().map(ToString::to_string))
        .or_else(|| deepest(error.as_ref()));
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    match errno {
        Some(reason) => format!("{}: {}", first_line(error.to_string()), first_line(reason)),
        None => first_line(error.to_string()),
    }
}

fn deepest(error: &(dyn Error + 'static)) -> Option<String> {
    let mut last = None;
    let mut cause = error.source();
    while let Some(error) = cause {
        last = Some(error.to_string());
        cause = error.source();
    }
    last
}
