//! What can be asked of a pool.

use std::time::Duration;

use rotapool_core::{Outcome, Profile};

use crate::twice::observed::Moment;
use crate::twice::reference::{Asking, Terms};

/// `chance` is what core draws first if it draws. `first` is how many of those that the run asked
/// about are judged, and `choice` the number of the chosen one among them.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Begin(Terms),
    Step {
        run: usize,
        chance: f64,
    },
    Judge {
        run: usize,
        first: usize,
    },
    Choose {
        run: usize,
        choice: Option<usize>,
    },
    /// The attempt in flight outlives its call from here on: a checkout, or a stream that has begun.
    Hold {
        run: usize,
        until: Option<Moment>,
        commits: bool,
    },
    Settle {
        run: usize,
        outcome: Outcome,
        chance: f64,
    },
    /// The limit of what is in flight has come, or has not.
    Overdue {
        run: usize,
        chance: f64,
    },
    /// Of two attempts in flight the other one is spoken of from here on.
    Swap {
        run: usize,
    },
    Cancel {
        run: usize,
    },
    SetClock {
        to: Moment,
    },
    /// The operation says that it took so much, of a dimension or of all.
    SaySpent {
        run: usize,
        dimension: Option<&'static str>,
        amount: u64,
    },
    /// The upstream says that so much is left, and when all is back.
    SayLeft {
        run: usize,
        dimension: &'static str,
        left: u64,
        reset: Option<Moment>,
    },
    Add {
        profile: Profile,
    },
    Remove {
        id: &'static str,
    },
    Enable {
        id: &'static str,
    },
    Disable {
        id: &'static str,
    },
    /// Somebody looks at the clock on behalf of the pool.
    LookOut {
        lookout: usize,
    },
    /// A lookout comes no more.
    StandDown {
        lookout: usize,
    },
    /// There is a prober from here on, another than before.
    Employ(Asking),
    AskAround {
        chance: f64,
    },
    /// The end of one of the probes under way.
    Answer {
        probe: usize,
        outcome: Outcome,
        chance: f64,
    },
    Close,
    /// The end of a drain that took too long.
    End,
    Park {
        id: &'static str,
        period: Duration,
        reason: &'static str,
    },
    Unpark {
        id: &'static str,
    },
    Rotate {
        chance: f64,
    },
    Reset {
        id: &'static str,
    },
    Update {
        id: &'static str,
        profile: Profile,
    },
    Apply {
        list: Vec<Profile>,
    },
}
