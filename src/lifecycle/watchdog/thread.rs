//! The thread of a watchdog, so that it notices when nothing else goes on.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

use crate::lifecycle::watchdog::{Claim, Watchdog, WatchdogError};
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

pub(super) fn start(watchdog: &Watchdog, claim: Claim) -> Result<WatchdogThread, WatchdogError> {
    let stop = Arc::new(AtomicBool::new(false));
    let watch = watchdog.watch_from(watchdog.inner.runtime.now());
    let stopped = Arc::clone(&stop);
    let spawned = thread::Builder::new()
        .name("rotapool-watch".to_owned())
        .spawn(move || drive(watch, &stopped));
    match spawned {
        Ok(handle) => Ok(WatchdogThread { thread: handle.thread().clone(), stop, _claim: claim }),
        Err(error) => {
            let (name, reason) = (Arc::clone(&watchdog.inner.name), error.to_string().into());
            Err(WatchdogError::NoThread { name, reason })
        }
    }
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

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
