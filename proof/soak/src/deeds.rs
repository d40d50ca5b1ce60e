//! What an operation does: it succeeds, fails in every way, panics, hangs.

use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use futures::future::BoxFuture;
use rotapool::{Fault, Lease};

use crate::executor::Executor;
use crate::tally::{Boom, Count, Tally};

/// What the pool pools: a value that knows whether it was dropped.
#[derive(Debug)]
pub(crate) struct Value(Arc<Count>);

impl Value {
    pub(crate) fn new(alive: &Arc<Count>) -> Self {
        alive.up();
        Self(Arc::clone(alive))
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.down();
    }
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Value,
    Error,
    Failure,
    Retry,
    Cooldown(Option<Duration>),
    Disable,
    Panic,
    PanicAtOnce,
    Hang,
}

impl Deed {
    fn draw(random: &mut Rng, may_hang: bool) -> Self {
        match random.u32(..100) {
            0..55 => Self::Value,
            55..60 => Self::Error,
            60..65 => Self::Failure,
            65..77 => Self::Retry,
            77..83 => Self::Cooldown(None),
            83..88 => Self::Cooldown(Some(Duration::from_micros(random.u64(..20_000)))),
            // Until somebody enables it: whoever waits for it can only be woken.
            88 => Self::Cooldown(Some(Duration::MAX)),
            89 => Self::Disable,
            90..92 => Self::Panic,
            92 => Self::PanicAtOnce,
            _ if may_hang => Self::Hang,
            _ => Self::Value,
        }
    }
}

/// A call in flight, which is written down however it ends.
struct Call {
    tally: Arc<Tally>,
    ended: bool,
}

impl Call {
    fn ends(&mut self, count: fn(&Tally) -> &Count) {
        self.ended = true;
        count(&self.tally).up();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.tally.dropped.up();
        }
    }
}

/// What a run of the load takes.
pub(crate) trait Operation:
    FnMut(Lease<Value>) -> BoxFuture<'static, Result<(), Fault<Boom>>> + Send + 'static
{
}

impl<F> Operation for F where
    F: FnMut(Lease<Value>) -> BoxFuture<'static, Result<(), Fault<Boom>>> + Send + 'static
{
}

/// An operation that does as the dice say, and nothing but succeed once it is `calm`.
pub(crate) fn operation<X: Executor>(
    executor: X,
    tally: &Arc<Tally>,
    calm: &Arc<AtomicBool>,
    may_hang: bool,
    mut random: Rng,
) -> impl Operation {
    let (tally, calm) = (Arc::clone(tally), Arc::clone(calm));
    move |lease| {
        tally.calls.up();
        let mut call = Call { tally: Arc::clone(&tally), ended: false };
        let calm = calm.load(Ordering::SeqCst);
        let deed = if calm { Deed::Value } else { Deed::draw(&mut random, may_hang) };
        let (yields, sleeps) = (random.u32(..3), !calm && random.u32(..4) == 0);
        let nap = Duration::from_micros(random.u64(..3_000));
        if matches!(deed, Deed::PanicAtOnce) {
            call.ends(|tally| &tally.panics);
            resume_unwind(Box::new("there is no future"));
        }
        Box::pin(async move {
            for _ in 0..yields {
                pause_for_others().await;
            }
            if sleeps {
                executor.sleep(nap).await;
            }
            let result = perform(deed, &mut call).await;
            drop(lease);
            result
        })
    }
}

async fn perform(deed: Deed, call: &mut Call) -> Result<(), Fault<Boom>> {
    let (count, result): (fn(&Tally) -> &Count, _) = match deed {
        Deed::Value => (|tally| &tally.values, Ok(())),
        Deed::Error => (|tally| &tally.errors, Err(Fault::Operation(Boom))),
        Deed::Failure => (|tally| &tally.failures, Err(Fault::Failure(Boom))),
        Deed::Retry => (|tally| &tally.retries, Err(Fault::retry("503"))),
        Deed::Cooldown(after) => {
            (|tally| &tally.cooldowns, Err(Fault::cooldown_for(after, "429 from upstream")))
        }
        Deed::Disable => (|tally| &tally.disables, Err(Fault::disable("401"))),
        Deed::Panic | Deed::PanicAtOnce => {
            call.ends(|tally| &tally.panics);
            // Without the hook that prints panics.
            resume_unwind(Box::new("the operation panics"))
        }
        Deed::Hang => pending().await,
    };
    call.ends(count);
    result
}

/// Gives everybody else a turn.
pub(crate) fn pause_for_others() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    std::future::poll_fn(move |task| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        task.waker().wake_by_ref();
        std::task::Poll::Pending
    })
}
