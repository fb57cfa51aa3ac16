//! What minerwatch reads from the host: containers, hashes, samples of CPUs, sockets and lists of indicators.

use crate::metrics::exposition::family::{Family, counter, gauge};

pub(super) const FAMILIES: &[Family] = &[
    counter(
        "minerwatch_hashes",
        &["outcome"],
        "Executables by the outcome of their hash: `hashed`; `cached` (known already); `too-large`; `gone`; \
         `failed`; `unanswered` (the process ended first); `invalidated` (the file changed meanwhile).",
        |snapshot, samples| {
            let enrich = &snapshot.metrics.enrich;
            samples.add(["hashed"], enrich.hashes);
            samples.add(["cached"], enrich.hashes_cache_hits);
            samples.add(["too-large"], enrich.hashes_too_large);
            samples.add(["gone"], enrich.hashes_gone);
            samples.add(["failed"], enrich.hashes_failed);
            samples.add(["unanswered"], enrich.hashes_unanswered);
            samples.add(["invalidated"], enrich.hashes_invalidated);
        },
    ),
    counter("minerwatch_hashed_bytes", &[], "Bytes read for hashing.", |snapshot, samples| {
        samples.one(snapshot.metrics.enrich.hashes_bytes);
    }),
    counter("minerwatch_cgroup_walks", &[], "Searches for a cgroup in /sys.", |snapshot, samples| {
        samples.one(snapshot.metrics.enrich.cgroups_walks);
    }),
    counter("minerwatch_cgroups_missing", &[], "Cgroups that were not found.", |snapshot, samples| {
        samples.one(snapshot.metrics.enrich.cgroups_missing);
    }),
    counter(
        "minerwatch_container_lookups",
        &["outcome"],
        "Containers that the runtimes were asked about, by outcome: `named`; `unknown` (no runtime knows it); \
         `refused` (too many were waiting).",
        |snapshot, samples| {
            let containers = &snapshot.metrics.containers;
            samples.add(["named"], containers.named);
            samples.add(["unknown"], containers.unknown);
            samples.add(["refused"], containers.refused);
        },
    ),
    counter(
        "minerwatch_container_socket_questions",
        &["socket", "outcome"],
        "Questions to the sockets of runtimes: `answered`; `failed`; `skipped` (earlier questions failed).",
        |snapshot, samples| {
            for (path, socket) in &snapshot.metrics.containers.sockets {
                samples.add([path, "answered"], socket.answered);
                samples.add([path, "failed"], socket.failed);
                samples.add([path, "skipped"], socket.skipped);
            }
        },
    ),
    gauge(
        "minerwatch_container_lookups_pending",
        &[],
        "Containers that wait for the answer of a runtime.",
        |snapshot, samples| samples.one(snapshot.metrics.containers.pending),
    ),
    gauge(
        "minerwatch_containers",
        &[],
        "Containers that are remembered, living and deleted.",
        |snapshot, samples| samples.one(snapshot.metrics.engine.containers),
    ),
    counter(
        "minerwatch_containers_evicted",
        &[],
        "Containers forgotten because too many were remembered.",
        |snapshot, samples| samples.one(snapshot.metrics.engine.containers_evicted),
    ),
    counter("minerwatch_sampler_visits", &[], "Visits to CPUs that ran a process.", |snapshot, samples| {
        samples.one(snapshot.metrics.sampler.visits);
    }),
    counter("minerwatch_sampler_refused", &[], "Visits that the kernel refused.", |snapshot, samples| {
        samples.one(snapshot.metrics.sampler.refused);
    }),
    counter(
        "minerwatch_sampler_boosts",
        &[],
        "Processes that were visited more often for some seconds.",
        |snapshot, samples| samples.one(snapshot.metrics.sampler.closer),
    ),
    counter(
        "minerwatch_sockets_tagged",
        &[],
        "Sockets of other processes that were tagged, so that their payloads are read.",
        |snapshot, samples| samples.one(snapshot.metrics.sockets.marked),
    ),
    gauge("minerwatch_indicator_lists", &["state"], "Lists of indicators.", |snapshot, samples| {
        samples.add(["loaded"], snapshot.metrics.lists.lists);
        samples.add(["troubled"], snapshot.metrics.lists.troubled);
    }),
    gauge(
        "minerwatch_indicator_entries",
        &["use"],
        "Entries of the lists: `watched`, `allowed` (never reported) and `left-out`.",
        |snapshot, samples| {
            samples.add(["watched"], snapshot.metrics.lists.watched);
            samples.add(["allowed"], snapshot.metrics.lists.allowed);
            samples.add(["left-out"], snapshot.metrics.lists.left_out);
        },
    ),
    gauge("minerwatch_indicator_bytes", &[], "Memory of the entries.", |snapshot, samples| {
        samples.one(snapshot.metrics.lists.bytes);
    }),
    counter("minerwatch_indicator_fetches", &["outcome"], "Fetches of lists.", |snapshot, samples| {
        samples.add(["fetched"], snapshot.metrics.lists.fetched);
        samples.add(["failed"], snapshot.metrics.lists.fetches_failed);
    }),
];
