//! What sends a resource away, for how long, and how it comes back.

use std::ops::RangeInclusive;
use std::time::Duration;

use rotapool_core::{HealthRules, Recovery, Trip};

use super::Builder;

impl<T> Builder<T> {
    /// How health is measured: the window of the error rate, its grades, the decay of latencies.
    ///
    /// The measures change nothing by themselves. [`Strategy::LeastLatency`](crate::Strategy::LeastLatency) and
    /// [`Strategy::LeastErrors`](crate::Strategy::LeastErrors) go by them, and [`stats`](crate::Pool::stats) shows them.
    pub fn health(mut self, rules: HealthRules) -> Self {
        self.say("health");
        self.config.health = rules;
        self
    }

    /// How long the first, second, third… guessed cooldown since a resource's last success lasts; the last
    /// entry serves for all that follow. 30 s, 120 s, 300 s, 600 s by default; at least one entry, none of them
    /// zero.
    ///
    /// A signal that states its own duration is no guess, and takes no step. What was in flight already when the
    /// resource went out reports the same outage: it takes no step either, and moves no guessed end.
    pub fn cooldown_table(mut self, table: impl IntoIterator<Item = Duration>) -> Self {
        self.say("cooldown_table");
        self.config.cooldown_table = table.into_iter().collect();
        self
    }

    /// Within which bounds a stated cooldown is believed; beyond, the nearer bound holds, and
    /// [`explain`](crate::Pool::explain) says so. 1 s to 24 h by default; the lower one more than zero.
    ///
    /// A stated cooldown of zero states nothing: the table decides, whose entries are your own word and stay as they are.
    pub fn cooldown_bounds(mut self, bounds: RangeInclusive<Duration>) -> Self {
        self.say("cooldown_bounds");
        self.cooldown_bounds = Some(bounds);
        self
    }

    /// How many successes in a row take a resource one step down the cooldown table. By default one success takes it
    /// all the way down.
    ///
    /// For resources that flap: one that works every second time is as good as new after each success by default,
    /// and so is tried again after the shortest cooldown for ever.
    pub fn step_down_after(mut self, successes: u32) -> Self {
        self.say("step_down_after");
        self.step_down_after = Some(successes);
        self
    }

    /// How a resource comes back from a cooldown. [`Recovery::Ramp`] by default: one at a time at first, and one
    /// more with each success, so that a line of waiting runs does not fall on whoever comes back first.
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.say("recovery");
        self.recovery = Some(recovery);
        self
    }

    /// Whether a cooldown or disable signal aborts the younger operations on the same resource, so
    /// that they are tried elsewhere. On by default.
    ///
    /// After a disable signal all that began later are aborted. A cooldown signal speaks of a limit, and calls overtake each
    /// other on their way: it aborts those that began in the second half of the time that its own call took, or later.
    /// One that was sent beside it may be served, and hears for itself if not.
    ///
    /// An aborted operation may have reached the upstream already: switch this off if your
    /// operations must not happen twice. An abort costs the run it hits no attempt, unless it had tried the same resource
    /// before.
    pub fn cancel_siblings(mut self, cancel: bool) -> Self {
        self.say("cancel_siblings");
        self.config.cancel_siblings = cancel;
        self
    }

    /// When failures send a resource away, and for how long: a circuit breaker for each resource. None by default.
    ///
    /// Evidence are retry signals, failures, attempts that time out, and slow calls where the rules count them. Cooldown and disable
    /// signals are not: they act by themselves. Of one run only the first failure counts, so a request that fails
    /// everywhere takes nothing down; and what began before an outage counts no more.
    ///
    /// A trip is a cooldown with the cause [`Cause::Circuit`](crate::Cause::Circuit), as long as the rules say. It aborts nobody: it is a
    /// guess. The resource comes back as from any cooldown, by [`recovery`](Self::recovery), so permits, successes and bounds of trials
    /// are set there. Until it has succeeded once, each further failure sends it away again.
    /// [`keep_available`](Self::keep_available) holds the breaker back.
    ///
    /// ```
    /// use rotapool::{Pool, Resource, Trip};
    ///
    /// let pool = Pool::builder()
    ///     .resources(["a", "b", "c"].map(|id| Resource::new(id, id)))
    ///     .circuit_breaker(Trip::after_failures(5))
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn circuit_breaker(mut self, rules: Trip) -> Self {
        self.say("circuit_breaker");
        self.config.circuit_breaker = Some(rules);
        self
    }

    /// How many healthy resources the [circuit breaker](Self::circuit_breaker) leaves alone, for they may be all that there is: 1 by
    /// default, 0 for none. What is kept so is told by an event, and shown by [`explain`](crate::Pool::explain).
    ///
    /// In a pool of one resource the breaker therefore acts only with 0 here. Signals of cooldown and disable always act.
    pub fn keep_available(mut self, healthy: usize) -> Self {
        self.say("keep_available");
        self.keep_available = Some(healthy);
        self
    }

    /// How often a run may try a resource that is out for long, to see whether it still is. None does by default; more than
    /// zero.
    ///
    /// For words that were too long: an upstream that says an hour and has lifted the limit after ten minutes, a key that was
    /// parked for a day. A resource whose end was [stated](crate::Basis::Stated) or set by an [operator](crate::Pool::park) is
    /// tried by one run, one interval after it went out and then again at most once an interval, until the interval before its
    /// end. A guessed end is left to the cooldown table, and for calls that no run makes there is [`prober`](crate::Pool::prober).
    ///
    /// Only a run tries it that loses little by it: something else is eligible for it, a failure leaves it another attempt, and of the time
    /// to its deadline the attempt takes half at most. A [checkout](crate::Pool::acquire) never does.
    ///
    /// A success, and an error of the operation's own, bring the resource back by [`recovery`](Self::recovery). A failure leaves the end
    /// where it was and takes no step on the table; a stated end that is later holds, and a disable signal, as ever. After a signal and after
    /// a time-out the run goes on elsewhere. A [`Fault::Failure`](crate::Fault::Failure) ends it, as it ends any run: the caller has the error, nobody else
    /// is asked, and the resource is out as before. So an operation that wants the next resource asked says
    /// [`Fault::retry`](crate::Fault::retry).
    ///
    /// Told by
    /// [`Event::ProbedEarly`](crate::Event::ProbedEarly), counted in [`stats`](crate::Pool::stats), and what
    /// [`explain`](crate::Pool::explain) names as next. Not to be had with [`python_rules`](Self::python_rules).
    ///
    /// ```
    /// # use std::time::Duration;
    /// use rotapool::{Pool, Resource};
    ///
    /// let pool = Pool::builder()
    ///     .resources(["key-1", "key-2"].map(|id| Resource::new(id, id)))
    ///     .probe_early(Duration::from_secs(60))
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn probe_early(mut self, every: Duration) -> Self {
        self.say("probe_early");
        self.config.probe_early = Some(every);
        self
    }

    /// Whether a run that would fail because all resources are out is served by one of them all the same. Off by
    /// default.
    ///
    /// It is the one that is back first: of those that an operator [parked](crate::Pool::park) if there are any, else of those
    /// whose end is guessed, else of those whose end was stated; never a disabled one, none beyond its cap, and none that
    /// the run has tried. A run that waits in line waits as long as there is hope. The lease
    /// [says so](crate::Lease::is_degraded). What comes of the attempt changes no guess: it is of an outage that is
    /// known. A stated end that is later holds, as ever, and of a parked resource a failure is news.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).degrade(true).build()?;
    /// pool.park("key-1", Duration::from_secs(300), "invoice unpaid")?;
    /// let degraded = pool.run(async |key| Ok::<_, Fault<()>>(key.is_degraded())).await;
    /// assert_eq!(degraded, Ok(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn degrade(mut self, degrade: bool) -> Self {
        self.say("degrade");
        self.config.degrade = degrade;
        self
    }
}
