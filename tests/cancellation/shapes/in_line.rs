//! Runs that stand in line: for a place, for the end of a cooldown, for a trial.

use rotapool::{Recovery, Strategy, Trial};

use super::{
    End, PLAIN, Shape, act, begin_older, cool_all, disable_all, last, one, secs, three, two,
    with_one_place,
};
use crate::stage::Stage;

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "exhausted by its deadline in line",
        set_up: with_one_place,
        prepare: begin_older,
        options: Some(|request| request.timeout(secs(1))),
        polls: 2,
        ..PLAIN
    },
    Shape {
        name: "waits for a place and is handed it",
        set_up: with_one_place,
        prepare: begin_older,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: |stage| {
            if stage.pool.stats().waiting > 0 {
                stage.finish_older();
            }
        },
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "is handed a place, for which another one waits too",
        set_up: with_one_place,
        prepare: begin_older,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: |stage| {
            if stage.has_next() {
                stage.finish_older();
            }
            begin_next_when_somebody_waits(stage);
        },
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "comes for its place with a hiccup, and hands it on in its pause",
        set_up: |builder| with_one_place(builder).retry_delay(secs(1)),
        prepare: begin_older,
        options: Some(|request| request.wait(true)),
        acts: &[act(1, End::Retry), act(1, End::Value)],
        meddle: |stage| {
            if stage.pool.stats().retries > 0 {
                stage.finish_next("in the pause of the run");
            } else if stage.has_next() {
                stage.finish_older();
            } else {
                begin_next_when_somebody_waits(stage);
            }
        },
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "is handed a place that is taken away before it comes for it",
        set_up: with_one_place,
        prepare: begin_older,
        options: Some(|request| request.wait(true)),
        meddle: |stage| {
            if stage.pool.stats().waiting > 0 {
                stage.finish_older();
                stage.disable("a");
            }
        },
        polls: 2,
        ..PLAIN
    },
    Shape {
        name: "finds the line full",
        set_up: |builder| with_one_place(builder).max_waiting(1),
        prepare: |stage| {
            stage.begin_older();
            stage.begin_next();
        },
        options: Some(|request| request.wait(true)),
        ..PLAIN
    },
    Shape {
        name: "looks at the clock for all in line",
        set_up: with_one_place,
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: |stage| {
            if stage.has_next() {
                stage.nudge();
            }
            begin_next_when_somebody_waits(stage);
        },
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "waits for a cooldown and is served",
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "cools all, waits, with the table's escalation, and is served",
        set_up: |builder| two(builder).retry_delay(secs(1)).max_attempts(9),
        options: Some(|request| request.wait(true)),
        acts: &[
            act(0, End::Cooldown),
            act(1, End::Cooldown),
            act(0, End::Cooldown),
            act(1, End::Value),
        ],
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "waits and is let in by an admin call",
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: enable_when_somebody_waits,
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "waits until nothing is left to wait for",
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        meddle: disable_when_somebody_waits,
        ..PLAIN
    },
    Shape {
        name: "with a filter, waiting",
        set_up: three,
        prepare: cool_all,
        options: Some(|request| request.only(|data| data.get("zone") != Some("far")).wait(true)),
        acts: &[act(1, End::Value)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "with a choice of the user's own, waiting",
        set_up: |builder| two(builder).select(last),
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(1, End::Value)],
        polls: 3,
        ..PLAIN
    },
    Shape {
        name: "on trial, again and again",
        set_up: |builder| {
            one(builder).recovery(Recovery::Trial(Trial::default())).strategy(Strategy::Sticky)
        },
        prepare: cool_all,
        options: Some(|request| request.wait(true).max_attempts(3)),
        acts: &[act(2, End::Cooldown), act(2, End::RetryOnTrial), act(2, End::Value)],
        polls: 8,
        ..PLAIN
    },
    Shape {
        name: "on trial, which another one waits for",
        set_up: |builder| one(builder).recovery(Recovery::Trial(Trial::default())),
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: begin_next_when_somebody_waits,
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "lost on its trial, which goes to another one",
        set_up: |builder| one(builder).recovery(Recovery::Trial(Trial::default().bound(secs(1)))),
        prepare: cool_all,
        options: Some(|request| request.wait(true).attempt_timeout(secs(9))),
        acts: &[act(0, End::Hang), act(0, End::Value)],
        meddle: |stage| {
            begin_next_when_somebody_waits(stage);
            stage.poll_next();
        },
        out_of_time: (1, 0),
        polls: 3,
    },
    Shape {
        name: "the first on a ramp, while another one waits",
        set_up: |builder| one(builder).recovery(Recovery::Ramp),
        prepare: cool_all,
        options: Some(|request| request.wait(true)),
        acts: &[act(2, End::Value)],
        meddle: begin_next_when_somebody_waits,
        polls: 4,
        ..PLAIN
    },
];

fn begin_next_when_somebody_waits(stage: &Stage) {
    if !stage.has_next() && stage.pool.stats().waiting > 0 {
        stage.begin_next();
    }
}

fn enable_when_somebody_waits(stage: &Stage) {
    if stage.pool.stats().waiting > 0 {
        stage.pool.enable("b").unwrap();
    }
}

fn disable_when_somebody_waits(stage: &Stage) {
    if stage.pool.stats().waiting > 0 {
        disable_all(stage);
    }
}
