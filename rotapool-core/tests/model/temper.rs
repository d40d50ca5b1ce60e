//! What is typical of one episode: the rules of its pool, and what happens how often.

use std::num::NonZeroU32;
use std::time::Duration;

use fastrand::Rng;
use rotapool_core::{
    Config, HealthRules, Hedge, Outcome, Recovery, RetryBudget, Rules, Signal, Strategy, Trial,
};

use crate::traits::Traits;
use crate::twice::reference::{Asking, Breaking};

/// What is done next, before it is known to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb {
    Begin,
    /// Steps a run that is due.
    Step,
    /// A spurious wake-up.
    StepEarly,
    /// The operation outlives its call.
    Hold,
    Settle,
    Cancel,
    SetClock,
    Administer,
    /// Lookouts and the prober.
    Beside,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Success,
    Error,
    Failure,
    Panic,
    Cooldown,
    Disable,
    Retry,
    Stall,
}

pub(crate) struct Temper {
    pub(crate) rules: Config,
    pub(crate) founders: usize,
    pub(crate) most_live_runs: usize,
    pub(crate) traits: Traits,
    outcomes: &'static [Kind],
    /// How often each verb comes up.
    pace: [(Verb, u32); 9],
    /// How probable it is that a run waits.
    pub(crate) waits: f64,
    /// How probable it is that a run pauses between its attempts.
    pub(crate) pauses: f64,
    /// How probable it is that an operation speaks of quotas rather than end.
    pub(crate) says: f64,
    /// How probable it is that a signal speaks of the group.
    of_group: f64,
    /// How probable it is that a run has a deadline.
    pub(crate) hurries: f64,
    /// How probable it is that a run says when its attempts are hedged.
    hedges: f64,
    /// How probable it is that a run ends its attempts after a while.
    pub(crate) times_out: f64,
    /// How probable it is that somebody helps a pool in which nothing is eligible.
    pub(crate) relieves: f64,
    /// How probable it is that somebody changes the pool while a run minds.
    pub(crate) meddles: f64,
    /// How probable it is that a run that was woken from its wait goes on only at its deadline.
    pub(crate) oversleeps: f64,
}

impl Temper {
    pub(crate) fn random(random: &mut Rng, rules: Rules, holds: bool) -> Self {
        Self {
            rules: config(random, rules),
            founders: pick(random, &[1, 2, 2, 3, 3, 4, 5, 6]),
            most_live_runs: pick(random, &[2, 4, 8, 8, 16]),
            traits: Traits::random(random),
            outcomes: outcomes(random),
            pace: pace(random, if holds { 6 } else { 0 }),
            waits: pick(random, &[0.0, 0.3, 0.9]),
            pauses: pick(random, &[0.0, 0.3, 0.9]),
            says: pick(random, &[0.0, 0.1, 0.4]),
            of_group: pick(random, &[0.0, 0.3, 0.8]),
            hurries: pick(random, &[0.0, 0.2, 0.6]),
            hedges: if rules == Rules::OURS { pick(random, &[0.0, 0.0, 0.3]) } else { 0.0 },
            times_out: pick(random, &[0.0, 0.2, 0.6]),
            relieves: pick(random, &[0.0, 0.2, 0.5]),
            meddles: pick(random, &[0.0, 0.05, 0.3]),
            oversleeps: pick(random, &[0.0, 0.1, 0.8]),
        }
    }

    /// How long the episode is: until a percentile is known it takes many answers.
    pub(crate) fn length(&self) -> u64 {
        if self.rules.hedge == Some(Hedge::P95) { 8 } else { 1 }
    }

    pub(crate) fn verb(&self, random: &mut Rng) -> Verb {
        let [(mut chosen, mut sum), rest @ ..] = self.pace;
        for (verb, often) in rest {
            sum += often;
            if often > 0 && random.u32(..sum) < often {
                chosen = verb;
            }
        }
        chosen
    }

    /// What a run says of its hedges.
    pub(crate) fn hedge(&self, random: &mut Rng) -> Option<Hedge> {
        (random.f64() < self.hedges).then(|| hedge(random))
    }

    /// Of the resource, or of its group.
    fn speak(&self, random: &mut Rng, signal: Signal) -> Outcome {
        let of_group = random.f64() < self.of_group;
        Outcome::Signal(if of_group { signal.of_group() } else { signal })
    }

    pub(crate) fn outcome(&self, random: &mut Rng) -> Outcome {
        // The reasons differ, so that it shows whose is told.
        let reason = random.u16(..).to_string();
        match pick(random, self.outcomes) {
            Kind::Success => Outcome::Success,
            Kind::Error => Outcome::Error,
            Kind::Failure => Outcome::Failure,
            Kind::Panic => Outcome::Panic,
            Kind::Cooldown => {
                let own = [0, 0, 1, 2, 3, 3, 7, 40, 40].map(Duration::from_secs);
                let own = if random.u8(..16) == 0 { Duration::MAX } else { pick(random, &own) };
                let signal = match random.u8(..10) {
                    0 => Signal::cooldown_guess(own, reason),
                    1..4 => Signal::cooldown_for(own, reason),
                    _ => Signal::cooldown(reason),
                };
                self.speak(random, signal)
            }
            Kind::Disable => self.speak(random, Signal::disable(reason)),
            Kind::Retry => Outcome::Signal(Signal::retry(reason)),
            Kind::Stall => Outcome::Stalled(Duration::from_secs(random.u64(1..9))),
        }
    }
}

pub(crate) fn pick<T: Clone>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())].clone()
}

fn config(random: &mut Rng, rules: Rules) -> Config {
    let mut config = match rules == Rules::OURS {
        true => our_config(random),
        false => recorded_config(random),
    };
    config.strategy = pick(random, Strategy::ALL);
    config.foreign_choice = random.f64() < 0.3;
    config.health = health(random);
    config.cancel_siblings = random.f64() < 0.8;
    config.cancel_streams = random.f64() < 0.3;
    config.circuit_breaker = (random.f64() < 0.4).then(|| pick(random, &Breaking::ALL).trip());
    config.keep_available = pick(random, &[0, 1, 1, 2]);
    config.degrade = random.f64() < 0.3;
    // Hedges have a small one of their own otherwise.
    let budgets = if config.hedge.is_some() { 0.8 } else { 0.3 };
    config.retry_budget = (random.f64() < budgets).then(|| retry_budget(random));
    config
}

fn our_config(random: &mut Rng) -> Config {
    let mut config = Config::default();
    // The door refuses a zero.
    config.cooldown_table =
        table(random, &[&[30, 120, 300, 600], &[5], &[2, 4, 8], &[1, u64::MAX]]);
    let bounds = [(1, 24 * 60 * 60), (1, 24 * 60 * 60), (3, 10), (2, 2)];
    let (least, most) = pick(random, &bounds);
    config.cooldown_bounds = Duration::from_secs(least)..=Duration::from_secs(most);
    config.decay = pick(random, &[None, NonZeroU32::new(1), NonZeroU32::new(3)]);
    config.max_waiting = pick(random, &[1, 2, 4, 1024]);
    config.probe_early =
        pick(random, &[None, None, Some(1), Some(2), Some(10)]).map(Duration::from_secs);
    config.hedge = match random.f64() {
        0.0..0.03 => Some(Hedge::P95),
        0.03..0.4 => Some(hedge(random)),
        _ => None,
    };
    config.recovery = match random.u8(..5) {
        0 => Recovery::AtOnce,
        1 | 2 => Recovery::Trial(trial(random)),
        _ => Recovery::Ramp,
    };
    config
}

fn recorded_config(random: &mut Rng) -> Config {
    let mut config = Config::recorded();
    let tables: [&[u64]; 7] =
        [&[30, 120, 300, 600], &[5], &[2, 4, 8], &[0], &[0, 3], &[6, 2], &[1, u64::MAX]];
    config.cooldown_table = table(random, &tables);
    if random.f64() < 0.4 {
        config.recovery = Recovery::Trial(Trial::default());
    }
    config
}

fn table(random: &mut Rng, from: &[&[u64]]) -> Vec<Duration> {
    pick(random, from).iter().copied().map(Duration::from_secs).collect()
}

fn trial(random: &mut Rng) -> Trial {
    let mut trial = Trial::default();
    trial.at_once = pick(random, &[1, 1, 2, 3]);
    trial.successes = pick(random, &[1, 1, 2, 5]);
    trial.bound = pick(random, &[None, None, Some(1), Some(3), Some(60)]).map(Duration::from_secs);
    trial
}

/// A prober's.
pub(crate) fn asking(random: &mut Rng) -> Asking {
    let seconds = Duration::from_secs;
    let unused_for = [None, Some(Duration::ZERO), Some(seconds(3))];
    Asking {
        every: seconds(pick(random, &[1, 4, 4, 20])),
        jitter: pick(random, &[0.0, 0.0, 0.5]),
        limit: seconds(pick(random, &[1, 2, 10])),
        unused_for: pick(random, &unused_for),
        disabled_too: random.bool(),
        within_limits: random.bool(),
    }
}

fn hedge(random: &mut Rng) -> Hedge {
    let seconds = |seconds| Hedge::After(Duration::from_secs(seconds));
    let absurd = [Hedge::Never, seconds(u64::MAX), Hedge::P95];
    if random.u8(..8) == 0 { pick(random, &absurd) } else { pick(random, &[1, 1, 3].map(seconds)) }
}

fn retry_budget(random: &mut Rng) -> RetryBudget {
    let window = Duration::from_secs(pick(random, &[1, 7, 10, 60]));
    let budget = RetryBudget::percent(pick(random, &[1, 20, 33, 50, 100])).window(window);
    budget.min_per_second(pick(random, &[0, 0, 1, 2]))
}

fn health(random: &mut Rng) -> HealthRules {
    let mut health = HealthRules::default();
    let milliseconds = [10, 1_000, 10_000, 10_000, 60_000, 86_400_000].map(Duration::from_millis);
    health.window = pick(random, &milliseconds);
    health.min_sample = pick(random, &[1, 2, 5]);
    health.degraded = pick(random, &[0.1, 0.3, 0.5]);
    health.unhealthy = pick(random, &[0.5, 0.7, 1.0]);
    health.latency_decay = pick(random, &milliseconds);
    health.failure_latency = Duration::from_secs(pick(random, &[0, 5, 600]));
    health
}

fn outcomes(random: &mut Rng) -> &'static [Kind] {
    use Kind::{Cooldown, Disable, Error, Failure, Panic, Retry, Stall, Success};
    let all: [&[Kind]; 5] = [
        &[Success, Cooldown],
        &[Success, Cooldown, Cooldown, Cooldown, Retry, Error],
        &[Success, Cooldown, Disable, Retry],
        &[
            Success, Success, Success, Success, Cooldown, Disable, Retry, Error, Failure, Panic,
            Stall,
        ],
        &[Cooldown, Retry],
    ];
    pick(random, &all)
}

fn pace(random: &mut Rng, hold: u32) -> [(Verb, u32); 9] {
    let even = [12, 30, 2, 20, 1, 3];
    let crowded = [30, 40, 2, 10, 1, 1];
    let slow = [15, 25, 2, 15, 1, 8];
    let [begin, step, early, settle, cancel, clock] = pick(random, &[even, crowded, slow]);
    [
        (Verb::Begin, begin),
        (Verb::Step, step),
        (Verb::StepEarly, early),
        (Verb::Settle, settle),
        (Verb::Cancel, cancel),
        (Verb::SetClock, clock),
        (Verb::Administer, pick(random, &[1, 2, 8])),
        (Verb::Hold, hold),
        (Verb::Beside, pick(random, &[0, 0, 4, 12])),
    ]
}
