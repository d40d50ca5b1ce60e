//! Looks at the pool all the while: whatever happens, these are true.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rotapool::{PoolStats, ResourceSnapshot, Status};

use crate::callers::{Callers, TASKS};
use crate::executor::Executor;

/// Samples the pool until the lap is over.
pub(crate) async fn watch<X: Executor>(callers: Callers<X>) {
    let (pool, tally) = (&callers.pool, &callers.tally);
    let mut last = pool.stats();
    while !callers.stop.load(Ordering::SeqCst) {
        let (runs_over, calls_over) = (tally.runs_over(), tally.calls_over());
        let stats = pool.stats();
        let (runs, calls) = (tally.runs.get(), tally.calls.get());

        assert_sound(&stats);
        pool.snapshot().iter().for_each(assert_within);
        assert_onwards(&last, &stats);
        let ended = stats.runs_ok + stats.runs_error + stats.runs_exhausted + stats.runs_cancelled;
        // The pool counts a run before its caller knows of it, and an attempt before its call.
        assert!(
            runs_over <= ended && ended <= runs,
            "{runs_over} <= {ended} <= {runs}; {stats:#?}"
        );
        let begun = stats.attempts;
        assert!(calls_over <= begun, "{calls_over} <= {begun}; {stats:#?}");
        assert!(begun <= calls + TASKS, "{begun} <= {calls} + {TASKS}; {stats:#?}");
        tally.most_waiting.at_least(stats.waiting as u64);
        tally.samples.up();
        last = stats;
        callers.executor.sleep(Duration::from_millis(2)).await;
    }
}

/// What one look must show.
fn assert_sound(stats: &PoolStats) {
    let members = stats.resources.len();
    assert_eq!(stats.eligible + stats.saturated, stats.healthy, "{stats:#?}");
    assert_eq!(stats.healthy + stats.cooling_down + stats.disabled, members, "{stats:#?}");
    let busy = stats.in_flight + stats.waiting as u64;
    assert!(busy <= TASKS, "{busy} runs of {TASKS} callers; {stats:#?}");
    assert_eq!(stats.oldest_wait.is_some(), stats.waiting > 0, "{stats:#?}");
    let settled = stats.successes + stats.failures + stats.deadlines;
    assert!(settled <= stats.attempts, "{stats:#?}");
    // On trial any failure is a cooldown too.
    assert!(stats.retries + stats.timeouts <= stats.failures, "{stats:#?}");
    assert!(stats.cooldowns <= stats.failures, "{stats:#?}");
    assert!(stats.sibling_cancels <= stats.attempts, "{stats:#?}");
    let mut acquired = 0;
    for one in &stats.resources {
        let cap = one.max_in_flight.expect("everybody has a cap");
        assert!(one.in_flight <= cap, "{} has {} in flight", one.id, one.in_flight);
        assert!(one.successes + one.failures <= one.acquires, "{one:#?}");
        assert!(one.timeouts.max(one.cooldowns) <= one.failures, "{one:#?}");
        acquired += one.acquires;
    }
    assert!(acquired <= stats.attempts, "{stats:#?}");
}

/// That no place is given away twice, nor promised on a resource that is out.
fn assert_within(row: &ResourceSnapshot) {
    let cap = row.max_in_flight.expect("everybody has a cap");
    let taken = row.in_flight + row.promised;
    assert!(taken <= cap && (row.promised == 0 || row.status == Status::Healthy), "{row:#?}");
}

/// What two looks must show: counters go up.
fn assert_onwards(before: &PoolStats, after: &PoolStats) {
    let counters = |stats: &PoolStats| {
        [
            stats.attempts,
            stats.successes,
            stats.failures,
            stats.timeouts,
            stats.deadlines,
            stats.cooldowns,
            stats.disables,
            stats.sibling_cancels,
            stats.retries,
            stats.runs_ok,
            stats.runs_error,
            stats.runs_exhausted,
            stats.runs_cancelled,
        ]
    };
    let back = counters(before).iter().zip(counters(after)).any(|(before, after)| *before > after);
    assert!(!back, "a counter went back: {before:#?} {after:#?}");
}
