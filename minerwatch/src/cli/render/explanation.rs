//! Why an incident is what it is: its reasons, their figures against their thresholds, the arithmetic, and
//! what is missing to the next verdict. Made from the JSON of an alert, so that it needs no daemon.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Style,
    alert::{labelled, room, suspect},
    chain,
    line::{Line, Signal},
    text::{Tone, wrapped},
};
use crate::{
    detect::catalogue,
    incident::{Contribution, Score},
    model::{SignalClass, Verdict},
};

/// How the name of a value is continued to name what it had to reach.
const THRESHOLD_SUFFIX: &str = "_threshold";

/// The reasons of an incident at the moment its alert was made.
#[derive(Debug, Serialize)]
pub struct Explanation {
    incident: String,
    at: String,
    /// The highest verdict it had.
    verdict: Option<String>,
    /// What its points make by themselves: they fade, a verdict given does not.
    verdict_now: Option<Verdict>,
    score: u32,
    message: String,
    signals: Vec<Reason>,
    classes: Vec<SignalClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    chain: Value,
    #[serde(skip)]
    line: Line,
}

/// A signal with its share of the sum.
#[derive(Debug, Serialize)]
struct Reason {
    id: String,
    name: String,
    class: SignalClass,
    weight: u8,
    age_seconds: u64,
    half_life_seconds: u64,
    points: f64,
    /// Whether its points are in the sum: of several that only say "it is busy" one is.
    counted: bool,
    conclusive: bool,
    pid: Option<u32>,
    detail: String,
    description: &'static str,
    figures: Vec<Figure>,
}

/// A value that decided.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
}

#[derive(Debug, Serialize)]
struct Next {
    verdict: Verdict,
    missing: Vec<String>,
}

impl Explanation {
    /// Reads an alert, or an incident as it stands; `None` for any other line.
    pub fn of(json: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(json).ok()?;
        if line.event.kind != "alert" || line.minerwatch.incident.id.is_empty() {
            return None;
        }
        let raw: Value = serde_json::from_slice(json).ok()?;
        let now = OffsetDateTime::parse(&line.timestamp, &Rfc3339).ok();
        let terms: Vec<Contribution<'_>> =
            line.minerwatch.signals.iter().map(|signal| term(signal, now)).collect();
        let sum = Score::of(terms.iter().copied());
        let signals = line
            .minerwatch
            .signals
            .iter()
            .zip(&terms)
            .map(|(signal, term)| reason(signal, term, sum.counts(term)))
            .collect();
        let mut classes: Vec<SignalClass> = terms.iter().map(|term| term.class).collect();
        classes.sort_unstable();
        classes.dedup();
        Some(Self {
            incident: line.minerwatch.incident.id.clone(),
            at: line.timestamp.clone(),
            verdict: (!line.minerwatch.verdict.is_empty()).then(|| line.minerwatch.verdict.clone()),
            verdict_now: sum.verdict(),
            score: sum.score,
            message: line.message.clone(),
            signals,
            classes,
            next: sum.missing().map(|(verdict, missing)| Next { verdict, missing }),
            chain: raw.pointer("/minerwatch/chain").cloned().unwrap_or_default(),
            line,
        })
    }

    /// Which incident.
    pub fn incident(&self) -> &str {
        &self.incident
    }

    /// Whether it ever had a verdict.
    pub fn is_noted(&self) -> bool {
        self.verdict.is_some()
    }

    pub(super) fn write(&self, style: Style, out: &mut String) {
        let verdict = self.verdict.as_deref().unwrap_or("below noted");
        let tone = match verdict {
            "mining" => Tone::Mining,
            "suspected" => Tone::Suspected,
            _ => Tone::Noted,
        };
        let mut heading = super::Row::default();
        heading.push(tone, &format!("━━ {} {} ━━", verdict.to_uppercase(), self.score));
        heading.push(Tone::Strong, &format!(" incident {} ", self.incident));
        heading.push(Tone::Dim, &format!("as of {} ", self.at)).push(tone, "━━").write(style, out);
        for part in wrapped(&self.message, room(style, 3)) {
            let mut row = super::Row::default();
            row.push(Tone::Plain, "   ").push(Tone::Strong, &part).write(style, out);
        }
        suspect(&self.line, style, out);
        for (index, reason) in self.signals.iter().enumerate() {
            reason.write(if index == 0 { "reasons" } else { "" }, style, out);
        }
        self.sum(style, out);
        for row in chain::rows(&self.line.minerwatch.chain) {
            row.write(style, out);
        }
        out.push('\n');
    }

    fn sum(&self, style: Style, out: &mut String) {
        let counted = self.signals.iter().filter(|reason| reason.counted);
        let points: Vec<String> = counted.map(|reason| format!("{:.1}", reason.points)).collect();
        let classes: Vec<&str> = self.classes.iter().map(|class| name(*class)).collect();
        let mut row = labelled("score");
        row.push(Tone::Strong, &format!("{} = {}", points.join(" + "), self.score));
        row.push(Tone::Plain, &format!("   from {}", classes.join(", "))).write(style, out);
        let mut row = labelled("verdict");
        match self.verdict_now {
            Some(now) => row.push(Tone::Plain, &format!("these points make {}", named(now))),
            None => row.push(Tone::Plain, "these points make none: 40 are noted"),
        };
        if self.signals.iter().any(|reason| reason.conclusive) {
            row.push(Tone::Plain, ", since one signal decides alone");
        }
        row.write(style, out);
        if let Some(next) = &self.next {
            let text = format!("{} needs {}", named(next.verdict), next.missing.join(", and "));
            labelled("next").push(Tone::Plain, &text).write(style, out);
        }
    }
}

impl Reason {
    fn write(&self, label: &str, style: Style, out: &mut String) {
        let mut row = labelled(label);
        row.column(Tone::Strong, &self.id, 3);
        let fading = if self.age_seconds == 0 {
            format!("{} points", self.weight)
        } else {
            format!("{} points, faded to {:.1} in {}", self.weight, self.points, span(self.age_seconds))
        };
        row.push(Tone::Strong, &self.name).push(Tone::Plain, &format!("   {}, {fading}", name(self.class)));
        if !self.counted {
            row.push(Tone::Dim, ", not counted: another says the same");
        }
        if self.conclusive {
            row.push(Tone::Bad, ", decides alone");
        }
        row.write(style, out);
        let pid = self.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        for text in [format!("{}{pid}", self.detail), self.description.to_owned()] {
            for part in wrapped(&text, room(style, 18)).iter().filter(|part| !part.is_empty()) {
                let mut row = labelled("");
                row.push(Tone::Plain, "    ").push(Tone::Plain, part).write(style, out);
            }
        }
        for Figure { name, value, threshold } in &self.figures {
            let mut row = labelled("");
            row.push(Tone::Dim, &format!("      {name} ")).push(Tone::Strong, value);
            if let Some(threshold) = threshold {
                row.push(Tone::Dim, &format!("   needed: {threshold}"));
            }
            row.write(style, out);
        }
    }
}

/// A signal of a file may say anything; the catalogue knows what it is worth only if it names one of ours.
fn term(signal: &Signal, now: Option<OffsetDateTime>) -> Contribution<'_> {
    let known = catalogue().iter().find(|info| info.id == signal.id);
    let last = if signal.last.is_empty() { &signal.at } else { &signal.last };
    let last = OffsetDateTime::parse(last, &Rfc3339).ok();
    let age = now.zip(last).map_or(0.0, |(now, last)| (now - last).as_seconds_f64());
    Contribution {
        id: &signal.id,
        class: class(&signal.class),
        weight: u8::try_from(signal.weight).unwrap_or(u8::MAX),
        age: Duration::try_from_secs_f64(age).unwrap_or_default(),
        mining: known.is_some_and(|info| info.mining),
        conclusive: signal.conclusive,
    }
}

fn reason(signal: &Signal, term: &Contribution<'_>, counted: bool) -> Reason {
    let known = catalogue().iter().find(|info| info.id == signal.id);
    Reason {
        id: signal.id.clone(),
        name: signal.name.clone(),
        class: term.class,
        weight: term.weight,
        age_seconds: term.age.as_secs(),
        half_life_seconds: term.half_life().as_secs(),
        points: (term.points() * 10.0).round() / 10.0,
        counted,
        conclusive: term.conclusive,
        pid: signal.process.pid,
        detail: signal.detail.clone(),
        description: known.map_or("", |info| info.description),
        figures: figures(&signal.evidence),
    }
}

fn figures(evidence: &BTreeMap<String, Value>) -> Vec<Figure> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    evidence
        .iter()
        .filter(|(name, _)| !name.ends_with(THRESHOLD_SUFFIX))
        .map(|(name, value)| Figure {
            name: name.clone(),
            value: text(value),
            threshold: evidence.get(&format!("{name}{THRESHOLD_SUFFIX}")).map(text),
        })
        .collect()
}

fn class(name: &str) -> SignalClass {
    match name {
        "network" => SignalClass::Network,
        "compute" => SignalClass::Compute,
        _ => SignalClass::Behavior,
    }
}

fn name(class: SignalClass) -> &'static str {
    match class {
        SignalClass::Network => "network",
        SignalClass::Compute => "compute",
        SignalClass::Behavior => "behavior",
    }
}

fn named(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Noted => "noted",
        Verdict::Suspected => "suspected",
        Verdict::Mining => "mining",
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::samples;

    #[test]
    fn the_reasons_of_an_alert() {
        let (_, line) =
            samples::lines().into_iter().find(|(name, _)| *name == "alert").expect("there is one");
        let explanation = Explanation::of(line.as_bytes()).expect("an alert");
        let mut text = String::new();
        explanation.write(Style::default(), &mut text);
        insta::assert_snapshot!("explanation", text);
        insta::assert_snapshot!(
            "explanation_json",
            serde_json::to_string_pretty(&explanation).expect("plain data")
        );
    }

    #[test]
    fn other_lines_have_no_reasons() {
        for line in ["", "{}", "[1]", r#"{"event":{"kind":"event"}}"#, r#"{"event":{"kind":"alert"}}"#] {
            assert!(Explanation::of(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_forged_alert_is_no_danger() {
        let line = r#"{"@timestamp":"9999-12-31T00:00:00Z","event":{"kind":"alert"},"minerwatch":{"incident":{"id":"x\u001b[2J"},
            "score":1,"signals":[{"id":"C5","weight":99999,"at":"0001-01-01T00:00:00Z","evidence":{"a":[1,{"b":2}]}},{"id":"C9","at":"?"}]}}"#;
        let explanation = Explanation::of(line.as_bytes()).expect("it claims to be one");
        let mut text = String::new();
        explanation.write(Style::default(), &mut text);
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
