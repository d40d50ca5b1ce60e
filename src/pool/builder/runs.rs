//! What a run may do, and for how long, unless its request says otherwise.

use std::time::Duration;

use rotapool_core::{Hedge, RetryBudget};

use super::Builder;

impl<T> Builder<T> {
    /// The most runs in [line](crate::Request::wait) when another one comes, which is refused then, unless a
    /// [ramp](crate::Recovery::Ramp) is all that it would have waited for. 1,024 by default; at least 1.
    ///
    /// It bounds newcomers only. A run that comes back from an attempt is never refused: the line can be longer by as
    /// many as were in flight, and the refusal says how long it is. Runs that only [pause](Self::retry_delay) are in
    /// nobody's way and are not counted, here or in [`waiting`](crate::PoolStats::waiting).
    pub fn max_waiting(mut self, runs: usize) -> Self {
        self.say("max_waiting");
        self.max_waiting = Some(runs);
        self
    }

    /// The most attempts that may fail, of a run that sets none of its own. 3 by default; at least 1. See
    /// [`Request::max_attempts`](crate::Request::max_attempts) for what counts.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.say("max_attempts");
        self.defaults.max_attempts = attempts;
        self
    }

    /// The mean pause before a run repeats itself, of a run that sets none of its own. 500 ms by default.
    ///
    /// A run goes to what it has not tried without any pause. It pauses before it repeats itself, when it has tried
    /// all that is eligible; meanwhile it holds no place on any resource. The pause is drawn evenly from half to one
    /// and a half times the mean, so that runs which failed together do not come back together; zero stays zero.
    ///
    /// A run that pauses stands in [line](crate::Request::wait) for what it has not tried, whether it waits otherwise
    /// or not: that is handed to it at once, and what it has tried is for others until the pause is over. Time that it
    /// has to wait for a place is part of the pause. When the pause would outlast its deadline it fails at once, unless
    /// it waits and something that it has not tried is busy, or back before that. Of a run that does not wait a pause ends
    /// at once when all that is left for it is gone, or away for longer than the pause.
    pub fn retry_delay(mut self, mean: Duration) -> Self {
        self.say("retry_delay");
        self.defaults.retry_delay = mean;
        self
    }

    /// How many retries there may be, over the whole pool: a share of its runs. No limit by default.
    ///
    /// A retry is an attempt after a retry or cooldown signal or a time-out. One after a disable signal, or after an abort by a
    /// sibling, is none: the resource is gone, or the run was only in the way. A run that would retry beyond the budget
    /// ends as exhausted, with [`ExhaustedReason::RetryBudget`](crate::ExhaustedReason::RetryBudget) and its last signal.
    ///
    /// For when everything fails a little: without a budget three attempts a run are three times the load on
    /// upstreams that have too much of it.
    ///
    /// ```
    /// use rotapool::{Pool, Resource, RetryBudget};
    ///
    /// let pool = Pool::builder()
    ///     .resources(["a", "b"].map(|id| Resource::new(id, id)))
    ///     .retry_budget(RetryBudget::percent(20).min_per_second(2)) // of the last 10 s
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.say("retry_budget");
        self.config.retry_budget = Some(budget);
        self
    }

    /// Hedges the runs that set nothing of their own: when an attempt has not answered after this long, a second one
    /// begins on another resource, and the first good answer is the run's. A [`Duration`], or [`Hedge::P95`] for what 95 of 100 answers
    /// of late were faster than. Never by default.
    ///
    /// It cuts the tail of the latencies where some answers are slow by chance, and **the operation may be carried out twice**.
    ///
    /// - Who answers first with a value, or an error of the operation's own, ends the run. The other attempt is dropped where it
    ///   stands, says nothing of its resource, and gives its place back. A signal, a time-out or an abort
    ///   does to its resource what it always does, and the run goes on with the other attempt alone. Each attempt has an
    ///   [`attempt_timeout`](Self::attempt_timeout) of its own; the deadline ends both.
    /// - The second attempt goes to what the [strategy](Self::strategy) chooses among the eligible that the run admits and has not
    ///   tried, never to the same resource, nor one of its [group](crate::Resource::group), and not beyond the pace of a ramp. Where there is none, as in a pool of one, there is no
    ///   hedge. A [`Select`](crate::Select) of your own is not asked.
    /// - None begins while anybody is in [line](crate::Request::wait): what is free is theirs.
    /// - It is paid out of the [retry budget](Self::retry_budget), or 5 of 100 runs of the last minute are hedged at most if there
    ///   is none. It counts among the run's attempts, so a run that may make one only is not hedged.
    ///
    /// Both attempts are polled in the run's own task; nothing is spawned. The two of them share the operation, so each call of
    /// it has to make a future of its own, as for any retry.
    pub fn hedge(mut self, hedge: impl Into<Hedge>) -> Self {
        self.say("hedge");
        self.config.hedge = Some(hedge.into());
        self
    }

    /// How long one attempt may take, of a run that sets nothing of its own; more than zero. No limit by default. See
    /// [`Request::attempt_timeout`](crate::Request::attempt_timeout).
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.say("attempt_timeout");
        self.defaults.attempt_timeout = Some(timeout);
        self
    }

    /// How long a [stream](crate::Pool::run_stream) may be silent, of a run that sets nothing of its own; more than zero. No
    /// limit by default.
    ///
    /// Silence is time in which somebody asks for the next item and nothing comes; how long the reader takes does not count.
    /// Before the first item it is a failed attempt, and the run goes on elsewhere; after it, an
    /// [error](crate::StreamError::Stalled) to the reader and a failure of the resource.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.say("stall_timeout");
        self.defaults.stall_timeout = Some(timeout);
        self
    }

    /// How long a [stream](crate::Pool::run_stream) may take as a whole, from the beginning of its run, of a run that sets
    /// nothing of its own; more than zero. No limit by default.
    ///
    /// A stream that is over it ends with an [error](crate::StreamError::TimedOut), which says nothing of its resource. Its
    /// place is [taken back](Self::held_bound) also from a reader that has stopped to read.
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.say("stream_timeout");
        self.defaults.stream_timeout = Some(timeout);
        self
    }

    /// Whether a cooldown or disable signal of an older operation also ends the [streams](crate::Pool::run_stream) on the same
    /// resource that have begun: their readers get [`StreamError::Aborted`](crate::StreamError::Aborted). Off by default, for
    /// they may still come to a good end. Those without a first item are tried elsewhere in any case, unless
    /// [`cancel_siblings`](Self::cancel_siblings) is off.
    pub fn cancel_streams(mut self, cancel: bool) -> Self {
        self.say("cancel_streams");
        self.config.cancel_streams = cancel;
        self
    }

    /// How long a [checkout](crate::Pool::acquire), or a [stream](crate::Pool::run_stream) from its first item on, may be held;
    /// more than zero. No limit by default.
    ///
    /// For holders that forget. When it is over the place is taken back: the next in line gets it,
    /// [`Held::aborted`](crate::Held::aborted) is ready, an [event](crate::Event::TakenBack) tells whose it was, and whatever
    /// the holder says later is an error that changes nothing. Like the end of a cooldown it is noticed by whatever the
    /// pool is told next, and by who stands in line.
    pub fn held_bound(mut self, bound: Duration) -> Self {
        self.say("held_bound");
        self.defaults.held_bound = Some(bound);
        self
    }
}
