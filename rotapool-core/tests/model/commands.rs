//! What an episode asks of a pool: random commands, chosen so that they collide.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use rotapool_core::{Outcome, Profile, Status};

use crate::temper::{Temper, Verb, asking, pick};
use crate::twice::command::Command;
use crate::twice::episode::{Doing, Episode};
use crate::twice::reference::Terms;

/// Few enough that a pool stays small and that removed ids come back.
const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Command {
    /// Adds the first resources.
    pub(crate) fn found(temper: &Temper, random: &mut Rng) -> Vec<Self> {
        let add = |&id: &&str| Self::Add { profile: temper.traits.profile(random, id) };
        IDS[..temper.founders].iter().map(add).collect()
    }

    pub(crate) fn random(temper: &Temper, random: &mut Rng, episode: &Episode) -> Self {
        let stuck = !episode.rows().iter().any(|row| row.eligible);
        // Now and then while runs stand in line, which by the recorded rules they seldom do.
        if stuck && random.u16(..1000) == 0 {
            return Self::Close;
        }
        if stuck && random.f64() < temper.relieves {
            return relieve(random, episode);
        }
        if episode.is_a_run_touchy() && random.f64() < temper.meddles {
            return meddle(temper, random);
        }
        if random.f64() < temper.meddles {
            if let Some(id) = promised(episode) {
                let mut profile = described(temper, random, episode, id);
                profile.max_in_flight = Some(1);
                return Self::Update { id, profile };
            }
        }
        let too_late = random.choice(episode.deadlines_of_the_woken());
        if let Some(to) = too_late.filter(|_| random.f64() < temper.oversleeps) {
            return Self::SetClock { to };
        }
        let is_due = |doing| episode.is_due(doing);
        let sleeps = |doing| matches!(doing, Doing::Pausing { .. } | Doing::Waiting { .. });
        loop {
            let command = match temper.verb(random) {
                Verb::Begin => begin(temper, random, episode),
                Verb::Step => go_on(random, episode, episode.runs_that(is_due)),
                Verb::StepEarly => step(random, episode.runs_that(sleeps)),
                Verb::Hold => hold(random, episode),
                Verb::Settle => settle(temper, random, episode),
                Verb::Cancel => cancel(random, episode),
                Verb::SetClock => Some(set_clock(random, episode)),
                Verb::Administer => Some(administer(temper, random, episode)),
                Verb::Beside => Some(beside(temper, random, episode)),
            };
            if let Some(command) = command {
                return command;
            }
        }
    }
}

fn begin(temper: &Temper, random: &mut Rng, episode: &Episode) -> Option<Command> {
    if episode.runs_that(|doing| doing != Doing::Over).len() >= temper.most_live_runs {
        return None;
    }
    let seconds = |seconds: u64| Duration::from_secs(seconds);
    let delays = [1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 20].map(seconds);
    let delay = if random.u8(..16) == 0 { Duration::MAX } else { pick(random, &delays) };
    let now = episode.now();
    let mut deadlines = vec![now - seconds(1), now];
    deadlines.extend([1, 3, 3, 5, 12, 12, 40, 40, 10_000_000].map(|ahead| now + seconds(ahead)));
    let wait = random.f64() < temper.waits;
    let retry_delay = if random.f64() < temper.pauses { delay } else { Duration::ZERO };
    let costs = temper.traits.cost(random);
    Some(Command::Begin(Terms {
        max_attempts: pick(random, &[0, 1, 2, 3, 3, 4, 4, 5, 5, 20, 20, u32::MAX]),
        retry_delay,
        deadline: (random.f64() < temper.hurries).then(|| pick(random, &deadlines)),
        attempt_timeout: (random.f64() < temper.times_out)
            .then(|| pick(random, &[1, 2, 5, 30, u64::MAX].map(seconds))),
        wait,
        exclude: temper.traits.excluded(random, &IDS),
        wants: temper.traits.wanted(random),
        affinity: temper.traits.key(random),
        costs,
        hedge: temper.hedge(random),
    }))
}

/// Steps a run, after the answer to its question if it has one.
fn go_on(random: &mut Rng, episode: &Episode, due: Vec<usize>) -> Option<Command> {
    let run = random.choice(due)?;
    // A question that nobody answered is asked again.
    let answers = random.u8(..10) > 0;
    Some(match episode.doing(run) {
        Doing::Judging { asked } if answers => {
            let first = if random.u8(..8) == 0 { random.usize(..asked) } else { asked };
            Command::Judge { run, first }
        }
        Doing::Choosing { asked } if answers => {
            let one = random.usize(..asked);
            Command::Choose { run, choice: (random.u8(..5) > 0).then_some(one) }
        }
        _ => Command::Step { run, chance: chance(random) },
    })
}

fn step(random: &mut Rng, runs: Vec<usize>) -> Option<Command> {
    let run = random.choice(runs)?;
    Some(Command::Step { run, chance: chance(random) })
}

fn hold(random: &mut Rng, episode: &Episode) -> Option<Command> {
    let attempting = |doing| matches!(doing, Doing::Attempting { .. });
    let mut runs = episode.runs_that(attempting);
    runs.retain(|&run| !episode.is_held(run));
    let bounds = [None, Some(0), Some(1), Some(3), Some(5), Some(40), Some(10_000_000)];
    let until = pick(random, &bounds).map(|ahead| episode.now() + Duration::from_secs(ahead));
    Some(Command::Hold { run: random.choice(runs)?, until, commits: random.bool() })
}

fn settle(temper: &Temper, random: &mut Rng, episode: &Episode) -> Option<Command> {
    let attempting = episode.runs_that(|doing| matches!(doing, Doing::Attempting { .. }));
    let run = random.choice(attempting)?;
    // Also too early: the limit may have moved.
    let asks = if episode.is_hedge_due(run) { 0.8 } else { 0.02 };
    if !episode.is_held(run) && random.f64() < asks {
        return Some(Command::Overdue { run, chance: chance(random) });
    }
    if episode.is_hedged(run) && random.f64() < 0.4 {
        return Some(Command::Swap { run });
    }
    if random.f64() < temper.says {
        return Some(say(random, run));
    }
    // An operation that had ended when the abort came still reports what came of it.
    let outcome = match (episode.is_aborted(run), episode.is_overdue(run), random.f64() < 0.8) {
        (true, _, true) => Outcome::Aborted,
        (_, true, true) => Outcome::TimedOut,
        _ if episode.is_held(run) && random.u8(..4) == 0 => {
            let silence = Outcome::Stalled(Duration::from_secs(5));
            pick(random, &[Outcome::TimedOut, silence, Outcome::DeadlinePassed])
        }
        _ => temper.outcome(random),
    };
    Some(Command::Settle { run, outcome, chance: chance(random) })
}

/// What the operation of a run has to say of the quotas of its resource.
fn say(random: &mut Rng, run: usize) -> Command {
    let dimension = pick(random, &["requests", "tokens", "tokens", "words"]);
    match random.u8(..3) {
        0 => Command::SaySpent { run, dimension: None, amount: 0 },
        1 => {
            let amount = random.u64(..25);
            Command::SaySpent { run, dimension: Some(dimension), amount }
        }
        _ => {
            let resets = [None, Some(0), Some(1), Some(5), Some(30)];
            let reset = pick(random, &resets).map(Duration::from_secs);
            Command::SayLeft { run, dimension, left: random.u64(..12), reset }
        }
    }
}

/// What somebody does who is no run: a lookout that is due comes most of the time, and so does the prober.
fn beside(temper: &Temper, random: &mut Rng, episode: &Episode) -> Command {
    let due = episode.lookout_that_is_due().filter(|_| random.u8(..4) > 0);
    let any = random.usize(..Episode::LOOKOUTS);
    let probes = episode.probes();
    let chance = pick(random, &[0.0, 0.5, 0.75]);
    match random.u32(..100) {
        0..40 => Command::LookOut { lookout: due.unwrap_or(any) },
        40..45 => Command::StandDown { lookout: any },
        // One that has probes under way is dropped seldom.
        45..49 if probes == 0 || random.u8(..4) == 0 => Command::Employ(asking(random)),
        // What it asks may be parked meanwhile.
        49..54 if probes > 0 => {
            let id = pick(random, &IDS);
            park(random, id)
        }
        54..75 if probes > 0 => Command::Answer {
            probe: random.usize(..probes),
            outcome: temper.outcome(random),
            chance,
        },
        _ => Command::AskAround { chance },
    }
}

/// Often a round number, so that what was begun at different times ends at the same time.
fn chance(random: &mut Rng) -> f64 {
    let any = random.f64();
    pick(random, &[0.0, 0.0, 0.25, 0.5, 0.5, 0.75, any])
}

fn cancel(random: &mut Rng, episode: &Episode) -> Option<Command> {
    // Giving up a run that is over does nothing.
    let too_late = random.f64() < 0.1;
    let runs = episode.runs_that(|doing| too_late == (doing == Doing::Over));
    Some(Command::Cancel { run: random.choice(runs)? })
}

fn set_clock(random: &mut Rng, episode: &Episode) -> Command {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let now = episode.now();
    // What lies years ahead is seldom waited for: everything else would be long over by then.
    let horizon = if random.f64() < 0.02 { Duration::MAX } else { now + DAY };
    let mut coming = episode.moments_of_interest();
    coming.retain(|&moment| moment > now && moment < horizon);
    let next = coming.iter().min().copied().unwrap_or(now);
    let to = match random.u32(..100) {
        0..10 => now,
        10..55 => next,
        55..70 => random.choice(coming).unwrap_or(now),
        70..80 => now.max(next - Duration::from_nanos(1)),
        80..95 => now + Duration::from_secs(random.u64(..10)),
        _ => now + Duration::from_secs(40).mul_f64(random.f64()),
    };
    Command::SetClock { to }
}

fn administer(temper: &Temper, random: &mut Rng, episode: &Episode) -> Command {
    let id = pick(random, &IDS);
    match random.u32(..100) {
        0..12 => Command::Enable { id },
        12..20 => Command::Disable { id },
        20..30 => Command::Remove { id },
        30..45 => park(random, id),
        45..55 => Command::Unpark { id },
        55..60 => Command::Rotate { chance: chance(random) },
        60..63 => Command::Reset { id },
        63..75 => Command::Update { id, profile: described(temper, random, episode, id) },
        75..78 => apply(temper, random, episode),
        78..93 => Command::Add { profile: temper.traits.profile(random, id) },
        93 if random.f64() < 0.3 => {
            if random.bool() {
                Command::Close
            } else {
                Command::End
            }
        }
        _ => {
            let mut profile = temper.traits.profile(random, id);
            match random.u8(..4) {
                0 => profile.max_in_flight = Some(0),
                1 => profile.weight = 0.000_9,
                2 => profile.weight = 10_000.1,
                _ => profile.id = "".into(),
            }
            Command::Add { profile }
        }
    }
}

fn park(random: &mut Rng, id: &'static str) -> Command {
    let period = [1, 2, 3, 7, 40, 300].map(Duration::from_secs);
    let absurd = [Duration::ZERO, Duration::MAX];
    let from: &[Duration] = if random.u8(..16) == 0 { &absurd } else { &period };
    Command::Park { id, period: pick(random, from), reason: pick(random, &["", "unpaid"]) }
}

/// A resource on which somebody in line was promised a place.
fn promised(episode: &Episode) -> Option<&'static str> {
    let is_promised = |id: &str| {
        episode.rows().iter().any(|row| *row.id == *id && row.promised > 0 && row.in_flight > 0)
    };
    IDS.into_iter().find(|id| is_promised(id))
}

/// What else may be said of a resource. Of a member the metadata stay: runs under way judge them once.
fn described(temper: &Temper, random: &mut Rng, episode: &Episode, id: &str) -> Profile {
    let mut profile = temper.traits.profile(random, id);
    if let Some(row) = episode.rows().iter().find(|row| *row.id == *id) {
        profile.metadata = Arc::clone(&row.metadata);
        // What becomes of quotas that change, stories tell.
        (profile.quotas, profile.group) = episode.quotas_of(id);
    }
    profile
}

/// A list of some, in any order, that seldom has a fault.
fn apply(temper: &Temper, random: &mut Rng, episode: &Episode) -> Command {
    let mut ids: Vec<&str> = IDS.into_iter().filter(|_| random.u8(..3) > 0).collect();
    random.shuffle(&mut ids);
    let mut list: Vec<_> = ids.iter().map(|&id| described(temper, random, episode, id)).collect();
    if random.u8(..8) == 0 {
        list.extend(list.first().cloned());
        list.push(temper.traits.profile(random, ""));
    }
    Command::Apply { list }
}

/// Changes who is in the pool: a choice comes too late, or there is more to judge.
fn meddle(temper: &Temper, random: &mut Rng) -> Command {
    let id = pick(random, &IDS);
    match random.bool() {
        // Seldom: there is not much to see in a closed pool.
        _ if random.u8(..64) == 0 => Command::Close,
        true => Command::Remove { id },
        false => Command::Add { profile: temper.traits.profile(random, id) },
    }
}

/// Enables a resource that is out, or lets some time go by.
fn relieve(random: &mut Rng, episode: &Episode) -> Command {
    let is_out = |id: &&str| {
        let mut rows = episode.rows().iter();
        rows.any(|row| *row.id == **id && row.status != Status::Healthy)
    };
    let out: Vec<_> = IDS.into_iter().filter(is_out).collect();
    match random.choice(out) {
        Some(id) if random.bool() => Command::Enable { id },
        _ => set_clock(random, episode),
    }
}
