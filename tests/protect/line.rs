//! The line before a limiter: first come, first served.

use std::time::Duration;

use crate::scene::{Line, millis, secs};

#[test]
fn fifty_who_come_one_after_the_other_are_served_in_that_order() {
    let line = Line::drained(100.0);
    let names: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let mut tasks = Vec::new();
    for name in &names {
        tasks.push(line.comes(name, 1));
        line.pass(millis(1));
    }
    line.pass(secs(1));
    assert_eq!(line.served(), names);
    assert!(tasks.iter().all(|task| task.take_result() == Some(Ok(()))));
    line.assert_at_rest();
}

#[test]
fn a_large_request_at_the_head_is_not_starved_by_small_ones() {
    let line = Line::drained(10.0);
    let large = line.comes("large", 10);
    let small: Vec<_> = (0..8).map(|_| line.comes("small", 1)).collect();
    line.pass(millis(999));
    assert_eq!(line.served(), [""; 0], "they stand behind it");
    assert!(line.limiter.try_acquire().is_err(), "and so does who only looks in");
    line.pass(millis(1));
    assert_eq!(line.served(), ["large"]);
    line.pass(millis(800));
    assert_eq!(line.served(), ["small"; 8]);
    drop((large, small));
}

#[test]
fn a_newcomer_has_its_turn_beside_those_who_come_again_and_again() {
    let line = Line::drained(10.0);
    let limiter = line.limiter.clone();
    for _ in 0..8 {
        let limiter = limiter.clone();
        // It goes on for as long as the story lasts.
        line.time.spawn(async move { while limiter.acquire().await.is_ok() {} });
    }
    line.pass(secs(1));
    let newcomer = line.comes("newcomer", 1);
    line.pass(millis(900));
    assert!(newcomer.is_finished(), "after the eight who were there before");
}

#[test]
fn nobody_barges_in_by_asking_again_at_once() {
    let line = Line::with(1.0, |builder| builder.burst(2));
    line.drain();
    let waits = line.comes("waits", 2);
    for _ in 0..1_000 {
        assert!(line.limiter.try_acquire().is_err());
        line.pass(millis(2));
    }
    assert!(waits.is_finished());
}

#[test]
fn who_leaves_wakes_the_next() {
    let line = Line::drained(10.0);
    let large = line.comes("large", 10);
    let small = line.comes("small", 1);
    line.pass(millis(500));
    large.abort();
    line.pass(Duration::ZERO);
    assert_eq!(small.take_result(), Some(Ok(())), "what the large one waited for is there");
    assert_eq!(line.limiter.available(), 4.0);
    line.assert_at_rest();
}

#[test]
fn who_was_served_and_is_gone_before_it_could_see_leaves_its_tokens() {
    let line = Line::drained(1.0);
    let first = line.comes("first", 1);
    let second = line.comes("second", 1);
    line.clock.advance(secs(1));
    // Another looks in, and so the first is served; before it is polled, it is gone.
    assert!(line.limiter.try_acquire().is_err());
    first.abort();
    line.pass(Duration::ZERO);
    assert_eq!(second.take_result(), Some(Ok(())));
    line.assert_at_rest();
}

#[test]
fn only_whoever_is_first_holds_a_timer() {
    let line = Line::drained(1.0);
    let mut tasks: Vec<_> = (0..5).map(|_| line.comes("a", 1)).collect();
    assert_eq!(line.clock.sleeps(), [secs(1)]);
    drop(tasks.drain(..).map(|task| task.abort()).collect::<Vec<()>>());
    line.pass(Duration::ZERO);
    line.assert_at_rest();
}

#[test]
fn who_is_first_watches_the_deadlines_of_those_behind() {
    let line = Line::drained(1.0);
    let first = line.comes("first", 1);
    let second = line.comes_until("second", 1, Some(secs(3)));
    let third = line.comes("third", 1);
    // The executor is late, and what did not fit the bucket meanwhile is lost.
    line.clock.advance(millis(2_500));
    line.pass(Duration::ZERO);
    assert!(first.is_finished());
    assert_eq!(line.clock.sleeps(), [secs(3)], "no turn comes before that deadline");
    line.pass(millis(500));
    assert!(second.take_result().unwrap().is_err());
    line.pass(millis(500));
    assert_eq!(third.take_result(), Some(Ok(())));
    line.assert_at_rest();
}

#[test]
fn a_deadline_that_the_world_has_broken_ends_the_wait_when_it_comes() {
    let line = Line::drained(1.0);
    let first = line.comes("first", 1);
    let second = line.comes_until("second", 1, Some(secs(2)));
    // The executor sleeps through it all, and the bucket holds no more than it holds.
    line.clock.advance(secs(60));
    line.pass(Duration::ZERO);
    assert_eq!(first.take_result(), Some(Ok(())));
    assert!(second.take_result().unwrap().is_err());
    line.assert_at_rest();
}

#[test]
fn a_change_for_the_better_wakes_who_is_first_and_a_timer_that_is_early_is_set_anew() {
    let line = Line::drained(1.0);
    let waits = line.comes("a", 1);
    line.limiter.set_rate(0.1, secs(1)).unwrap();
    line.pass(secs(9));
    assert_eq!(line.clock.sleeps(), [secs(10)]);
    line.limiter.set_rate(2.0, secs(1)).unwrap();
    line.pass(millis(50));
    assert!(waits.is_finished());
    line.assert_at_rest();
}
