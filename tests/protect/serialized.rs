//! The figures as `serde` writes them.

use serde_json::json;

use crate::scene::{Fuse, Line, secs};

#[test]
fn the_figures_of_a_breaker_are_numbers_and_words() {
    let fuse = Fuse::new();
    fuse.blow();
    fuse.pass(secs(4));
    let written = serde_json::to_value(fuse.breaker.stats()).unwrap();
    let expected = json!({
        "state": "open", "mode": "automatic", "calls": 1, "successes": 0, "failures": 1,
        "rejected": 0, "ignored": 0, "changes": 1, "failures_in_a_row": 1, "open_for": 6.0,
    });
    assert_eq!(written, expected);
}

#[test]
fn the_figures_of_a_limiter_are_numbers() {
    let line = Line::drained(2.0);
    let _waits = line.comes("a", 2);
    line.pass(secs(1));
    let written = serde_json::to_value(line.limiter.stats()).unwrap();
    let expected =
        json!({ "acquired": 2, "refused": 0, "waiting": 0, "waited": 1.0, "available": 0.0 });
    assert_eq!(written, expected);
}
