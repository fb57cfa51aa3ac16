//! I2: a program whose content is on a list of indicators.

use super::listing;
use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, SignalClass},
};

/// The signal. The list sets the points, 60 by default.
pub const LISTED_FILE: SignalInfo = SignalInfo {
    id: "I2",
    class: SignalClass::Behavior,
    weight: 60,
    full_weight: 60,
    kind: SignalKind::Sign,
    name: "Program on a list",
    description: "The content of a program that runs is on a list of indicators.",
    catches: "A known program under another name or path.",
    techniques: &["T1204.002"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[LISTED_FILE],
    wants: &[EventType::HashedFile],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::HashedFile(file) = &context.event.body else { return None };
    let listed = context.known.indicators.file(&file.sha256)?;
    let detail = format!("runs a program, {}", listing::describe(&listed));
    let finding = listing::finding(LISTED_FILE, context, &listed, detail);
    Some(finding.value("path", &context.process.view.executable.path))
}
