//! Runs that a sibling aborts.

use super::{End, PLAIN, Shape, act, backed, begin_older, one, secs};
use crate::stage::Stage;

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "aborted by a sibling in a poll of its own",
        set_up: backed,
        prepare: begin_older,
        acts: &[act(1, End::FellOlder), act(2, End::Value)],
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "aborted by a sibling while it hangs",
        set_up: backed,
        prepare: begin_older,
        acts: &[act(1, End::Hang), act(2, End::Value)],
        meddle: fell_older_when_somebody_hangs,
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "aborted by a sibling, stumbles elsewhere, and pauses",
        set_up: |builder| backed(builder).retry_delay(secs(1)),
        prepare: begin_older,
        acts: &[act(0, End::FellOlder), act(1, End::Retry), act(2, End::Value)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "aborted by a sibling in its pause after a retry signal, by the recorded rules",
        set_up: |builder| backed(builder).retry_delay(secs(1)).python_rules(),
        prepare: begin_older,
        acts: &[act(1, End::Retry), act(2, End::Value)],
        meddle: fell_older_after_a_retry,
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "aborted on its only attempt, which costs none",
        set_up: |builder| backed(builder).max_attempts(1),
        prepare: begin_older,
        acts: &[act(1, End::FellOlder), act(1, End::Value)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "aborted, then waits for its resource, and is served there",
        set_up: one,
        prepare: begin_older,
        options: Some(|request| request.wait(true)),
        acts: &[act(1, End::FellOlder), act(1, End::Value)],
        polls: 4,
        ..PLAIN
    },
];

fn fell_older_when_somebody_hangs(stage: &Stage) {
    if stage.books.page().hanging > 1 {
        stage.fell_older();
    }
}

fn fell_older_after_a_retry(stage: &Stage) {
    if stage.books.page().ends(End::Retry) > 0 {
        stage.fell_older();
    }
}
