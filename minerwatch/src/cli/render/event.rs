//! Renders an event as one row: time, kind, pid, user, process and details.

use super::{
    super::counted::counted,
    line::{Counts, End, Line, Own, Process, Quota},
    text::{Row, Tone, bytes, duration, time_of_day},
};

/// Widths of the columns for kind, pid, user and name. A pid has at most 7 digits (`PID_MAX_LIMIT`), a name 15 bytes
/// (`TASK_COMM_LEN`).
const KIND: usize = 7;
const PID: usize = 7;
const USER: usize = 8;
const NAME: usize = 15;

/// Builds the row of an event.
pub(super) fn row(line: &Line) -> Row {
    let action = line.event.action.as_str();
    let (kind, tone) = kind(action);
    let mut row = Row::default();
    row.push(Tone::Dim, time_of_day(&line.timestamp)).push(Tone::Plain, "  ");
    row.column(tone, kind, KIND);
    let process = &line.process;
    row.right(Tone::Plain, &process.pid.map(|pid| pid.to_string()).unwrap_or_default(), PID);
    row.column(Tone::Plain, user(process), USER);
    row.column(Tone::Strong, &process.name, NAME);
    match action {
        "exec" | "running" => program(line, &mut row),
        "fork" => {
            row.push(Tone::Dim, &format!("from {}", parent(process).unwrap_or_default()));
        }
        "exit" => exit(line, &mut row),
        "connect" | "connection-running" => connect(line, &mut row),
        "close" | "flow" => close(line, &mut row),
        "tls" => tls(line, &mut row),
        "dns" => dns(line, &mut row),
        "cpu" => cpu(line, &mut row),
        "cpu-quota" => quota(line, &mut row),
        "rounding" => rounding(line, &mut row),
        "memory-map" | "huge-pages" => memory(line, &mut row),
        "signal-sent" => signal(line, &mut row),
        "process-access" | "bpf-load" | "bpf-detach" | "module-load" => privileged(line, &mut row),
        _ if action.starts_with("response-") => {
            row.push(Tone::Plain, &line.message);
        }
        _ => file(line, &mut row),
    }
    let pod = &line.orchestrator.resource.name;
    if !pod.is_empty() {
        row.push(Tone::Dim, &format!("   [{}/{pod}]", line.orchestrator.namespace));
    } else if !line.container.name.is_empty() {
        row.push(Tone::Dim, &format!("   [{}]", line.container.name));
    } else if !line.container.id.is_empty() {
        row.push(Tone::Dim, &format!("   [{}]", short(&line.container.id)));
    }
    row
}

/// Returns the short name of an action and its colour. An unknown action keeps its name.
fn kind(action: &str) -> (&str, Tone) {
    match action {
        "exec" => ("exec", Tone::Good),
        "fork" | "exit" => (action, Tone::Dim),
        "connect" | "close" | "flow" | "tls" | "dns" => (action, Tone::Network),
        "connection-running" => ("open", Tone::Snapshot),
        "running" => ("running", Tone::Snapshot),
        "cpu" => ("cpu", Tone::Cpu),
        "cpu-quota" => ("quota", Tone::Cpu),
        "rounding" => ("rounds", Tone::Cpu),
        "memory-map" => ("map", Tone::Cpu),
        "huge-pages" => ("pool", Tone::Cpu),
        "device-open" => ("device", Tone::File),
        "signal-sent" => ("signal", Tone::Bad),
        "process-access" => ("access", Tone::Bad),
        "bpf-load" | "bpf-detach" => ("bpf", Tone::Bad),
        "module-load" => ("module", Tone::Bad),
        other if other.starts_with("response-") => ("respond", Tone::Bad),
        other => match other.strip_prefix("file-") {
            Some(change) => (change, Tone::File),
            None => (other, Tone::Plain),
        },
    }
}

/// Returns the user's name, or the user id if the name is unknown.
pub(super) fn user(process: &Process) -> &str {
    if process.user.name.is_empty() { &process.user.id } else { &process.user.name }
}

/// Returns the first 12 characters of a container's id, as container tools show them.
pub(super) fn short(id: &str) -> &str {
    id.char_indices().nth(12).map_or(id, |(end, _)| id.get(..end).unwrap_or_default())
}

/// Returns the name and pid of the parent process.
fn parent(process: &Process) -> Option<String> {
    let parent = process.parent.as_ref()?;
    let pid = parent.pid?;
    Some(if parent.name.is_empty() { format!("pid {pid}") } else { format!("{} {pid}", parent.name) })
}

/// Returns the command line of a process, or the path of its executable if the command line is empty.
pub(super) fn command(process: &Process) -> &str {
    if process.command_line.is_empty() { &process.executable } else { &process.command_line }
}

fn program(line: &Line, row: &mut Row) {
    let own = &line.minerwatch.process;
    row.push(Tone::Plain, command(&line.process));
    if own.args_cut {
        row.push(Tone::Dim, " …");
    }
    for (odd, text) in [(own.memfd, "memfd"), (own.deleted, "deleted")] {
        if odd {
            row.push(Tone::Bad, &format!("   {text} executable"));
        }
    }
    if own.kernel_thread {
        row.push(Tone::Dim, "kernel thread");
    }
    match own.capabilities_gained.as_slice() {
        [] => {}
        few if few.len() <= 4 => {
            row.push(Tone::Bad, &format!("   gained {}", few.join(" ")));
        }
        many => {
            row.push(Tone::Bad, &format!("   gained {} capabilities", many.len()));
        }
    }
    if let Some(parent) = parent(&line.process) {
        row.push(Tone::Dim, &format!("   ({parent})"));
    }
}

fn exit(line: &Line, row: &mut Row) {
    let signal = &line.minerwatch.exit.signal;
    match line.process.exit_code {
        Some(0) => row.push(Tone::Dim, "code 0"),
        Some(code) => row.push(Tone::Bad, &format!("code {code}")),
        None if signal.is_empty() => row.push(Tone::Dim, "ended"),
        None => row.push(Tone::Bad, &format!("killed by {signal}")),
    };
    if let Some(used) = line.minerwatch.cpu.total_ns.filter(|used| *used > 0) {
        row.push(Tone::Dim, &format!("   used {} of CPU", duration(used)));
    }
}

fn connect(line: &Line, row: &mut Row) {
    row.push(Tone::Plain, &format!("{} {}", line.network.transport, peer(&line.destination)));
    match line.event.outcome.as_str() {
        "failure" => row.push(Tone::Bad, &format!("   failed: {}", line.error.code)),
        "unknown" => row.push(Tone::Dim, "   no answer yet"),
        _ => row,
    };
    row.push(Tone::Dim, &format!("   from {}", address(&line.source)));
}

fn close(line: &Line, row: &mut Row) {
    row.push(Tone::Plain, &format!("{} {}", line.network.transport, peer(&line.destination)));
    if let (Some(sent), Some(received)) = (line.source.bytes, line.destination.bytes) {
        row.push(Tone::Plain, &format!("   sent {}, received {}", bytes(sent), bytes(received)));
    }
    if let Some(lasted) = line.event.duration {
        row.push(Tone::Dim, &format!("   after {}", duration(lasted)));
    }
}

fn tls(line: &Line, row: &mut Row) {
    let client = &line.tls.client;
    let named = if client.server_name.is_empty() { "no name" } else { &client.server_name };
    row.push(Tone::Plain, &format!("to {}   asks for {named}", address(&line.destination)));
    if !client.ja4.is_empty() {
        row.push(Tone::Dim, &format!("   {}", client.ja4));
    }
}

fn dns(line: &Line, row: &mut Row) {
    let answer = &line.dns;
    row.push(Tone::Plain, &answer.question.name);
    match answer.resolved_ip.as_slice() {
        [] if answer.response_code == "NOERROR" => row.push(Tone::Dim, "   no address"),
        [] => row.push(Tone::Dim, &format!("   {}", answer.response_code)),
        [only] => row.push(Tone::Plain, &format!(" is {only}")),
        [first, others @ ..] => row.push(Tone::Plain, &format!(" is {first} and {} more", others.len())),
    };
    row.push(Tone::Dim, &format!("   says {}", address(&line.destination)));
}

/// Formats the address of a peer, with its domain name if known.
fn peer(end: &End) -> String {
    let address = address(end);
    if end.domain.is_empty() { address } else { format!("{address} ({})", end.domain) }
}

/// Formats an address and port. An IPv6 address with a port is in brackets.
fn address(end: &End) -> String {
    match end.port {
        Some(port) if end.ip.contains(':') => format!("[{}]:{port}", end.ip),
        Some(port) => format!("{}:{port}", end.ip),
        None => end.ip.clone(),
    }
}

fn file(line: &Line, row: &mut Row) {
    let own = &line.minerwatch.file;
    if !own.old_path.is_empty() {
        row.push(Tone::Dim, &own.old_path).push(Tone::Dim, if own.exchange { " ⇄ " } else { " → " });
    }
    row.push(Tone::Plain, &line.file.path);
    if !line.file.target_path.is_empty() {
        row.push(Tone::Dim, " → ").push(Tone::Dim, &line.file.target_path);
    }
    if line.event.action == "file-chmod" {
        row.push(Tone::File, &format!("   mode {}", line.file.mode));
    }
}

fn cpu(line: &Line, row: &mut Row) {
    let cpu = &line.minerwatch.cpu;
    if let Some(usage) = cpu.usage {
        row.push(Tone::Strong, &format!("{:.0} % of a core", usage * 100.0));
    }
    if let Some(threads) = cpu.threads {
        row.push(Tone::Plain, &format!("   {}", counted(threads, "thread", "threads")));
    }
    if let (Some(voluntary), Some(involuntary)) = (cpu.voluntary_switches, cpu.involuntary_switches) {
        row.push(Tone::Dim, &format!("   switches {voluntary} voluntary, {involuntary} not"));
    }
    if let Some(total) = cpu.total_ns {
        row.push(Tone::Dim, &format!("   {} in all", duration(total)));
    }
}

fn quota(line: &Line, row: &mut Row) {
    let quota = &line.minerwatch.quota;
    let Quota { cgroup, processors: Some(processors), periods, throttled_periods } = quota else { return };
    row.push(Tone::Strong, &format!("held back in {throttled_periods} of {periods} periods"));
    row.push(Tone::Plain, &format!("   quota of {processors:.2} cores"));
    row.push(Tone::Dim, &format!("   {cgroup}"));
}

fn rounding(line: &Line, row: &mut Row) {
    let rounding = &line.minerwatch.rounding;
    for (counts, how) in [(&rounding.flushing, "flushing to zero: "), (&rounding.plain, "   plain: ")] {
        let Counts { nearest, down, up, zero } = counts;
        if nearest + down + up + zero > 0 {
            row.push(Tone::Dim, how);
            row.push(Tone::Plain, &format!("{nearest} nearest, {down} down, {up} up, {zero} to zero"));
        }
    }
}

fn memory(line: &Line, row: &mut Row) {
    let memory = &line.minerwatch.memory;
    if let (Some(before), Some(after)) = (memory.pages_before, memory.pages_after) {
        row.push(Tone::Plain, &format!("{before} → {after} huge pages"));
        row.push(Tone::Dim, &format!("   {}", line.file.path));
    }
    if let (Some(size), Some(count)) = (memory.size, memory.count) {
        row.push(Tone::Plain, &format!("{} like a miner's {}", bytes(size), memory.class));
        let huge = if memory.huge { ", huge pages" } else { "" };
        row.push(Tone::Dim, &format!("   no. {count}{huge}"));
    }
}

fn signal(line: &Line, row: &mut Row) {
    let sent = &line.minerwatch.sent_signal;
    let pid = sent.target.pid.unwrap_or_default();
    row.push(Tone::Bad, &sent.name).push(Tone::Plain, &format!(" to {} {pid}", sent.target.name));
}

fn privileged(line: &Line, row: &mut Row) {
    let Own { access, bpf, module, .. } = &line.minerwatch;
    match (access.target.pid, line.event.action.as_str()) {
        (Some(pid), _) if access.target.name.is_empty() => {
            row.push(Tone::Plain, &format!("memory of pid {pid}"))
        }
        (Some(pid), _) => row.push(Tone::Plain, &format!("memory of {} {pid}", access.target.name)),
        (None, "bpf-detach") => row.push(Tone::Plain, "detached a program"),
        (None, "bpf-load") => row
            .push(Tone::Plain, &format!("loaded a program: {}", bpf.r#type))
            .push(Tone::Dim, &format!(" {}", bpf.name)),
        (None, _) => row.push(Tone::Plain, &format!("loaded {}", module.name)),
    };
}
