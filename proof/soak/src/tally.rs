//! What really happened, counted apart from the pool, to hold the pool's counters against.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use rotapool::{ExhaustedReason, PoolStats, RunError, StateChange};

/// An operation's own error.
#[derive(Debug)]
pub(crate) struct Boom;

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

impl Count {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub(crate) fn down(&self) {
        self.0.fetch_sub(1, SeqCst);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(SeqCst)
    }

    pub(crate) fn at_least(&self, value: u64) {
        self.0.fetch_max(value, SeqCst);
    }

    pub(crate) fn add(&self, value: u64) {
        self.0.fetch_add(value, SeqCst);
    }
}

/// Counts by name, each with how those of two pools become one.
macro_rules! tally {
    ($($(#[doc = $doc:literal])* $name:ident: $how:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Tally { $($(#[doc = $doc])* pub(crate) $name: Count),* }

        impl Tally {
            /// Adds another one up into this one.
            pub(crate) fn take_in(&self, other: &Self) {
                $(self.$name.$how(other.$name.get());)*
            }
        }
    };
}

tally! {
    /// Runs, from their first poll on.
    runs: add,
    runs_ok: add,
    runs_error: add,
    runs_exhausted: add,
    /// Those of them that found the line full.
    line_full: add,
    runs_panicked: add,
    /// Dropped by their callers, or aborted.
    runs_given_up: add,
    calls: add,
    values: add,
    errors: add,
    failures: add,
    retries: add,
    cooldowns: add,
    disables: add,
    panics: add,
    /// Calls whose future was dropped before it came to its end: aborted, out of time, or dropped with the run.
    dropped: add,
    admin_calls: add,
    admin_disables: add,
    changes: add,
    last_change: at_least,
    most_waiting: at_least,
    sibling_cancels: add,
    timeouts: add,
    deadlines: add,
    samples: add,
    laps: add,
}

impl Tally {
    pub(crate) fn runs_over(&self) -> u64 {
        let ends = [&self.runs_ok, &self.runs_error, &self.runs_exhausted, &self.runs_panicked];
        ends.iter().map(|end| end.get()).sum::<u64>() + self.runs_given_up.get()
    }

    pub(crate) fn calls_over(&self) -> u64 {
        let ends = [&self.values, &self.errors, &self.failures, &self.retries, &self.cooldowns];
        ends.iter().map(|end| end.get()).sum::<u64>()
            + [&self.disables, &self.panics, &self.dropped].map(Count::get).iter().sum::<u64>()
    }

    /// Calls that answered with a fault of their resource.
    fn faults(&self) -> u64 {
        let faults = [&self.failures, &self.retries, &self.cooldowns, &self.disables];
        faults.map(Count::get).iter().sum()
    }

    pub(crate) fn changed(&self, change: &StateChange) {
        self.changes.up();
        self.last_change.at_least(change.sequence);
    }

    /// That the pool has counted all that happened, and nothing else, now that nothing happens.
    pub(crate) fn assert_agrees(&self, stats: &PoolStats) {
        let equal = [
            ("in flight", stats.in_flight, 0),
            ("waiting", stats.waiting as u64, 0),
            ("attempts", stats.attempts, self.calls.get()),
            ("calls over", self.calls_over(), self.calls.get()),
            ("runs over", self.runs_over(), self.runs.get()),
            ("runs ok", stats.runs_ok, self.runs_ok.get()),
            ("runs error", stats.runs_error, self.runs_error.get() + self.runs_panicked.get()),
            ("runs exhausted", stats.runs_exhausted, self.runs_exhausted.get()),
            ("runs cancelled", stats.runs_cancelled, self.runs_given_up.get()),
            ("successes", stats.successes, self.values.get() + self.errors.get()),
            ("failures", stats.failures, self.faults() + stats.timeouts),
            ("retries", stats.retries, self.retries.get()),
            ("choice faults", stats.choice_faults, 0),
            ("state changes", self.changes.get(), self.last_change.get()),
        ];
        for (what, counted, happened) in equal {
            assert_eq!(counted, happened, "at rest: {what}; {stats:#?}; {self:#?}");
        }
        let at_most = [
            // On trial any failure is a cooldown too.
            ("cooldowns", stats.cooldowns, stats.failures),
            ("disables", stats.disables, self.disables.get() + self.admin_disables.get()),
            ("aborts", stats.sibling_cancels, stats.attempts),
            // Who was dropped was out of time, or was aborted, or went with its run.
            (
                "dropped",
                self.dropped.get(),
                stats.timeouts + stats.deadlines + stats.sibling_cancels + stats.runs_cancelled,
            ),
            ("out of time", stats.timeouts + stats.deadlines, self.dropped.get()),
            // Whose attempt its deadline has ended is told so, or is dropped before.
            ("deadlines", stats.deadlines, self.runs_exhausted.get() + self.runs_given_up.get()),
            ("line full", self.line_full.get(), stats.runs_exhausted),
        ];
        for (what, counted, most) in at_most {
            assert!(counted <= most, "at rest: {what}: {counted} > {most}; {stats:#?}; {self:#?}");
        }
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Served,
    Failed,
    Exhausted,
    Panicked,
    Aborted,
}

pub(crate) type Run = BoxFuture<'static, Result<(), RunError<Boom>>>;

/// A run whose end is written down, whichever it is. Polled after its end, it panics.
pub(crate) struct Counted {
    run: Option<Run>,
    begun: bool,
    tally: Arc<Tally>,
}

impl Counted {
    pub(crate) fn new(run: Run, tally: &Arc<Tally>) -> Self {
        Self { run: Some(run), begun: false, tally: Arc::clone(tally) }
    }
}

impl Future for Counted {
    type Output = Fate;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Fate> {
        if !std::mem::replace(&mut self.begun, true) {
            self.tally.runs.up();
        }
        let run = self.run.as_mut().expect("it is not over");
        let polled = catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(task)));
        let (fate, count) = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(()))) => (Fate::Served, &self.tally.runs_ok),
            Ok(Poll::Ready(Err(RunError::Operation(Boom)))) => {
                (Fate::Failed, &self.tally.runs_error)
            }
            Ok(Poll::Ready(Err(RunError::Exhausted(why)))) => {
                assert!(!why.to_string().is_empty() && why.attempts <= 128, "unexplained: {why:?}");
                if matches!(why.reason, ExhaustedReason::LineFull { .. }) {
                    self.tally.line_full.up();
                }
                (Fate::Exhausted, &self.tally.runs_exhausted)
            }
            Ok(Poll::Ready(Err(RunError::Aborted))) => (Fate::Aborted, &self.tally.runs_given_up),
            Ok(Poll::Ready(Err(other))) => panic!("a run ends by {other:?}"),
            Err(_) => (Fate::Panicked, &self.tally.runs_panicked),
        };
        count.up();
        self.run = None;
        Poll::Ready(fate)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.run.take().is_some() && self.begun {
            self.tally.runs_given_up.up();
        }
    }
}
