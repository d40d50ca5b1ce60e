//! What happened, and when: recorded, to look at and to assert on.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rotapool_core::{Event, OneLine, Runtime, StateChange};

use crate::drive::lease::Lease;
use crate::terms::fault::Fault;
use crate::testing::entry::{End, Entry, Happened, seconds};

/// A recording of calls and state changes. Clones are the same recording; its `Display` is a table, to
/// the millisecond.
///
/// Runs with a [request id](crate::Request::request_id) are told apart by it.
///
/// A [`Script`](crate::testing::Script) records its calls by itself. For operations of your own:
///
/// ```
/// use rotapool::testing::{Trace, VirtualTime};
/// # use rotapool::{Fault, Lease, Pool, Resource};
///
/// # async fn ask(key: Lease<&str>) -> Result<(), Fault<String>> { Err(Fault::disable("401")) }
/// let time = VirtualTime::new();
/// let trace = Trace::new(time.clock());
/// let pool = Pool::builder()
///     .resource(Resource::new("key-1", "sk-aaa"))
///     .runtime(time.clock())
///     .on_state_change(trace.hook())
///     .build()
///     .unwrap();
///
/// time.block_on(pool.run(|key| trace.watch(key, ask))).unwrap_err();
///
/// assert_eq!(trace.lines(), [
///     "0s key-1: call 1 begins (attempt 1)",
///     "0s key-1: call 1 ends: disable (401)",
///     "0s key-1: now disabled: 401",
/// ]);
/// ```
#[derive(Clone)]
pub struct Trace {
    recorder: Arc<Recorder>,
}

struct Recorder {
    runtime: Arc<dyn Runtime>,
    start: Instant,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    entries: Vec<Entry>,
    calls: usize,
}

impl Trace {
    /// An empty recording, which goes by this clock: that of the pool.
    pub fn new(runtime: impl Runtime) -> Self {
        let start = runtime.now();
        let recorder = Recorder { runtime: Arc::new(runtime), start, record: Mutex::default() };
        Self { recorder: Arc::new(recorder) }
    }

    /// Records the calls of an operation: `pool.run(|key| trace.watch(key, ask))`.
    pub fn watch<T, F, Fut, R, E>(
        &self,
        lease: Lease<T>,
        operation: F,
    ) -> impl Future<Output = Fut::Output> + use<T, F, Fut, R, E>
    where
        F: FnOnce(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        let call = Call::begin(self, &lease);
        async move {
            let result = operation(lease).await;
            call.end(&result);
            result
        }
    }

    /// Records the state changes, as the pool's [hook](crate::Builder::on_state_change) for them.
    pub fn hook(&self) -> impl Fn(&StateChange) + Send + Sync + 'static + use<> {
        let trace = self.clone();
        move |change| trace.record(&change.id, |_| trace.seen(change))
    }

    /// Records what a pool [told](crate::Pool::events) of who joined, who left and whose status changed. The
    /// rest is not recorded: of the calls the trace knows by itself.
    ///
    /// Instead of the [hook](Self::hook), not beside it: both tell of the changes. They are recorded under the time of
    /// the event, in the order of these calls.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// # use rotapool::testing::{Trace, VirtualTime};
    /// # let time = VirtualTime::new();
    /// # let pool = Pool::builder().resource(Resource::new("a", ())).runtime(time.clock()).build().unwrap();
    /// let trace = Trace::new(time.clock());
    /// let mut events = pool.events();
    /// pool.add(Resource::new("b", ())).unwrap();
    /// pool.disable("a").unwrap();
    /// pool.remove("a").unwrap();
    ///
    /// std::iter::from_fn(|| events.try_next()).for_each(|event| trace.note(&event));
    /// assert_eq!(trace.lines(), ["0s b: added", "0s a: now disabled: by an admin call", "0s a: removed"]);
    /// ```
    pub fn note(&self, event: &Event) {
        let at = event.at().saturating_duration_since(self.recorder.start);
        match event {
            Event::ResourceAdded { id, .. } => self.record_at(at, id, |_| Happened::Added),
            Event::ResourceRemoved { id, .. } => self.record_at(at, id, |_| Happened::Removed),
            Event::StateChanged { change, .. } => {
                self.record_at(at, &change.id, |_| self.seen(change));
            }
            _ => {}
        }
    }

    fn seen(&self, change: &StateChange) -> Happened {
        let StateChange { old, new, until, cause, .. } = change.clone();
        let until = until.map(|until| until.saturating_duration_since(self.recorder.start));
        Happened::Changed { old, new, until, cause }
    }

    /// All that happened, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.records().entries.clone()
    }

    /// All that happened, in order, as one line each: handy to assert on.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.entries().iter().map(ToString::to_string).collect()
    }

    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.recorder.runtime
    }

    /// Records what happened now. It is told how many calls there were.
    fn record(&self, id: &Arc<str>, happened: impl FnOnce(&mut usize) -> Happened) {
        let at = self.recorder.runtime.now().saturating_duration_since(self.recorder.start);
        self.record_at(at, id, happened);
    }

    fn record_at(
        &self,
        at: Duration,
        id: &Arc<str>,
        happened: impl FnOnce(&mut usize) -> Happened,
    ) {
        let mut record = self.records();
        let happened = happened(&mut record.calls);
        record.entries.push(Entry { at, id: Arc::clone(id), happened });
    }

    fn records(&self) -> MutexGuard<'_, Record> {
        self.recorder.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call in progress. Dropped before its end, it is recorded as that.
struct Call {
    trace: Trace,
    id: Arc<str>,
    number: usize,
    end: Option<End>,
}

impl Call {
    fn begin<T>(trace: &Trace, lease: &Lease<T>) -> Self {
        let id: Arc<str> = lease.id().into();
        let (attempt, request_id) = (lease.attempt(), lease.request_id().map(Arc::from));
        let mut number = 0;
        trace.record(&id, |calls| {
            *calls += 1;
            number = *calls;
            Happened::Began { call: number, attempt, request_id }
        });
        Self { trace: trace.clone(), id, number, end: None }
    }

    fn end<R, E>(mut self, result: &Result<R, Fault<E>>) {
        self.end = Some(match result {
            Ok(_) => End::Ok,
            Err(Fault::Signal(signal)) => End::Signal(signal.clone()),
            Err(Fault::Operation(_)) => End::Error,
            Err(Fault::Failure(_)) => End::Failure,
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let unfinished = if thread::panicking() { End::Panic } else { End::Dropped };
        let (call, end) = (self.number, self.end.take().unwrap_or(unfinished));
        self.trace.record(&self.id, |_| Happened::Ended { call, end });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        let widest = |width: &dyn Fn(&Entry) -> usize| entries.iter().map(width).max().unwrap_or(0);
        // All with the decimals of the finest, so that the points stand below each other; but nobody
        // reads the nanoseconds of a jitter.
        let decimals =
            widest(&|entry| seconds(entry.at).split('.').nth(1).map_or(0, str::len)).min(3);
        let time = |entry: &Entry| format!("{:.decimals$}", entry.at.as_secs_f64());
        let time_width = widest(&|entry| time(entry).len());
        let id = |entry: &Entry| OneLine(&entry.id).to_string();
        let id_width = widest(&|entry| id(entry).chars().count());
        let mut separator = "";
        for entry in &entries {
            let (time, id, happened) = (time(entry), id(entry), &entry.happened);
            write!(f, "{separator}{time:>time_width$}s  {id:<id_width$}  {happened}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}
