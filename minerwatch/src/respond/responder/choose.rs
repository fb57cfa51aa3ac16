//! Chooses the suspects that every guard allows.

use std::collections::HashSet;

use super::{Asked, Responder, Tell};
use crate::{
    host,
    model::{ResponseAction, ResponseOutcome, ResponseReport, Stage, Suspect},
    respond::{
        guard::{Guards, with_ancestors},
        ledger::Case,
        order::Actor,
        refusal::{Guard, Refusal},
        target,
        tree::{self, Running, Tree},
    },
};

/// The suspects of an order.
pub(super) struct Chosen<'a> {
    /// Those that every guard allows.
    pub suspects: Vec<&'a Suspect>,
    /// Their processes.
    pub tree: Tree,
}

impl Responder {
    /// Returns the suspects that every guard allows. Reports those that a guard protects, unless nobody is left.
    pub(super) fn allowed<'a>(
        &self,
        asked: &Asked<'a>,
        stage: Stage,
        case: &Case,
        tell: Tell<'_>,
    ) -> anyhow::Result<Chosen<'a>> {
        let suspects = if stage == Stage::Observe && asked.only.is_none() {
            asked.alert.suspects.iter().filter(|suspect| suspect.verdict.is_some()).collect()
        } else {
            target::suspects(asked.alert, asked.only)?
        };
        let guards = self.guards(asked.by);
        let is_limited = asked.by.is_policy() && !self.settings.only.is_empty();
        let all = tree::all(&self.proc);
        let (mut allowed, mut trees, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for suspect in suspects {
            let mut tree = target::tree(asked.alert, &[suspect], asked.only, &self.proc);
            let living = tree.among(&all, &self.proc);
            let is_meant = |process: &Running| guards.find(&self.settings.only, process.key.pid).is_some();
            if is_limited && !living.iter().any(is_meant) {
                let message = "the policy is limited to other suspects by response.only";
                refused.push(Refusal::new(Guard::Only, message));
                continue;
            }
            match check(&guards, &tree, &living, asked.by, case) {
                Ok(()) => {
                    allowed.push(suspect);
                    trees.push(tree);
                }
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
        let tree = if let Ok([tree]) = <[Tree; 1]>::try_from(trees) {
            tree
        } else {
            let mut tree = target::tree(asked.alert, &allowed, asked.only, &self.proc);
            tree.among(&all, &self.proc);
            tree
        };
        Ok(Chosen { suspects: allowed, tree })
    }

    fn guards(&self, by: &Actor) -> Guards<'_> {
        let mut agent: HashSet<u32> = self.settings.agent.into_iter().collect();
        agent.insert(std::process::id());
        let session = match by {
            Actor::Person { pid, .. } => with_ancestors(*pid, &self.proc),
            Actor::Policy | Actor::Approved { .. } | Actor::Lease => HashSet::new(),
        };
        Guards { never: &self.settings.never, agent, session, proc: &self.proc }
    }
}

/// Asks the guards about each process of a suspect.
fn check(
    guards: &Guards<'_>,
    tree: &Tree,
    living: &[Running],
    by: &Actor,
    case: &Case,
) -> Result<(), Refusal> {
    for process in living {
        if tree.roots().contains(&process.key) {
            guards.check_suspect(process)?;
        } else {
            guards.check_child(process)?;
        }
    }
    if by.is_policy()
        && let Some(key) = tree.roots().iter().find(|key| case.released.contains(key))
    {
        let message = format!("a person released the process {}, so the policy leaves it alone", key.pid);
        return Err(Refusal::new(Guard::Released, message));
    }
    Ok(())
}
