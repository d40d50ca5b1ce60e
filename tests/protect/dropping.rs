//! Every future is given up at each of its polls: nothing of it is left.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::FutureExt as _;
use rotapool::testing::VirtualClock;
use rotapool::{CircuitBreaker, FallbackChain, RateLimiter, Trip};

use crate::scene::secs;

/// Counts its wakes, and by its holders who keeps it.
#[derive(Default)]
struct Pulse(AtomicUsize);

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls `future` so many times, a second apart, then drops it. Whether it was still under way.
fn give_up(future: impl Future, clock: &VirtualClock, polls: u32) -> bool {
    let pulse = Arc::new(Pulse::default());
    let waker = Waker::from(Arc::clone(&pulse));
    let under_way = {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&waker);
        (0..polls).all(|_| {
            let pending = future.as_mut().poll(&mut context).is_pending();
            clock.advance(secs(1));
            pending
        })
    };
    drop(waker);
    assert_eq!(Arc::strong_count(&pulse), 1, "somebody keeps the task's waker");
    let wakes = pulse.0.load(Ordering::Relaxed);
    clock.advance(secs(60));
    assert_eq!(pulse.0.load(Ordering::Relaxed), wakes, "the task was woken after its end");
    assert!(clock.sleeps().is_empty(), "a sleep lives on");
    under_way
}

/// Gives futures up at poll 0, 1, 2 and so on until one ends by itself; at least so many polls are needed.
fn everywhere(polls: u32, mut play: impl FnMut(u32) -> bool) {
    let mut at = 0;
    while play(at) {
        at += 1;
        assert!(at < 50, "nothing has so many polls");
    }
    assert!(at >= polls, "over after {at} polls");
}

#[test]
fn acquire_alone_in_line() {
    everywhere(3, |at| {
        let clock = VirtualClock::new();
        let limiter = RateLimiter::builder(0.5, secs(1)).runtime(clock.clone()).build().unwrap();
        limiter.try_acquire().unwrap();
        let under_way = give_up(limiter.acquire(), &clock, at);
        let stats = limiter.stats();
        assert_eq!((stats.waiting, stats.acquired), (0, 1 + u64::from(!under_way)));
        assert_eq!(stats.available, 1.0, "it is full again after a minute");
        under_way
    });
}

#[test]
fn acquire_at_the_head_of_a_line() {
    everywhere(4, |at| {
        let clock = VirtualClock::new();
        let limiter =
            RateLimiter::builder(1.0, secs(1)).burst(4).runtime(clock.clone()).build().unwrap();
        limiter.try_acquire_many(4).unwrap();
        let mut head = Box::pin(limiter.acquire_many(4));
        let mut next = Box::pin(limiter.acquire());
        let pulse = Arc::new(Pulse::default());
        let waker = Waker::from(Arc::clone(&pulse));
        let mut pending = head.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        for _ in 0..at {
            clock.advance(secs(1));
            pending = pending && head.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        }
        drop(head);
        assert!(pulse.0.load(Ordering::Relaxed) > 0, "the next is woken");
        clock.advance(secs(1));
        assert!(next.as_mut().now_or_never().is_some_and(|answer| answer.is_ok()), "and served");
        drop(next);
        assert!(clock.sleeps().is_empty() && limiter.stats().waiting == 0);
        pending
    });
}

#[test]
fn acquire_in_the_middle_of_a_line() {
    everywhere(1, |at| {
        let clock = VirtualClock::new();
        let limiter = RateLimiter::builder(1.0, secs(1)).runtime(clock.clone()).build().unwrap();
        limiter.try_acquire().unwrap();
        let mut head = Box::pin(limiter.acquire());
        assert!(head.as_mut().now_or_never().is_none());
        let (mut middle, mut last) = (Box::pin(limiter.acquire()), Box::pin(limiter.acquire()));
        let under_way = (0..at.min(2)).all(|_| middle.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        drop(middle);
        clock.advance(secs(1));
        assert!(head.as_mut().now_or_never().is_some());
        clock.advance(secs(1));
        assert!(last.as_mut().now_or_never().is_some(), "nobody keeps the place of who left");
        under_way && at < 2
    });
}

/// Sleeps three times for a second, and says when it is gone.
fn operation(
    clock: &VirtualClock,
    alive: &Rc<Cell<i32>>,
) -> impl Future<Output = Result<(), String>> {
    struct Alive(Rc<Cell<i32>>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    alive.set(alive.get() + 1);
    let (clock, alive) = (clock.clone(), Alive(Rc::clone(alive)));
    async move {
        let _alive = alive;
        for _ in 0..3 {
            clock.sleep(secs(1)).await;
        }
        Err("after all".to_owned())
    }
}

#[test]
fn a_call_through_a_breaker_closed_or_as_its_trial() {
    for trial in [false, true] {
        everywhere(4, |at| {
            let (clock, alive) = (VirtualClock::new(), Rc::default());
            let trip = Trip::after_failures(2).open_for(secs(1));
            let breaker = CircuitBreaker::builder(trip).runtime(clock.clone()).build().unwrap();
            if trial {
                (0..2).for_each(|_| breaker.try_acquire().unwrap().fail("down"));
                clock.advance(secs(1));
            }
            let under_way = give_up(breaker.call(|| operation(&clock, &alive)), &clock, at);
            let stats = breaker.stats();
            assert_eq!(alive.get(), 0, "the operation is gone");
            let given_up = u64::from(under_way && at > 0);
            assert_eq!(stats.ignored, given_up);
            assert_eq!(stats.calls, stats.failures + stats.ignored, "nothing is under way");
            breaker.try_acquire().expect("its permit is free").succeed();
            under_way
        });
    }
}

#[test]
fn a_run_of_a_chain_with_and_without_a_deadline() {
    for timeout in [None, Some(secs(30)), Some(secs(4))] {
        everywhere(4, |at| {
            let (clock, alive) = (VirtualClock::new(), Rc::default());
            let chain = FallbackChain::new().then("a", 1).then("b", 2).runtime(clock.clone());
            let chain = match timeout {
                Some(timeout) => chain.timeout(timeout),
                None => chain,
            };
            let run = chain.run(|_| operation(&clock, &alive));
            let under_way = give_up(run, &clock, at);
            assert_eq!(alive.get(), 0, "the operation is gone");
            under_way
        });
    }
}

#[test]
fn a_wrapped_operation_behind_a_limiter() {
    everywhere(4, |at| {
        let (clock, alive) = (VirtualClock::new(), Rc::default());
        let limiter = RateLimiter::builder(1.0, secs(1)).runtime(clock.clone()).build().unwrap();
        limiter.try_acquire().unwrap();
        let wrapped = limiter.wrap(|()| operation(&clock, &alive));
        let under_way = give_up(wrapped.call(()), &clock, at);
        assert_eq!((alive.get(), limiter.stats().waiting), (0, 0));
        under_way
    });
}

#[test]
fn an_operation_is_gone_before_its_permit_is_free() {
    struct Asks(CircuitBreaker, Rc<Cell<bool>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.set(self.0.try_acquire().is_err());
        }
    }
    for polls in [1, 2] {
        let clock = VirtualClock::new();
        let trip = Trip::after_failures(1).open_for(secs(1));
        let breaker = CircuitBreaker::builder(trip).runtime(clock.clone()).build().unwrap();
        breaker.try_acquire().unwrap().fail("down");
        clock.advance(secs(1));
        let full = Rc::new(Cell::new(false));
        let asks = Asks(breaker.clone(), Rc::clone(&full));
        let mut left = 1;
        let mut trial: Pin<Box<dyn Future<Output = _>>> = Box::pin(breaker.call(|| {
            poll_fn(move |_| {
                let _holds = &asks;
                left -= 1;
                if left < 0 { Poll::Ready(Ok::<_, String>(())) } else { Poll::Pending }
            })
        }));
        for _ in 0..polls {
            let _ = trial.as_mut().now_or_never();
        }
        drop(trial);
        assert!(full.get(), "the trial's place was its own until it was gone");
        assert!(breaker.try_acquire().is_ok());
    }
}

#[test]
fn a_deadline_far_away_is_no_reason_to_panic() {
    let clock = VirtualClock::new();
    let limiter = RateLimiter::builder(0.000_001, secs(1)).runtime(clock.clone()).build().unwrap();
    limiter.try_acquire().unwrap();
    limiter.spend(u64::MAX);
    let mut acquire = pin!(limiter.acquire().timeout(Duration::MAX));
    assert!(acquire.as_mut().now_or_never().is_none(), "it waits a hundred years");
}
