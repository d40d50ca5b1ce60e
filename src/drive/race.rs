//! What is beside the operation: what limits it, a second call that races it, or a rest in its place.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rotapool_core::{Outcome, Sleep};

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::hedging::Due;
use crate::drive::operation::Operation;
use crate::drive::pair::Target;
use crate::drive::past::Past;
use crate::drive::rest::Rest;

/// What a run is busy with beside its operation, or in its place.
///
/// It is dropped by hand: what the compiler makes of an enum is a call, which every run would pay for.
pub(crate) struct Aside<Fut>(ManuallyDrop<Busy<Fut>>);

enum Busy<Fut> {
    Nothing,
    /// What ends the attempt in flight, or begins another beside it.
    Limit(Option<Sleep>),
    Race(Box<Race<Fut>>),
    Rest(Rest),
}

/// A second call of the operation, which began because the first did not answer.
pub(crate) struct Race<Fut> {
    call: Pin<Box<Fut>>,
    /// The end by which its usage is aborted; the guard has it once the first call is over.
    target: Option<Target>,
    limit: Option<Sleep>,
}

pub(crate) enum Ended<A> {
    Returned(A),
    Aborted,
    TimedOut,
}

/// Which of the calls has ended.
pub(crate) enum Which<A> {
    /// The older of two, or the only one.
    Older(Ended<A>),
    Younger(Ended<A>, Target),
}

impl<Fut> Aside<Fut> {
    pub(crate) const NOTHING: Self = Self(ManuallyDrop::new(Busy::Nothing));

    fn put(&mut self, busy: Busy<Fut>) {
        drop(std::mem::replace(&mut *self.0, busy));
    }

    #[inline]
    fn take(&mut self) -> Busy<Fut> {
        std::mem::replace(&mut *self.0, Busy::Nothing)
    }

    /// A pause or a wait, in place of an operation.
    #[cold]
    pub(crate) fn rest(&mut self, rest: Rest) {
        self.put(Busy::Rest(rest));
    }

    /// That, if it is what there is.
    #[inline]
    pub(crate) fn resting(&mut self) -> Option<&mut Rest> {
        match &mut *self.0 {
            Busy::Rest(rest) => Some(rest),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(*self.0, Busy::Nothing)
    }

    #[inline]
    pub(crate) fn is_race(&self) -> bool {
        matches!(*self.0, Busy::Race(_))
    }

    /// The run is about to end: drops whatever is there.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.is_nothing() {
            self.drop_it();
        }
    }

    #[cold]
    fn drop_it(&mut self) {
        self.put(Busy::Nothing);
    }

    /// The timer of the limit, which is armed if it is not.
    fn arm(&mut self, sleep: impl FnOnce() -> Sleep) -> &mut Sleep {
        if matches!(*self.0, Busy::Nothing | Busy::Rest(_)) {
            self.put(Busy::Limit(None));
        }
        match &mut *self.0 {
            Busy::Limit(limit) => limit.get_or_insert_with(sleep),
            Busy::Race(race) => race.limit.get_or_insert_with(sleep),
            Busy::Nothing | Busy::Rest(_) => unreachable!("it has a limit now"),
        }
    }

    fn disarm(&mut self) {
        match &mut *self.0 {
            Busy::Race(race) => race.limit = None,
            _ => self.put(Busy::Nothing),
        }
    }

    /// The operation's call has ended, and the run goes on: with the other call if there is one.
    #[cold]
    pub(crate) fn outlive<C: Caller>(&mut self, guard: &mut Guard<C>) {
        match &mut *self.0 {
            Busy::Race(race) => {
                race.limit = None;
                guard.adopt(race.target.take());
            }
            _ => self.put(Busy::Nothing),
        }
    }

    /// What has come of that in a poll. What has ended is gone.
    #[cold]
    pub(crate) fn poll<C: Caller, F, A, E>(
        &mut self,
        first: Pin<&mut Option<Fut>>,
        guard: &mut Guard<C>,
        operation: &mut F,
        past: &mut Past<E>,
        task: &mut Context<'_>,
    ) -> Poll<Which<A>>
    where
        F: Operation<C::Value, Call = Fut>,
        Fut: Future<Output = A>,
    {
        let mut second = Second { first, aside: self, guard };
        let which = second.poll(operation, past, task);
        std::mem::forget(second);
        which
    }
}

impl<Fut> Drop for Aside<Fut> {
    /// One look, where there is nothing.
    #[inline]
    fn drop(&mut self) {
        if !self.is_nothing() {
            forget(self.take());
        }
    }
}

#[cold]
#[inline(never)]
fn forget<Fut>(busy: Busy<Fut>) {
    drop(busy);
}

/// The second call while it has the word. If it panics, both are dropped, and both usages end; the panic goes on to the
/// caller.
struct Second<'a, C: Caller, Fut> {
    first: Pin<&'a mut Option<Fut>>,
    aside: &'a mut Aside<Fut>,
    guard: &'a mut Guard<C>,
}

impl<C: Caller, Fut> Second<'_, C, Fut> {
    fn poll<F, A, E>(
        &mut self,
        operation: &mut F,
        past: &mut Past<E>,
        task: &mut Context<'_>,
    ) -> Poll<Which<A>>
    where
        F: Operation<C::Value, Call = Fut>,
        Fut: Future<Output = A>,
    {
        loop {
            if let Busy::Race(race) = &mut *self.aside.0 {
                if let Poll::Ready(ended) = race.poll(self.guard, task) {
                    return Poll::Ready(self.younger(ended));
                }
            }
            let Some(at) = self.guard.limit() else { return Poll::Pending };
            ready!(self.aside.arm(|| self.guard.sleep_until(at)).as_mut().poll(task));
            self.aside.disarm();
            match self.guard.overdue() {
                // Too early, which a timer may be, or the limit has moved: another one, by the next poll.
                Due::NotYet => {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Due::Older => return Poll::Ready(self.older(Ended::TimedOut)),
                Due::Younger => return Poll::Ready(self.younger(Ended::TimedOut)),
                Due::Begin(lease, target) => {
                    past.begin(&lease);
                    let call = Box::pin(operation.call(lease));
                    let race = Race { call, target: Some(target), limit: None };
                    self.aside.put(Busy::Race(Box::new(race)));
                }
            }
        }
    }

    /// The second call has ended, or has to. It is the only one if the guard has its end already.
    fn younger<A>(&mut self, ended: Ended<A>) -> Which<A> {
        let target = match self.aside.take() {
            Busy::Race(race) => race.target,
            _ => None,
        };
        match target {
            Some(target) => Which::Younger(ended, target),
            None => Which::Older(ended),
        }
    }

    /// The older call has to end, which is the second one if the first is over.
    fn older<A>(&mut self, ended: Ended<A>) -> Which<A> {
        match &*self.aside.0 {
            Busy::Race(race) if race.target.is_none() => self.younger(ended),
            _ => Which::Older(ended),
        }
    }
}

impl<C: Caller, Fut> Drop for Second<'_, C, Fut> {
    #[cold]
    fn drop(&mut self) {
        self.first.set(None);
        // The end by which the second is aborted goes with its usage: what it holds is not to be dropped under the lock.
        let target = match self.aside.take() {
            Busy::Race(race) => race.target,
            _ => None,
        };
        match target {
            Some(target) => self.guard.settle_hedge(target, Outcome::Panic),
            None => self.guard.settle(Outcome::Panic),
        }
    }
}

impl<Fut> Race<Fut> {
    fn poll<C: Caller, A>(&mut self, guard: &mut Guard<C>, task: &mut Context<'_>) -> Poll<Ended<A>>
    where
        Fut: Future<Output = A>,
    {
        let is_called = match &self.target {
            Some(target) => target.is_called(),
            None => guard.is_called(),
        };
        if is_called {
            return Poll::Ready(Ended::Aborted);
        }
        if let Poll::Ready(returned) = self.call.as_mut().poll(task) {
            return Poll::Ready(Ended::Returned(returned));
        }
        let is_called = match &self.target {
            Some(target) => {
                target.watch(task.waker());
                target.is_called()
            }
            None => guard.watch(task.waker()),
        };
        if is_called { Poll::Ready(Ended::Aborted) } else { Poll::Pending }
    }
}
