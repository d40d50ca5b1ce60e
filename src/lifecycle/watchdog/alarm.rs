//! What a watchdog calls, and whom it tells when that fails.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use rotapool_core::lifecycle::Ending;

use crate::lifecycle::caught::{caught, message};
use crate::lifecycle::clean_up::IntoEnding;
use crate::lifecycle::watchdog::silence::Silence;

pub(super) type OnFailure = Box<dyn Fn(&Silence, &Ending) + Send + Sync>;
pub(super) type Raise = Box<dyn Fn(&Silence, &Arc<Failures>) + Send + Sync>;

/// The alarms that failed.
pub(super) struct Failures {
    count: AtomicU64,
    on_failure: OnFailure,
}

impl Failures {
    fn tell(&self, silence: &Silence, ending: &Ending) {
        if !matches!(ending, Ending::Done) {
            self.count.fetch_add(1, Ordering::Relaxed);
            // Who is told of failures and fails has nobody left to tell but the panic's own message.
            let _ = caught(|| (self.on_failure)(silence, ending));
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Raises the alarm, in the way in which its owner wants it.
pub(super) struct Alarm {
    raise: Option<Raise>,
    failures: Arc<Failures>,
}

impl Alarm {
    pub(super) fn new(raise: Option<Raise>, on_failure: Option<OnFailure>) -> Self {
        let on_failure = on_failure.unwrap_or_else(|| {
            Box::new(|silence, ending| eprintln!("{silence}; and the alarm {ending}"))
        });
        Self { raise, failures: Arc::new(Failures { count: AtomicU64::new(0), on_failure }) }
    }

    pub(super) fn is_there(&self) -> bool {
        self.raise.is_some()
    }

    pub(super) fn raise(&self, silence: &Silence) {
        if let Some(raise) = &self.raise {
            raise(silence, &self.failures);
        }
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.count()
    }
}

/// An alarm that is over when it returns.
pub(super) fn at_once<R: IntoEnding>(
    alarm: impl Fn(&Silence) -> R + Send + Sync + 'static,
) -> Raise {
    Box::new(move |silence, failures| {
        let ending = caught(|| alarm(silence).into_ending()).unwrap_or_else(Ending::Panicked);
        failures.tell(silence, &ending);
    })
}

/// An alarm that awaits, wherever `spawn` lets it.
pub(super) fn spawned<Fut>(
    spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    alarm: impl Fn(Silence) -> Fut + Send + Sync + 'static,
) -> Raise
where
    Fut: Future<Output: IntoEnding> + Send + 'static,
{
    Box::new(move |silence, failures| {
        let begun = caught(|| {
            let future = alarm(silence.clone());
            let (silence, failures) = (silence.clone(), Arc::clone(failures));
            spawn(Box::pin(async move {
                let ended = AssertUnwindSafe(future.map(IntoEnding::into_ending)).catch_unwind();
                let ending = ended.await.unwrap_or_else(|panic| Ending::Panicked(message(&*panic)));
                failures.tell(&silence, &ending);
            }));
        });
        if let Err(message) = begun {
            failures.tell(silence, &Ending::Panicked(message));
        }
    })
}
