//! What a run cannot do without: the lock on the way in and on the way out, a clock reading for each,
//! a pair to abort the operation by, the operation inside of it, and a share in the resource.

use std::future::ready;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::future::{AbortHandle, AbortRegistration, Abortable};
use rotapool_benches::now;
use rotapool_benches::table::Case;

use crate::suite::Suite;

pub(crate) fn measure(suite: &mut Suite) {
    let counter = &Mutex::new(0_u64);
    let value = &Arc::new(0_u64);
    let mut part = |row: &str, act: &dyn Fn()| {
        suite.case(Case::new("floor", row).against("floor/all"), |b| b.iter(act));
    };
    part("all", &|| {
        black_box(Instant::now());
        let (handle, registration) = AbortHandle::new_pair();
        let share = locked(counter, || Arc::clone(value));
        poll(registration);
        black_box(Instant::now());
        locked(counter, || drop(handle));
        drop(black_box(share));
    });
    part("lock_and_unlock", &|| locked(counter, || ()));
    part("clock_reading", &|| {
        black_box(Instant::now());
    });
    part("abort_pair", &|| {
        black_box(AbortHandle::new_pair());
    });
    part("abort_pair_and_poll", &|| {
        let (handle, registration) = AbortHandle::new_pair();
        poll(registration);
        drop(black_box(handle));
    });
    part("arc_clone_and_drop", &|| drop(black_box(Arc::clone(value))));
}

fn locked<R>(counter: &Mutex<u64>, act: impl FnOnce() -> R) -> R {
    let mut counter = black_box(counter).lock().unwrap_or_else(PoisonError::into_inner);
    *counter += 1;
    act()
}

fn poll(registration: AbortRegistration) {
    let _ = black_box(now(Abortable::new(ready(black_box(1_u64)), registration)));
}
