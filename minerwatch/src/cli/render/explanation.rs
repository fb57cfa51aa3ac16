//! Explains why an incident has its verdict: the signals with their values and thresholds, how the points add up, and
//! what the next verdict needs. All values come from the JSON of an alert; nothing is computed again.

use serde::Serialize;
use serde_json::Value;

use super::{
    Row, Style,
    alert::{labelled, room, suspect, suspects, tone_of, tree},
    excepted,
    line::{Line, Measured, NextVerdict, Signal},
    text::{Tone, wrapped},
};
use crate::{cli::counted::counted, detect::catalogue};

/// The explanation of an incident at the time of its alert.
#[derive(Debug, Serialize)]
pub struct Explanation {
    incident: String,
    at: String,
    /// The highest verdict that the incident has had.
    verdict: Option<String>,
    /// The verdict for the current points alone. Points fade over time, but the highest verdict stays.
    verdict_now: Option<String>,
    score: u64,
    message: String,
    /// The suspects of the incident, as the alert lists them.
    suspects: Value,
    signals: Vec<Reason>,
    classes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
    chain: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    excepted: Option<Value>,
    /// Whether the alert says how the points add up. Older daemons left that out.
    #[serde(skip)]
    has_parts: bool,
    #[serde(skip)]
    line: Line,
}

/// A signal with its share of the score.
#[derive(Debug, Serialize)]
struct Reason {
    id: String,
    name: String,
    class: &'static str,
    weight: u64,
    #[serde(flatten)]
    share: Option<Share>,
    conclusive: bool,
    pid: Option<u32>,
    detail: String,
    description: &'static str,
    figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
struct Share {
    age_seconds: u64,
    half_life_seconds: u64,
    points: f64,
    /// Whether the points are part of the score. Of several signals that only show a busy CPU, one counts.
    counted: bool,
}

/// A measured value, with the threshold that it was compared with.
#[derive(Debug, Serialize)]
struct Figure {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

#[derive(Debug, Serialize)]
struct Next {
    verdict: String,
    missing: Vec<String>,
}

impl Explanation {
    /// Reads an alert, or the current state of an incident. Returns `None` for any other line.
    pub fn of(json: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(json).ok()?;
        if line.event.kind != "alert" || line.minerwatch.incident.id.is_empty() {
            return None;
        }
        let raw: Value = serde_json::from_slice(json).ok()?;
        let own = &line.minerwatch;
        let signals: Vec<Reason> = own.signals.iter().map(Reason::of).collect();
        let is_among = |class: &&str| signals.iter().any(|reason| reason.class == *class);
        let classes = CLASSES.into_iter().filter(is_among).collect();
        let parts = own.score_parts.clone();
        let has_parts = parts.is_some();
        let parts = parts.unwrap_or_default();
        Some(Self {
            incident: own.incident.id.clone(),
            at: line.timestamp.clone(),
            verdict: (!own.verdict.is_empty()).then(|| own.verdict.clone()),
            verdict_now: parts.verdict,
            score: own.score,
            message: line.message.clone(),
            suspects: raw.pointer("/minerwatch/suspects").cloned().unwrap_or_default(),
            signals,
            classes,
            next: parts.next.map(|NextVerdict { verdict, missing }| Next { verdict, missing }),
            chain: raw.pointer("/minerwatch/chain").cloned().unwrap_or_default(),
            excepted: raw.pointer("/minerwatch/excepted").cloned(),
            has_parts,
            line,
        })
    }

    /// The id of the incident.
    pub fn incident(&self) -> &str {
        &self.incident
    }

    /// Whether the incident has ever had a verdict.
    pub fn has_verdict(&self) -> bool {
        self.verdict.is_some()
    }

    pub(super) fn write(&self, style: Style, out: &mut String) {
        let verdict = self.verdict.as_deref().unwrap_or("no verdict");
        let tone = tone_of(verdict);
        let mut heading = Row::default();
        heading.push(tone, &format!("━━ {} {} ━━", verdict.to_uppercase(), self.score));
        heading.push(Tone::Strong, &format!(" incident {} ", self.incident));
        heading.push(Tone::Dim, &format!("as of {} ", self.at)).push(tone, "━━").write(style, out);
        for part in wrapped(&self.message, room(style, 3)) {
            let mut row = Row::default();
            row.push(Tone::Plain, "   ").push(Tone::Strong, &part).write(style, out);
        }
        for text in excepted::sentences(&self.line.minerwatch.excepted) {
            for (index, part) in wrapped(&text, room(style, 14)).iter().enumerate() {
                let mut row = labelled(if index == 0 { "excepted" } else { "" });
                row.push(Tone::Noted, part).write(style, out);
            }
        }
        suspect(&self.line, style, out);
        suspects(&self.line.minerwatch, style, out);
        for (index, reason) in self.signals.iter().enumerate() {
            reason.write(if index == 0 { "signals" } else { "" }, style, out);
        }
        self.write_score(style, out);
        let steps: Vec<_> = self.line.minerwatch.chain.iter().collect();
        tree(&self.line.minerwatch, &steps, style, out);
        out.push('\n');
    }

    /// Writes how the points add up, the verdict for these points, and what the next verdict needs. Leaves out what the
    /// alert does not say.
    fn write_score(&self, style: Style, out: &mut String) {
        let counted = self.signals.iter().filter_map(|reason| reason.share.as_ref());
        let points: Vec<String> =
            counted.filter(|share| share.counted).map(|share| format!("{:.1}", share.points)).collect();
        let sum = if points.is_empty() {
            self.score.to_string()
        } else {
            format!("{} = {}", points.join(" + "), self.score)
        };
        let mut row = labelled("score");
        row.push(Tone::Strong, &sum);
        row.push(Tone::Plain, &format!("   from {}", self.classes.join(", "))).write(style, out);
        if self.has_parts {
            let mut row = labelled("verdict");
            match &self.verdict_now {
                Some(now) => row.push(Tone::Plain, &format!("{now} for these points")),
                None => row.push(Tone::Plain, "none for these points"),
            };
            if self.signals.iter().any(|reason| reason.conclusive) {
                row.push(Tone::Plain, ", because one signal decides alone");
            }
            row.write(style, out);
        }
        if let Some(next) = &self.next {
            let text = format!("{} needs {}", next.verdict, next.missing.join(" and "));
            labelled("next").push(Tone::Plain, &text).write(style, out);
        }
    }
}

impl Reason {
    fn of(signal: &Signal) -> Self {
        let known = catalogue().iter().find(|info| info.id == signal.id);
        Self {
            id: signal.id.clone(),
            name: signal.name.clone(),
            class: CLASSES.into_iter().find(|class| *class == signal.class).unwrap_or("behavior"),
            weight: signal.weight,
            share: signal.points.map(|points| Share {
                age_seconds: signal.age_s,
                half_life_seconds: signal.half_life_s,
                points,
                counted: signal.counted,
            }),
            conclusive: signal.conclusive,
            pid: signal.process.pid,
            detail: signal.detail.clone(),
            description: known.map_or("", |info| info.description),
            figures: figures(signal),
        }
    }

    fn write(&self, label: &str, style: Style, out: &mut String) {
        let mut row = labelled(label);
        row.column(Tone::Strong, &self.id, 3);
        row.push(Tone::Strong, &self.name);
        row.push(Tone::Plain, &format!("   {}, {}", self.class, counted(self.weight, "point", "points")));
        if let Some(Share { age_seconds, points, counted, .. }) = &self.share {
            let now = format!("{points:.1}");
            if now != format!("{}.0", self.weight) {
                row.push(Tone::Plain, &format!(", faded to {now} in {}", span(*age_seconds)));
            }
            if !counted {
                row.push(Tone::Dim, ", not counted: another says the same");
            }
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
        for Figure { name, value, threshold, unit } in &self.figures {
            let mut row = labelled("");
            row.push(Tone::Dim, &format!("      {name} ")).push(Tone::Strong, value);
            if let Some(unit) = unit {
                row.push(Tone::Plain, &format!(" {unit}"));
            }
            if let Some(threshold) = threshold {
                row.push(Tone::Dim, &format!("   needed: {threshold}"));
            }
            row.write(style, out);
        }
    }
}

/// The classes of signals, in display order.
const CLASSES: [&str; 3] = ["network", "compute", "behavior"];

/// Returns the values of a signal. Older daemons wrote values without thresholds, or thresholds as separate values.
fn figures(signal: &Signal) -> Vec<Figure> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let alone = |(name, value): (&String, &Value)| Figure {
        name: name.clone(),
        value: text(value),
        threshold: None,
        unit: None,
    };
    if signal.measured.is_empty() {
        return signal.evidence.iter().map(alone).collect();
    }
    let figure = |Measured { name, value, threshold, unit }: &Measured| Figure {
        name: name.clone(),
        value: text(value),
        threshold: threshold.as_ref().map(text),
        unit: unit.as_ref().map(text),
    };
    signal.measured.iter().map(figure).collect()
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
    use crate::testing::samples;

    #[test]
    fn an_alert_is_explained() {
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
    fn an_alert_of_an_older_daemon_is_explained_without_the_arithmetic() {
        let line = r#"{"event":{"kind":"alert"},"minerwatch":{"incident":{"id":"x"},"verdict":"noted","score":45,"signals":
            [{"id":"C5","class":"compute","weight":15,"evidence":{"seconds":"60","seconds_threshold":"at least 60"}}]}}"#;
        let explanation = Explanation::of(line.as_bytes()).expect("an alert");
        let mut text = String::new();
        explanation.write(Style::default(), &mut text);
        assert!(text.contains("   score      45   from compute\n"), "{text}");
        assert!(text.contains("seconds_threshold at least 60"), "{text}");
        for later in ["faded", "next", "verdict  "] {
            assert!(!text.contains(later), "{later}: {text}");
        }
        let json = serde_json::to_value(&explanation).expect("plain data");
        assert_eq!(json["signals"][0].get("points"), None);
    }

    #[test]
    fn points_that_are_not_counted_are_no_summand() {
        let line = r#"{"event":{"kind":"alert"},"minerwatch":{"incident":{"id":"x"},"score":20,"score_parts":{},"signals":[
            {"id":"C8","class":"compute","weight":20,"points":20.0,"counted":true},
            {"id":"C5","class":"compute","weight":15,"points":7.5,"age_s":3600,"counted":false}]}}"#;
        let mut text = String::new();
        Explanation::of(line.as_bytes()).expect("an alert").write(Style::default(), &mut text);
        assert!(text.contains("   score      20.0 = 20   from compute\n"), "{text}");
        assert!(text.contains("15 points, faded to 7.5 in 60 min, not counted"), "{text}");
        assert!(text.contains("   verdict    none for these points\n"), "{text}");
    }

    #[test]
    fn other_lines_are_not_explained() {
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
