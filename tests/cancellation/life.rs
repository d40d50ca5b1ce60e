//! One run and how its caller gives it up.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

use futures::TryStreamExt as _;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use rotapool::{AbortHandle, HeldStream, Pool, PoolService, RunError, StreamError};
use tower::Service as _;

use crate::books::Books;
use crate::stage::{Answer, Boom, Stage};

/// By which door the run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Pool,
    Request,
    Wrap,
    Abortable,
    Service,
    /// As a stream, whose first item is the answer.
    Stream,
    /// As a stream that has begun, and then does what the run's first call does.
    Begun,
}

/// How it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its task drops it.
    Dropped,
    /// Its executor drops the task.
    Cancelled,
    /// Its handle aborts it.
    Aborted,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It came to its end, or panicked, before it was given up.
    Ended,
    GivenUp,
    /// It stands at the poll in question and waits for its executor to cancel it.
    Parked,
}

pub(crate) type Run = BoxFuture<'static, Result<String, RunError<Boom>>>;

/// A task that polls a run until it gives it up.
pub(crate) struct Life {
    run: Option<Run>,
    abort: Option<AbortHandle>,
    ending: Ending,
    at: u32,
    polls: u32,
    pulse: Weak<Pulse>,
    books: Arc<Books>,
    pool: Pool<&'static str>,
    tell: Option<oneshot::Sender<Fate>>,
}

/// What is left to the test when the task is gone.
pub(crate) struct Witness {
    pub(crate) fate: oneshot::Receiver<Fate>,
    pub(crate) pulse: Arc<Pulse>,
    /// Kept to the end: the handle must not keep the task alive either.
    _abort: Option<AbortHandle>,
}

impl Life {
    pub(crate) fn new(
        stage: &Arc<Stage>,
        entry: Entry,
        ending: Ending,
        at: u32,
    ) -> (Self, Witness) {
        let operation = Stage::operation(stage);
        let (run, abort): (Run, _) = match entry {
            Entry::Pool => {
                let pool = stage.pool.clone();
                (Box::pin(async move { pool.run(operation).await }), None)
            }
            Entry::Request => (Box::pin(stage.request().run(operation)), None),
            Entry::Wrap => {
                let wrapped = stage.request().wrap(move |lease, ()| operation(lease));
                (Box::pin(async move { wrapped.call(()).await }), None)
            }
            Entry::Abortable => {
                let (run, abort) = stage.request().run_abortable(operation);
                (Box::pin(run), Some(abort))
            }
            Entry::Service => {
                let mut service =
                    PoolService::new(stage.request(), move |lease, ()| operation(lease));
                (Box::pin(service.call(())), None)
            }
            Entry::Stream | Entry::Begun => (
                read(stage.request().run_stream(Stage::streaming(stage, entry == Entry::Begun))),
                None,
            ),
        };
        let (tell, fate) = oneshot::channel();
        let pulse = Arc::new(Pulse::default());
        stage.belongs_to(pulse.task());
        let life = Self {
            run: Some(run),
            abort: abort.clone(),
            ending,
            at,
            polls: 0,
            pulse: Arc::downgrade(&pulse),
            books: Arc::clone(&stage.books),
            pool: stage.pool.clone(),
            tell: Some(tell),
        };
        (life, Witness { fate, pulse, _abort: abort })
    }

    fn tell(&mut self, fate: Fate) {
        let tell = self.tell.take().expect("it has one fate");
        tell.send(fate).expect("the test listens");
    }

    fn poll_run(&mut self, task: &Context<'_>) -> Option<&'static str> {
        let (run, pulse) = (self.run.as_mut()?, self.pulse.upgrade()?);
        let waker = pulse.waker_for(task.waker(), &self.pool);
        let answered = pulse.busy();
        let polled =
            catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(&mut Context::from_waker(&waker))));
        drop(waker);
        pulse.rest(answered);
        let fate = match polled {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(Ok(_))) => "ok",
            Ok(Poll::Ready(Err(RunError::Operation(Boom)))) => "error",
            Ok(Poll::Ready(Err(RunError::Exhausted(_)))) => "exhausted",
            Ok(Poll::Ready(Err(RunError::Aborted))) => "given up",
            Ok(Poll::Ready(Err(RunError::Options(_)) | Err(_))) => "refused",
            Err(_) => "panic",
        };
        pulse.end();
        Some(fate)
    }
}

impl Future for Life {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        if self.tell.is_none() {
            // Parked: only `block_on` polls who was not woken.
            return Poll::Pending;
        }
        let now = self.polls == self.at;
        let begun = self.polls > 0;
        self.polls += 1;
        match self.ending {
            Ending::Dropped if now => {
                self.run = None;
                self.books.run_over("given up", begun);
                self.tell(Fate::GivenUp);
                return Poll::Ready(());
            }
            Ending::Cancelled if now => {
                self.tell(Fate::Parked);
                return Poll::Pending;
            }
            Ending::Aborted if now => self.abort.as_ref().expect("it has a handle").abort(),
            _ => {}
        }
        match self.poll_run(task) {
            None => {
                assert!(self.ending != Ending::Aborted || !now, "an aborted run goes on");
                Poll::Pending
            }
            Some(fate) => {
                self.run = None;
                self.books.run_over(fate, begun || fate != "given up");
                self.tell(if fate == "given up" { Fate::GivenUp } else { Fate::Ended });
                Poll::Ready(())
            }
        }
    }
}

/// What wakes the task of a run, once it has been polled.
pub(crate) type TaskOfARun = Arc<Mutex<Option<Waker>>>;

/// Reads a stream to its end: the run is over then.
fn read(opening: impl Future<Output = Opened> + Send + 'static) -> Run {
    Box::pin(async move {
        let items: Vec<_> = opening.await?.try_collect().await.map_err(|error| match error {
            StreamError::Operation(Boom) | StreamError::Broken(_) => RunError::Operation(Boom),
            other => panic!("a stream of the tests ends by {other:?}"),
        })?;
        assert_eq!(items.len(), 2, "all of it is read");
        Ok(items.concat())
    })
}

/// How often others have their turn before whoever holds a waker counts as keeping it.
const YIELDS: u32 = 10_000;

/// What the run takes for its task: it counts who holds its waker and how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    task: TaskOfARun,
    wakes: AtomicUsize,
    /// How many wake-ups polls have answered, and one more; 0 before the first poll and within each.
    answered: AtomicUsize,
    kept_at_end: AtomicUsize,
}

impl Pulse {
    /// A waker of this pulse that asks the pool something when it is let go of: under the pool's lock, the
    /// test would never end.
    pub(crate) fn waker_for(self: &Arc<Self>, task: &Waker, pool: &Pool<&'static str>) -> Waker {
        *self.task.lock().unwrap() = Some(task.clone());
        Waker::from(Arc::new(Beat { pulse: Arc::clone(self), pool: pool.clone() }))
    }

    /// The task, to be woken without counting and without holding the pulse.
    fn task(&self) -> TaskOfARun {
        Arc::clone(&self.task)
    }

    /// A poll begins; it answers the wake-ups so far.
    fn busy(&self) -> usize {
        self.answered.store(0, Ordering::SeqCst);
        self.wakes() + 1
    }

    fn rest(&self, answered: usize) {
        self.answered.store(answered, Ordering::SeqCst);
    }

    /// Whether the run has been polled, and nothing has woken it since: it goes on when time does, or others.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.answered.load(Ordering::SeqCst) == self.wakes() + 1
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    /// How many hold it, the caller included.
    pub(crate) fn holders(self: &Arc<Self>) -> usize {
        Arc::strong_count(self)
    }

    /// The run has ended, and its future is still there. The test and this call hold the pulse.
    fn end(self: &Arc<Self>) {
        // A thread that wakes the task for two reasons, such as a clock, has the second waker in hand while the first one runs.
        for _ in 0..YIELDS {
            if self.holders() == 2 {
                break;
            }
            std::thread::yield_now();
        }
        self.kept_at_end.store(self.holders() - 2, Ordering::SeqCst);
    }

    pub(crate) fn kept_at_end(&self) -> usize {
        self.kept_at_end.load(Ordering::SeqCst)
    }
}

/// What a waker holds.
struct Beat {
    pulse: Arc<Pulse>,
    pool: Pool<&'static str>,
}

impl Wake for Beat {
    fn wake(self: Arc<Self>) {
        self.pulse.wakes.fetch_add(1, Ordering::SeqCst);
        let task = self.pulse.task.lock().unwrap().clone();
        // Let go of before the task can run and count.
        drop(self);
        task.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        let _ = self.pool.stats();
    }
}

/// The type of the operation's futures.
pub(crate) type Calling = BoxFuture<'static, Answer>;

/// The type of its streams.
pub(crate) type Items = BoxStream<'static, Answer>;

type Opened = Result<HeldStream<&'static str, Items>, RunError<Boom>>;
