//! Runs with a second attempt beside one that hangs.

use rotapool::{Builder, Request, RetryBudget};

use super::{End, PLAIN, Shape, act, backed, begin_older, secs, three};
use crate::stage::Stage;

fn generous(builder: Builder<&'static str>) -> Builder<&'static str> {
    three(builder).hedge(secs(1)).retry_budget(RetryBudget::percent(100).min_per_second(100))
}

fn hedged(request: Request<&'static str>) -> Request<&'static str> {
    request.hedge(secs(1)).max_attempts(9)
}

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "the hedge is served",
        set_up: generous,
        acts: &[act(1, End::Hang), act(2, End::Value)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "the hedge has an error of the operation's own",
        set_up: generous,
        acts: &[act(1, End::Hang), act(2, End::Error)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "hedged by the request, and the hedge fails",
        set_up: |builder| {
            three(builder).retry_budget(RetryBudget::percent(100).min_per_second(100))
        },
        options: Some(|request| hedged(request).attempt_timeout(secs(3))),
        acts: &[act(1, End::Hang), act(1, End::Cooldown), act(1, End::Value)],
        out_of_time: (1, 0),
        polls: 6,
        ..PLAIN
    },
    Shape {
        name: "the hedge is left alone and served",
        set_up: generous,
        options: Some(|request| request.max_attempts(9).attempt_timeout(secs(2))),
        acts: &[act(1, End::Hang), act(1, End::Hang), act(1, End::Value)],
        out_of_time: (2, 0),
        polls: 6,
        ..PLAIN
    },
    Shape {
        name: "the deadline ends both",
        set_up: generous,
        options: Some(|request| request.timeout(secs(3))),
        acts: &[act(1, End::Hang)],
        out_of_time: (0, 2),
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "the hedge panics in a poll",
        set_up: generous,
        acts: &[act(1, End::Hang), act(1, End::Panic)],
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "the hedge panics before there is a future",
        set_up: generous,
        acts: &[act(1, End::Hang), act(0, End::PanicAtOnce)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "aborted by a sibling beside its hedge, which is left alone",
        set_up: |builder| {
            backed(builder).retry_budget(RetryBudget::percent(100).min_per_second(100))
        },
        prepare: begin_older,
        options: Some(|request| hedged(request).attempt_timeout(secs(5))),
        acts: &[act(1, End::Hang), act(1, End::Hang), act(1, End::Value)],
        meddle: fell_older_once_it_is_hedged,
        out_of_time: (1, 0),
        polls: 6,
    },
];

fn fell_older_once_it_is_hedged(stage: &Stage) {
    if stage.pool.stats().hedges > 0 {
        stage.fell_older_by(End::Disable);
    }
}
