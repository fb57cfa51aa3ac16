//! The outputs. A new field of [`OutputMetrics`] needs one row here.

use crate::metrics::{
    OutputMetrics,
    exposition::{
        Snapshot,
        family::{Family, counter, gauge},
        samples::{Number, Samples},
    },
};

pub(super) const FAMILIES: &[Family] = &[
    counter("minerwatch_output_lines", CLASSES, "Lines written.", |snapshot, samples| {
        by_class(snapshot, samples, |output| [output.events, output.alerts]);
    }),
    counter("minerwatch_output_dropped", CLASSES, "Lines dropped.", |snapshot, samples| {
        by_class(snapshot, samples, |output| [output.events_dropped, output.alerts_dropped]);
    }),
    gauge("minerwatch_output_waiting_lines", OUTPUT, "Lines that wait in memory.", |snapshot, samples| {
        each(snapshot, samples, |output| Some(output.waiting.into()));
    }),
    counter("minerwatch_output_failures", OUTPUT, "Attempts to write that failed.", |snapshot, samples| {
        each(snapshot, samples, |output| Some(output.failures.into()));
    }),
    counter(
        "minerwatch_output_refused",
        OUTPUT,
        "Lines that the destination refused for ever.",
        |snapshot, samples| each(snapshot, samples, |output| Some(output.refused.into())),
    ),
    gauge("minerwatch_output_failing", OUTPUT, "1 if the last attempt failed.", |snapshot, samples| {
        each(snapshot, samples, |output| Some(output.failing.into()));
    }),
    gauge(
        "minerwatch_output_spool_bytes",
        OUTPUT,
        "Size of the spool, for outputs that have one.",
        |snapshot, samples| each(snapshot, samples, |output| Some(output.spool?.bytes.into())),
    ),
    gauge("minerwatch_output_spool_lines", CLASSES, "Lines in the spool.", |snapshot, samples| {
        for (name, output) in &snapshot.metrics.outputs {
            let Some(spool) = output.spool else { continue };
            for (class, count) in ["event", "alert"].into_iter().zip([spool.events, spool.alerts]) {
                samples.add([name, class], count);
            }
        }
    }),
    counter(
        "minerwatch_output_spool_failures",
        OUTPUT,
        "Lines that could not be written to the spool.",
        |snapshot, samples| each(snapshot, samples, |output| Some(output.spool?.failures.into())),
    ),
    counter(
        "minerwatch_output_spool_damaged",
        OUTPUT,
        "Damaged spools that were set aside.",
        |snapshot, samples| each(snapshot, samples, |output| Some(output.spool?.damaged.into())),
    ),
    gauge(
        "minerwatch_output_spool_limit_bytes",
        OUTPUT,
        "Maximum size of the spool.",
        |snapshot, samples| {
            each(snapshot, samples, |output| Some(output.spool?.limit_bytes.into()));
        },
    ),
    gauge(
        "minerwatch_output_spool_oldest_seconds",
        OUTPUT,
        "Age of the oldest line in the spool; 0 if it is empty.",
        |snapshot, samples| each(snapshot, samples, |output| Some(output.spool?.oldest_seconds.into())),
    ),
];

const OUTPUT: &[&str] = &["output"];
const CLASSES: &[&str] = &["output", "class"];

/// Adds a sample for each output that has the value.
fn each(snapshot: &Snapshot, samples: &mut Samples<'_>, value: fn(&OutputMetrics) -> Option<Number>) {
    for (name, output) in &snapshot.metrics.outputs {
        if let Some(number) = value(output) {
            samples.add([name], number);
        }
    }
}

/// Adds two samples for each output: events and alerts.
fn by_class(snapshot: &Snapshot, samples: &mut Samples<'_>, values: fn(&OutputMetrics) -> [u64; 2]) {
    for (name, output) in &snapshot.metrics.outputs {
        for (class, count) in ["event", "alert"].into_iter().zip(values(output)) {
            samples.add([name, class], count);
        }
    }
}
