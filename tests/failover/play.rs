//! A profile, played on the pool in virtual time.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use rotapool::testing::{VirtualClock, VirtualTime};

use crate::arrivals::arrivals;
use crate::ours::{self, Setup};
use crate::perfect::Possible;
use crate::profile::{DEADLINE, GRACE, LASTS, Profile};
use crate::upstream::{Reply, Upstream};

/// What the pool does with the load of this seed.
pub(crate) fn play(profile: &'static Profile, setup: Setup, seed: u64) -> Possible {
    let time = VirtualTime::new();
    let upstream = Rc::new(RefCell::new(Upstream::new(profile, seed)));
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
        requests: upstream.borrow().received(),
    }
}

async fn call(upstream: &RefCell<Upstream>, clock: &VirtualClock, key: usize) -> io::Result<Reply> {
    let received = upstream.borrow_mut().receive(key, clock.elapsed());
    match received {
        Some((reply, takes)) => {
            clock.sleep(takes).await;
            Ok(reply)
        }
        None => std::future::pending().await,
    }
}
