//! A profile, played on the pool in virtual time, over wires that take some.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use futures::future::{Either, select};
use rotapool::testing::{VirtualClock, VirtualTime};

use crate::arrivals::arrivals;
use crate::ours::{self, Setup};
use crate::perfect::Possible;
use crate::profile::{DEADLINE, GRACE, LASTS, Profile};
use crate::upstream::{Reply, Upstream};

/// What is between the pool and its upstream: a call takes up to this long on its way, and so does its answer, each
/// by its own luck. So what was sent later may come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wire(pub(crate) Duration);

impl Wire {
    /// What is sent is there.
    pub(crate) const NONE: Self = Self(Duration::ZERO);
}

/// An upstream behind a wire.
struct Remote {
    upstream: Upstream,
    wire: Wire,
    chance: Rng,
}

/// What the pool does with the load of this seed.
pub(crate) fn play(profile: &'static Profile, setup: Setup, wire: Wire, seed: u64) -> Possible {
    let time = VirtualTime::new();
    let (upstream, chance) = (Upstream::new(profile, seed), Rng::with_seed(seed));
    let upstream = Rc::new(RefCell::new(Remote { upstream, wire, chance }));
    let pool = ours::pool(profile.keys, setup, time.clock(), seed);
    let requests = arrivals(profile, seed).into_iter().map(|at| {
        let (clock, pool, upstream) = (time.clock(), pool.clone(), Rc::clone(&upstream));
        time.spawn(async move {
            clock.sleep(at).await;
            let asked = pin!(ours::ask(&pool, DEADLINE, |key| call(&upstream, &clock, key)));
            match select(asked, clock.sleep(DEADLINE + GRACE)).await {
                Either::Left((served, _)) => served.is_ok() && clock.elapsed() <= at + DEADLINE,
                Either::Right(_) => false,
            }
        })
    });
    let requests: Vec<_> = requests.collect();
    time.advance(LASTS + 2 * DEADLINE);
    let served = requests.iter().filter(|request| request.take_result() == Some(true)).count();
    Possible {
        arrived: requests.len() as u64,
        served: served as u64,
        requests: upstream.borrow().upstream.received(),
    }
}

async fn call(remote: &RefCell<Remote>, clock: &VirtualClock, key: usize) -> io::Result<Reply> {
    let on_the_way = || {
        let Remote { wire, chance, .. } = &mut *remote.borrow_mut();
        wire.0.mul_f64(chance.f64())
    };
    let (there, back) = (on_the_way(), on_the_way());
    clock.sleep(there).await;
    let received = remote.borrow_mut().upstream.receive(key, clock.elapsed());
    match received {
        Some((reply, takes)) => {
            clock.sleep(takes + back).await;
            Ok(reply)
        }
        None => std::future::pending().await,
    }
}
