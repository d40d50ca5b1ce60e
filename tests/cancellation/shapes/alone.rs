//! Runs that nobody else has to do with.

use super::{End, PLAIN, Shape, act, disable_all, last, one, secs, three};

pub(super) const SHAPES: &[Shape] = &[
    Shape { name: "success at once", ..PLAIN },
    Shape { name: "success after yielding", acts: &[act(4, End::Value)], polls: 5, ..PLAIN },
    Shape {
        name: "an error of the operation's own",
        acts: &[act(2, End::Error)],
        polls: 3,
        ..PLAIN
    },
    Shape { name: "an error that is blamed", acts: &[act(2, End::Failure)], polls: 3, ..PLAIN },
    Shape {
        name: "retried after a retry signal",
        acts: &[act(2, End::Retry), act(2, End::Value)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "retried after a cooldown signal",
        acts: &[act(2, End::Cooldown), act(2, End::Value)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "retried after a disable signal",
        acts: &[act(2, End::Disable), act(2, End::Value)],
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "goes elsewhere after each kind of signal, and pauses before it repeats itself",
        set_up: |builder| three(builder).retry_delay(secs(1)),
        acts: &[
            act(1, End::Retry),
            act(1, End::Cooldown),
            act(1, End::Disable),
            act(1, End::Value),
        ],
        polls: 6,
        ..PLAIN
    },
    Shape {
        name: "pauses twice on the only resource",
        set_up: |builder| one(builder).retry_delay(secs(1)),
        acts: &[act(1, End::Retry), act(1, End::Retry), act(1, End::Value)],
        polls: 6,
        ..PLAIN
    },
    Shape {
        name: "pauses after each kind of signal, by the recorded rules",
        set_up: |builder| three(builder).retry_delay(secs(1)).max_attempts(4).python_rules(),
        options: Some(|request| request.wait(true)),
        acts: &[
            act(1, End::Retry),
            act(1, End::Cooldown),
            act(1, End::Disable),
            act(1, End::Value),
        ],
        polls: 8,
        ..PLAIN
    },
    Shape { name: "exhausts its budget", acts: &[act(1, End::Retry)], polls: 3, ..PLAIN },
    Shape { name: "exhausted at once", prepare: disable_all, ..PLAIN },
    Shape {
        name: "exhausted by its deadline, which a pause would outlast",
        options: Some(|request| request.retry_delay(secs(2)).timeout(secs(1))),
        acts: &[act(1, End::Retry)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "exhausted by its deadline in an attempt",
        options: Some(|request| request.timeout(secs(1))),
        acts: &[act(1, End::Hang)],
        out_of_time: (0, 1),
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "gets no answer in time, and is served elsewhere",
        options: Some(|request| request.attempt_timeout(secs(1))),
        acts: &[act(1, End::Hang), act(0, End::Value)],
        out_of_time: (1, 0),
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "gets no answer in time, pauses, and is served by the same resource",
        set_up: |builder| one(builder).attempt_timeout(secs(1)).retry_delay(secs(1)),
        acts: &[act(0, End::Hang), act(0, End::Hang), act(0, End::Value)],
        out_of_time: (2, 0),
        polls: 5,
        ..PLAIN
    },
    Shape { name: "panics in a poll", acts: &[act(2, End::Panic)], polls: 3, ..PLAIN },
    Shape {
        name: "panics in a poll of its second attempt",
        acts: &[act(1, End::Retry), act(1, End::Panic)],
        polls: 3,
        ..PLAIN
    },
    Shape { name: "panics before there is a future", acts: &[act(0, End::PanicAtOnce)], ..PLAIN },
    Shape {
        name: "with a filter and an excluded id",
        set_up: three,
        options: Some(|request| {
            request.exclude("c").only(|data| data.get("zone") != Some("far")).affinity("me")
        }),
        acts: &[act(1, End::Retry), act(1, End::Value)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "with a choice of the user's own",
        set_up: |builder| three(builder).select(last).retry_delay(secs(1)),
        acts: &[act(1, End::Retry), act(1, End::Cooldown), act(1, End::Retry), act(1, End::Value)],
        polls: 6,
        ..PLAIN
    },
];
