//! Carries out orders: chooses the suspects, asks the guards, keeps the ledger, applies the stages, and reports.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use anyhow::Context as _;
use tracing::{debug, warn};

use super::{
    cgroup::Hierarchies,
    freeze,
    guard::{Guards, with_ancestors},
    home::{Applied, Work},
    isolate::Isolations,
    ledger::{Case, Change, Ledger, LedgerError, Measure},
    order::{Actor, Order, Task},
    quarantine,
    refusal::{Guard, Refusal},
    release,
    settings::{EvidenceSettings, ResponseSettings},
    signals, stop, subjects, target, throttle,
    tree::{Running, Tree},
};
use crate::{
    enrich::proc::Proc,
    evidence::{self, Evidence, EvidenceLimits},
    host,
    model::{Alert, BlockedTraffic, BootTime, ResponseAction, ResponseOutcome, ResponseReport, Stage, Suspect},
};

/// Maximum number of processes that a report names.
const MAX_NAMED: usize = 64;

/// Maximum time for evidence before the first stage, and for all of it.
const BRIEF: Duration = Duration::from_millis(500);
const WHOLE: Duration = Duration::from_secs(30);

/// How much evidence was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Nothing,
    Brief,
    Whole,
}

/// Takes reports as they are made.
pub type Tell<'a> = &'a mut dyn FnMut(ResponseReport);

/// Carries out orders on this host.
#[derive(Debug)]
pub struct Responder {
    settings: ResponseSettings,
    proc: Proc,
    hierarchies: Hierarchies,
    ledger: Ledger,
    boot_id: String,
    isolations: Isolations,
}

/// The parts of an order to apply stages.
struct Asked<'a> {
    alert: &'a Alert,
    only: Option<u32>,
    dry_run: bool,
    by: &'a Actor,
    issued: BootTime,
}

impl Responder {
    /// Creates a responder for this host.
    pub fn new(settings: ResponseSettings) -> Self {
        Self {
            ledger: Ledger::below(&settings.state),
            settings,
            proc: Proc::default(),
            hierarchies: Hierarchies::discover(),
            boot_id: host::context().boot_id.to_string(),
            isolations: Isolations::default(),
        }
    }

    /// Carries out an order.
    pub fn handle(&mut self, order: &Order, tell: Tell<'_>) {
        let Order { by, issued, task, .. } = order;
        match task {
            Task::Apply { alert, stages, only, dry_run } => {
                let dry_run = *dry_run || self.settings.dry_run;
                let asked = Asked { alert, only: *only, dry_run, by, issued: *issued };
                self.apply(&asked, stages, tell);
            }
            Task::Release { incident } => {
                let is_person = matches!(by, Actor::Person { .. });
                self.release(incident, by, *issued, is_person, tell);
            }
        }
    }

    fn apply(&mut self, asked: &Asked<'_>, stages: &[(Stage, Option<u64>)], tell: Tell<'_>) {
        // What changes soonest is kept before anything is changed. The rest takes longer, and is kept once the suspects
        // cannot run any more, but before anything is destroyed.
        let mut kept = Kept::Nothing;
        for (stage, lease) in stages {
            let wanted = match stage {
                Stage::Isolate | Stage::Throttle | Stage::Freeze => Kept::Brief,
                Stage::Observe | Stage::Stop | Stage::Quarantine => Kept::Whole,
            };
            self.keep(asked, &mut kept, wanted, tell);
            let outcome = self.stage(asked, *stage, *lease, tell);
            let (outcome, guard, applied, message) = match outcome {
                Ok(applied) => {
                    let outcome = if asked.dry_run { ResponseOutcome::DryRun } else { ResponseOutcome::Done };
                    let message = done_message(asked, *stage, &applied);
                    (outcome, None, applied, message)
                }
                Err(error) => match error.downcast::<Refusal>() {
                    // Nobody wants to hear of what the policy is not about.
                    Ok(refusal) if refusal.guard == Guard::Only => return,
                    Ok(refusal) => {
                        let message = format!("{stage} was refused ({}): {refusal}", refusal.guard);
                        (ResponseOutcome::Refused, Some(refusal.guard), Applied::default(), message)
                    }
                    Err(error) => {
                        let message = format!("{stage} failed, and was undone: {error:#}");
                        (ResponseOutcome::Failed, None, Applied::default(), message)
                    }
                },
            };
            let until = lease.filter(|_| outcome == ResponseOutcome::Done).map(|lease| unix_now() + seconds(lease));
            tell(ResponseReport {
                time: host::now(),
                incident: asked.alert.incident.to_string(),
                action: ResponseAction::Stage(*stage),
                outcome,
                by: asked.by.to_string(),
                guard: guard.map(|guard| guard.name().to_owned()),
                processes: applied.processes.iter().take(MAX_NAMED).map(|process| process.key).collect(),
                cgroups: applied.cgroups,
                until: until.and_then(|until| u64::try_from(until).ok()),
                path: applied.path.map(|path| path.display().to_string()),
                blocked: None,
                took: host::now().since(asked.issued),
                message,
            });
        }
        if kept == Kept::Brief {
            self.keep(asked, &mut kept, Kept::Whole, tell);
        }
    }

    /// Collects evidence, unless as much has been collected.
    fn keep(&self, asked: &Asked<'_>, kept: &mut Kept, wanted: Kept, tell: Tell<'_>) {
        let Some(settings) = self.settings.evidence.filter(|_| *kept < wanted && !asked.dry_run) else { return };
        *kept = wanted;
        let begun = host::now();
        match self.collect(asked, settings, wanted) {
            // There is nothing to keep.
            Ok(None) => {}
            Ok(Some((path, _))) if wanted == Kept::Brief => debug!("brief evidence is in {}", path.display()),
            outcome => {
                let (outcome, path, message) = match outcome {
                    Ok(found) => {
                        let (path, hash) = found.unwrap_or_default();
                        let message = format!("evidence is in {}; its manifest has SHA-256 {hash}", path.display());
                        (ResponseOutcome::Done, Some(path), message)
                    }
                    Err(error) => (ResponseOutcome::Failed, None, format!("the evidence is not whole: {error:#}")),
                };
                let incident = asked.alert.incident.to_string();
                let report = self.released(&incident, asked.by, begun, outcome, message, &[]);
                let path = path.map(|path| path.display().to_string());
                tell(ResponseReport { action: ResponseAction::Evidence, path, ..report });
            }
        }
    }

    fn collect(
        &self,
        asked: &Asked<'_>,
        settings: EvidenceSettings,
        wanted: Kept,
    ) -> anyhow::Result<Option<(PathBuf, String)>> {
        // What a guard protects is nobody's evidence. The refusal is told when the stage is tried.
        let case = Case::new(&asked.alert.incident.to_string(), &self.boot_id);
        let stage = if wanted == Kept::Brief { Stage::Isolate } else { Stage::Observe };
        let Ok(suspects) = self.allowed(asked, stage, &case, &mut |_| {}) else { return Ok(None) };
        let mut tree = target::tree(asked.alert, &suspects, asked.only, &self.proc);
        let subjects = subjects::of_tree(&mut tree, &self.proc);
        if subjects.is_empty() {
            return Ok(None);
        }
        let directory = self.settings.state.join("evidence");
        let keep = usize::try_from(settings.keep).unwrap_or(usize::MAX).saturating_sub(1);
        evidence::clean(&directory, keep, Duration::from_secs(settings.days.saturating_mul(86_400)))
            .with_context(|| format!("removing old evidence from {}", directory.display()))?;
        let suffix = if wanted == Kept::Brief { "-before" } else { "" };
        let name = format!("{}-{}{suffix}", asked.alert.incident, host::wall_now() / 1_000_000);
        let limits = EvidenceLimits {
            bytes: settings.bytes,
            time: if wanted == Kept::Brief { BRIEF } else { WHOLE },
            free_space: self.settings.free_space,
            brief: wanted == Kept::Brief,
            memory: settings.memory,
            redact: false,
        };
        let by = asked.by.to_string();
        let evidence =
            Evidence { alert: asked.alert, line: None, subjects: &subjects, by: &by, extras: &[] };
        let path = directory.join(name);
        let hash = evidence::collect(&evidence, &path, limits)?;
        Ok(Some((path, hash)))
    }

    /// Applies a stage, or undoes what it did and returns why.
    fn stage(
        &mut self,
        asked: &Asked<'_>,
        stage: Stage,
        lease: Option<u64>,
        tell: Tell<'_>,
    ) -> anyhow::Result<Applied> {
        let incident = asked.alert.incident.to_string();
        let _lock = self.ledger.lock()?;
        let mut case = self.ledger.load(&incident)?.unwrap_or_else(|| Case::new(&incident, &self.boot_id));
        release::forget_earlier_boot(&mut case, &self.boot_id);
        let suspects = self.allowed(asked, stage, &case, tell)?;
        let mut tree = target::tree(asked.alert, &suspects, asked.only, &self.proc);
        let living = tree.living(&self.proc);
        if living.is_empty() && !matches!(stage, Stage::Quarantine | Stage::Observe) {
            let message = "no process of the suspects runs any more";
            return Err(Refusal::new(Guard::NoProcess, message).into());
        }
        if asked.dry_run || stage == Stage::Observe {
            if stage == Stage::Quarantine {
                for suspect in &suspects {
                    quarantine::find(asked.alert, suspect, &self.proc, &self.settings)?;
                }
            }
            return Ok(Applied { processes: living, ..Applied::default() });
        }
        for key in tree.roots() {
            if !case.roots.contains(key) {
                case.roots.push(*key);
            }
        }
        // A stage that is applied again extends its measure, so that the lease of the first does not end the second.
        let earlier = case.measures.iter().position(|measure| measure.stage == stage);
        let is_new = earlier.is_none();
        let mut measure = match earlier {
            Some(index) => case.measures.remove(index),
            None => Measure { stage, by: String::new(), at: 0, until: None, changes: Vec::new() },
        };
        measure.by = asked.by.to_string();
        measure.at = unix_now();
        measure.until = lease.map(|lease| unix_now() + seconds(lease));
        case.measures.push(measure);
        let mut work =
            Work { proc: &self.proc, hierarchies: &self.hierarchies, ledger: &self.ledger, case: &mut case };
        let outcome = match stage {
            Stage::Observe => Ok(Applied::default()),
            Stage::Isolate => self.isolations.apply(&mut work, &mut tree, &self.settings),
            Stage::Throttle => throttle::apply(&mut work, &mut tree, self.settings.throttle_percent),
            Stage::Freeze => freeze::apply(&mut work, &mut tree),
            Stage::Stop => stop::apply(&mut work, &mut tree),
            Stage::Quarantine => quarantine::apply(&mut work, asked.alert, &suspects, &self.settings),
        };
        match outcome {
            Ok(applied) => {
                if stage == Stage::Stop {
                    // Nothing is left that could be frozen, and whatever starts in the same cgroup next must run.
                    let (_, problems) = release::end(&mut case, &self.ledger, &self.proc, |measure| {
                        measure.stage != Stage::Quarantine
                    })?;
                    self.isolations.end(&incident);
                    problems.iter().for_each(|problem| warn!("after the stop: {problem}"));
                    self.settle(&case)?;
                } else {
                    self.ledger.store(&case)?;
                }
                Ok(applied)
            }
            Err(error) => {
                if is_new {
                    if stage == Stage::Isolate {
                        self.isolations.end(&incident);
                    }
                    let (_, problems) =
                        release::end(&mut case, &self.ledger, &self.proc, |measure| measure.stage == stage)?;
                    problems.iter().for_each(|problem| warn!("undoing the stage {stage}: {problem}"));
                    self.settle(&case)?;
                }
                Err(error)
            }
        }
    }

    /// Returns the suspects that every guard allows. Reports those that a guard protects, unless nobody is left.
    fn allowed<'a>(
        &self,
        asked: &Asked<'a>,
        stage: Stage,
        case: &Case,
        tell: Tell<'_>,
    ) -> anyhow::Result<Vec<&'a Suspect>> {
        let suspects = if stage == Stage::Observe && asked.only.is_none() {
            asked.alert.suspects.iter().filter(|suspect| suspect.verdict.is_some()).collect()
        } else {
            target::suspects(asked.alert, asked.only)?
        };
        let guards = self.guards(asked.by);
        let is_limited = *asked.by == Actor::Policy && !self.settings.only.is_empty();
        let (mut allowed, mut refused) = (Vec::new(), Vec::new());
        for suspect in suspects {
            let mut tree = target::tree(asked.alert, &[suspect], asked.only, &self.proc);
            let living = tree.living(&self.proc);
            let is_meant = |process: &Running| guards.find(&self.settings.only, process.key.pid).is_some();
            if is_limited && !living.iter().any(is_meant) {
                let message = "the policy is limited to other suspects by response.only";
                refused.push(Refusal::new(Guard::Only, message));
                continue;
            }
            match check(&guards, &tree, &living, asked.by, case) {
                Ok(()) => allowed.push(suspect),
                Err(refusal) => refused.push(refusal),
            }
        }
        if allowed.is_empty()
            && let Some(refusal) = refused.pop()
        {
            return Err(refusal.into());
        }
        for refusal in refused.into_iter().filter(|refusal| refusal.guard != Guard::Only) {
            tell(ResponseReport {
                time: host::now(),
                incident: asked.alert.incident.to_string(),
                action: ResponseAction::Stage(stage),
                outcome: ResponseOutcome::Refused,
                by: asked.by.to_string(),
                guard: Some(refusal.guard.name().to_owned()),
                processes: Vec::new(),
                cgroups: Vec::new(),
                until: None,
                path: None,
                blocked: None,
                took: host::now().since(asked.issued),
                message: format!("{stage} was refused ({}): {refusal}", refusal.guard),
            });
        }
        Ok(allowed)
    }

    fn guards(&self, by: &Actor) -> Guards<'_> {
        let mut agent: HashSet<u32> = self.settings.agent.into_iter().collect();
        agent.insert(std::process::id());
        let session = match by {
            Actor::Person { pid, .. } => with_ancestors(*pid, &self.proc),
            Actor::Policy | Actor::Lease => HashSet::new(),
        };
        Guards { never: &self.settings.never, agent, session, proc: &self.proc }
    }

    fn release(&mut self, incident: &str, by: &Actor, issued: BootTime, is_person: bool, tell: Tell<'_>) {
        let (outcome, message, measures) = match self.try_release(incident, is_person) {
            Ok(None) => (ResponseOutcome::Done, format!("nothing was done for the incident {incident}, so there is nothing to undo"), Vec::new()),
            Ok(Some((measures, problems))) if problems.is_empty() => {
                (ResponseOutcome::Done, format!("released: {} undone", names(&measures)), measures)
            }
            Ok(Some((measures, problems))) => {
                let undone = if measures.is_empty() { "nothing".to_owned() } else { names(&measures) };
                let problems = problems.join("; ");
                (ResponseOutcome::Failed, format!("{undone} was undone, but not all: {problems}"), measures)
            }
            Err(error) => (ResponseOutcome::Failed, error.to_string(), Vec::new()),
        };
        tell(self.released(incident, by, issued, outcome, message, &measures));
    }

    fn released(
        &self,
        incident: &str,
        by: &Actor,
        issued: BootTime,
        outcome: ResponseOutcome,
        message: String,
        _measures: &[Measure],
    ) -> ResponseReport {
        ResponseReport {
            time: host::now(),
            incident: incident.to_owned(),
            action: ResponseAction::Release,
            outcome,
            by: by.to_string(),
            guard: None,
            processes: Vec::new(),
            cgroups: Vec::new(),
            until: None,
            path: None,
            blocked: None,
            took: host::now().since(issued),
            message,
        }
    }

    fn try_release(
        &mut self,
        incident: &str,
        is_person: bool,
    ) -> Result<Option<(Vec<Measure>, Vec<String>)>, LedgerError> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)? else { return Ok(None) };
        release::forget_earlier_boot(&mut case, &self.boot_id);
        let had_measures = !case.is_settled();
        self.isolations.end(incident);
        let outcome = release::end(&mut case, &self.ledger, &self.proc, |_| true)?;
        if is_person {
            case.released = case.roots.clone();
        }
        self.settle(&case)?;
        Ok(had_measures.then_some(outcome))
    }

    /// Writes a case, or removes it if it has nothing to tell.
    fn settle(&self, case: &Case) -> Result<(), LedgerError> {
        if case.is_settled() && case.released.is_empty() {
            self.ledger.remove(&case.incident)
        } else {
            self.ledger.store(case)
        }
    }

    /// Undoes the measures whose lease has ended if `leases` says so, forgets what an earlier boot ended, and reports what
    /// isolations blocked.
    pub fn tick(&mut self, leases: bool, tell: Tell<'_>) {
        let now = unix_now();
        let is_due = |measure: &Measure| leases && measure.until.is_some_and(|until| until <= now);
        let cases = self.ledger.all();
        self.isolations.retain(|incident| {
            cases.iter().any(|case| {
                case.incident == incident && case.measures.iter().any(|measure| measure.stage == Stage::Isolate)
            })
        });
        for (incident, blocked) in self.isolations.news() {
            let BlockedTraffic { connects, sends, packets } = blocked;
            let message = format!(
                "the isolation has blocked {connects} connects, {sends} datagrams and {packets} packets so far"
            );
            let report = self.released(&incident, &Actor::Policy, host::now(), ResponseOutcome::Done, message, &[]);
            tell(ResponseReport { action: ResponseAction::Blocked, blocked: Some(blocked), ..report });
        }
        for case in cases {
            if case.measures.iter().any(|measure| measure.stage == Stage::Isolate)
                && !self.isolations.holds(&case.incident)
                && let Err(error) = self.resume(&case.incident)
            {
                warn!("the suspects of the incident {} cannot be isolated again: {error:#}", case.incident);
            }
            let is_earlier = case.boot_id != self.boot_id;
            if !is_earlier && !case.measures.iter().any(is_due) {
                continue;
            }
            match self.end_leases(&case.incident, is_due) {
                Ok((measures, problems)) if measures.is_empty() && problems.is_empty() => {}
                Ok((measures, problems)) => {
                    let outcome =
                        if problems.is_empty() { ResponseOutcome::Done } else { ResponseOutcome::Failed };
                    let problems = problems.iter().fold(String::new(), |text, problem| format!("{text}; {problem}"));
                    let message = format!("the lease of {} has ended{problems}", names(&measures));
                    tell(self.released(&case.incident, &Actor::Lease, host::now(), outcome, message, &measures));
                }
                Err(error) => warn!("the leases of the incident {} cannot be ended: {error}", case.incident),
            }
        }
    }

    fn end_leases(
        &mut self,
        incident: &str,
        is_due: impl Fn(&Measure) -> bool,
    ) -> Result<(Vec<Measure>, Vec<String>), LedgerError> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)? else { return Ok((Vec::new(), Vec::new())) };
        release::forget_earlier_boot(&mut case, &self.boot_id);
        if case.measures.iter().any(|measure| measure.stage == Stage::Isolate && is_due(measure)) {
            self.isolations.end(incident);
        }
        let outcome = release::end(&mut case, &self.ledger, &self.proc, is_due)?;
        self.settle(&case)?;
        Ok(outcome)
    }

    /// Isolates again what an earlier responder had isolated, if it has ended.
    fn resume(&mut self, incident: &str) -> anyhow::Result<()> {
        let _lock = self.ledger.lock()?;
        let Some(mut case) = self.ledger.load(incident)?.filter(|case| case.boot_id == self.boot_id) else {
            return Ok(());
        };
        let own = Running::read(std::process::id(), &self.proc).map(|own| own.key);
        let mut cgroups = Vec::new();
        for change in case.measures.iter_mut().flat_map(|measure| &mut measure.changes) {
            if let (Change::Attached { cgroup, holder, .. }, Some(own)) = (change, own) {
                if !signals::has_ended(*holder, &self.proc) {
                    return Ok(());
                }
                *holder = own;
                cgroups.push(cgroup.clone());
            }
        }
        if !cgroups.is_empty() {
            self.isolations.resume(incident, &cgroups, &self.settings)?;
            self.ledger.store(&case)?;
        }
        Ok(())
    }

    /// Whether this process holds what would end with it.
    pub fn holds_anything(&self) -> bool {
        !self.isolations.is_empty()
    }

    /// Returns when the next lease ends, in seconds since 1970.
    pub fn next_end(&self) -> Option<i64> {
        self.ledger.all().iter().flat_map(|case| &case.measures).filter_map(|measure| measure.until).min()
    }

    /// The settings.
    pub fn settings(&self) -> &ResponseSettings {
        &self.settings
    }
}

/// Asks the guards about each process of a suspect.
fn check(guards: &Guards<'_>, tree: &Tree, living: &[Running], by: &Actor, case: &Case) -> Result<(), Refusal> {
    for process in living {
        if tree.roots().contains(&process.key) {
            guards.check_suspect(process)?;
        } else {
            guards.check_child(process)?;
        }
    }
    if *by == Actor::Policy
        && let Some(key) = tree.roots().iter().find(|key| case.released.contains(key))
    {
        let message = format!("a person released the process {}, so the policy leaves it alone", key.pid);
        return Err(Refusal::new(Guard::Released, message));
    }
    Ok(())
}

fn done_message(asked: &Asked<'_>, stage: Stage, applied: &Applied) -> String {
    let suspect = &asked.alert.suspect;
    let count = applied.processes.len();
    let processes = if count == 1 { "1 process".to_owned() } else { format!("{count} processes") };
    let of = format!("of '{}' (pid {})", suspect.executable.path, suspect.key.pid);
    if asked.dry_run {
        return format!("{stage} would have affected {processes} {of}; nothing was changed (dry run)");
    }
    let how = if applied.how.is_empty() { String::new() } else { format!(": {}", applied.how) };
    match stage {
        Stage::Observe => format!("observed {processes} {of}; nothing was changed"),
        Stage::Isolate => format!("isolated {processes} {of}{how}"),
        Stage::Throttle => format!("throttled {processes} {of}{how}"),
        Stage::Freeze => format!("froze {processes} {of}{how}"),
        Stage::Stop => format!("killed {processes} {of}{how}"),
        Stage::Quarantine => format!("quarantined the executable {of}{how}"),
    }
}

fn names(measures: &[Measure]) -> String {
    let names: Vec<&str> = measures.iter().map(|measure| measure.stage.name()).collect();
    names.join(", ")
}

fn unix_now() -> i64 {
    host::unix_seconds()
}

fn seconds(lease: u64) -> i64 {
    i64::try_from(Duration::from_secs(lease).as_secs()).unwrap_or(i64::MAX / 2)
}
