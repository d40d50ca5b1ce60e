//! The shapes that a run can have.

mod aborted;
mod alone;
mod hedged;
mod in_line;

use std::time::Duration;

use rotapool::{Builder, Candidate, Request, Resource, Strategy};

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
    /// `Pool::run` takes no options. A stream that has begun makes no further attempt, and neither siblings nor time-outs
    /// end it: its call has to end by itself.
    pub(crate) fn enters_by(&self, entry: Entry) -> bool {
        match entry {
            Entry::Pool => self.options.is_none(),
            Entry::Begun => {
                !matches!(self.acts[0].end, End::Hang | End::FellOlder | End::RetryOnTrial)
            }
            _ => true,
        }
    }

    /// How many polls a run has at least that enters so.
    pub(crate) fn least_polls(&self, entry: Entry) -> u32 {
        if entry == Entry::Begun { 1 } else { self.polls }
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

/// All that there are.
pub(crate) fn all() -> impl Iterator<Item = &'static Shape> {
    [alone::SHAPES, aborted::SHAPES, hedged::SHAPES, in_line::SHAPES].into_iter().flatten()
}

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
