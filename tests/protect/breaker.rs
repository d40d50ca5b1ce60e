//! A circuit breaker as its users meet it.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use rotapool::{BreakerError, BreakerMode, BreakerState, CircuitBreaker, Trip};

use crate::scene::{Fuse, secs};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Upstream {
    Down,
    NotFound,
    Busy(Duration),
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upstream: {self:?}")
    }
}

impl std::error::Error for Upstream {}

fn stated(error: &Upstream) -> Option<Duration> {
    match error {
        Upstream::Busy(time) => Some(*time),
        _ => None,
    }
}

#[test]
fn a_call_that_passes_has_its_own_answer_by_value() {
    let fuse = Fuse::of(Trip::default());
    let good = fuse.breaker.call(|| async { Ok::<_, Upstream>(7) });
    assert_eq!(fuse.time.block_on(good), Ok(7));
    let bad = fuse.breaker.call(|| async { Err::<(), _>(Upstream::Down) });
    let error = fuse.time.block_on(bad).unwrap_err();
    assert_eq!(error, BreakerError::Operation(Upstream::Down));
    assert_eq!(error.to_string(), "upstream: Down");
}

#[test]
fn what_is_rejected_is_not_called_and_is_told_until_when_and_why() {
    let fuse = Fuse::new();
    let down = || Err::<(), _>(Upstream::Down);
    let _ = fuse.breaker.call_blocking(down);
    fuse.pass(secs(3));
    let error = fuse.breaker.call_blocking::<(), Upstream>(|| panic!("it is called")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "circuit open: 1 failure, the last: `upstream: Down`; retry after 7.0s"
    );
    assert!(error.source().is_none());
    let BreakerError::Rejected(rejected) = error else { panic!("it was called") };
    assert_eq!(rejected.retry_after, Some(secs(7)));
    assert_eq!(rejected.last_failure.as_deref(), Some("upstream: Down"));
}

#[test]
fn ignored_errors_count_nowhere_and_reset_nothing() {
    let fuse = Fuse::of(Trip::after_failures(2));
    let breaker = fuse.breaker.ignore_if(|error: &Upstream| *error == Upstream::NotFound);
    let mut answers = [Upstream::Down, Upstream::NotFound, Upstream::NotFound, Upstream::Down]
        .into_iter()
        .map(|error| breaker.call_blocking(|| Err::<(), _>(error)).unwrap_err());
    assert_eq!(answers.nth(2), Some(BreakerError::Operation(Upstream::NotFound)));
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
    assert_eq!(answers.next(), Some(BreakerError::Operation(Upstream::Down)));
    assert_eq!(fuse.breaker.state(), BreakerState::Open);
    let stats = fuse.breaker.stats();
    assert_eq!((stats.calls, stats.failures, stats.ignored), (4, 2, 2));
}

#[test]
fn an_answer_may_be_ok_and_yet_a_failure_and_its_caller_has_it_all_the_same() {
    let fuse = Fuse::new();
    let breaker = fuse.breaker.failure_if(|answer: &Result<u16, Upstream>| *answer == Ok(503));
    assert_eq!(breaker.call_blocking(|| Ok(200)), Ok(200));
    assert_eq!(breaker.call_blocking(|| Ok(503)), Ok(503));
    let Err(BreakerError::Rejected(rejected)) = breaker.call_blocking(|| Ok(200)) else {
        panic!("it passed")
    };
    assert_eq!(rejected.last_failure.as_deref(), Some("an answer that counts as a failure"));
}

#[test]
fn what_is_ignored_is_ignored_in_whatever_order_that_was_said() {
    let fuse = Fuse::new();
    let ignore = |_: &Upstream| true;
    let fail = |_: &Result<(), Upstream>| true;
    let missing = || Err(Upstream::NotFound);
    let _ = fuse.breaker.ignore_if(ignore).failure_if(fail).call_blocking(missing);
    let _ = fuse.breaker.failure_if(fail).ignore_if(ignore).call_blocking(missing);
    let _ = fuse.breaker.stated_by(stated).ignore_if(ignore).call_blocking(missing);
    assert_eq!(fuse.breaker.stats().ignored, 3);
}

#[test]
fn it_is_open_for_as_long_as_the_failure_that_tripped_it_stated() {
    let fuse = Fuse::of(Trip::after_failures(2));
    let breaker = fuse.breaker.stated_by(stated);
    let _ = breaker.call_blocking(|| Err::<(), _>(Upstream::Busy(secs(90))));
    assert_eq!(fuse.breaker.state(), BreakerState::Closed, "the rules decide when it trips");
    let _ = breaker.call_blocking(|| Err::<(), _>(Upstream::Busy(secs(7))));
    assert_eq!(fuse.breaker.stats().open_for, Some(secs(7)));
    fuse.pass(secs(7));
    fuse.breaker.try_acquire().unwrap().fail_for(secs(70), "still busy");
    assert_eq!(fuse.breaker.stats().open_for, Some(secs(70)));
}

#[test]
fn a_hundred_callers_at_half_open_are_one_trial_and_the_rest_are_rejected() {
    let fuse = Fuse::new();
    fuse.blow();
    fuse.pass(secs(10));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (breaker, clock) = (fuse.breaker.clone(), fuse.time.clock());
            fuse.spawn(async move {
                let operation = || async {
                    clock.sleep(secs(1)).await;
                    Ok::<_, Upstream>(())
                };
                breaker.call(operation).await
            })
        })
        .collect();
    fuse.pass(secs(1));
    let answers = calls.iter().map(|call| call.take_result().expect("it is over"));
    assert_eq!(answers.filter(Result::is_ok).count(), 1);
    assert_eq!(fuse.breaker.stats().rejected, 99);
    assert_eq!(
        fuse.told.take(),
        ["1: closed > open", "2: open > half_open", "3: half_open > closed"]
    );
}

#[test]
fn a_late_success_of_an_old_call_does_not_close_it_while_its_trial_runs() {
    let fuse = Fuse::new();
    let old = fuse.breaker.try_acquire().unwrap();
    fuse.blow();
    fuse.pass(secs(10));
    let trial = fuse.breaker.try_acquire().unwrap();
    old.succeed();
    assert_eq!(fuse.breaker.state(), BreakerState::HalfOpen);
    trial.fail("still down");
    assert_eq!(fuse.breaker.state(), BreakerState::Open);
}

#[test]
fn a_trial_that_is_dropped_leaves_its_permit_to_the_next() {
    let fuse = Fuse::new();
    fuse.blow();
    for _ in 0..5 {
        fuse.pass(secs(10));
        let call = fuse.breaker.clone();
        let trial = fuse
            .spawn(async move { call.call(std::future::pending::<Result<(), Upstream>>).await });
        assert!(fuse.breaker.try_acquire().is_err(), "the trial is under way");
        trial.abort();
        fuse.pass(Duration::ZERO);
    }
    fuse.breaker.try_acquire().unwrap().succeed();
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
    assert_eq!(fuse.breaker.stats().ignored, 5);
}

#[test]
fn a_trial_that_hangs_is_lost_after_its_bound() {
    let fuse = Fuse::of(Trip::after_failures(1).open_for(secs(10)).trial_bound(secs(5)));
    fuse.blow();
    fuse.pass(secs(10));
    let hanging = fuse.breaker.try_acquire().unwrap();
    assert_eq!(fuse.breaker.try_acquire().unwrap_err().retry_after, Some(secs(5)));
    fuse.pass(secs(5));
    let next = fuse.breaker.try_acquire().unwrap();
    hanging.fail("after all");
    assert_eq!(fuse.breaker.state(), BreakerState::HalfOpen);
    next.succeed();
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
}

#[test]
fn failures_while_it_is_open_prolong_nothing() {
    let fuse = Fuse::new();
    let late: Vec<_> = (0..10).map(|_| fuse.breaker.try_acquire().unwrap()).collect();
    fuse.blow();
    for permit in late {
        fuse.pass(Duration::from_millis(900));
        permit.fail("late");
    }
    fuse.pass(secs(1));
    assert_eq!(fuse.breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn a_wrapped_operation_goes_through_the_breaker_with_every_call() {
    let fuse = Fuse::new();
    let divide = |by: i32| async move { 10_i32.checked_div(by).ok_or("by zero") };
    let divide = fuse.breaker.wrap(divide);
    assert_eq!(fuse.time.block_on(divide.call(2)), Ok(5));
    assert_eq!(fuse.time.block_on(divide.call(0)), Err(BreakerError::Operation("by zero")));
    let rejected = fuse.time.block_on(divide.call(2));
    assert!(matches!(rejected, Err(BreakerError::Rejected(_))));
}

#[test]
fn operations_that_one_breaker_wraps_share_what_it_knows() {
    let fuse = Fuse::new();
    let [first, second] = [0, 1].map(|by| {
        fuse.breaker.wrap(move |()| async move { 10_i32.checked_div(by).ok_or("by zero") })
    });
    assert_eq!(fuse.time.block_on(second.call(())), Ok(10));
    let _ = fuse.time.block_on(first.call(()));
    assert!(matches!(fuse.time.block_on(second.call(())), Err(BreakerError::Rejected(_))));
}

#[test]
fn unless_told_otherwise_it_trips_on_five_failures_in_a_row_for_30_s_and_one_success_closes_it() {
    let fuse = Fuse::of(Trip::default());
    let fail = || drop(fuse.breaker.call_blocking(|| Err::<(), _>(Upstream::Down)));
    (0..4).for_each(|_| fail());
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
    fail();
    fuse.pass(secs(10));
    fail();
    let rejected = fuse.breaker.try_acquire().unwrap_err();
    assert_eq!(rejected.retry_after, Some(secs(20)), "counted from the trip");
    fuse.pass(secs(20));
    assert_eq!(fuse.breaker.call_blocking(|| Ok::<_, Upstream>(())), Ok(()));
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
}

#[test]
fn its_operator_may_isolate_it_force_it_closed_or_only_observe_it() {
    let fuse = Fuse::new();
    let breaker = &fuse.breaker;
    breaker.isolate();
    assert_eq!((breaker.state(), breaker.mode()), (BreakerState::Open, BreakerMode::Isolated));
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after, None);
    breaker.force_close();
    fuse.blow();
    assert_eq!(
        (breaker.state(), breaker.mode()),
        (BreakerState::Closed, BreakerMode::ForcedClosed)
    );
    breaker.observe_only();
    fuse.blow();
    assert_eq!((breaker.state(), breaker.mode()), (BreakerState::Open, BreakerMode::ObserveOnly));
    breaker.try_acquire().expect("it only observes").succeed();
    breaker.reset();
    assert_eq!((breaker.state(), breaker.mode()), (BreakerState::Closed, BreakerMode::Automatic));
    fuse.blow();
    assert!(breaker.try_acquire().is_err());
}

#[test]
fn its_figures_are_of_one_moment_and_do_not_change_afterwards() {
    let fuse = Fuse::new();
    let before = fuse.breaker.stats();
    fuse.blow();
    assert_eq!((before.failures, before.state), (0, BreakerState::Closed));
    assert_eq!(
        format!("{:?}", fuse.breaker),
        "CircuitBreaker { name: \"breaker\", stats: BreakerStats { state: Open, mode: Automatic, \
         calls: 1, successes: 0, failures: 1, rejected: 0, ignored: 0, changes: 1, \
         failures_in_a_row: 1, open_for: Some(10s) } }"
    );
}

#[test]
fn calls_are_send_when_their_operations_are_and_borrow_freely() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let breaker = CircuitBreaker::new(Trip::default()).unwrap();
    let text = String::from("borrowed");
    let call = is_send(breaker.call(|| async { Ok::<_, Upstream>(text.len()) }));
    assert_eq!(futures::executor::block_on(call), Ok(8));
}
