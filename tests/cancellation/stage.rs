//! A pool, the operations of its runs, and what has to be true of it afterwards.

use std::future::{Ready, poll_fn, ready};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use rotapool::{Fault, Lease, Pool, Request, Runtime};

use crate::books::{Books, Call};
use crate::held::{Held, finish};
use crate::life::{Calling, Items, TaskOfARun};
use crate::shapes::{Act, End, Shape};

/// An operation's own error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Boom;

pub(crate) type Answer = Result<String, Fault<Boom>>;

const COOLDOWN: Duration = Duration::from_secs(2);

pub(crate) struct Stage {
    pub(crate) pool: Pool<&'static str>,
    pub(crate) books: Arc<Books>,
    request: Request<&'static str>,
    acts: &'static [Act],
    /// The task of the run.
    task: Mutex<TaskOfARun>,
    /// Was there before the run.
    older: Mutex<Option<Held>>,
    /// Came into the line after the run.
    next: Mutex<Option<Held>>,
}

impl Stage {
    pub(crate) fn set(shape: &Shape, runtime: impl Runtime) -> Arc<Self> {
        let builder = Pool::builder()
            .cooldown_table([COOLDOWN])
            .retry_delay(Duration::ZERO)
            .runtime(runtime)
            .seed(1);
        let pool = (shape.set_up)(builder).build().unwrap();
        let request = pool.request();
        let request = shape.options.map_or(request.clone(), |options| options(request));
        let stage = Self {
            pool,
            books: Arc::default(),
            request,
            acts: shape.acts,
            task: Mutex::default(),
            older: Mutex::default(),
            next: Mutex::default(),
        };
        (shape.prepare)(&stage);
        Arc::new(stage)
    }

    /// The run's options, as the shape has them.
    pub(crate) fn request(&self) -> Request<&'static str> {
        self.request.clone()
    }

    /// The run's operation, which acts as the shape has it.
    pub(crate) fn operation(
        this: &Arc<Self>,
    ) -> impl Fn(Lease<&'static str>) -> Calling + Send + Sync + 'static {
        let stage = Arc::clone(this);
        move |lease| {
            let (mut call, act, stage) = stage.call(&lease);
            Box::pin(async move {
                let end = stage.play(act, &mut call).await;
                finish(&lease, call, end)
            })
        }
    }

    /// The same as one that answers with a stream of two items. Of one that `has_begun` the first comes before it acts.
    pub(crate) fn streaming(
        this: &Arc<Self>,
        has_begun: bool,
    ) -> impl Fn(Lease<&'static str>) -> Ready<Result<Items, Fault<Boom>>> + Send + Sync + 'static
    {
        let stage = Arc::clone(this);
        move |lease| {
            let (call, act, stage) = stage.call(&lease);
            let items = stream::unfold((0, Some(call)), move |(nth, call)| {
                let (lease, stage) = (lease.clone(), Arc::clone(&stage));
                async move {
                    let mut call = call?;
                    let end = match nth == u32::from(has_begun) {
                        true => stage.play(act, &mut call).await,
                        false => stage.play(crate::shapes::act(2, End::Value), &mut call).await,
                    };
                    match end {
                        End::Value if nth < 2 => {
                            Some((Ok("item".to_owned()), (nth + 1, Some(call))))
                        }
                        End::Value => {
                            call.ends(end);
                            None
                        }
                        end => Some((finish(&lease, call, end), (nth, None))),
                    }
                }
            });
            ready(Ok(items.boxed()))
        }
    }

    /// A call begins, and does this.
    fn call(self: &Arc<Self>, lease: &Lease<&'static str>) -> (Call, Act, Arc<Self>) {
        let nth = (lease.attempt() as usize - 1).min(self.acts.len() - 1);
        let (call, act) = (self.books.call(), self.acts[nth]);
        if act.end == End::PanicAtOnce {
            call.ends(act.end);
            resume_unwind(Box::new("the operation panics before there is a future"));
        }
        (call, act, Arc::clone(self))
    }

    /// What a call does until it ends, and how that is to be.
    async fn play(&self, act: Act, call: &mut Call) -> End {
        for _ in 0..act.yields {
            pause_for_others().await;
        }
        match act.end {
            End::Hang => {
                call.hangs();
                std::future::pending().await
            }
            End::FellOlder => {
                self.fell_older();
                std::future::pending().await
            }
            end => end,
        }
    }

    pub(crate) fn disable(&self, id: &str) {
        if self.pool.snapshot().iter().any(|row| &*row.id == id && row.cause.is_none()) {
            self.books.admin_disabled();
            self.pool.disable(id).unwrap();
        }
    }

    /// Has every resource cool down.
    pub(crate) fn cool_all(&self) {
        let mut run = Held::begin(self.plain(), self);
        let served = loop {
            run.end_call(End::Cooldown);
            if let Some(served) = run.poll() {
                break served;
            }
        };
        assert!(!served && self.pool.stats().healthy == 0);
    }

    /// Begins the run on `a` whose failure will abort the others there.
    pub(crate) fn begin_older(&self) {
        let older = Held::begin(self.plain().exclude("b"), self);
        assert_eq!(older.at(), "a");
        *self.older.lock().unwrap() = Some(older);
    }

    /// Has another run stand in line, behind the run.
    pub(crate) fn begin_next(&self) {
        let before = self.pool.stats().waiting;
        *self.next.lock().unwrap() = Some(Held::begin(self.plain().wait(true), self));
        assert_eq!(self.pool.stats().waiting, before + 1);
    }

    pub(crate) fn has_next(&self) -> bool {
        self.next.lock().unwrap().is_some()
    }

    /// Polls the next one, and has it served once it has its place.
    pub(crate) fn poll_next(&self) {
        let mut kept = self.next.lock().unwrap();
        if let Some(mut next) = kept.take() {
            assert_eq!(next.poll(), None, "its call hangs, or it stands in line");
            if next.calls() {
                next.end_call(End::Value);
                assert_eq!(next.poll(), Some(true), "the next in line is not served");
            } else {
                *kept = Some(next);
            }
        }
    }

    /// Has the next one served: it was called when the run was over, at the latest.
    pub(crate) fn finish_next(&self, about: &str) {
        let next = self.next.lock().unwrap().take();
        if let Some(mut next) = next {
            let called = next.pulse.wakes();
            assert!(called > 0, "{about}: nobody has called the next in line");
            assert_eq!(next.poll(), None, "{about}: the next in line");
            if self.pool.stats().cooling_down > 0 && !next.calls() {
                // It has been called to look at the clock.
                self.enable_all();
                assert!(next.pulse.wakes() > called, "{about}: nobody has called it to its place");
                assert_eq!(next.poll(), None, "{about}: the next in line");
            }
            assert!(next.calls(), "{about}: the next in line has no place");
            next.end_call(End::Value);
            assert_eq!(next.poll(), Some(true), "{about}: the next in line is not served");
        }
    }

    /// The run is polled by this task.
    pub(crate) fn belongs_to(&self, task: TaskOfARun) {
        *self.task.lock().unwrap() = task;
    }

    /// Has the run polled for no reason.
    pub(crate) fn nudge(&self) {
        let task = self.task.lock().unwrap().lock().unwrap().clone();
        task.into_iter().for_each(Waker::wake);
    }

    /// Has it fail, unless it did before.
    pub(crate) fn fell_older(&self) {
        self.fell_older_by(End::Cooldown);
    }

    /// The same by this signal. A cooldown spares a run that began in the first half of its call.
    pub(crate) fn fell_older_by(&self, signal: End) {
        let older = self.older.lock().unwrap().take();
        if let Some(mut older) = older {
            older.end_call(signal);
            assert_eq!(older.poll(), Some(false));
        }
    }

    /// Has it succeed, unless it failed before.
    pub(crate) fn finish_older(&self) {
        let older = self.older.lock().unwrap().take();
        if let Some(mut older) = older {
            older.end_call(End::Value);
            assert_eq!(older.poll(), Some(true));
        }
    }

    fn plain(&self) -> Request<&'static str> {
        self.pool.request().max_attempts(9).retry_delay(Duration::ZERO)
    }

    pub(crate) fn assert_nothing_left(&self, about: &str) {
        let stats = self.pool.stats();
        assert_eq!((stats.in_flight, stats.waiting), (0, 0), "{about}: in flight, waiting");
        self.books.page().assert_agrees(&stats, about);
    }

    /// That nothing of an earlier run clings to the later ones: they are served side by side, a signal
    /// aborts and wakes exactly the younger siblings, and every place can be had.
    pub(crate) fn assert_as_good_as_new(&self, about: &str) {
        self.enable_all();
        let mut runs: Vec<_> =
            (0..self.places().min(6)).map(|_| Held::begin(self.plain(), self)).collect();
        for run in &mut runs {
            assert_eq!(run.poll(), None, "{about}: a later run ends of itself");
            assert_eq!(run.pulse.wakes(), 0, "{about}: a later run is woken");
        }
        let cancels = self.pool.stats().sibling_cancels;
        let at: Vec<_> = runs.iter().map(Held::at).collect();
        runs[0].end_call(End::Cooldown);
        let mut running = Vec::new();
        for (number, mut run) in runs.into_iter().enumerate() {
            let ended = run.poll();
            let is_sibling = number > 0 && at[number] == at[0];
            // The first wakes itself by the channel through which its call was told to end.
            let woken = usize::from(is_sibling || number == 0);
            assert_eq!(run.pulse.wakes(), woken, "{about}: wakes of run {number} at {at:?}");
            match ended {
                Some(served) => assert!(!served, "{about}: its call hangs"),
                None => running.push(run),
            }
        }
        let siblings = at.iter().filter(|id| **id == at[0]).count() as u64 - 1;
        let cancelled = self.pool.stats().sibling_cancels - cancels;
        assert_eq!(cancelled, siblings, "{about}: siblings aborted");
        for mut run in running {
            run.end_call(End::Value);
            assert_eq!(run.poll(), Some(true), "{about}: a later run is not served");
            assert_eq!(run.pulse.holders(), 1, "{about}: the waker of a later run is kept");
        }
        self.assert_nothing_left(about);
        self.fill_every_place(about);
    }

    fn enable_all(&self) {
        for row in self.pool.snapshot() {
            self.pool.enable(&row.id).unwrap();
        }
    }

    fn places(&self) -> u32 {
        self.pool.stats().resources.iter().filter_map(|resource| resource.max_in_flight).sum()
    }

    fn fill_every_place(&self, about: &str) {
        self.enable_all();
        let places = self.places();
        let runs: Vec<_> = (0..places).map(|_| Held::begin(self.plain(), self)).collect();
        assert_eq!(self.pool.stats().eligible, 0, "{about}: all {places} places are taken");
        for mut run in runs {
            run.end_call(End::Value);
            assert_eq!(run.poll(), Some(true), "{about}: one of a full house is not served");
        }
        self.assert_nothing_left(about);
    }
}

/// Gives everybody else a turn.
pub(crate) async fn pause_for_others() {
    let yielded = AtomicBool::new(false);
    poll_fn(|task| {
        if yielded.swap(true, Ordering::Relaxed) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
