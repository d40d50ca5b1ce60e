//! The futures that are driven beside a pool, given up at each of their polls, while the pool goes through an outage.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{Fault, Pool, ProbeRules, Resource, Status};

/// A task that counts who holds its waker, which asks the pool as it is dropped.
struct Pulse(Pool<&'static str>);

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.0.stats();
    }
}

type Beside = Pin<Box<dyn Future<Output = ()> + Send>>;

fn cool(time: &VirtualTime, pool: &Pool<&'static str>) {
    let limited = || Fault::<()>::cooldown_for(Duration::from_secs(3), "429");
    assert!(time.block_on(pool.run(async |_| Err::<(), _>(limited()))).is_err());
}

fn at_every_poll(make: fn(&Pool<&'static str>, VirtualClock) -> Beside) {
    for at in 0..24 {
        let time = VirtualTime::new();
        let pool = Pool::builder()
            .resources(["a", "b"].map(|id| Resource::new(id, id)))
            .runtime(time.clock())
            .retry_delay(Duration::ZERO)
            .build()
            .unwrap();
        let pulse = Arc::new(Pulse(pool.clone()));
        let watch: Weak<Pulse> = Arc::downgrade(&pulse);
        let waker = Waker::from(pulse);
        let mut beside = make(&pool, time.clock());
        for poll in 0..at {
            if poll % 5 == 1 {
                cool(&time, &pool);
            }
            assert!(beside.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            time.advance(Duration::from_secs(1));
        }
        drop(beside);
        drop(waker);
        assert_eq!(watch.strong_count(), 0, "given up at poll {at}: somebody keeps the waker");
        assert_eq!(time.clock().sleeps(), [], "given up at poll {at}: a sleep lives on");
        time.advance(Duration::from_secs(60));
        cool(&time, &pool);
        time.advance(Duration::from_secs(4));
        let rows = pool.snapshot();
        assert!(rows.iter().all(|row| row.status == Status::Healthy && row.in_flight == 0));
        let served = time.block_on(pool.run(async |lease| Ok::<_, Fault<()>>(lease.id().len())));
        assert_eq!(served, Ok(1), "given up at poll {at}");
    }
}

#[test]
fn a_monitor_that_is_given_up_at_any_poll_leaves_nothing_behind() {
    at_every_poll(|pool, _| Box::pin(pool.monitor().on_exhausted(|_| ()).on_recovered(|_| ())));
}

#[test]
fn a_prober_that_is_given_up_at_any_poll_leaves_nothing_behind() {
    at_every_poll(|pool, clock| probe(pool, clock, ProbeRules::every(Duration::from_secs(1))));
}

#[test]
fn a_prober_whose_probes_take_places_gives_them_back_at_any_poll() {
    at_every_poll(|pool, clock| {
        let rules = ProbeRules::every(Duration::from_secs(1)).healthy_too();
        probe(pool, clock, rules.within_limits())
    });
}

fn probe(pool: &Pool<&'static str>, clock: VirtualClock, rules: ProbeRules) -> Beside {
    let operation = move |_| {
        let clock = clock.clone();
        async move {
            clock.sleep(Duration::from_millis(500)).await;
            Err::<(), Fault<()>>(Fault::retry("down"))
        }
    };
    Box::pin(pool.prober(rules.jitter(0.0), operation).unwrap())
}
