//! What the fuzzer's bytes mean. Every input means something, so that none is wasted.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use rotapool_core::{
    Config, HealthRules, Hedge, Metadata, Outcome, Profile, Recovery, RetryBudget, Signal,
    Strategy, Trial,
};

use crate::twice::command::Command;
use crate::twice::episode::{Doing, Episode};
use crate::twice::observed::Moment;
use crate::twice::reference::Terms;

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const TIERS: [&str; 2] = ["gold", "tin"];
/// How far the clock goes: core counts nanoseconds in 64 bits.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
const INSTANT: Duration = Duration::from_nanos(1);

#[derive(Debug, Arbitrary)]
pub(crate) struct Story {
    strategy: u8,
    cooldown_table: [Span; 3],
    table_length: u8,
    cancel_siblings: bool,
    /// By the recorded rules, and not by our own.
    recorded: bool,
    recovery: Back,
    bounds: Option<(Span, Span)>,
    decay: u8,
    max_waiting: u8,
    foreign_choice: bool,
    window: Span,
    min_sample: u8,
    latency_decay: Span,
    /// After which time attempts are hedged, or at the percentile.
    hedge: Option<Option<Span>>,
    /// The share of the runs that may be retried and hedged.
    retries: Option<u8>,
    pub(crate) deeds: Vec<Deed>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Back {
    AtOnce,
    Trial { at_once: u8, successes: u8, bound: Option<Span> },
    Ramp,
}

#[derive(Debug, Arbitrary)]
pub(crate) enum Deed {
    Begin {
        max_attempts: Number,
        retry_delay: Option<Span>,
        /// Ahead of now, or ago.
        deadline: Option<(bool, Span)>,
        attempt_timeout: Option<Span>,
        wait: bool,
        /// A bit for each id.
        exclude: Option<u8>,
        wants: Option<bool>,
        affinity: Option<u64>,
    },
    /// What the run is about next: a step, a judgement, a choice, or that its attempt ends, or is hedged.
    GoOn {
        run: u8,
        how: u8,
        end: End,
    },
    Cancel {
        run: u8,
    },
    /// An attempt in flight outlives its call: a checkout, or a stream that commits. Until then at the latest, which may be
    /// now.
    Hold {
        run: u8,
        until: Option<Span>,
        commits: bool,
    },
    /// To one of the moments at which something ends, or a nanosecond before.
    Advance {
        which: u8,
        just_before: bool,
    },
    Wait(Span),
    Add {
        id: u8,
        cap: Option<u8>,
        weight: Weight,
        priority: u8,
        tier: Option<bool>,
    },
    Remove {
        id: u8,
    },
    Enable {
        id: u8,
    },
    Disable {
        id: u8,
    },
    Close,
    End,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum End {
    Success,
    Error,
    Failure,
    Panic,
    Cooldown(Option<Span>),
    Disable,
    Retry,
    Stalled(Span),
    /// Only what is held can be told so by its holder.
    TimedOut,
    DeadlinePassed,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Span {
    Seconds(u8),
    Milliseconds(u16),
    Nanoseconds(u32),
    Any { seconds: u64, nanoseconds: u32 },
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Number {
    Small(u8),
    Any(u32),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Weight {
    Small(u8),
    Any(f64),
}

impl Story {
    pub(crate) fn rules(&self) -> Config {
        let mut rules = if self.recorded { Config::recorded() } else { Config::default() };
        rules.strategy = *pick(Strategy::ALL, self.strategy);
        let length = usize::from(self.table_length) % self.cooldown_table.len() + 1;
        rules.cooldown_table = self.cooldown_table[..length].iter().map(|it| it.get()).collect();
        rules.recovery = self.recovery.get(self.recorded);
        if !self.recorded {
            // The door refuses a zero.
            rules.cooldown_table.iter_mut().for_each(|it| *it = (*it).max(INSTANT));
            if let Some((one, other)) = self.bounds {
                let (one, other) = (one.get().max(INSTANT), other.get().max(INSTANT));
                rules.cooldown_bounds = one.min(other)..=one.max(other);
            }
            rules.decay = NonZeroU32::new(u32::from(self.decay));
            rules.max_waiting = usize::from(self.max_waiting).max(1);
            rules.hedge = self.hedge.map(|after| match after {
                Some(after) => Hedge::After(after.get().max(INSTANT)),
                None => Hedge::P95,
            });
            let budget = |percent: u8| RetryBudget::percent(u32::from(percent) % 100 + 1);
            rules.retry_budget = self.retries.map(|percent| budget(percent).min_per_second(0));
        }
        rules.cancel_siblings = self.cancel_siblings;
        rules.foreign_choice = self.foreign_choice;
        let mut health = HealthRules::default();
        health.window = self.window.get();
        health.min_sample = u32::from(self.min_sample);
        health.latency_decay = self.latency_decay.get();
        // The door turns away what cannot work.
        if health.check().is_ok() {
            rules.health = health;
        }
        rules
    }
}

impl Deed {
    /// `None` if there is nobody to do it to.
    pub(crate) fn command(&self, episode: &Episode) -> Option<Command> {
        let now = episode.now();
        Some(match *self {
            Self::Begin {
                max_attempts,
                retry_delay,
                deadline,
                attempt_timeout,
                wait,
                exclude,
                wants,
                affinity,
            } => Command::Begin(Terms {
                max_attempts: max_attempts.get(),
                retry_delay: retry_delay.map_or(Duration::ZERO, Span::get),
                deadline: deadline.map(|(ahead, by)| match ahead {
                    true => now + by.get().min(CENTURY),
                    false => now.saturating_sub(by.get()),
                }),
                attempt_timeout: attempt_timeout.map(|it| it.get().max(INSTANT)),
                wait,
                exclude: excluded(exclude.unwrap_or(0)),
                wants: wants.map(|gold| TIERS[usize::from(gold)]),
                affinity,
                costs: Vec::new(),
                hedge: None,
            }),
            Self::GoOn { run, how, end } => {
                let live = episode.runs_that(|doing| doing != Doing::Over);
                go_on(episode, *choose(&live, run)?, how, end)
            }
            Self::Cancel { run } => {
                let all = episode.runs_that(|_| true);
                Command::Cancel { run: *choose(&all, run)? }
            }
            Self::Hold { run, until, commits } => {
                let attempting = |doing| matches!(doing, Doing::Attempting { .. });
                let mut able = episode.runs_that(attempting);
                able.retain(|&run| !episode.is_held(run));
                let until = until.map(|it| later(now, it.get()));
                Command::Hold { run: *choose(&able, run)?, until, commits }
            }
            Self::Advance { which, just_before } => {
                let mut coming = episode.moments_of_interest();
                coming.retain(|&moment| now < moment && moment < CENTURY);
                let to = *choose(&coming, which)?;
                let early = Duration::from_nanos(u64::from(just_before));
                Command::SetClock { to: to - early }
            }
            Self::Wait(by) => Command::SetClock { to: later(now, by.get()) },
            Self::Add { id, cap, weight, priority, tier } => {
                let mut profile = Profile::new(*pick(&IDS, id));
                profile.max_in_flight = cap.map(u32::from);
                profile.weight = weight.get();
                profile.priority = u32::from(priority);
                let mut metadata = Metadata::default();
                if let Some(gold) = tier {
                    metadata.set("tier", TIERS[usize::from(gold)]);
                }
                profile.metadata = Arc::new(metadata);
                Command::Add { profile }
            }
            Self::Remove { id } => Command::Remove { id: *pick(&IDS, id) },
            Self::Enable { id } => Command::Enable { id: *pick(&IDS, id) },
            Self::Disable { id } => Command::Disable { id: *pick(&IDS, id) },
            Self::Close => Command::Close,
            Self::End => Command::End,
        })
    }
}

fn go_on(episode: &Episode, run: usize, how: u8, end: End) -> Command {
    let chance = f64::from(how) / 256.0;
    match episode.doing(run) {
        Doing::Attempting { .. } if episode.is_hedge_due(run) && how % 8 > 0 => {
            Command::Overdue { run, chance }
        }
        Doing::Attempting { .. } if episode.is_hedged(run) && how % 8 > 4 => Command::Swap { run },
        Doing::Attempting { aborted } => {
            // An operation that had ended when the abort came still reports what came of it.
            let outcome = match how % 4 {
                1.. if aborted => Outcome::Aborted,
                1.. if episode.is_overdue(run) => Outcome::TimedOut,
                _ => end.outcome(episode.is_held(run)),
            };
            Command::Settle { run, outcome, chance }
        }
        // A question that nobody answered is asked again.
        Doing::Judging { asked } if how > 8 => {
            let first = if how % 8 == 0 { usize::from(how) % asked } else { asked };
            Command::Judge { run, first }
        }
        Doing::Choosing { asked } if how > 8 => {
            let choice = (how % 8 > 0).then_some(usize::from(how) % asked);
            Command::Choose { run, choice }
        }
        _ => Command::Step { run, chance },
    }
}

impl Back {
    /// The recorded rules have only a trial of one.
    fn get(self, recorded: bool) -> Recovery {
        match self {
            Self::AtOnce => Recovery::AtOnce,
            Self::Trial { .. } | Self::Ramp if recorded => Recovery::Trial(Trial::default()),
            Self::Trial { at_once, successes, bound } => {
                let mut trial = Trial::default();
                trial.at_once = u32::from(at_once).max(1);
                trial.successes = u32::from(successes).max(1);
                trial.bound = bound.map(|it| it.get().max(INSTANT));
                Recovery::Trial(trial)
            }
            Self::Ramp => Recovery::Ramp,
        }
    }
}

impl End {
    fn outcome(self, is_held: bool) -> Outcome {
        match self {
            Self::TimedOut if is_held => Outcome::TimedOut,
            Self::DeadlinePassed if is_held => Outcome::DeadlinePassed,
            Self::Success | Self::TimedOut | Self::DeadlinePassed => Outcome::Success,
            Self::Error => Outcome::Error,
            Self::Failure => Outcome::Failure,
            Self::Panic => Outcome::Panic,
            Self::Cooldown(after) => {
                Outcome::Signal(Signal::cooldown_for(after.map(Span::get), "slow"))
            }
            Self::Disable => Outcome::Signal(Signal::disable("gone")),
            Self::Retry => Outcome::Signal(Signal::retry("again")),
            Self::Stalled(silence) => Outcome::Stalled(silence.get()),
        }
    }
}

impl Span {
    fn get(self) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(u64::from(seconds)),
            Self::Milliseconds(milliseconds) => Duration::from_millis(u64::from(milliseconds)),
            Self::Nanoseconds(nanoseconds) => Duration::from_nanos(u64::from(nanoseconds)),
            Self::Any { seconds, nanoseconds } => {
                Duration::new(seconds, nanoseconds % 1_000_000_000)
            }
        }
    }
}

impl Number {
    fn get(self) -> u32 {
        match self {
            Self::Small(number) => u32::from(number),
            Self::Any(number) => number,
        }
    }
}

impl Weight {
    /// A weight that is no number is the builder's affair: such answers differ from themselves.
    fn get(self) -> f64 {
        match self {
            Self::Small(weight) => f64::from(weight) / 4.0,
            Self::Any(weight) if weight.is_nan() => 1.0,
            Self::Any(weight) => weight,
        }
    }
}

fn later(now: Moment, by: Duration) -> Moment {
    now.saturating_add(by).min(CENTURY).max(now)
}

fn excluded(bits: u8) -> Vec<Arc<str>> {
    let is_set = |number: &usize| bits & 1 << number != 0;
    (0..IDS.len()).filter(is_set).map(|number| IDS[number].into()).collect()
}

fn pick<T>(from: &'static [T], number: u8) -> &'static T {
    &from[usize::from(number) % from.len()]
}

fn choose<T>(from: &[T], number: u8) -> Option<&T> {
    from.get(usize::from(number).checked_rem(from.len())?)
}
