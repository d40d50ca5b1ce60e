//! What happened to a pool, as plain data, in the order in which it happened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admin_call::AdminCall;
use super::change::StateChange;
use super::command::CommandReport;
use super::run_outcome::RunOutcome;
use crate::member::outcome::Outcome;

/// Something that happened to a pool. Its `Display` is one line for a log.
///
/// `at` is the instant by the pool's clock. Two threads may read the clock in one order and get to the
/// pool in the other: what came first is what was told first, whatever `at` says.
///
/// `run` numbers the runs of the pool from 1, in the order in which they were first told of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A run stands in line: nothing that it may have is free. Told once each time that it comes, and not while it merely pauses;
    /// what it gets is told by its next attempt.
    #[non_exhaustive]
    RunInLine {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// How many wait in line now, itself included.
        waiting: usize,
        /// How long the one of them has waited who has waited longest.
        oldest_wait: Duration,
    },
    /// A run picked a resource and calls the operation with it.
    #[non_exhaustive]
    AttemptStarted {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource.
        id: Arc<str>,
        /// Which attempt of its run it is, counting from 1.
        attempt: u32,
    },
    /// The operation has not answered in time: a second attempt begins beside this one, and is told of next. The first good
    /// answer of the two is the run's.
    #[non_exhaustive]
    AttemptHedged {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource that has not answered.
        id: Arc<str>,
        /// Which attempt of its run it is, counting from 1.
        attempt: u32,
        /// How long it has taken so far.
        latency: Duration,
    },
    /// A stream has had its first item: from here on nothing is repeated, and the resource is held. How the stream ends is told as
    /// the end of its attempt, in its time.
    #[non_exhaustive]
    AttemptCommitted {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource.
        id: Arc<str>,
        /// Which attempt of its run it is, counting from 1.
        attempt: u32,
        /// How long the first item took.
        latency: Duration,
    },
    /// The operation ended, or an older sibling's signal ended it. What follows from that is told next.
    #[non_exhaustive]
    AttemptSettled {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource.
        id: Arc<str>,
        /// Which attempt of its run it was, counting from 1.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// How long it took.
        latency: Duration,
    },
    /// The caller gave up the run while the operation was under way, or another attempt of it was faster.
    #[non_exhaustive]
    AttemptAbandoned {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource.
        id: Arc<str>,
        /// Which attempt of its run it was, counting from 1.
        attempt: u32,
        /// How long it had taken so far.
        latency: Duration,
    },
    /// A place was taken back from whoever held it for longer than the pool's bound. Its run counts as cancelled.
    #[non_exhaustive]
    TakenBack {
        /// When that was noticed: by whatever the pool was told next.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// The resource.
        id: Arc<str>,
        /// Which attempt of its run it was, counting from 1.
        attempt: u32,
        /// How long it was held.
        held_for: Duration,
    },
    /// A resource changed its status, or its cooldown was signalled again.
    #[non_exhaustive]
    StateChanged {
        /// When it was noticed: the end of a cooldown is noticed by whatever the pool is told next.
        at: Instant,
        /// The change.
        change: StateChange,
    },
    /// A cooldown or disable signal, told just before, aborted the younger usages on its resource. Their
    /// own ends are told as their runs come to it.
    #[non_exhaustive]
    SiblingsAborted {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
        /// How many.
        count: u64,
    },
    /// The circuit breaker would have sent a resource away, and left it, because it is among the last healthy ones. Told
    /// once, until a success or an outage.
    #[non_exhaustive]
    KeptAvailable {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
        /// What would have tripped it.
        evidence: Arc<str>,
    },
    /// A run tries a resource that is out until then, to see whether it still is. The attempt is told next.
    #[non_exhaustive]
    ProbedEarly {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
        /// When it is back, if the probe fails.
        until: Instant,
    },
    /// A resource joined the pool, healthy. Those that the pool was built with are not told of.
    #[non_exhaustive]
    ResourceAdded {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
    },
    /// A resource left the pool. Attempts under way on it go on, and their ends are told.
    #[non_exhaustive]
    ResourceRemoved {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
    },
    /// A prober's call of the operation ended. What follows from that is told next.
    #[non_exhaustive]
    ProbeSettled {
        /// When.
        at: Instant,
        /// The resource.
        id: Arc<str>,
        /// How it ended.
        outcome: Outcome,
        /// How long it took.
        latency: Duration,
    },
    /// Somebody asked for a change by their name ([`State::by`](crate::State::by)). What follows from it is told next.
    ///
    /// What was asked for without a name is told by what follows from it alone.
    #[non_exhaustive]
    AdminCall {
        /// When.
        at: Instant,
        /// Who.
        by: Arc<str>,
        /// The resource; `None` of a list.
        id: Option<Arc<str>>,
        /// For what.
        call: AdminCall,
    },
    /// A run is over.
    #[non_exhaustive]
    RunEnded {
        /// When.
        at: Instant,
        /// The number of the run.
        run: u64,
        /// The id that the run's caller gave it.
        request_id: Option<Arc<str>>,
        /// How.
        outcome: RunOutcome,
        /// The attempts that it made.
        attempts: u32,
    },
    /// The last healthy resource went out: from here on the pool refuses every run, or lets it wait.
    ///
    /// Told once, until [`PoolRecovered`](Self::PoolRecovered). A resource at its cap, or whose quota is
    /// spent, is healthy: that all are is load, not an outage, and told by each run that is refused.
    #[non_exhaustive]
    PoolExhausted {
        /// When.
        at: Instant,
        /// When the earliest cooldown ends; `None` if all resources are disabled or gone.
        retry_at: Option<Instant>,
    },
    /// A resource is healthy again and has quota left, the first one since [`PoolExhausted`](Self::PoolExhausted).
    ///
    /// The end of a cooldown, as a refill, is noticed, and so told, by whatever the pool is told next, or by a monitor.
    #[non_exhaustive]
    PoolRecovered {
        /// When.
        at: Instant,
    },
    /// The pool was [closed](crate::State::close): it begins no new runs from here on.
    #[non_exhaustive]
    PoolClosed {
        /// When.
        at: Instant,
    },
    /// A command that a monitor ran for a turn of the pool has ended, or was not run.
    #[non_exhaustive]
    CommandEnded {
        /// When.
        at: Instant,
        /// What became of it.
        report: Arc<CommandReport>,
    },
    /// The subscriber was too slow: these many events, which came here, are lost to it.
    #[non_exhaustive]
    Missed {
        /// When the last of them happened.
        at: Instant,
        /// How many.
        count: u64,
    },
}

impl Event {
    /// A gap of so many events, the last of which happened then.
    #[must_use]
    pub fn missed(count: u64, at: Instant) -> Self {
        Self::Missed { at, count }
    }

    /// When it happened, by the pool's clock.
    #[must_use]
    pub fn at(&self) -> Instant {
        match self {
            Self::RunInLine { at, .. }
            | Self::AttemptStarted { at, .. }
            | Self::AttemptHedged { at, .. }
            | Self::AttemptCommitted { at, .. }
            | Self::AttemptSettled { at, .. }
            | Self::AttemptAbandoned { at, .. }
            | Self::TakenBack { at, .. }
            | Self::StateChanged { at, .. }
            | Self::SiblingsAborted { at, .. }
            | Self::KeptAvailable { at, .. }
            | Self::ProbedEarly { at, .. }
            | Self::ResourceAdded { at, .. }
            | Self::ResourceRemoved { at, .. }
            | Self::ProbeSettled { at, .. }
            | Self::AdminCall { at, .. }
            | Self::RunEnded { at, .. }
            | Self::PoolExhausted { at, .. }
            | Self::PoolRecovered { at }
            | Self::CommandEnded { at, .. }
            | Self::PoolClosed { at }
            | Self::Missed { at, .. } => *at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_as_small_as_the_documentation_says() {
        assert!(size_of::<Event>() < 200, "{} bytes", size_of::<Event>());
    }
}
