//! Time that passes when everybody sleeps, and a driver for those who do.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::testing::clock::VirtualClock;
use crate::testing::task::{Job, Task};

/// Drives futures on this thread while time jumps from the end of one sleep to that of the next, so
/// that minutes of cooldown are over in microseconds.
///
/// It is all the runtime that a test needs. A future that awaits something from elsewhere, such as a
/// socket or another runtime's timer, does not belong on it.
///
/// What happens is the same every time: who was woken first is polled first, and sleeps that end at
/// one instant end in the order in which they began. Give the pool a [seed](crate::Builder::seed) and
/// its jitter and draws are the same every time too.
///
/// ```
/// use std::time::Duration;
/// use rotapool::testing::VirtualTime;
///
/// let time = VirtualTime::new();
/// let clock = time.clock();
/// let task = time.spawn(async move { clock.sleep(Duration::from_secs(30)).await });
///
/// time.advance(Duration::from_secs(29));
/// assert!(!task.is_finished());
/// time.advance(Duration::from_secs(1));
/// assert!(task.is_finished());
/// ```
pub struct VirtualTime {
    clock: VirtualClock,
    tasks: RefCell<BTreeMap<u64, Rc<Job>>>,
    /// How many futures it was ever given: the numbers of its cues.
    given: Cell<u64>,
    queue: Queue,
    driving: Cell<bool>,
}

/// Who was woken and awaits a turn, in that order.
type Queue = Arc<Mutex<VecDeque<Arc<Cue>>>>;

impl VirtualTime {
    /// Time that stands at zero, with nothing to do.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: VirtualClock::new(),
            tasks: RefCell::default(),
            given: Cell::new(0),
            queue: Queue::default(),
            driving: Cell::new(false),
        }
    }

    /// The clock, for [`Builder::runtime`](crate::Builder::runtime) and for sleeps of the test's own.
    #[must_use]
    pub fn clock(&self) -> VirtualClock {
        self.clock.clone()
    }

    /// How far time has moved since this was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Drives `future` to its end, beside the spawned tasks. Whenever everybody waits, time jumps to
    /// the end of the next sleep.
    ///
    /// When it returns, the tasks that could go on at that moment have gone on.
    /// Time stands still as long as anybody is woken: nobody may wait for it in a loop of yields.
    ///
    /// # Panics
    ///
    /// When nothing can ever wake `future` again; when it or a task panics; when called from inside a
    /// future that this drives.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _driving = self.drive("block_on");
        let mut future = pin!(future);
        let cue = self.cue();
        let waker = Waker::from(Arc::clone(&cue));
        waker.wake_by_ref();
        let mut output = None;
        loop {
            self.settle(|woken| {
                if woken == cue.number && output.is_none() {
                    if let Poll::Ready(value) =
                        future.as_mut().poll(&mut Context::from_waker(&waker))
                    {
                        output = Some(value);
                    }
                }
            });
            if let Some(output) = output {
                return output;
            }
            match self.clock.next_end() {
                Some(end) => self.clock.move_to(end),
                None => panic!("{}", self.deadlock()),
            }
        }
    }

    /// Takes on a future to drive beside others, from the next [`advance`](Self::advance) or
    /// [`block_on`](Self::block_on). It need not be `Send`.
    pub fn spawn<R: 'static>(&self, future: impl Future<Output = R> + 'static) -> Task<R> {
        let cue = self.cue();
        let waker = Waker::from(Arc::clone(&cue));
        waker.wake_by_ref();
        let (job, task) = Job::new(future, waker);
        self.tasks.borrow_mut().insert(cue.number, job);
        task
    }

    /// Lets this much time pass for the spawned tasks, from the end of one sleep to that of the next:
    /// every one of them sees the clock as it would in real life.
    ///
    /// Nobody need sleep, and tasks that wait for more than time are left waiting.
    /// `advance(Duration::ZERO)` lets the tasks go as far as they get at this moment.
    ///
    /// # Panics
    ///
    /// When a task panics; when an [`Instant`](std::time::Instant) cannot be that late; when called from
    /// inside a future that this drives, where `clock.sleep(…).await` lets time pass.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        let _driving = self.drive("advance");
        let end = self.clock.later(by);
        self.settle(|_| ());
        while let Some(next) = self.clock.next_end().filter(|next| *next <= end) {
            self.clock.move_to(next);
            self.settle(|_| ());
        }
        self.clock.move_to(end);
    }

    /// Gives everybody who was woken a turn, until nobody is. `other` is told of a number that is no
    /// task's.
    fn settle(&self, mut other: impl FnMut(u64)) {
        loop {
            let woken = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(cue) = woken else { return };
            // Before the turn, so that whoever wakes itself gets another.
            cue.queued.store(false, Ordering::Release);
            let job = self.tasks.borrow().get(&cue.number).cloned();
            match job {
                Some(job) if job.poll() => drop(self.tasks.borrow_mut().remove(&cue.number)),
                Some(_) => (),
                None => other(cue.number),
            }
        }
    }

    fn cue(&self) -> Arc<Cue> {
        let number = self.given.get();
        self.given.set(number + 1);
        Arc::new(Cue { number, queued: AtomicBool::new(false), queue: Arc::clone(&self.queue) })
    }

    #[track_caller]
    fn drive(&self, call: &str) -> Driving<'_> {
        assert!(
            !self.driving.replace(true),
            "`VirtualTime::{call}` was called from inside a future that it drives; in there, \
             `clock.sleep(…).await` lets time pass"
        );
        Driving(&self.driving)
    }

    fn deadlock(&self) -> String {
        let tasks = match self.tasks.borrow().len() {
            0 => String::new(),
            1 => ", and so does 1 task".to_owned(),
            tasks => format!(", and so do {tasks} tasks"),
        };
        format!(
            "deadlock at {}s of virtual time: the future given to `block_on` waits{tasks}, but nobody \
             sleeps by this clock, so nothing can ever wake it. Look for a pool that was not given \
             `.runtime(time.clock())`, an answer that hangs, and awaits of what is not in virtual time, \
             such as I/O or another runtime's timer",
            self.elapsed().as_secs_f64()
        )
    }
}

impl Default for VirtualTime {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualTime")
            .field("clock", &self.clock)
            .field("tasks", &self.tasks.borrow().len())
            .finish_non_exhaustive()
    }
}

/// Whose turn it is when its waker was called.
struct Cue {
    number: u64,
    queued: AtomicBool,
    queue: Queue,
}

impl Wake for Cue {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            let queue = Arc::clone(&self.queue);
            queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(self);
        }
    }
}

/// Somebody drives; nobody else may until this is dropped, also by a panic.
struct Driving<'a>(&'a Cell<bool>);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
