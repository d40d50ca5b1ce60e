//! What a guard does about a second attempt beside the one in flight.

use std::mem;
use std::sync::atomic::Ordering::Relaxed;

use rotapool_core::{Outcome, Overdue};

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::pair::Target;
use crate::drive::shared::Locked;

/// What has come of the limit of what is in flight.
pub(crate) enum Due<T> {
    NotYet,
    /// The attempt in flight, the older of two, has had its time.
    Older,
    /// The younger has.
    Younger,
    /// Another attempt begins beside it.
    Begin(Lease<T>, Target),
}

impl<C: Caller> Guard<C> {
    /// Asks the core what has come of that limit.
    #[cold]
    pub(crate) fn overdue(&mut self) -> Due<C::Value> {
        let Self { caller, attempts, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        let (overdue, begun) = shared.with(|locked| {
            let Locked { state, random, pairs, .. } = locked;
            let mut target = None;
            let handle = || {
                let (trigger, fresh) = pairs.take();
                target = Some(fresh);
                trigger
            };
            let overdue = attempts.overdue(state, now, || random.f64(), handle);
            let begun = match overdue {
                Overdue::Begin(slot) => target.map(|target| {
                    let entry = locked.entry(slot);
                    let usage = match entry.is_metered.load(Relaxed) {
                        true => attempts.hedge_usage(&locked.state),
                        false => None,
                    };
                    (usage, entry, target)
                }),
                _ => None,
            };
            (overdue, begun)
        });
        if let Some((usage, entry, target)) = begun {
            if usage.is_some() {
                entry.belongs_to(shared);
            }
            let lease = Lease::new(entry, attempts.made(), usage);
            let is_plain = self.lends_plainly();
            return Due::Begin(if is_plain { lease } else { self.lend(lease) }, target);
        }
        match overdue {
            Overdue::NotYet => Due::NotYet,
            Overdue::Attempt => Due::Older,
            Overdue::Hedge => Due::Younger,
            Overdue::Begin(_) => unreachable!("an attempt comes with the entry of its slot"),
        }
    }

    /// No attempt of the run is hedged, whatever the pool says.
    pub(crate) fn forgo_hedges(&mut self) {
        self.attempts.forgo_hedges();
    }

    /// Ends the attempt in flight, the older of two, or holds it, if it is an answer that outlives its call.
    #[cold]
    pub(crate) fn settle_or_hold(&mut self, outcome: Outcome) {
        match self.caller.holds() {
            Some(until) if matches!(outcome, Outcome::Success) => self.commit(until),
            _ => self.settle(outcome),
        }
    }

    /// Ends the younger of two attempts in flight, or holds it, if it is an answer that outlives its call. `target` is the
    /// end by which it is aborted.
    #[cold]
    pub(crate) fn settle_hedge(&mut self, target: Target, outcome: Outcome) {
        let older = self.target.replace(target);
        let watched = mem::replace(&mut self.watched, true);
        self.attempts.swap_hedge();
        let decides = matches!(
            outcome,
            Outcome::Success | Outcome::Error | Outcome::Failure | Outcome::Panic
        );
        self.settle_or_hold(outcome);
        match decides {
            true => older.iter().filter(|_| watched).for_each(Target::unwatch),
            false => (self.target, self.watched) = (older, watched),
        }
    }

    /// The younger of two attempts is the only one left. `target` is the end by which it is aborted.
    pub(crate) fn adopt(&mut self, target: Option<Target>) {
        if target.is_some() {
            (self.target, self.watched) = (target, true);
        }
    }
}
