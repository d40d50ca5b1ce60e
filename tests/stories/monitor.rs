//! Edges that come on time: a monitor beside a pool that nobody uses.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rotapool::testing::{Task, VirtualClock, VirtualTime};
use rotapool::{
    Builder, Event, Fault, Monitor, Pool, Quota, Recovery, Resource, Runtime, Sleep, Status,
};

use crate::scene::{secs, words};

/// A pool, and what was told, with the second in which it was.
struct Watched {
    time: VirtualTime,
    pool: Pool<&'static str>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Watched {
    fn of(ids: &[&'static str]) -> Self {
        Self::with(ids, |builder| builder)
    }

    fn with(
        ids: &[&'static str],
        set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
    ) -> Self {
        let time = VirtualTime::new();
        let builder = Pool::builder()
            .name("keys")
            .resources(ids.iter().map(|&id| Resource::new(id, id)))
            .retry_delay(Duration::ZERO)
            .runtime(time.clock());
        let pool = set_up(builder).build().unwrap();
        Self { time, pool, told: Arc::default() }
    }

    /// What writes down what it is told.
    fn pen(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let (told, clock) = (Arc::clone(&self.told), self.time.clock());
        move |what: &str| {
            told.lock().unwrap().push(format!("{:.1}: {what}", clock.elapsed().as_secs_f64()));
        }
    }

    fn monitor(&self) -> Monitor<&'static str> {
        let (down, up) = (self.pen(), self.pen());
        self.pool
            .monitor()
            .on_exhausted(move |notice| down(notice.event()))
            .on_recovered(move |notice| up(notice.event()))
    }

    fn start(&self) -> Task<()> {
        let task = self.time.spawn(self.monitor());
        self.time.advance(Duration::ZERO);
        task
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    /// Sends one resource away.
    fn cool(&self, id: &'static str, seconds: u64) {
        let rows = self.pool.snapshot();
        let others = rows.iter().filter(|row| &*row.id != id);
        let request =
            others.fold(self.pool.request(), |request, row| request.exclude(row.id.clone()));
        let limited = move || Fault::<String>::cooldown_for(secs(seconds), "429");
        let run = request.max_attempts(1).run(async |_| Err::<(), _>(limited()));
        assert!(self.time.block_on(run).is_err());
        assert_eq!(self.status(id), Status::CoolingDown);
    }

    fn status(&self, id: &str) -> Status {
        self.pool.snapshot().iter().find(|row| &*row.id == id).expect("a member").status
    }

    fn advance(&self, seconds: u64) {
        self.time.advance(secs(seconds));
    }
}

#[test]
fn an_idle_exhausted_pool_says_recovered_at_the_instant_and_once() {
    let watched = Watched::of(&["a", "b"]);
    let monitor = watched.start();
    watched.cool("a", 30);
    assert_eq!(watched.told(), [""; 0], "one is left");
    watched.cool("b", 60);
    watched.advance(29);
    assert_eq!(watched.told(), ["0.0: pool_exhausted"]);
    watched.advance(1);
    assert_eq!(watched.told(), ["30.0: pool_recovered"]);
    watched.advance(600);
    assert_eq!(watched.told(), [""; 0]);
    assert!(!monitor.is_finished());
    assert_eq!(watched.time.clock().sleeps(), [], "nothing is known to end, so nobody sleeps");
}

#[test]
fn a_resource_that_is_back_and_spent_is_no_recovery_and_its_refill_is() {
    let quota = Quota::per(1, secs(60));
    let watched =
        Watched::with(&[], |builder| builder.resource(Resource::new("a", "a").quota(quota)));
    let _monitor = watched.start();
    watched.cool("a", 30);
    watched.advance(59);
    assert_eq!(watched.status("a"), Status::Healthy);
    assert_eq!(watched.told(), ["0.0: pool_exhausted"]);
    watched.advance(1);
    assert_eq!(watched.told(), ["60.0: pool_recovered"]);
    let served = watched.pool.run(async |_| Ok::<_, Fault<String>>(()));
    assert!(watched.time.block_on(served).is_ok());
    watched.advance(10);
    assert_eq!(watched.told(), [""; 0], "it only paces itself");
}

#[test]
fn events_and_the_hook_of_the_pool_come_on_time_with_a_monitor_and_only_then() {
    for monitored in [false, true] {
        let hooked = Arc::new(Mutex::new(Vec::new()));
        let also = Arc::clone(&hooked);
        let watched = Watched::with(&["a"], |builder| {
            builder.on_state_change(move |change| also.lock().unwrap().push(words(change)))
        });
        let mut events = watched.pool.events();
        let monitor = monitored.then(|| watched.start());
        watched.cool("a", 30);
        while events.try_next().is_some() {}
        watched.advance(31);
        let told: Vec<String> = std::iter::from_fn(|| events.try_next())
            .map(|event| format!("{event}, {:?}", event.at() - watched.pool.now() + secs(31)))
            .collect();
        let hooked = hooked.lock().unwrap().split_off(1);
        match monitored {
            false => assert_eq!((told, hooked), (vec![], vec![])),
            true => {
                assert_eq!(hooked, ["a: cooling_down > healthy"]);
                assert_eq!(told.len(), 2);
            }
        }
        drop(monitor);
    }
}

#[test]
fn each_turn_is_told_once_whatever_single_resources_do_meanwhile() {
    let watched = Watched::of(&["a", "b"]);
    let _monitor = watched.start();
    watched.cool("a", 30);
    watched.cool("b", 10);
    // `b` flaps three times while `a` is out.
    for _ in 0..3 {
        watched.advance(10);
        watched.cool("b", 5);
        watched.advance(5);
        watched.pool.disable("b").unwrap();
        watched.pool.disable("b").unwrap();
        watched.pool.enable("b").unwrap();
        watched.cool("b", 10);
        if watched.status("a") == Status::Healthy {
            break;
        }
    }
    let told = watched.told();
    let turns: Vec<&str> = told.iter().map(|told| told.split(": ").nth(1).unwrap()).collect();
    for pair in turns.chunks(2) {
        assert!(
            matches!(pair, ["pool_exhausted", "pool_recovered"] | ["pool_exhausted"]),
            "{told:?}"
        );
    }
    assert!(turns.len() > 6, "{told:?}");
}

#[test]
fn turns_that_come_in_one_breath_are_told_in_order_and_none_twice() {
    let watched = Watched::of(&["a"]);
    let _monitor = watched.start();
    for _ in 0..3 {
        watched.pool.disable("a").unwrap();
        watched.pool.enable("a").unwrap();
    }
    assert_eq!(watched.told(), [""; 0], "nobody has driven the monitor since");
    watched.advance(1);
    assert_eq!(watched.told(), ["0.0: pool_exhausted", "0.0: pool_recovered"].repeat(3));
}

#[test]
fn a_monitor_that_starts_late_tells_first_how_the_pool_stands() {
    let watched = Watched::of(&["a"]);
    watched.cool("a", 30);
    watched.advance(10);
    let monitor = watched.start();
    assert_eq!(watched.told(), ["10.0: pool_exhausted"]);
    watched.advance(20);
    assert_eq!(watched.told(), ["30.0: pool_recovered"]);
    drop(monitor);

    let watched = Watched::of(&["a"]);
    let mut events = watched.pool.events();
    watched.cool("a", 30);
    while events.try_next().is_some() {}
    watched.advance(40);
    let _monitor = watched.start();
    assert_eq!(watched.told(), [""; 0], "the pool can serve, and it has not seen it otherwise");
    assert!(
        std::iter::from_fn(|| events.try_next())
            .any(|event| matches!(event, Event::PoolRecovered { .. })),
        "others have"
    );
}

#[test]
fn it_wakes_when_something_ends_earlier_than_was_known() {
    let watched = Watched::of(&["a", "b"]);
    let _monitor = watched.start();
    watched.cool("a", 600);
    watched.advance(1);
    watched.cool("b", 10);
    watched.advance(10);
    assert_eq!(watched.told(), ["1.0: pool_exhausted", "11.0: pool_recovered"]);
    watched.cool("b", 700);
    watched.advance(599 - 10);
    assert_eq!(watched.told(), ["11.0: pool_exhausted", "600.0: pool_recovered"]);
}

#[test]
fn who_joins_leaves_or_is_parked_while_the_pool_is_exhausted_turns_it_at_that_moment() {
    let watched = Watched::of(&["a", "b"]);
    let _monitor = watched.start();
    watched.cool("a", 30);
    watched.pool.disable("b").unwrap();
    watched.advance(1);
    watched.pool.add(Resource::new("c", "c")).unwrap();
    watched.advance(1);
    watched.pool.remove("c").unwrap();
    watched.advance(1);
    watched.pool.enable("b").unwrap();
    watched.advance(1);
    assert_eq!(
        watched.told(),
        [
            "0.0: pool_exhausted",
            "1.0: pool_recovered",
            "2.0: pool_exhausted",
            "3.0: pool_recovered"
        ]
    );
    watched.pool.remove("b").unwrap();
    watched.pool.remove("a").unwrap();
    watched.advance(100);
    assert_eq!(watched.told(), ["4.0: pool_exhausted"], "what would have been back is gone");
}

#[test]
fn a_pool_that_begins_empty_is_exhausted_until_somebody_joins() {
    let watched = Watched::with(&[], |builder| builder.allow_empty(true));
    let _monitor = watched.start();
    assert_eq!(watched.told(), ["0.0: pool_exhausted"]);
    watched.advance(5);
    watched.pool.add(Resource::new("a", "a")).unwrap();
    watched.advance(0);
    assert_eq!(watched.told(), ["5.0: pool_recovered"]);
}

/// A timer that is over at once, always.
#[derive(Debug)]
struct Eager(VirtualClock);

impl Runtime for Eager {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, _: Instant) -> Sleep {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn on_a_timer_that_is_always_ready_others_have_their_turn() {
    let clock = VirtualClock::new();
    let resource = Resource::new("a", "a");
    let pool = Pool::builder().resource(resource).runtime(Eager(clock)).build().unwrap();
    pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(60), "429")).unwrap();
    let mut monitor = pool.monitor();
    for _ in 0..3 {
        assert!(futures::FutureExt::now_or_never(&mut monitor).is_none());
    }
}

#[test]
fn it_keeps_no_pool_alive_and_ends_with_the_last_handle() {
    let watched = Watched::of(&["a"]);
    let value = Arc::new(());
    let pool = Pool::builder()
        .resource(Resource::new("x", Arc::clone(&value)))
        .runtime(watched.time.clock())
        .build()
        .unwrap();
    let clone = pool.clone();
    let task = watched.time.spawn(pool.monitor());
    let unpolled = pool.monitor();
    watched.advance(1);
    drop(pool);
    watched.advance(1);
    assert!(!task.is_finished());
    drop(clone);
    watched.advance(0);
    assert!(task.is_finished());
    assert_eq!(Arc::strong_count(&value), 1, "the values are gone");
    watched.time.block_on(unpolled);
}

#[test]
fn the_hooks_may_call_the_pool_and_panic_and_drop_it() {
    let watched = Watched::of(&["a"]);
    let pen = watched.pen();
    let pool = watched.pool.clone();
    let monitor = watched
        .pool
        .monitor()
        .on_exhausted(|_| panic!("a hook panics"))
        .on_exhausted(move |notice| {
            pen(&format!("{notice}"));
            pool.enable("a").unwrap();
        })
        .on_recovered(watched_by(watched.pen()));
    let _task = watched.time.spawn(monitor);
    watched.advance(0);
    watched.pool.disable("a").unwrap();
    watched.advance(0);
    assert_eq!(
        watched.told(),
        [
            "0.0: keys is exhausted: nothing to pick; 1 resource: 1 disabled",
            "0.0: keys has recovered after 0.0ns: next is a, by LeastInFlight; 1 resource: 1 eligible",
        ]
    );
}

fn watched_by(pen: impl Fn(&str) + Send + 'static) -> impl FnMut(&rotapool::Notice) + Send {
    move |notice| pen(&notice.to_string())
}

#[test]
fn under_the_recorded_rules_it_notices_as_a_selection_would() {
    let watched = Watched::with(&["a"], Builder::python_rules);
    let _monitor = watched.start();
    watched.cool("a", 30);
    watched.advance(30);
    assert_eq!(watched.told(), ["0.0: pool_exhausted", "30.0: pool_recovered"]);
    assert_eq!(watched.status("a"), Status::Healthy);
}

#[test]
fn several_monitors_tell_their_own_hooks_and_the_pools_listeners_hear_once() {
    let watched = Watched::with(&["a"], |builder| builder.recovery(Recovery::AtOnce));
    let mut events = watched.pool.events();
    let (_one, _other) = (watched.start(), watched.start());
    watched.cool("a", 30);
    watched.advance(30);
    let told = watched.told();
    assert_eq!(
        told,
        [
            "0.0: pool_exhausted",
            "0.0: pool_exhausted",
            "30.0: pool_recovered",
            "30.0: pool_recovered"
        ]
    );
    let turns = std::iter::from_fn(|| events.try_next())
        .filter(|event| matches!(event, Event::PoolExhausted { .. } | Event::PoolRecovered { .. }));
    assert_eq!(turns.count(), 2);
}

#[test]
fn a_monitor_that_is_dropped_leaves_the_pool_as_it_was_without() {
    let watched = Watched::of(&["a"]);
    let monitor = watched.start();
    watched.cool("a", 30);
    monitor.abort();
    watched.advance(0);
    assert_eq!(watched.time.clock().sleeps(), []);
    watched.told();
    watched.advance(60);
    watched.cool("a", 30);
    assert_eq!(watched.told(), [""; 0]);
}

#[test]
fn a_notice_is_the_body_of_a_webhook() {
    let watched = Watched::of(&["a"]);
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (down, up) = (Arc::clone(&bodies), Arc::clone(&bodies));
    let post = |bodies: &Mutex<Vec<serde_json::Value>>, notice: &rotapool::Notice| {
        bodies.lock().unwrap().push(serde_json::to_value(notice).unwrap());
    };
    let monitor = watched
        .pool
        .monitor()
        .on_exhausted(move |notice| post(&down, notice))
        .on_recovered(move |notice| post(&up, notice));
    let _monitor = watched.time.spawn(monitor);
    watched.advance(0);
    watched.cool("a", 30);
    watched.advance(30);
    let bodies = bodies.lock().unwrap();
    assert_eq!(bodies[0]["event"], "pool_exhausted");
    assert_eq!(bodies[0]["pool"], "keys");
    assert_eq!(bodies[0]["outage_seconds"], serde_json::Value::Null);
    assert_eq!(bodies[0]["explanation"]["retry_after_seconds"], 30.0);
    assert_eq!(bodies[0]["explanation"]["resources"][0]["cause"]["reason"], "429");
    assert_eq!(
        bodies[0]["text"],
        "keys is exhausted: nothing to pick, first back in 30.0s; 1 resource: 1 cooling down"
    );
    assert_eq!(bodies[1]["event"], "pool_recovered");
    assert_eq!(bodies[1]["outage_seconds"], 30.0);
}

#[test]
fn it_ends_when_the_pool_is_closed_and_does_not_begin_in_a_closed_one() {
    let watched = Watched::of(&["a"]);
    let monitor = watched.start();
    watched.cool("a", 30);
    watched.pool.close();
    watched.advance(0);
    assert!(monitor.is_finished());
    watched.told();
    let late = watched.start();
    assert!(late.is_finished());
    assert_eq!(watched.told(), [""; 0]);
}
