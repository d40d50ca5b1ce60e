//! Whether a shutdown has begun, for whoever wants to know.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::shield::wake;
use crate::sync::AtomicBool;
use crate::waiters::Waiters;

/// Knows whether a shutdown has begun. Clones know the same. Made by
/// [`Shutdown::token`](crate::lifecycle::Shutdown::token).
///
/// It keeps no clean-up alive, and never fires when the shutdown was dropped before it began.
#[derive(Clone)]
pub struct ShutdownToken(Arc<Bell>);

struct Bell {
    rung: AtomicBool,
    waiters: Waiters,
}

impl ShutdownToken {
    pub(super) fn new() -> Self {
        Self(Arc::new(Bell { rung: AtomicBool::new(false), waiters: Waiters::default() }))
    }

    pub(super) fn ring(&self) {
        self.0.rung.store(true, Ordering::Release);
        self.0.waiters.change().for_each(wake);
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.rung.load(Ordering::Acquire)
    }

    /// Waits until the shutdown has begun.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point.
    pub fn triggered(&self) -> impl Future<Output = ()> + Send + use<> {
        let bell = Arc::clone(&self.0);
        async move {
            loop {
                let change = bell.waiters.listen();
                if bell.rung.load(Ordering::Acquire) {
                    return;
                }
                change.await;
            }
        }
    }
}

impl fmt::Debug for ShutdownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShutdownToken").field(&self.is_triggered()).finish()
    }
}
