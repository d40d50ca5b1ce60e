//! Operations that do as they were told.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use rotapool_core::{Runtime, after};

use crate::drive::lease::Lease;
use crate::terms::fault::Fault;
use crate::testing::answer::Answer;
use crate::testing::trace::Trace;

/// What the operations come to, said beforehand: a list of [`Answer`]s for each resource. Clones are
/// the same script.
///
/// Each call takes the next answer of its resource, and has used it up even if it is aborted. The
/// answers are an iterator, asked when the call is made: `std::iter::repeat(…)` goes on for ever, and
/// `std::iter::from_fn(…)` may go by the clock, or do anything but play the script on the same resource.
///
/// ```
/// use std::time::Duration;
/// use rotapool::testing::{Answer, Script, VirtualTime};
/// # use rotapool::{Pool, Resource};
///
/// let time = VirtualTime::new();
/// let script = Script::<&str>::new(time.clock())
///     .on("key-1", [Answer::ok("slow").after(Duration::from_secs(9)), Answer::disable("401")])
///     .on("key-2", std::iter::repeat(Answer::ok("well")));
/// # let pool = Pool::builder()
/// #     .resources(["key-1", "key-2"].map(|id| Resource::new(id, ())))
/// #     .strategy(rotapool::Strategy::PrimaryBackup)
/// #     .retry_delay(Duration::ZERO)
/// #     .runtime(time.clock())
/// #     .build()
/// #     .unwrap();
///
/// let replies = ["slow", "well", "well"];
/// for reply in replies {
///     let run = pool.run(|key| script.play(key));
///     assert_eq!(time.block_on(run), Ok(reply));
/// }
/// assert_eq!(time.elapsed(), Duration::from_secs(9));
/// ```
///
/// The operations have no errors of their own unless the second type says so: `Script::<&str>` is
/// `Script<&str, Infallible>`.
pub struct Script<R, E = Infallible> {
    trace: Trace,
    parts: Arc<Mutex<Parts<R, E>>>,
}

type Parts<R, E> = BTreeMap<Arc<str>, Arc<Part<R, E>>>;

type Answers<R, E> = Box<dyn Iterator<Item = Answer<R, E>> + Send>;

/// What is left of the answers of one resource.
struct Part<R, E> {
    left: Mutex<Left<R, E>>,
    /// Told when nobody is asked any more.
    answered: Condvar,
}

struct Left<R, E> {
    /// In the order in which they were said. The first is away while it is asked: it is foreign code, which is not called
    /// under a lock.
    answers: VecDeque<Answers<R, E>>,
    calls: usize,
    /// Whose call is asking for its answer.
    asking: Option<ThreadId>,
}

impl<R, E> Part<R, E> {
    fn new() -> Arc<Self> {
        let left = Left { answers: VecDeque::new(), calls: 0, asking: None };
        Arc::new(Self { left: Mutex::new(left), answered: Condvar::new() })
    }

    /// The next answer, and which call it is that gets it. Only the calls of this resource wait for each other.
    ///
    /// # Errors
    ///
    /// When the answers themselves make a call.
    fn next(&self) -> Result<(Option<Answer<R, E>>, usize), InItself> {
        let this_thread = thread::current().id();
        let mut left = lock(&self.left);
        while let Some(thread) = left.asking {
            if thread == this_thread {
                return Err(InItself);
            }
            left = self.answered.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        left.calls += 1;
        left.asking = Some(this_thread);
        let call = left.calls;
        let asked = Asked { part: self, answers: left.answers.pop_front() };
        drop(left);
        Ok((asked.next(), call))
    }
}

/// The answers of a resource do not come to an end because they call for themselves.
struct InItself;

/// Answers that are asked; given back when they have answered, or panicked.
struct Asked<'a, R, E> {
    part: &'a Part<R, E>,
    answers: Option<Answers<R, E>>,
}

impl<R, E> Asked<'_, R, E> {
    fn next(mut self) -> Option<Answer<R, E>> {
        while let Some(answers) = &mut self.answers {
            if let Some(answer) = answers.next() {
                return Some(answer);
            }
            // Dropped here, and only then the next ones are taken.
            self.answers = None;
            self.answers = lock(&self.part.left).answers.pop_front();
        }
        None
    }
}

impl<R, E> Drop for Asked<'_, R, E> {
    fn drop(&mut self) {
        let mut left = lock(&self.part.left);
        left.asking = None;
        if let Some(answers) = self.answers.take() {
            left.answers.push_front(answers);
        }
        drop(left);
        self.part.answered.notify_all();
    }
}

impl<R: 'static, E: 'static> Script<R, E> {
    /// An empty script, whose delays and whose [trace](Self::trace) go by this clock: that of the pool.
    pub fn new(runtime: impl Runtime) -> Self {
        Self { trace: Trace::new(runtime), parts: Arc::default() }
    }

    /// Says what calls on this resource come to, one after the other; after what was said of it before.
    #[must_use = "it returns the script"]
    pub fn on(
        self,
        id: impl Into<Arc<str>>,
        answers: impl IntoIterator<Item = Answer<R, E>, IntoIter: Send + 'static>,
    ) -> Self {
        // Foreign code, as what it makes is: not under a lock.
        let answers: Answers<R, E> = Box::new(answers.into_iter());
        let id = id.into();
        let part = Arc::clone(lock(&self.parts).entry(id).or_insert_with(Part::new));
        lock(&part.left).answers.push_back(answers);
        self
    }

    /// An operation that goes by the script: `pool.run(|key| script.play(key))`.
    ///
    /// # Panics
    ///
    /// When the script says nothing about the resource, or nothing more. A test that guesses on would
    /// prove nothing.
    #[track_caller]
    pub fn play<T>(
        &self,
        lease: Lease<T>,
    ) -> impl Future<Output = Result<R, Fault<E>>> + use<T, R, E> {
        let Answer { result, after: delay } = self.next(&lease);
        let runtime = Arc::clone(self.trace.runtime());
        self.trace.watch(lease, move |_| async move {
            let until = after(runtime.now(), delay);
            while runtime.now() < until {
                runtime.sleep_until(until).await;
            }
            match result {
                Some(result) => result,
                None => pending().await,
            }
        })
    }

    /// What has happened: the calls, and what else is [shown](Trace::hook) to the trace.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.trace.clone()
    }

    #[track_caller]
    fn next<T>(&self, lease: &Lease<T>) -> Answer<R, E> {
        let part = lock(&self.parts).get(lease.id()).map(Arc::clone);
        let Some(part) = part else { panic!("{}", self.silent(lease)) };
        match part.next() {
            Ok((Some(answer), _)) => answer,
            Ok((None, calls)) => panic!("{}", self.run_out(lease, calls)),
            Err(InItself) => panic!(
                "the answers of resource {:?} called for themselves: they may do anything but play \
                 the script on it",
                lease.id()
            ),
        }
    }

    fn silent<T>(&self, lease: &Lease<T>) -> String {
        let known: Vec<String> = lock(&self.parts).keys().map(|id| format!("{id:?}")).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        format!(
            "the script says nothing of resource {id:?}, and the pool has picked it; scripted are: \
             {known}. Say `.on({id:?}, […])`.{}",
            self.so_far(),
            id = lease.id(),
        )
    }

    fn run_out<T>(&self, lease: &Lease<T>, calls: usize) -> String {
        let said = match calls - 1 {
            0 => "no answer".to_owned(),
            1 => "1 answer".to_owned(),
            answers => format!("{answers} answers"),
        };
        format!(
            "the script of resource {id:?} has run out: it has {said}, and this is call {calls} \
             (attempt {attempt} of its run). Say what it comes to, or let `std::iter::repeat` go on \
             for ever.{}",
            self.so_far(),
            id = lease.id(),
            attempt = lease.attempt(),
        )
    }

    fn so_far(&self) -> String {
        match self.trace.to_string() {
            nothing if nothing.is_empty() => nothing,
            trace => format!(" So far:\n{trace}"),
        }
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R, E> Clone for Script<R, E> {
    fn clone(&self) -> Self {
        Self { trace: self.trace.clone(), parts: Arc::clone(&self.parts) }
    }
}

impl<R, E> fmt::Debug for Script<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<Arc<str>> = lock(&self.parts).keys().cloned().collect();
        f.debug_struct("Script").field("resources", &ids).finish_non_exhaustive()
    }
}
