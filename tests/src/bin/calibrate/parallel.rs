//! Uses all processors.

use std::{
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Applies a function to every job and returns the results in the order of the jobs.
pub fn map<Job: Sync, Result: Send>(jobs: &[Job], work: impl Fn(&Job) -> Result + Sync) -> Vec<Result> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, job)) = take(jobs, &next) {
                    let result = work(job);
                    results.lock().expect("no thread panics with the lock").push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics with the lock");
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, Job>(jobs: &'a [Job], next: &AtomicUsize) -> Option<(usize, &'a Job)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(number).map(|job| (number, job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_order() {
        let jobs: Vec<u32> = (0..1_000).collect();
        assert_eq!(map(&jobs, |job| job * 2), (0..1_000).map(|job| job * 2).collect::<Vec<_>>());
        assert!(map(&[], |job: &u32| *job).is_empty());
    }
}
