//! Runs an engine over the events of a host.

use super::{Host, seconds};
use crate::{
    engine::{Engine, EngineSettings},
    model::{Alert, BootTime, Effect, Event, Verdict, Wanted},
};

/// Passes one event to an engine and collects its alerts. The engine learns that its requests stay unanswered.
pub fn feed(engine: &mut Engine, event: &Event, alerts: &mut Vec<Alert>) {
    let mut effects = Vec::new();
    engine.ingest(event, Wanted::No, &mut effects);
    collect(engine, effects, alerts);
}

/// Advances the time of an engine and collects its alerts.
pub fn pass_time(engine: &mut Engine, now: BootTime, alerts: &mut Vec<Alert>) {
    let mut effects = Vec::new();
    engine.tick(now, &mut effects);
    collect(engine, effects, alerts);
}

fn collect(engine: &mut Engine, mut effects: Vec<Effect>, alerts: &mut Vec<Alert>) {
    while !effects.is_empty() {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Alert(alert) => alerts.push(*alert),
                Effect::Request(request) => engine.unanswered(&request, &mut effects),
                Effect::Observed(_) | Effect::Confirmed(_) => {}
            }
        }
    }
}

/// Runs an engine over a host with two processors and returns its alerts, up to three seconds after the last event.
pub fn alerts(host: &Host) -> Vec<Alert> {
    let mut engine = Engine::new(EngineSettings { processors: 2, ..EngineSettings::default() });
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
    }
    // What is new joins one update.
    pass_time(&mut engine, host.now().plus(seconds(3)), &mut alerts);
    alerts
}

/// Runs an engine over the events of a host and ticks it once a second, as the daemon does, up to two minutes after the
/// last event. Returns its alerts.
pub fn alerts_over_time(host: &Host, settings: EngineSettings) -> Vec<Alert> {
    let mut engine = Engine::new(settings);
    let mut alerts = Vec::new();
    let mut tick = host.events().first().expect("events").time;
    for event in host.events() {
        while tick.plus(seconds(1)) <= event.time {
            tick = tick.plus(seconds(1));
            pass_time(&mut engine, tick, &mut alerts);
        }
        feed(&mut engine, event, &mut alerts);
    }
    for _ in 0..120 {
        tick = tick.plus(seconds(1));
        pass_time(&mut engine, tick, &mut alerts);
    }
    alerts
}

/// Returns the highest verdict among the alerts of a host, or `None` without alerts.
pub fn verdict(host: &Host) -> Option<Verdict> {
    alerts(host).iter().map(|alert| alert.verdict).max()
}
