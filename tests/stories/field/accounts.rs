//! Lives at random: whatever happens, all reports say the same, and nobody is kept from what he may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{
    Builder, Candidate, Event, Events, Exhausted, ExhaustedReason, Fault, Outcome, PoolCollector,
    PoolStats, Recovery, Resource, ResourceSnapshot, RunError, Signal, Status, Strategy, Trial,
};

use super::{millis, takes_out};
use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, Boom, fine};

/// What the events add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    attempts: u64,
    successes: u64,
    failures: u64,
    timeouts: u64,
    deadlines: u64,
    retries: u64,
    aborted: u64,
    disables: u64,
    runs: BTreeMap<String, u64>,
    in_flight: u64,
    /// The runs that have an attempt in flight.
    attempting: BTreeSet<u32>,
    /// The runs that wait in line.
    in_line: BTreeSet<u32>,
}

impl Told {
    fn listen(&mut self, events: &mut Events) {
        while let Some(event) = events.try_next() {
            match event {
                Event::RunInLine { request_id, .. } => {
                    assert!(self.in_line.insert(number(request_id)), "told once");
                }
                Event::AttemptStarted { request_id, .. } => {
                    self.attempts += 1;
                    self.in_flight += 1;
                    let number = number(request_id);
                    self.in_line.remove(&number);
                    assert!(self.attempting.insert(number), "one at a time");
                }
                Event::AttemptSettled { request_id, outcome, .. } => {
                    self.in_flight -= 1;
                    assert!(self.attempting.remove(&number(request_id)), "it had begun");
                    self.settled(&outcome);
                }
                Event::AttemptAbandoned { request_id, .. } => {
                    self.in_flight -= 1;
                    assert!(self.attempting.remove(&number(request_id)), "it had begun");
                }
                Event::SiblingsAborted { count, .. } => self.aborted += count,
                Event::StateChanged { change, .. } => {
                    self.disables += u64::from(change.new == Status::Disabled);
                }
                Event::RunEnded { request_id, outcome, .. } => {
                    self.in_line.remove(&number(request_id));
                    *self.runs.entry(outcome.to_string()).or_default() += 1;
                }
                Event::Missed { .. } => panic!("the buffer is large enough"),
                _ => (),
            }
        }
    }

    fn settled(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Success | Outcome::Error => self.successes += 1,
            Outcome::Failure => self.failures += 1,
            Outcome::TimedOut | Outcome::Stalled(_) => {
                self.timeouts += 1;
                self.failures += 1;
            }
            Outcome::DeadlinePassed => self.deadlines += 1,
            Outcome::Signal(signal) => {
                self.failures += 1;
                self.retries += u64::from(matches!(signal, Signal::Retry { .. }));
            }
            _ => (),
        }
    }

    fn run(&self, outcome: &str) -> u64 {
        self.runs.get(outcome).copied().unwrap_or_default()
    }
}

fn number(request_id: Option<Arc<str>>) -> u32 {
    request_id.and_then(|id| id.parse().ok()).expect("every run has a number")
}

struct Run {
    started: Started,
    number: u32,
    exclude: Option<&'static str>,
    not: Option<&'static str>,
}

impl Run {
    fn admits(&self, row: &ResourceSnapshot) -> bool {
        self.exclude != Some(&*row.id) && self.not != Some(&*row.id)
    }
}

struct Life {
    scene: Scene,
    metrics: PoolCollector,
    dice: fastrand::Rng,
    events: Events,
    told: Told,
    runs: Vec<Run>,
    numbers: std::ops::RangeFrom<u32>,
    python: bool,
    pauses: bool,
    said: String,
}

const LIVES: u64 = 25;

const IDS: [&str; 4] = ["a", "b", "c", "d"];

impl Life {
    fn new(seed: u64, python: bool) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let strategy = Strategy::ALL[dice.usize(..Strategy::ALL.len())];
        let recovery = match dice.u8(..4) {
            0 => Recovery::AtOnce,
            1 => Recovery::Trial(Trial::default()),
            2 => Recovery::Trial(Trial::default().at_once(2).successes(3).bound(secs(4))),
            _ => Recovery::Ramp,
        };
        let (chooses, restless, most) = (dice.u8(..4) == 0, dice.bool(), dice.usize(1..8));
        let (cancels, steps, pauses) = (dice.bool(), dice.bool(), dice.bool());
        let resources: Vec<_> = IDS[..3].iter().map(|id| resource(id, &mut dice)).collect();
        let set_up = |builder: Builder<&'static str>| {
            let builder = builder
                .seed(seed)
                .resources(resources)
                .strategy(strategy)
                .recovery(recovery)
                .cancel_siblings(cancels)
                .cooldown_table([secs(3), secs(7)])
                .retry_delay(if pauses { millis(700) } else { Duration::ZERO })
                .max_waiting(most);
            let builder = if python { builder.python_rules() } else { builder };
            let builder = if steps { builder.step_down_after(2) } else { builder };
            match chooses {
                true => builder.select(|candidates: &[Candidate]| candidates.len() - 1),
                false => builder,
            }
        };
        let scene = match restless {
            true => Scene::restless(&[], set_up),
            false => Scene::with(&[], set_up),
        };
        let metrics = PoolCollector::new();
        metrics.add(&scene.pool).unwrap();
        let events = scene.pool.events_with_capacity(1_000_000.try_into().unwrap());
        let said = format!("seed {seed}, {strategy:?}, {recovery:?}, python: {python}");
        let (told, runs, numbers) = (Told::default(), Vec::new(), 0..);
        Self { scene, metrics, dice, events, told, runs, numbers, python, pauses, said }
    }

    fn start(&mut self) {
        let dice = &mut self.dice;
        let number = self.numbers.next().unwrap();
        let mut one_in_four = || (dice.u8(..4) == 0).then(|| IDS[dice.usize(..4)]);
        let (exclude, not) = (one_in_four(), one_in_four());
        let request = self.scene.pool.request().request_id(number.to_string());
        let mut request = request.max_attempts(dice.u32(1..5)).affinity([dice.u8(..3)]);
        if dice.bool() {
            request = request.wait(dice.bool());
        }
        if dice.u8(..3) == 0 {
            request = request.timeout(millis(dice.u64(..12_000)));
        }
        if dice.u8(..4) == 0 {
            request = request.attempt_timeout(millis(dice.u64(1..4_000)));
        }
        if let Some(id) = exclude {
            request = request.exclude(id);
        }
        if let Some(id) = not {
            request = request.only(move |data| data.get("id") != Some(id));
        }
        let operation = self.scene.upstream.operation();
        let started = self.scene.enter(async move { request.run(operation).await });
        self.runs.push(Run { started, number, exclude, not });
    }

    fn answer(&mut self) -> Answer {
        match self.dice.u8(..10) {
            0 => Err(Fault::cooldown("429")),
            1 => Err(Fault::cooldown_for(millis(self.dice.u64(..6_000)), "Retry-After")),
            2 => Err(Fault::retry("503")),
            3 => Err(Fault::Failure(Boom)),
            4 => Err(Boom.into()),
            5 if self.dice.bool() => Err(Fault::disable("401")),
            _ => fine(),
        }
    }

    fn act(&mut self) {
        let id = IDS[self.dice.usize(..4)];
        match self.dice.u8(..21) {
            0..=6 => self.start(),
            7..=12 => {
                let pending = self.scene.upstream.pending();
                if let Some(on) = pending.get(self.dice.usize(..pending.len().max(1))) {
                    let nth = pending.iter().filter(|other| *other == on).count();
                    let (nth, answer) = (self.dice.usize(..nth), self.answer());
                    self.scene.upstream.answer_nth(on, nth, answer);
                }
            }
            13..=15 => self.scene.advance(millis(self.dice.u64(..3_000))),
            16 => {
                if !self.runs.is_empty() {
                    let run = self.runs.swap_remove(self.dice.usize(..self.runs.len()));
                    self.scene.drop_run(&run.started);
                }
            }
            17 => drop(self.scene.pool.enable(id)),
            // Time passes, and nobody has a turn.
            18 => self.scene.clock.advance(millis(self.dice.u64(..3_000))),
            19 => drop(match self.dice.bool() {
                true => self.scene.pool.disable(id),
                false => self.scene.pool.enable(id),
            }),
            _ => drop(match self.dice.bool() {
                true => self.scene.pool.remove(id),
                false => self.scene.pool.add(resource(id, &mut self.dice)),
            }),
        }
        self.check(false);
        // Now and then the next thing happens before anybody has had a turn.
        if self.dice.u8(..3) > 0 {
            self.scene.settle();
            self.check(true);
        }
    }

    /// All reports of this moment against one another.
    fn check(&mut self, at_rest: bool) {
        self.told.listen(&mut self.events);
        let (stats, rows) = (self.scene.pool.stats(), self.scene.pool.snapshot());
        let explanation = self.scene.pool.explain();
        let said = &self.said;
        let told = &self.told;
        if at_rest && !self.pauses {
            assert_eq!(told.in_line.len(), stats.waiting, "{said}: {stats:?}");
        }
        let counted = Told {
            attempts: stats.attempts,
            successes: stats.successes,
            failures: stats.failures,
            timeouts: stats.timeouts,
            deadlines: stats.deadlines,
            retries: stats.retries,
            aborted: stats.sibling_cancels,
            disables: stats.disables,
            runs: told.runs.clone(),
            in_flight: told.in_flight,
            attempting: told.attempting.clone(),
            in_line: told.in_line.clone(),
        };
        assert_eq!(*told, counted, "{said}");
        let runs = [
            ("ok", stats.runs_ok),
            ("error", stats.runs_error),
            ("exhausted", stats.runs_exhausted),
            ("cancelled", stats.runs_cancelled),
        ];
        for (outcome, counted) in runs {
            assert_eq!(told.run(outcome), counted, "{said}: {outcome}");
        }
        self.check_the_metrics(&stats);
        let count = |is: fn(&ResourceSnapshot) -> bool| rows.iter().filter(|row| is(row)).count();
        assert_eq!(stats.eligible, count(ResourceSnapshot::is_eligible), "{said}: {rows:#?}");
        assert_eq!(stats.saturated, count(ResourceSnapshot::is_saturated), "{said}: {rows:#?}");
        assert_eq!(stats.healthy, count(|row| row.status == Status::Healthy), "{said}");
        assert_eq!(stats.cooling_down, count(|row| row.status == Status::CoolingDown), "{said}");
        assert_eq!(stats.disabled, count(|row| row.status == Status::Disabled), "{said}");
        assert_eq!(explanation.in_line, stats.waiting, "{said}");
        assert_eq!(stats.oldest_wait.is_some(), stats.waiting > 0, "{said}");
        // By the recorded rules the reports show what was noticed, and the explanation what a run would find.
        for (row, told) in rows.iter().zip(&explanation.resources).filter(|_| !self.python) {
            assert_eq!(row.to_string(), told.to_string(), "{said}");
        }
        for (row, counted) in rows.iter().zip(&stats.resources) {
            assert_eq!((&row.id, row.in_flight), (&counted.id, counted.in_flight), "{said}");
            assert!(row.promised as usize <= stats.waiting, "{said}: {row}");
            let remaining = row.until.map_or(Duration::ZERO, |until| until - row.at);
            assert_eq!(remaining, counted.cooldown_remaining, "{said}");
            if let Some(cap) = row.max_in_flight {
                // What drains from an earlier membership, or began before a lower cap, may exceed it.
                assert!(row.promised == 0 || row.in_flight + row.promised <= cap, "{said}: {row}");
            }
        }
        let any_eligible = explanation.resources.iter().any(ResourceSnapshot::is_eligible);
        // What nobody has noticed yet is for those in line before it is for a newcomer.
        let is_next = explanation.next.is_some();
        assert!(any_eligible || !is_next, "{said}: {explanation}");
        assert!(is_next || !any_eligible || stats.waiting > 0, "{said}: {explanation}");
        let all_out = rows.iter().all(|row| row.status != Status::Healthy);
        let earliest = rows.iter().filter_map(|row| row.until).min();
        let expected = match is_next {
            true => Some(explanation.at),
            false => earliest.filter(|_| all_out),
        };
        assert_eq!(explanation.retry_at, expected, "{said}: {explanation}");
        if at_rest && !self.python {
            assert_eq!(rows.iter().map(|row| row.promised).sum::<u32>(), 0, "{said}");
            self.check_the_line(&rows);
        }
    }

    fn check_the_metrics(&self, stats: &PoolStats) {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.metrics.clone()));
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        let samples = [
            ("attempts_total", stats.attempts),
            ("failures_total", stats.failures),
            ("timeouts_total", stats.timeouts),
            ("deadlines_total", stats.deadlines),
            ("retries_total", stats.retries),
            ("in_flight", stats.in_flight),
            ("eligible", stats.eligible as u64),
            ("saturated", stats.saturated as u64),
            ("waiting", stats.waiting as u64),
        ];
        for (name, value) in samples {
            let sample = format!("rotapool_{name}{{pool=\"pool\"}} {value}\n");
            assert!(page.contains(&sample), "{}: no {sample} in {page}", self.said);
        }
    }

    /// Who is neither served nor over is in line, where there are no pauses: for nothing that is free.
    fn check_the_line(&self, rows: &[ResourceSnapshot]) {
        let waits =
            |run: &&Run| run.started.is_running() && !self.told.attempting.contains(&run.number);
        // On a ramp it depends on which of those in flight are younger than the outage.
        let is_free = |row: &&ResourceSnapshot| row.is_eligible() && row.pace.is_none();
        for run in self.runs.iter().filter(waits).filter(|_| !self.pauses) {
            let free = rows.iter().filter(is_free).find(|row| run.admits(row));
            assert!(free.is_none(), "{}: run {} waits beside {free:?}", self.said, run.number);
        }
    }

    /// Of every run that has failed: whether there was anything that it could have had.
    fn check_the_refused(&mut self) {
        let python = self.python;
        self.runs.retain(|run| {
            if run.started.is_running() {
                return true;
            }
            if let Err(RunError::Exhausted(why)) = run.started.result() {
                assert!(python || is_right(&why), "{}: {why}\n{}", self.said, why.table());
            }
            false
        });
    }
}

fn is_right(why: &Exhausted) -> bool {
    let any = why.explanation.retry_at == Some(why.explanation.at);
    match why.reason {
        ExhaustedReason::MaxAttempts
        | ExhaustedReason::Deadline { .. }
        | ExhaustedReason::PauseOutlastsDeadline { .. } => true,
        ExhaustedReason::CooldownOutlastsDeadline { until, deadline } => deadline <= until && !any,
        _ => !any,
    }
}

#[test]
fn a_place_that_a_hanging_trial_has_lost_is_free_in_every_report_although_nobody_has_noticed() {
    let scene = Scene::with(&["a"], |builder| {
        builder.recovery(Recovery::Trial(Trial::default().bound(secs(5))))
    });
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let told = |scene: &Scene| {
        let rows = scene.pool.snapshot();
        let (stats, explanation) = (scene.pool.stats(), scene.pool.explain());
        assert_eq!(rows[0].to_string(), explanation.resources[0].to_string());
        assert_eq!(usize::from(explanation.next.is_some()), stats.eligible);
        (stats.eligible, stats.saturated, rows[0].limit)
    };
    assert_eq!(told(&scene), (1, 0, Some(1)), "on trial, though no run has come yet");
    let _hangs = scene.start();
    assert_eq!(told(&scene), (0, 1, Some(1)));
    scene.advance(secs(5));
    assert_eq!(told(&scene), (1, 0, Some(2)));
}

fn resource(id: &'static str, dice: &mut fastrand::Rng) -> Resource<&'static str> {
    let resource = Resource::new(id, id).metadata("id", id).priority(dice.u32(..3));
    match dice.u32(..4) {
        0 => resource,
        cap => resource.max_in_flight(cap),
    }
}

#[test]
fn at_every_moment_of_any_life_all_reports_say_the_same_and_nobody_is_refused_for_nothing() {
    for python in [false, true] {
        for seed in 0..LIVES {
            let mut life = Life::new(seed, python);
            for _ in 0..120 {
                life.act();
                life.check_the_refused();
            }
            // In the end all who can be served are.
            for id in IDS {
                drop(life.scene.pool.enable(id));
            }
            for _ in 0..200 {
                life.scene.settle();
                if let Some(on) = life.scene.upstream.pending().first() {
                    life.scene.answer(on, fine());
                }
                life.scene.advance(secs(1));
            }
            life.check(true);
            life.check_the_refused();
            assert_eq!(life.scene.pool.stats().in_flight, 0, "{}", life.said);
            let left = life.runs.len();
            assert!(
                left == 0 || life.scene.pool.snapshot().is_empty(),
                "{}: {left} left",
                life.said
            );
        }
    }
}
