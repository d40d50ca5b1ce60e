//! What an episode asks of a pool: random commands, chosen so that they collide.

use std::time::Duration;

use fastrand::Rng;
use rotapool_core::{Config, Outcome, Signal, Strategy};

use crate::episode::{Doing, Episode};
use crate::observed::Moment;
use crate::reference::Terms;

/// Few enough that a pool stays small and that removed ids come back.
const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[derive(Debug, Clone)]
pub(crate) enum Command {
    Begin(Terms),
    /// `chance` is what core draws.
    Step {
        run: usize,
        chance: f64,
    },
    Settle {
        run: usize,
        outcome: Outcome,
        chance: f64,
    },
    Cancel {
        run: usize,
    },
    SetClock {
        to: Moment,
    },
    Add {
        id: &'static str,
        max_in_flight: Option<u32>,
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
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Success,
    Error,
    Panic,
    Cooldown,
    Disable,
    Retry,
}

/// What is typical of one episode.
pub(crate) struct Temper {
    pub(crate) rules: Config,
    pub(crate) founders: usize,
    caps: &'static [Option<u32>],
    outcomes: &'static [Kind],
    most_live_runs: usize,
    /// Probabilities.
    waits: f64,
    pauses: f64,
    hurries: f64,
    administers: f64,
}

fn pick<T: Clone>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())].clone()
}

fn seconds(seconds: &[u64]) -> Vec<Duration> {
    seconds.iter().copied().map(Duration::from_secs).collect()
}

impl Temper {
    pub(crate) fn random(random: &mut Rng) -> Self {
        use Kind::{Cooldown, Disable, Error, Panic, Retry, Success};
        let tables: [&[u64]; 7] =
            [&[30, 120, 300, 600], &[5], &[2, 4, 8], &[0], &[0, 3], &[6, 2], &[1, u64::MAX]];
        let mut rules = Config::default();
        rules.cooldown_table = seconds(pick(random, &tables));
        rules.strategy = pick(random, &[Strategy::LeastInFlight, Strategy::PrimaryBackup]);
        rules.cancel_siblings = random.f64() < 0.8;
        rules.probe_on_recovery = random.f64() < 0.4;
        rules.one_trip_per_outage = random.f64() < 0.4;
        let caps: [&[_]; 5] =
            [&[None], &[None, None, Some(1)], &[Some(1)], &[Some(1), Some(2)], &[None, Some(3)]];
        let outcomes: [&[Kind]; 5] = [
            &[Success, Cooldown],
            &[Success, Cooldown, Cooldown, Cooldown, Retry, Error],
            &[Success, Cooldown, Disable, Retry],
            &[Success, Success, Success, Success, Cooldown, Disable, Retry, Error, Panic],
            &[Cooldown, Retry],
        ];
        Self {
            rules,
            founders: random.usize(1..=IDS.len()),
            caps: pick(random, &caps),
            outcomes: pick(random, &outcomes),
            most_live_runs: random.usize(1..=12),
            waits: pick(random, &[0.0, 0.3, 0.9]),
            pauses: pick(random, &[0.0, 0.3, 0.9]),
            hurries: pick(random, &[0.0, 0.2, 0.6]),
            administers: pick(random, &[0.02, 0.1, 0.4]),
        }
    }

    pub(crate) fn founder(&self, random: &mut Rng, number: usize) -> Command {
        Command::Add { id: IDS[number], max_in_flight: pick(random, self.caps) }
    }

    pub(crate) fn command(&self, random: &mut Rng, episode: &Episode) -> Command {
        loop {
            let command = match random.u32(..100) {
                0..20 => self.begin(random, episode),
                20..50 => step(random, episode, |doing, now| match doing {
                    Doing::Ready => true,
                    Doing::Sleeping { until, .. } => *until <= now,
                    Doing::Attempting { .. } | Doing::Over => false,
                }),
                // A spurious wake-up.
                50..54 => step(random, episode, |doing, _| matches!(doing, Doing::Sleeping { .. })),
                54..76 => self.settle(random, episode),
                76..79 => cancel(random, episode),
                79..90 => Some(set_clock(random, episode)),
                _ if random.f64() < self.administers => Some(self.administer(random)),
                _ => None,
            };
            if let Some(command) = command {
                return command;
            }
        }
    }

    fn begin(&self, random: &mut Rng, episode: &Episode) -> Option<Command> {
        let live = episode.runs_that(|doing, _| !matches!(doing, Doing::Over)).len();
        let now = episode.now();
        let deadlines = [now - Duration::from_secs(1), now, now + Duration::from_secs(10_000_000)]
            .into_iter()
            .chain([1, 3, 3, 12, 40].map(|seconds| now + Duration::from_secs(seconds)))
            .collect::<Vec<_>>();
        (live < self.most_live_runs).then(|| {
            Command::Begin(Terms {
                max_attempts: pick(random, &[0, 1, 2, 2, 3, 3, 4, 5, 20, u32::MAX]),
                retry_delay: match random.f64() < self.pauses {
                    true => pick(random, &seconds(&[1, 2, 2, 4, 4, 20, u64::MAX])),
                    false => Duration::ZERO,
                },
                deadline: (random.f64() < self.hurries).then(|| pick(random, &deadlines)),
                wait_for_cooldown: random.f64() < self.waits,
            })
        })
    }

    fn settle(&self, random: &mut Rng, episode: &Episode) -> Option<Command> {
        let attempting = |doing: &Doing, _| matches!(doing, Doing::Attempting { .. });
        let run = random.choice(episode.runs_that(attempting))?;
        // Work that was done when the abort came still reports what came of it.
        let outcome = match episode.is_aborted(run) && random.f64() < 0.8 {
            true => Outcome::Aborted,
            false => self.outcome(random),
        };
        Some(Command::Settle { run, outcome, chance: chance(random) })
    }

    fn outcome(&self, random: &mut Rng) -> Outcome {
        // The reasons differ, so that it shows whose is told.
        let reason = random.u16(..);
        let after = match random.f64() < 0.4 {
            true => Some(pick(random, &seconds(&[0, 0, 1, 2, 3, 3, 7, 40, 40, u64::MAX]))),
            false => None,
        };
        match pick(random, self.outcomes) {
            Kind::Success => Outcome::Success,
            Kind::Error => Outcome::Error,
            Kind::Panic => Outcome::Panic,
            Kind::Cooldown => Outcome::Signal(Signal::cooldown_for(after, reason)),
            Kind::Disable => Outcome::Signal(Signal::disable(reason)),
            Kind::Retry => Outcome::Signal(Signal::retry(reason)),
        }
    }

    fn administer(&self, random: &mut Rng) -> Command {
        let id = pick(random, &IDS);
        match random.u32(..100) {
            0..30 => Command::Enable { id },
            30..45 => Command::Disable { id },
            45..65 => Command::Remove { id },
            65..96 => Command::Add { id, max_in_flight: pick(random, self.caps) },
            96..98 => Command::Add { id, max_in_flight: Some(0) },
            _ => Command::Add { id: "", max_in_flight: None },
        }
    }
}

/// Often a round number, so that what was begun at different times ends at the same time.
fn chance(random: &mut Rng) -> f64 {
    let any = random.f64();
    pick(random, &[0.0, 0.0, 0.25, 0.5, 0.5, 0.75, any])
}

fn step(
    random: &mut Rng,
    episode: &Episode,
    is: impl Fn(&Doing, Moment) -> bool,
) -> Option<Command> {
    let run = random.choice(episode.runs_that(is))?;
    Some(Command::Step { run, chance: chance(random) })
}

fn cancel(random: &mut Rng, episode: &Episode) -> Option<Command> {
    // Giving up a run that is over does nothing.
    let too_late = random.f64() < 0.1;
    let run =
        random.choice(episode.runs_that(|doing, _| too_late == matches!(doing, Doing::Over)))?;
    Some(Command::Cancel { run })
}

fn set_clock(random: &mut Rng, episode: &Episode) -> Command {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let now = episode.now();
    // What lies years ahead is waited for now and then only: little else happens on the way.
    let far_too = random.f64() < 0.02;
    let coming = episode.moments_of_interest();
    let coming = coming.into_iter().filter(|&at| at > now && (far_too || at < now + DAY));
    let coming: Vec<_> = coming.collect();
    let next = coming.iter().min().copied().unwrap_or(now);
    let to = match random.u32(..100) {
        0..10 => now,
        10..55 => next,
        55..70 => random.choice(coming).unwrap_or(now),
        70..80 => now.max(next.saturating_sub(Duration::from_nanos(1))),
        80..95 => now + Duration::from_secs(random.u64(..10)),
        _ => now + Duration::from_secs(40).mul_f64(random.f64()),
    };
    Command::SetClock { to }
}
