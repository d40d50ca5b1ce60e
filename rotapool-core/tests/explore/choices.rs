//! What can be done next, in every state that there is.

use std::time::Duration;

use rotapool_core::{Basis, Outcome, Signal, Status};

use crate::setting::Setting;
use crate::twice::command::Command;
use crate::twice::episode::{Doing, Episode};

/// The same draw every time: what follows from other draws, the random model test looks at. With this
/// one a pause lasts half the mean and a wait not a moment longer than the cooldown.
pub(crate) const CHANCE: f64 = 0.0;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Choice {
    /// A run of this kind begins and takes its first step. Between the two nothing can be seen.
    Start(usize),
    Step(usize),
    Settle(usize, End),
    /// It is time for another attempt beside the one in flight.
    Hedge(usize),
    /// Of two attempts in flight the other one is spoken of.
    Swap(usize),
    Cancel(usize),
    /// What it got is held from here on, as a checkout or as a stream that has begun.
    Hold(usize, bool),
    /// The operation says that it took so much: nothing, or more than there is.
    Say(usize, u64),
    /// The upstream says that nothing is left for a while.
    Correct(usize),
    /// To the next end of a cooldown or a sleep, or to the next deadline or timeout.
    Advance,
    Add(&'static str),
    Remove(&'static str),
    Enable(&'static str),
    Disable(&'static str),
    Close,
    End,
    /// For longer than the first guess, and less than the second.
    Park(&'static str),
    Unpark(&'static str),
    Answer(usize, End),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Success,
    Error,
    Failure,
    Panic,
    Aborted,
    TimedOut,
    Cooldown,
    /// Shorter than the end of the table says.
    CooldownOfItsOwn,
    CooldownOfTheGroup,
    DisableOfTheGroup,
    Disable,
    Retry,
}

impl Choice {
    pub(crate) fn all(setting: &Setting, episode: &Episode) -> Vec<Self> {
        let live = episode.runs_that(|doing| doing != Doing::Over);
        let mut choices = Vec::new();
        if live.len() < setting.runs {
            choices.extend((0..setting.kinds).map(Self::Start));
        }
        for run in live {
            match episode.doing(run) {
                // Also too early: a wake-up proves nothing.
                Doing::Ready | Doing::Pausing { .. } | Doing::Waiting { .. } => {
                    choices.push(Self::Step(run));
                }
                Doing::Attempting { aborted } => {
                    choices.extend(End::ALL.map(|end| Self::Settle(run, end)));
                    if setting.groups {
                        choices.extend(End::OF_GROUPS.map(|end| Self::Settle(run, end)));
                    }
                    if setting.quotas {
                        choices.extend([Self::Say(run, 0), Self::Say(run, 4), Self::Correct(run)]);
                    }
                    if setting.holds && !episode.is_held(run) {
                        choices.extend([Self::Hold(run, false), Self::Hold(run, true)]);
                    }
                    if aborted {
                        choices.push(Self::Settle(run, End::Aborted));
                    }
                    if episode.is_overdue(run) {
                        choices.push(Self::Settle(run, End::TimedOut));
                    }
                    if episode.is_hedge_due(run) {
                        choices.push(Self::Hedge(run));
                    }
                    if episode.is_hedged(run) {
                        choices.push(Self::Swap(run));
                    }
                }
                Doing::Judging { .. } | Doing::Choosing { .. } | Doing::Over => {}
            }
            choices.push(Self::Cancel(run));
        }
        if next_moment(episode).is_some() {
            choices.push(Self::Advance);
        }
        if setting.attended {
            for probe in 0..episode.probes() {
                choices.extend(End::OF_PROBES.map(|end| Self::Answer(probe, end)));
            }
        }
        if setting.closes {
            choices.extend([Self::Close, Self::End]);
        }
        let rows = episode.look();
        for &id in setting.ids() {
            match rows.iter().any(|row| *row.id == *id) {
                true => choices.extend([Self::Remove(id), Self::Enable(id), Self::Disable(id)]),
                false => choices.push(Self::Add(id)),
            }
            let row = rows.iter().find(|row| *row.id == *id);
            if let Some(row) = row.filter(|_| setting.parks()) {
                // Again and again it would never end.
                match row.basis == Some(Basis::Operator) {
                    true => choices.push(Self::Unpark(id)),
                    false if row.status != Status::Disabled => choices.push(Self::Park(id)),
                    false => {}
                }
            }
        }
        choices
    }

    pub(crate) fn commands(self, setting: &Setting, episode: &Episode) -> Vec<Command> {
        match self {
            Self::Start(kind) => {
                let [impatient, patient] = setting.terms(episode.now());
                let terms = if kind == 0 { impatient } else { patient };
                let run = episode.runs();
                vec![Command::Begin(terms), Command::Step { run, chance: CHANCE }]
            }
            Self::Step(run) => vec![Command::Step { run, chance: CHANCE }],
            Self::Settle(run, end) => {
                vec![Command::Settle { run, outcome: end.outcome(), chance: CHANCE }]
            }
            Self::Hedge(run) => vec![Command::Overdue { run, chance: CHANCE }],
            Self::Swap(run) => vec![Command::Swap { run }],
            Self::Cancel(run) => vec![Command::Cancel { run }],
            Self::Hold(run, commits) => {
                let until = Some(episode.now() + Duration::from_secs(4));
                vec![Command::Hold { run, until, commits }]
            }
            Self::Say(run, amount) => {
                vec![Command::SaySpent { run, dimension: Some("requests"), amount }]
            }
            Self::Correct(run) => {
                let reset = Some(Duration::from_secs(4));
                vec![Command::SayLeft { run, dimension: "requests", left: 0, reset }]
            }
            Self::Advance => {
                let to = next_moment(episode).expect("it is only chosen if there is one");
                vec![Command::SetClock { to }]
            }
            Self::Add(id) => vec![Command::Add { profile: setting.profile(id) }],
            Self::Remove(id) => vec![Command::Remove { id }],
            Self::Enable(id) => vec![Command::Enable { id }],
            Self::Disable(id) => vec![Command::Disable { id }],
            Self::Close => vec![Command::Close],
            Self::End => vec![Command::End],
            Self::Park(id) => {
                vec![Command::Park { id, period: Duration::from_secs(4), reason: "" }]
            }
            Self::Unpark(id) => vec![Command::Unpark { id }],
            Self::Answer(probe, end) => {
                vec![Command::Answer { probe, outcome: end.outcome(), chance: CHANCE }]
            }
        }
    }
}

fn next_moment(episode: &Episode) -> Option<Duration> {
    let moments = episode.moments_of_interest();
    moments.into_iter().filter(|&moment| moment > episode.now()).min()
}

impl End {
    /// Those of an operation that nobody aborted.
    const ALL: [Self; 8] = [
        Self::Success,
        Self::Error,
        Self::Failure,
        Self::Panic,
        Self::Cooldown,
        Self::CooldownOfItsOwn,
        Self::Disable,
        Self::Retry,
    ];

    /// What is said of a whole group.
    const OF_GROUPS: [Self; 2] = [Self::CooldownOfTheGroup, Self::DisableOfTheGroup];

    /// What probes come to.
    const OF_PROBES: [Self; 5] =
        [Self::Success, Self::TimedOut, Self::Cooldown, Self::CooldownOfItsOwn, Self::Disable];

    fn outcome(self) -> Outcome {
        match self {
            Self::Success => Outcome::Success,
            Self::Error => Outcome::Error,
            Self::Failure => Outcome::Failure,
            Self::Panic => Outcome::Panic,
            Self::Aborted => Outcome::Aborted,
            Self::TimedOut => Outcome::TimedOut,
            Self::Cooldown => Outcome::Signal(Signal::cooldown("")),
            Self::CooldownOfItsOwn => {
                Outcome::Signal(Signal::cooldown_for(Duration::from_secs(2), ""))
            }
            Self::CooldownOfTheGroup => Outcome::Signal(Signal::cooldown("").of_group()),
            Self::DisableOfTheGroup => Outcome::Signal(Signal::disable("").of_group()),
            Self::Disable => Outcome::Signal(Signal::disable("")),
            Self::Retry => Outcome::Signal(Signal::retry("")),
        }
    }
}
