//! Small breakers, limiters and budgets, explored: every play of so many commands keeps the laws.

use std::time::Instant;

use crate::laws::{COMMANDS, play_breaker, play_budget, play_limiter};

/// Every play that begins with `first` and goes on for `more` commands.
fn every(first: &[u8], more: usize, mut play: impl FnMut(&[u8])) {
    let mut commands = [first, &vec![0; more]].concat();
    loop {
        play(&commands);
        let Some(place) =
            (first.len()..commands.len()).rev().find(|at| commands[*at] + 1 < COMMANDS)
        else {
            return;
        };
        commands[place] += 1;
        commands[place + 1..].fill(0);
    }
}

#[test]
fn all_short_plays_are_tried() {
    let mut plays = 0;
    every(&[5], 3, |commands| {
        assert_eq!(commands[0], 5);
        plays += 1;
    });
    assert_eq!(plays, 8 * 8 * 8);
}

#[test]
fn no_play_of_a_breaker_loses_or_doubles_a_permit_or_heeds_an_old_result() {
    let start = Instant::now();
    every(&[], 5, |commands| play_breaker(commands, start));
    // Opened with a call under way, and half open.
    every(&[0, 0, 2, 7], 5, |commands| play_breaker(commands, start));
}

#[test]
fn no_play_of_a_limiter_overfills_loses_tokens_pays_twice_or_is_unfair() {
    let start = Instant::now();
    every(&[], 5, |commands| play_limiter(commands, start));
    // Empty, with a large request before a small one.
    every(&[1, 1, 0], 5, |commands| play_limiter(commands, start));
}

#[test]
fn no_play_of_a_budget_allows_more_or_less_than_its_share() {
    let start = Instant::now();
    for min_per_second in [0, 1] {
        every(&[0, 0, 0, 0], 5, |commands| play_budget(min_per_second, commands, start));
    }
}
