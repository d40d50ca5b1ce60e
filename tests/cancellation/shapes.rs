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
        name: "pauses after each kind of signal",
        set_up: |builder| three(builder).retry_delay(secs(1)).max_attempts(4),
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
        name: "exhausted by its deadline in a pause",
        options: Some(|request| request.retry_delay(secs(2)).timeout(secs(1))),
        acts: &[act(1, End::Retry)],
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
        name: "cools all, waits, with the table's escalation and pauses, and is served",
        set_up: |builder| two(builder).retry_delay(secs(1)).max_attempts(9),
        options: Some(|request| request.wait(true)),
        acts: &[
            act(0, End::Cooldown),
            act(1, End::Cooldown),
            act(0, End::Cooldown),
            act(1, End::Value),
        ],
        polls: 6,
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
        name: "aborted by a sibling, and pauses",
        set_up: |builder| backed(builder).retry_delay(secs(1)),
        prepare: begin_older,
        acts: &[act(0, End::FellOlder), act(2, End::Value)],
        polls: 4,
        ..PLAIN
    },
    Shape {
        name: "aborted by a sibling in its pause after a retry signal",
        set_up: |builder| backed(builder).retry_delay(secs(1)),
        prepare: begin_older,
        acts: &[act(1, End::Retry), act(2, End::Value)],
        meddle: fell_older_after_a_retry,
        polls: 5,
        ..PLAIN
    },
    Shape {
        name: "aborted on its last attempt",
        set_up: |builder| backed(builder).max_attempts(1),
        prepare: begin_older,
        acts: &[act(1, End::FellOlder)],
        polls: 2,
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
        acts: &[act(1, End::Retry), act(1, End::Cooldown), act(1, End::Value)],
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
        name: "a probe",
        set_up: |builder| {
            one(builder).recovery(Recovery::Trial(Trial::default())).strategy(Strategy::Sticky)
        },
        prepare: cool_all,
        options: Some(|request| request.wait(true).max_attempts(3)),
        acts: &[act(2, End::Cooldown), act(2, End::Retry), act(2, End::Value)],
        polls: 8,
        ..PLAIN
    },
];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn one(builder: Builder<&'static str>) -> Builder<&'static str> {
    builder.resource(Resource::new("a", "a").max_in_flight(8))
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
