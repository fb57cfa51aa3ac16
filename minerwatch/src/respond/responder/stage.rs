//! Applies one stage.

use tracing::warn;

use super::{Asked, Responder, Tell, choose::Chosen, seconds, unix_now};
use crate::{
    model::Stage,
    respond::{
        freeze,
        home::{Applied, Work},
        ledger::{Case, Measure},
        quarantine,
        refusal::{Guard, Refusal},
        release::{self, Undone},
        stop, throttle,
    },
};

impl Responder {
    /// Applies a stage, or undoes what it did and returns why.
    pub(super) fn stage(
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
        let Chosen { suspects, mut tree } = self.allowed(asked, stage, &case, tell)?;
        if tree.latest().is_empty() && !matches!(stage, Stage::Quarantine | Stage::Observe) {
            let message = "no process of the suspects runs any more";
            return Err(Refusal::new(Guard::NoProcess, message).into());
        }
        if asked.dry_run || stage == Stage::Observe {
            if stage == Stage::Quarantine {
                for suspect in &suspects {
                    quarantine::find(asked.alert, suspect, &case.programs, &self.proc, &self.settings)?;
                }
            }
            return Ok(Applied { processes: tree.latest().to_vec(), ..Applied::default() });
        }
        if stage == Stage::Stop {
            // A quarantine that comes later needs to know what they ran.
            case.programs.extend(
                suspects.iter().filter_map(|suspect| quarantine::running_program(suspect, &self.proc)),
            );
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
        case.changed = unix_now();
        let mut work = Work {
            proc: &self.proc,
            hierarchies: &self.hierarchies,
            ledger: &self.ledger,
            case: &mut case,
            beside: asked.throttles && self.hierarchies.of_controller("cpu").is_none(),
        };
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
                    let Undone { problems, .. } =
                        release::end(&mut case, &self.ledger, &self.proc, |measure| {
                            measure.stage != Stage::Quarantine
                        })?;
                    self.isolations.end(&incident);
                    for problem in problems {
                        warn!("after the stop: {problem}");
                    }
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
                    // The first error says most, also if the ledger cannot be written any more.
                    match release::end(&mut case, &self.ledger, &self.proc, |measure| measure.stage == stage)
                    {
                        Ok(Undone { problems, .. }) => {
                            for problem in problems {
                                warn!("undoing the stage {stage}: {problem}");
                            }
                        }
                        Err(problem) => warn!("undoing the stage {stage}: {problem}"),
                    }
                    if let Err(problem) = self.settle(&case) {
                        warn!("undoing the stage {stage}: {problem}");
                    }
                }
                Err(error)
            }
        }
    }
}
