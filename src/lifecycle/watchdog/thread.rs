//! The thread of a watchdog, so that it notices when nothing else goes on.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

use rotapool_core::Runtime;

use crate::lifecycle::caught::caught;
use crate::lifecycle::watchdog::handle::{Claim, Watchdog};
use crate::lifecycle::watchdog::silence::WatchdogError;
use crate::sync::AtomicBool;

/// A watchdog at work on its own thread. Dropping this ends the watch; an alarm that is being raised at that
/// moment is raised.
#[must_use = "dropping it ends the watch"]
#[derive(Debug)]
pub struct WatchdogThread {
    thread: Thread,
    stop: Arc<AtomicBool>,
    /// Gone with this and not with the thread, so that the next watch need not wait for it.
    _claim: Claim,
}

impl Drop for WatchdogThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Watchdog {
    /// Starts to watch, on a thread of its own, until what it returns is dropped.
    ///
    /// # Errors
    ///
    /// When it watches already, has no alarm, gets no thread, or its [runtime](crate::lifecycle::WatchdogBuilder::runtime) has no timer
    /// for one. Nothing is left behind then.
    pub fn start(&self) -> Result<WatchdogThread, WatchdogError> {
        start(self, self.claim()?)
    }
}

fn start(watchdog: &Watchdog, claim: Claim) -> Result<WatchdogThread, WatchdogError> {
    let stop = Arc::new(AtomicBool::new(false));
    let (inner, stopped) = (Arc::clone(&watchdog.inner), Arc::clone(&stop));
    let watch = watchdog.watch_from(inner.runtime.now());
    let (tell, told) = mpsc::sync_channel(1);
    let begin = move || {
        let works = sleeps_here(&*inner.runtime);
        drop(inner);
        let goes_on = works.is_ok();
        let _ = tell.send(works);
        if goes_on {
            drive(watch, &stopped);
        }
    };
    let spawned = thread::Builder::new().name("rotapool-watch".to_owned()).spawn(begin);
    let name = Arc::clone(&watchdog.inner.name);
    let handle = match spawned {
        Ok(handle) => handle,
        Err(error) => {
            return Err(WatchdogError::NoThread { name, reason: error.to_string().into() });
        }
    };
    match told.recv() {
        Ok(Ok(())) => Ok(WatchdogThread { thread: handle.thread().clone(), stop, _claim: claim }),
        Ok(Err(reason)) => Err(WatchdogError::Runtime { name, reason }),
        Err(_) => unreachable!("the thread tells before it ends, and its panics are caught"),
    }
}

/// Tries whether the runtime has a timer for this thread. Some panic where their executor is not.
fn sleeps_here(runtime: &dyn Runtime) -> Result<(), Arc<str>> {
    caught(|| {
        let mut sleep = runtime.sleep_until(runtime.now());
        let _ = sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    })
}

/// Drives a future on this thread until it ends or is stopped.
fn drive(future: impl Future, stop: &AtomicBool) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    while !stop.load(Ordering::Acquire)
        && future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
    {
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
