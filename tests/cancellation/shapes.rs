//! The shapes that a run can have.

use std::time::Duration;

use rotapool::{Builder, Candidate, Recovery, Request, Resource, Strategy, Trial};

use crate::life::Entry;
use crate::stage::Stage;

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Value,
    Error,
    Failure,
    Retry,
    /// A retry signal of a usage on trial, which sends its resource away.
    RetryOnTrial,
    Cooldown,
    Disable,
    /// It panics in a poll.
    Panic,
    /// It panics before there is a future.
    PanicAtOnce,
    /// It never ends by itself: somebody drops it.
    Hang,
    /// It has its older sibling fail, in a poll of its own, and then hangs.
    FellOlder,
}

/// One call: it yields some times and then ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) yields: u32,
    pub(crate) end: End,
}

pub(crate) const fn act(yields: u32, end: End) -> Act {
    Act { yields, end }
}

/// Sets the options of a run.
type Setting = fn(Request<&'static str>) -> Request<&'static str>;

pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) set_up: fn(Builder<&'static str>) -> Builder<&'static str>,
    /// What happens before the run.
    pub(crate) prepare: fn(&Stage),
    pub(crate) options: Option<Setting>,
    /// The run's calls by attempt; the last stands for all that follow.
    pub(crate) acts: &'static [Act],
    /// What others do meanwhile, whenever they get a turn.
    pub(crate) meddle: fn(&Stage),
    /// How many of its attempts come to an end by a time-out of their own, and by the run's deadline.
    pub(crate) out_of_time: (u64, u64),
    /// How many polls it has at least, lest the test pass by testing nothing.
    pub(crate) polls: u32,
}

impl Shape {
    /// `Pool::run` takes no options.
    pub(crate) fn enters_by(&self, entry: Entry) -> bool {
        !matches!(entry, Entry::Pool) || self.options.is_none()
    }
}

const PLAIN: Shape = Shape {
    name: "",
    set_up: two,
    prepare: nothing,
    options: None,
    acts: &[act(0, End::Value)],
    meddle: nothing,
    out_of_time: (0, 0),
    polls: 1,
};

pub(crate) const SHAPES: &[Shape] = &[
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
        name: "exhausted by its deadline in line",
        set_up: with_one_place,
        prepare: begin_older,
        options: Some(|request| request.timeout(secs(1))),
        polls: 2,
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
        name: "with a filter, waiting",
        set_up: three,
        prepare: cool_all,
        options: Some(|request| request.only(|data| data.get("zone") != Some("far")).wait(true)),
        acts: &[act(1, End::Value)],
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
        ..PLAIN
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

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn one(builder: Builder<&'static str>) -> Builder<&'static str> {
    builder.resource(Resource::new("a", "a").max_in_flight(8))
}

fn with_one_place(builder: Builder<&'static str>) -> Builder<&'static str> {
    builder.resource(Resource::new("a", "a").max_in_flight(1))
}

fn two(builder: Builder<&'static str>) -> Builder<&'static str> {
    one(builder).resource(Resource::new("b", "b").max_in_flight(8))
}

/// The run goes where the older one is, and elsewhere when it must.
fn backed(builder: Builder<&'static str>) -> Builder<&'static str> {
    two(builder).strategy(Strategy::PrimaryBackup)
}

fn three(builder: Builder<&'static str>) -> Builder<&'static str> {
    two(builder).resource(Resource::new("c", "c").max_in_flight(8).metadata("zone", "far"))
}

fn last(candidates: &[Candidate]) -> usize {
    candidates.len() - 1
}

fn nothing(_: &Stage) {}

fn cool_all(stage: &Stage) {
    stage.cool_all();
}

fn disable_all(stage: &Stage) {
    for row in stage.pool.snapshot() {
        stage.disable(&row.id);
    }
}

fn begin_older(stage: &Stage) {
    stage.begin_older();
}

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
