//! One switch for many breakers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rotapool::testing::VirtualClock;
use rotapool::{BreakerMode, BreakerState, BreakerSwitch, CircuitBreaker, Runtime, Sleep, Trip};

use crate::scene::{Fuse, Told};

fn held_by(switch: &BreakerSwitch) -> CircuitBreaker {
    CircuitBreaker::builder(Trip::default()).switch(switch).build().unwrap()
}

#[test]
fn it_does_to_all_what_an_operator_does_to_one() {
    let switch = BreakerSwitch::new();
    let breakers = [held_by(&switch), held_by(&switch), held_by(&switch)];
    let modes = || breakers.each_ref().map(CircuitBreaker::mode);
    switch.isolate();
    assert_eq!(modes(), [BreakerMode::Isolated; 3]);
    switch.force_close();
    assert_eq!(modes(), [BreakerMode::ForcedClosed; 3]);
    switch.observe_only();
    assert_eq!(modes(), [BreakerMode::ObserveOnly; 3]);
    switch.reset();
    assert_eq!(modes(), [BreakerMode::Automatic; 3]);
}

#[test]
fn who_comes_later_begins_in_its_mode_and_who_is_held_already_is_left_alone() {
    let switch = BreakerSwitch::new();
    switch.isolate();
    let late = held_by(&switch);
    assert_eq!(late.state(), BreakerState::Open);
    late.reset();
    switch.hold(&late);
    assert_eq!(late.state(), BreakerState::Closed, "its own operator spoke last");
}

#[test]
fn it_keeps_no_breaker_alive() {
    let switch = BreakerSwitch::new();
    drop(held_by(&switch));
    switch.isolate();
    let kept = held_by(&switch);
    assert_eq!(format!("{switch:?}"), "BreakerSwitch { mode: Isolated, held: 1 }");
    assert_eq!(kept.mode(), BreakerMode::Isolated);
}

#[test]
fn a_callback_may_use_the_switch_that_called_it() {
    let (switch, told) = (BreakerSwitch::new(), Told::default());
    let (theirs, heard) = (switch.clone(), told.clone());
    let fuse = Fuse::with(Trip::default(), |builder| {
        builder.switch(&switch).on_change(move |change| {
            heard.push(format!("{}: {}", change.sequence, change.mode));
            if change.mode == BreakerMode::Isolated {
                theirs.reset();
            }
        })
    });
    switch.isolate();
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
    assert_eq!(told.take(), ["1: isolated", "2: automatic"]);
}

/// A clock under which another breaker comes, once it is armed.
#[derive(Debug, Clone)]
struct Fertile(BreakerSwitch, Arc<Mutex<Option<CircuitBreaker>>>, Arc<AtomicBool>);

impl Runtime for Fertile {
    fn now(&self) -> Instant {
        if self.2.swap(false, Ordering::Relaxed) {
            *self.1.lock().unwrap() = Some(held_by(&self.0));
        }
        VirtualClock::new().now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        VirtualClock::new().sleep_until(at)
    }
}

#[test]
fn a_breaker_that_comes_while_it_is_being_switched_is_switched_too() {
    let switch = BreakerSwitch::new();
    let clock = Fertile(switch.clone(), Arc::default(), Arc::default());
    let builder = CircuitBreaker::builder(Trip::default()).runtime(clock.clone()).switch(&switch);
    let breaker = builder.build().unwrap();
    clock.2.store(true, Ordering::Relaxed);
    switch.isolate();
    let late = clock.1.lock().unwrap().take().expect("it came");
    assert_eq!([breaker.mode(), late.mode()], [BreakerMode::Isolated; 2]);
}

#[test]
fn of_two_who_switch_at_once_one_comes_last_for_every_breaker() {
    for _ in 0..200 {
        let switch = BreakerSwitch::new();
        let breakers: Vec<CircuitBreaker> = (0..8).map(|_| held_by(&switch)).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| switch.isolate());
            scope.spawn(|| switch.force_close());
        });
        let first = breakers[0].mode();
        assert!(breakers.iter().all(|breaker| breaker.mode() == first));
    }
}
