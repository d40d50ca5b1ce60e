//! One clean-up: as its owner describes it, and under way.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rotapool_core::lifecycle::{CleanUpPlan, Ending};

use crate::lifecycle::caught::caught;
use crate::shield::{contained, wake};
use crate::sync::{AtomicWaker, Mutex};

/// The priority of a clean-up that names none.
const PRIORITY: i32 = 100;

/// Something to do before the service goes: a name, the work, its turn, and its limit.
///
/// The work answers `()`, or a `Result` whose error goes into the report.
///
/// ```
/// use std::time::Duration;
/// use rotapool::lifecycle::CleanUp;
///
/// # async fn flush() -> std::io::Result<()> { Ok(()) }
/// CleanUp::new("flush the queue", flush).priority(10).limit(Duration::from_secs(5));
/// CleanUp::blocking("remove the pid file", || std::fs::remove_file("/run/service.pid"));
/// ```
#[must_use = "a clean-up does nothing until it is registered"]
pub struct CleanUp {
    pub(super) plan: CleanUpPlan,
    pub(super) work: Work,
}

/// What a clean-up does, as it waits for its turn.
pub(super) enum Work {
    Async(Box<dyn FnOnce() -> BoxFuture<'static, Ending> + Send>),
    Blocking(Box<dyn FnOnce() -> Ending + Send>),
}

impl CleanUp {
    /// A clean-up that awaits. It is dropped where it stands when its time is up.
    ///
    /// Its polls must not block, as in any future: while one blocks, no limit and no deadline can be kept.
    pub fn new<F, Fut>(name: impl Into<Arc<str>>, work: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output: IntoEnding> + Send + 'static,
    {
        let work = || work().map(IntoEnding::into_ending).boxed();
        Self::of(name.into(), Work::Async(Box::new(work)))
    }

    /// A clean-up that blocks: files, joins, C libraries. It gets a thread of its own, so that limits and the
    /// deadline hold.
    ///
    /// Nobody can stop it. When its time is up it is left to itself, the report says that it is
    /// [still running](crate::lifecycle::CleanUpReport::still_running), and it does not keep the process from
    /// ending.
    pub fn blocking<F, R>(name: impl Into<Arc<str>>, work: F) -> Self
    where
        F: FnOnce() -> R + Send + 'static,
        R: IntoEnding,
    {
        Self::of(name.into(), Work::Blocking(Box::new(|| work().into_ending())))
    }

    fn of(name: Arc<str>, work: Work) -> Self {
        Self { plan: CleanUpPlan { name, priority: PRIORITY, limit: None }, work }
    }

    /// Whose turn is first: the lower. Ties go by registration. 100 by default.
    pub fn priority(mut self, priority: i32) -> Self {
        self.plan.priority = priority;
        self
    }

    /// How long it may take; more than zero. By default all that is left of the deadline.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.plan.limit = Some(limit);
        self
    }
}

impl fmt::Debug for CleanUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocking = matches!(self.work, Work::Blocking(_));
        f.debug_struct("CleanUp")
            .field("plan", &self.plan)
            .field("blocking", &blocking)
            .finish_non_exhaustive()
    }
}

/// What a clean-up may answer: `()`, or a `Result`.
pub trait IntoEnding {
    /// How the clean-up ended.
    fn into_ending(self) -> Ending;
}

impl IntoEnding for () {
    fn into_ending(self) -> Ending {
        Ending::Done
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> IntoEnding for Result<(), E> {
    fn into_ending(self) -> Ending {
        match self {
            Ok(()) => Ending::Done,
            Err(error) => Ending::Failed(Arc::from(error.into())),
        }
    }
}

/// A clean-up under way. Dropping it gives it up, panics included.
pub(super) struct UnderWay(Option<BoxFuture<'static, Ending>>, bool);

impl UnderWay {
    pub(super) fn begin(work: Work) -> Self {
        match work {
            Work::Async(work) => match caught(work) {
                Ok(future) => Self(Some(future), false),
                Err(message) => Self(Some(ended(Ending::Panicked(message))), false),
            },
            Work::Blocking(work) => Self(Some(on_a_thread(work)), true),
        }
    }

    /// Whether giving it up does not end it.
    pub(super) fn outlives_us(&self) -> bool {
        self.1
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        match caught(|| future.as_mut().poll(context)) {
            Ok(polled) => polled,
            Err(message) => Poll::Ready(Ending::Panicked(message)),
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let future = self.0.take();
        contained(|| drop(future));
    }
}

fn ended(ending: Ending) -> BoxFuture<'static, Ending> {
    Box::pin(async { ending })
}

/// Runs blocking work on a thread of its own, which nobody joins.
fn on_a_thread(work: Box<dyn FnOnce() -> Ending + Send>) -> BoxFuture<'static, Ending> {
    let desk = Arc::new(Desk { ending: Mutex::new(None), waker: AtomicWaker::new() });
    let there = Arc::clone(&desk);
    let spawned = thread::Builder::new().name("rotapool-leave".to_owned()).spawn(move || {
        there.put(caught(work).unwrap_or_else(Ending::Panicked));
    });
    match spawned {
        Ok(_detached) => Box::pin(Awaited(desk)),
        Err(error) => ended(Ending::Failed(Arc::new(error))),
    }
}

/// Where a thread leaves its result.
struct Desk {
    ending: Mutex<Option<Ending>>,
    waker: AtomicWaker,
}

impl Desk {
    fn put(&self, ending: Ending) {
        *self.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
        self.waker.take().into_iter().for_each(wake);
    }
}

struct Awaited(Arc<Desk>);

impl Future for Awaited {
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ending> {
        self.0.waker.register(context.waker());
        match self.0.ending.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(ending) => Poll::Ready(ending),
            None => Poll::Pending,
        }
    }
}
