//! A run in progress, which ends exactly once however its future ends.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::{ready, select};
use rotapool_core::{
    Attempts, Candidate, Exhausted, Metadata, Outcome, RunOptions, Sleep, State, Step,
};

use crate::drive::caller::Caller;
use crate::drive::lease::Lease;
use crate::drive::pair::{Target, Trigger};
use crate::drive::shared::Locked;
use crate::terms::options::Only;
use crate::terms::select;

/// What the shell has to do now.
pub(crate) enum Next<T> {
    Attempt(Lease<T>),
    Pause(Instant),
    /// Until then, if it is known, or until the run is called.
    Wait(Option<Instant>),
    Exhausted(Box<Exhausted>),
}

/// Whoever has a guard: its run, or who goes on with it after that.
pub(crate) trait Guarded {
    type Caller: Caller;

    fn guard(&mut self) -> &mut Guard<Self::Caller>;
}

impl<C: Caller> Guarded for Guard<C> {
    type Caller = C;

    #[inline(always)]
    fn guard(&mut self) -> &mut Self {
        self
    }
}

impl<C: Caller> Guarded for &mut Guard<C> {
    type Caller = C;

    #[inline(always)]
    fn guard(&mut self) -> &mut Guard<C> {
        self
    }
}

/// A run in progress. Dropped before it is over, it counts as cancelled and gives back its usage.
pub(crate) struct Guard<C: Caller> {
    pub(super) caller: C,
    pub(super) attempts: Attempts,
    /// Whether it was ever polled. Before that it has not begun, and so cannot be cancelled.
    begun: bool,
    /// The end by which the usage in flight is aborted, or the run in line is woken.
    pub(super) target: Option<Target>,
    /// Whether the target knows the task.
    pub(super) watched: bool,
}

impl<C: Caller> Guard<C> {
    #[inline]
    pub(crate) fn begin(caller: C, options: RunOptions) -> Self {
        let mut attempts = Attempts::new(options);
        if let Some(hedge) = caller.options().and_then(|options| options.hedge) {
            let shared = caller.shared();
            let now = shared.runtime.now();
            shared.with(|locked| attempts.hedge(&mut locked.state, hedge, now));
        }
        Self { caller, attempts, begun: false, target: None, watched: false }
    }

    /// What the pool and the run are called.
    #[cfg(feature = "tracing")]
    pub(crate) fn names(&self) -> (&str, Option<&str>) {
        let request_id = self.caller.options().and_then(|options| options.request_id.as_deref());
        (&self.caller.shared().name, request_id)
    }

    /// Asks the core what to do now, and meanwhile the caller's own code what it wants of the choice.
    #[inline]
    pub(crate) fn step(&mut self) -> Next<C::Value> {
        self.begun = true;
        self.unwatch();
        loop {
            let Self { caller, attempts, target, .. } = self;
            let shared = caller.shared();
            let now = shared.runtime.now();
            let mut usage = None;
            let (step, entry) = shared.with(|locked| {
                let Locked { state, random, pairs, .. } = locked;
                let mut used = None;
                let step = attempts.step(
                    state,
                    now,
                    || random.f64(),
                    || {
                        let (trigger, fresh) = pairs.take();
                        used = target.replace(fresh);
                        trigger
                    },
                );
                let entry = match step {
                    Step::Attempt(slot) => Some(locked.entry(slot)),
                    _ => None,
                };
                if entry.as_ref().is_some_and(|entry| entry.is_metered.load(Relaxed)) {
                    usage = attempts.usage(&locked.state);
                }
                // The usage of the attempt before, if its pause is over.
                if let Some(trigger) = locked.state.take_retired() {
                    if let Some(target) = used.or_else(|| target.take()) {
                        locked.pairs.reunite(trigger, target);
                    }
                }
                (step, entry)
            });
            if let Some(entry) = entry {
                if usage.is_some() {
                    entry.belongs_to(shared);
                }
                let lease = Lease::new(entry, attempts.made(), usage);
                if self.lends_plainly() {
                    return Next::Attempt(lease);
                }
                return Next::Attempt(self.lend(lease));
            }
            match step {
                Step::Attempt(_) => unreachable!("an attempt comes with the entry of its slot"),
                Step::Pause { until } => return Next::Pause(until),
                Step::Wait { until } => return Next::Wait(until),
                Step::Exhausted(why) => return Next::Exhausted(why),
                Step::Judge(members) => self.judge(&members),
                Step::Choose(candidates) => self.choose(candidates),
            }
        }
    }

    /// Whether there is nothing to tell with the lease of an attempt that has begun.
    #[inline]
    pub(super) fn lends_plainly(&self) -> bool {
        let has_name = self.caller.options().is_some_and(|options| options.request_id.is_some());
        !has_name && !self.attempts.is_degraded()
    }

    /// The lease of an attempt that has begun, with what there is to tell.
    #[cold]
    pub(super) fn lend(&self, lease: Lease<C::Value>) -> Lease<C::Value> {
        let request_id = self.caller.options().and_then(|options| options.request_id.clone());
        lease.with(request_id, self.attempts.is_degraded())
    }

    /// Has the caller's own code judge the members, out of the lock.
    #[cold]
    fn judge(&mut self, members: &[(u64, Arc<Metadata>)]) {
        let only = self.caller.options().and_then(|options| options.only.as_ref());
        let admits = |data: &Metadata| only.is_none_or(|Only(filter)| filter(data));
        self.attempts.judge(members.iter().map(|(number, data)| (*number, admits(data))));
    }

    /// Has the caller's own code choose, out of the lock.
    #[cold]
    fn choose(&mut self, candidates: Vec<Candidate>) {
        let Self { caller, attempts, .. } = self;
        let shared = caller.shared();
        let choice = shared.hooks.select.as_deref();
        let choice = choice.and_then(|select| select::ask(select, candidates));
        shared.with(|locked| attempts.choose(&mut locked.state, choice));
    }

    /// The caller gave the run up.
    #[cold]
    fn cancel(&mut self) {
        let Self { caller, attempts, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        shared.with(|locked| attempts.cancel(&mut locked.state, now));
    }

    /// Whether a sibling aborted the attempt in flight, or the pool called the run out of line.
    #[inline]
    pub(crate) fn is_called(&self) -> bool {
        self.target.as_ref().is_some_and(Target::is_called)
    }

    /// When the attempt in flight is to be ended.
    #[inline]
    pub(crate) fn limit(&self) -> Option<Instant> {
        self.attempts.limit()
    }

    /// Whether this instant has come.
    pub(crate) fn is_past(&self, at: Instant) -> bool {
        self.caller.shared().runtime.now() >= at
    }

    /// The present moment, by the pool's clock.
    pub(crate) fn now(&self) -> Instant {
        self.caller.shared().runtime.now()
    }

    /// Whose run it is.
    pub(crate) fn caller(&self) -> &C {
        &self.caller
    }

    /// Has the task woken if the run is called; `true` if it has been already.
    pub(crate) fn watch(&mut self, task: &Waker) -> bool {
        if let Some(target) = &self.target {
            target.watch(task);
            self.watched = true;
        }
        self.is_called()
    }

    /// A sleep on the pool's runtime.
    pub(crate) fn sleep_until(&self, at: Instant) -> Sleep {
        self.caller.shared().runtime.sleep_until(at)
    }

    /// A sleep through a pause, which ends early if the pool does.
    #[cold]
    pub(crate) fn pause_until(&self, at: Instant) -> Sleep {
        let change = self.caller.shared().departures.listen();
        match self.caller.shared().with(|locked| locked.state.has_ended()) {
            true => Box::pin(ready(())),
            false => Box::pin(select(change, self.sleep_until(at)).map(drop)),
        }
    }

    /// Ends the attempt in flight, which was a success; or holds it, if its result outlives it.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        if let Some(until) = self.caller.holds() {
            return self.commit(until);
        }
        self.end(|attempts, state, now, _| attempts.succeed(state, now));
    }

    /// Ends the attempt in flight with its outcome.
    #[cold]
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.end(|attempts, state, now, random| {
            attempts.settle(state, outcome, now, || random.f64());
        });
    }

    /// Lets go of the task.
    #[inline]
    pub(super) fn unwatch(&mut self) {
        if std::mem::take(&mut self.watched) {
            self.target.iter().for_each(Target::unwatch);
        }
    }

    #[inline]
    pub(super) fn end(
        &mut self,
        settle: impl FnOnce(&mut Attempts, &mut State<Trigger>, Instant, &mut fastrand::Rng),
    ) {
        self.unwatch();
        let Self { caller, attempts, target, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        shared.with(|Locked { state, random, pairs, .. }| {
            settle(attempts, state, now, random);
            if let Some(trigger) = state.take_retired() {
                if let Some(target) = target.take() {
                    pairs.reunite(trigger, target);
                }
            }
        });
    }
}

impl<C: Caller> Drop for Guard<C> {
    #[inline]
    fn drop(&mut self) {
        if self.begun && !self.attempts.is_over() {
            self.cancel();
        }
    }
}
