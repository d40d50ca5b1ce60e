//! Where threads meet: the standard ones, or those of the model checker `loom` under `--cfg loom`, which
//! tries every order in which threads can get there (`proof/concurrency/`).

#[cfg(loom)]
pub(crate) use self::checked::{AtomicBool, AtomicWaker, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use self::real::{AtomicBool, AtomicWaker, Mutex, MutexGuard};

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::AtomicBool;
    pub(crate) use std::sync::{Mutex, MutexGuard};

    pub(crate) use futures_util::task::AtomicWaker;
}

#[cfg(loom)]
mod checked {
    use std::task::Waker;

    pub(crate) use loom::sync::atomic::AtomicBool;
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// The checker's, under the names of the real one.
    #[derive(Debug, Default)]
    pub(crate) struct AtomicWaker(loom::future::AtomicWaker);

    impl AtomicWaker {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn register(&self, waker: &Waker) {
            self.0.register_by_ref(waker);
        }

        pub(crate) fn take(&self) -> Option<Waker> {
            self.0.take_waker()
        }
    }
}
