//! A pool in virtual time, with an upstream behind it: where most stories begin.

use std::future::Future;
use std::time::{Duration, Instant};

use rotapool::testing::{Task, VirtualClock, VirtualTime};
use rotapool::{Builder, Pool, Request, Resource, RunError, Runtime, Sleep, StateChange, Status};

use crate::upstream::{Answer, Boom, Upstream};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A pool in virtual time whose operations call an upstream that the story answers for.
pub(crate) struct Scene {
    pub(crate) pool: Pool<&'static str>,
    pub(crate) clock: VirtualClock,
    pub(crate) upstream: Upstream,
    pub(crate) time: VirtualTime,
}

/// Virtual time whose sleeps are as those of an `async` block: one that is over must not be polled again.
#[derive(Debug)]
struct Strict(VirtualClock);

impl Runtime for Strict {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        once(self.0.sleep_until(at))
    }
}

#[expect(clippy::redundant_async_block, reason = "it is there to panic when it is polled again")]
fn once(sleep: Sleep) -> Sleep {
    Box::pin(async move { sleep.await })
}

/// A timer that wakes whoever sleeps every second, due or not, as a timer may.
#[derive(Debug)]
pub(crate) struct Restless(pub(crate) VirtualClock);

impl Runtime for Restless {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        once(self.0.sleep_until(at.min(self.now() + secs(1))))
    }
}

/// A run on the scene.
pub(crate) struct Started<R = String> {
    task: Task<Result<R, RunError<Boom>>>,
}

impl<R> Started<R> {
    pub(crate) fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// The result of a run that has ended.
    pub(crate) fn result(&self) -> Result<R, RunError<Boom>> {
        self.task.take_result().expect("the run has ended")
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
        Self::on(Strict, ids, set_up)
    }

    /// The same, on a timer that wakes whoever sleeps every second.
    pub(crate) fn restless(
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        Self::on(Restless, ids, set_up)
    }

    fn on<R: Runtime>(
        runtime: impl FnOnce(VirtualClock) -> R,
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        let time = VirtualTime::new();
        let clock = time.clock();
        let builder = Pool::builder()
            .resources(ids.iter().map(|&id| Resource::new(id, id)))
            .retry_delay(Duration::ZERO)
            .runtime(runtime(clock.clone()))
            .seed(1);
        let pool = set_up(builder).build().unwrap();
        Self { pool, clock, upstream: Upstream::default(), time }
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

    /// Puts any run on the scene and lets things happen until nothing more does.
    pub(crate) fn enter<R: 'static>(
        &self,
        run: impl Future<Output = Result<R, RunError<Boom>>> + 'static,
    ) -> Started<R> {
        let task = self.time.spawn(run);
        self.settle();
        Started { task }
    }

    pub(crate) fn settle(&self) {
        self.advance(Duration::ZERO);
    }

    /// The caller gives the run up.
    pub(crate) fn drop_run<R>(&self, run: &Started<R>) {
        run.task.abort();
        self.settle();
    }

    pub(crate) fn answer(&self, id: &str, answer: Answer) {
        self.upstream.answer(id, answer);
        self.settle();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.time.advance(by);
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
        let stats = self.pool.stats();
        assert_eq!(stats.in_flight, 0, "usages left in flight");
        assert_eq!(stats.waiting, 0, "runs left waiting");
        assert_eq!(self.upstream.pending(), [""; 0], "operations left alive");
        assert!(self.clock.sleeps().is_empty(), "sleeps left behind");
    }
}

/// State changes as short words: `a: healthy > disabled`.
pub(crate) fn words(change: &StateChange) -> String {
    format!("{}: {} > {}", change.id, change.old, change.new)
}
