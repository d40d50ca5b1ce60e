//! Whoever formats is foreign code: it may call back what it is writing, and it may take its time.

use std::fmt::{self, Debug, Write};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use rotapool::testing::{Answer, Script, VirtualTime};
use rotapool::{Event, Fault, Pool, PoolCollector, Resource};

/// Writes nothing, but has somebody else do this at every piece, and waits for it.
struct Calls(Arc<dyn Fn() + Send + Sync>);

impl Write for Calls {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        let (done, ended) = channel();
        let call = Arc::clone(&self.0);
        thread::spawn(move || {
            call();
            let _ = done.send(());
        });
        // As long as this when a lock is held, and no time at all when none is.
        ended
            .recv_timeout(Duration::from_secs(10))
            .expect("nothing is locked while this is written");
        Ok(())
    }
}

fn write(value: &dyn Debug, call: impl Fn() + Send + Sync + 'static) {
    write!(Calls(Arc::new(call)), "{value:?}").unwrap();
}

fn pool() -> Pool<&'static str> {
    Pool::builder().resource(Resource::new("a", "A")).build().unwrap()
}

/// Everything that takes the pool's lock or its subscribers'.
fn use_it(pool: &Pool<&'static str>) {
    pool.disable("a").unwrap();
    pool.enable("a").unwrap();
    block_on(pool.run(|_| async { Ok::<_, Fault<()>>(()) })).unwrap();
    assert!(!pool.stats().resources.is_empty());
}

#[test]
fn whoever_formats_a_subscription_may_use_the_pool_that_it_listens_to() {
    let pool = pool();
    let mut events = pool.events();
    let listened_to = pool.clone();
    write(&events, move || use_it(&listened_to));
    assert!(matches!(events.try_next(), Some(Event::StateChanged { .. })), "and it heard of it");
}

#[test]
fn whoever_formats_what_a_pool_hands_out_may_use_the_pool() {
    let pool = pool();
    let _subscribed = pool.events();
    let (run, abort) = pool.run_abortable(|_| async { Ok::<_, Fault<()>>(()) });
    let wrapped = pool.wrap(|_, (): ()| async { Ok::<_, Fault<()>>(()) });
    let request = pool.request().only(|_| true);
    let handed_out: [&dyn Debug; 7] =
        [&pool, &request, &wrapped, &abort, &pool.snapshot(), &pool.stats(), &pool.explain()];
    for value in handed_out {
        let used = pool.clone();
        write(value, move || use_it(&used));
    }
    let used = pool.clone();
    let lease = block_on(pool.run(|lease| async { Ok::<_, Fault<()>>(lease) })).unwrap();
    write(&lease, move || use_it(&used));
    block_on(run).unwrap();
}

#[test]
fn whoever_formats_a_collector_may_add_to_it_and_scrape_it() {
    let collector = PoolCollector::new();
    collector.add(&pool()).unwrap();
    let same = collector.clone();
    let other = Pool::builder().name("other").resource(Resource::new("b", ())).build().unwrap();
    write(&collector, move || {
        let _ = same.add(&other);
    });
}

#[test]
fn whoever_formats_a_piece_of_the_test_kit_may_use_it() {
    let time = VirtualTime::new();
    let script = Script::<&str>::new(time.clock()).on("a", std::iter::repeat(Answer::ok("well")));
    let _sleeping = time.spawn(time.clock().sleep(Duration::from_secs(1)));
    time.advance(Duration::ZERO);
    let (clock, same) = (time.clock(), script.clone());
    let use_them = move || {
        clock.advance(Duration::from_millis(1));
        drop(same.clone().on("a", [Answer::ok("better")]));
        assert!(same.trace().lines().is_empty());
    };
    let use_them = Arc::new(use_them);
    let kit: [&dyn Debug; 4] = [&time, &time.clock(), &script, &script.trace()];
    for value in kit {
        let used = Arc::clone(&use_them);
        write(value, move || used());
    }
}
