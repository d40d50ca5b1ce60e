//! A shutdown that whoever waits may drive, one at a time, and nobody has to.
//!
//! What `futures::future::Shared` is for, but for two things: there a clean-up that waits for its own shutdown
//! is a deadlock, and wakers are called and dropped under a lock.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use rotapool_core::lifecycle::ShutdownReport;

use crate::lifecycle::course::{Driven, Known};
use crate::shield::wake;
use crate::sync::Mutex;
use crate::waiters::{Change, Waiters};

/// A shutdown under way. Clones are the same.
#[derive(Clone)]
pub(super) struct Seat(Arc<Shared>);

struct Shared {
    known: Known,
    /// Taken by who drives at this moment.
    driven: Mutex<Option<Driven>>,
    /// Woken whenever there may be something to drive, and at the end.
    waiters: Waiters,
    over: OnceLock<Arc<ShutdownReport>>,
}

impl Seat {
    pub(super) fn new(known: Known, driven: Driven) -> Self {
        let (waiters, over) = Default::default();
        Self(Arc::new(Shared { known, driven: Mutex::new(Some(driven)), waiters, over }))
    }

    /// Drives it, or waits while somebody else does, until it is over.
    pub(super) fn wait(self) -> Waiting {
        Waiting { seat: self, change: None }
    }

    /// How far it is.
    pub(super) fn report(&self) -> ShutdownReport {
        match self.0.over.get() {
            Some(report) => ShutdownReport::clone(report),
            None => self.0.known.report(),
        }
    }

    /// Drives it as far as it gets now, unless somebody else does.
    fn drive(&self) {
        let taken = self.0.driven.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(driven) = taken else { return };
        let mut driving = Driving { shared: &self.0, driven: Some(driven) };
        // Not the waker of who drives, who may be gone by then: whoever waits is woken, and one of them drives on.
        let waker = Waker::from(Arc::new(Relay(self.0.waiters.clone())));
        let driven = driving.driven.as_mut().expect("it was just put there");
        if let Poll::Ready(report) = Pin::new(driven).poll(&mut Context::from_waker(&waker)) {
            driving.driven = None;
            self.0.over.get_or_init(|| report);
            self.0.waiters.change().for_each(wake);
        }
    }
}

/// Gives the seat up again, also by a panic of the runtime's.
struct Driving<'a> {
    shared: &'a Shared,
    driven: Option<Driven>,
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if let Some(driven) = self.driven.take() {
            *self.shared.driven.lock().unwrap_or_else(PoisonError::into_inner) = Some(driven);
            if thread::panicking() {
                // Who was woken meanwhile found the seat taken, and nobody looks again after this one.
                self.shared.waiters.change().for_each(wake);
            }
        }
    }
}

struct Relay(Waiters);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.change().for_each(wake);
    }
}

pub(super) struct Waiting {
    seat: Seat,
    change: Option<Change>,
}

impl Future for Waiting {
    type Output = Arc<ShutdownReport>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { seat, change } = &mut *self;
        loop {
            // From here on no wake-up slips by: one that comes while this drives has it drive again, and all who
            // wait are woken by it, so nobody has a turn to pass on.
            let change = change.insert(seat.0.waiters.listen());
            seat.drive();
            if let Some(report) = seat.0.over.get() {
                return Poll::Ready(Arc::clone(report));
            }
            if Pin::new(change).poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
