//! Events, losses, data sources and latencies.

use crate::metrics::exposition::family::{Family, counter, gauge, histogram};

pub(super) const FAMILIES: &[Family] = &[
    counter("minerwatch_ring_records", &[], "Records read from the kernel's rings.", |snapshot, samples| {
        samples.one(snapshot.metrics.ring_records);
    }),
    counter("minerwatch_events", &["kind"], "Events that the engine got.", |snapshot, samples| {
        for (kind, count) in snapshot.metrics.events.iter() {
            samples.add([kind.name()], count);
        }
    }),
    counter(
        "minerwatch_lost",
        &["place", "kind"],
        "What was lost before the engine or a reader got it. The place `kernel` has the losses of the sensor \
         by kind; `decode` counts records that could not be read, `engine` events that waited too long for \
         their process, `hash` executables that were not hashed, `sockets` connections without payloads, \
         `control` lines for slow readers. Outputs have a metric of their own.",
        |snapshot, samples| {
            let metrics = &snapshot.metrics;
            for (kind, count) in &metrics.lost {
                samples.add(["kernel", kind], *count);
            }
            samples.add(["decode", "record"], metrics.decode_errors);
            samples.add(["engine", "parked"], metrics.engine.parked_lost);
            samples.add(["hash", "queue-full"], metrics.enrich.hashes_queue_full);
            samples.add(["sockets", "payload"], metrics.sockets.missed);
            samples.add(["control", "line"], metrics.control.lost);
        },
    ),
    gauge(
        "minerwatch_source_available",
        &["source"],
        "1 if the data source has a hook on this kernel, 0 if it is unavailable.",
        |snapshot, samples| {
            for source in snapshot.metrics.hooks.keys() {
                samples.add([source], true);
            }
            for source in &snapshot.metrics.blind {
                samples.add([source], false);
            }
        },
    ),
    histogram(
        "minerwatch_event_latency_seconds",
        "Time from an event in the kernel until the engine got it. The first event of each batch is measured.",
        |snapshot, samples| samples.histogram(&snapshot.metrics.latency.event),
    ),
    histogram(
        "minerwatch_alert_latency_seconds",
        "Time from the deciding event in the kernel until the alert left the engine.",
        |snapshot, samples| samples.histogram(&snapshot.metrics.latency.alert),
    ),
];
