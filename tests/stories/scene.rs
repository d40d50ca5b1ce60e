//! A pool on the stage, with an upstream behind it: where most stories begin.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use rotapool::{Builder, Pool, Request, Resource, RunError, Runtime as _, StateChange, Status};

use crate::stage::{Answer, Boom, Troupe, Upstream, VirtualClock};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A pool in virtual time whose operations call an upstream that the story answers for.
pub(crate) struct Scene {
    pub(crate) pool: Pool<&'static str>,
    pub(crate) clock: VirtualClock,
    pub(crate) upstream: Upstream,
    pub(crate) troupe: RefCell<Troupe>,
}

/// A run on the stage.
pub(crate) struct Started<R = String> {
    task: usize,
    result: Rc<RefCell<Option<Ended<R>>>>,
}

type Ended<R> = Result<R, RunError<Boom>>;

impl<R> Started<R> {
    pub(crate) fn is_running(&self) -> bool {
        self.result.borrow().is_none()
    }

    /// The result of a run that has ended.
    pub(crate) fn result(&self) -> Result<R, RunError<Boom>> {
        self.result.borrow_mut().take().expect("the run has ended")
    }

    pub(crate) fn error(&self) -> RunError<Boom> {
        match self.result() {
            Ok(_) => panic!("the run was served"),
            Err(error) => error,
        }
    }
}

impl Scene {
    /// A pool of these resources without pauses between attempts.
    pub(crate) fn of(ids: &[&'static str]) -> Self {
        Self::with(ids, |builder| builder)
    }

    pub(crate) fn with(
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        let clock = VirtualClock::new();
        let builder = Pool::builder()
            .resources(ids.iter().map(|&id| Resource::new(id, id)))
            .retry_delay(Duration::ZERO)
            .runtime(clock.clone())
            .seed(1);
        let pool = set_up(builder).build().unwrap();
        Self { pool, clock, upstream: Upstream::default(), troupe: RefCell::default() }
    }

    /// Starts a run that calls the upstream.
    pub(crate) fn start(&self) -> Started {
        self.start_with(|request| request)
    }

    pub(crate) fn start_with(
        &self,
        options: impl FnOnce(Request<&'static str>) -> Request<&'static str>,
    ) -> Started {
        let request = options(self.pool.request());
        let operation = self.upstream.operation();
        self.enter(async move { request.run(operation).await })
    }

    /// Puts any run on the stage and lets things happen until nothing more does.
    pub(crate) fn enter<R: 'static>(
        &self,
        run: impl Future<Output = Result<R, RunError<Boom>>> + 'static,
    ) -> Started<R> {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        let task = self.troupe.borrow_mut().enter(async move {
            let ended = run.await;
            *slot.borrow_mut() = Some(ended);
        });
        self.settle();
        Started { task, result }
    }

    pub(crate) fn settle(&self) {
        self.troupe.borrow_mut().settle();
    }

    /// The caller gives the run up.
    pub(crate) fn drop_run<R>(&self, run: &Started<R>) {
        self.troupe.borrow_mut().dismiss(run.task);
        self.settle();
    }

    pub(crate) fn answer(&self, id: &str, answer: Answer) {
        self.upstream.answer(id, answer);
        self.settle();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.settle();
    }

    pub(crate) fn status(&self, id: &str) -> Status {
        self.row(id).status
    }

    /// How many more seconds a resource cools down.
    pub(crate) fn cooling(&self, id: &str) -> f64 {
        let until = self.row(id).until.expect("it is cooling down");
        until.duration_since(self.clock.now()).as_secs_f64()
    }

    pub(crate) fn row(&self, id: &str) -> rotapool::ResourceSnapshot {
        let rows = self.pool.snapshot();
        rows.into_iter().find(|row| &*row.id == id).expect("a member")
    }

    /// Nothing in flight, nobody asleep.
    pub(crate) fn assert_at_rest(&self) {
        assert_eq!(self.pool.stats().in_flight, 0, "usages left in flight");
        assert_eq!(self.upstream.pending(), [""; 0], "operations left alive");
        assert!(self.clock.sleepers().is_empty(), "sleeps left behind");
    }
}

/// State changes as short words: `a: healthy > disabled`.
pub(crate) fn words(change: &StateChange) -> String {
    format!("{}: {} > {}", change.id, change.old, change.new)
}
