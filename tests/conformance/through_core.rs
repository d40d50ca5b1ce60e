//! Plays a scenario on the state machines of core: no future, no waker, no lock.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use rotapool::{PoolStats, ResourceError, Signal, Strategy};
use rotapool_core::{Attempts, Config, Outcome, Profile, Recovery, RunOptions, State, Step, Trial};

use crate::scenario::{
    Action, Attempt, Options, Player, PoolSpec, ResourceSpec, RunRecord, Then, status,
};
use crate::through_pool::why;

pub(crate) struct ThroughCore {
    start: Instant,
    now: Instant,
    max_attempts: u32,
    /// A usage is aborted by telling its run, so the number of the run is its abort handle.
    state: State<usize>,
    ids: HashMap<usize, String>,
    events: Vec<[String; 3]>,
    runs: Vec<Run>,
    random: fastrand::Rng,
}

struct Run {
    name: String,
    plan: Vec<Attempt>,
    record: RunRecord,
    attempts: Attempts,
    doing: Doing,
}

enum Doing {
    /// Its attempt is held at its gate and will then do this.
    Held(Attempt),
    /// Its operation answers once all the others have gone on.
    Answering(Attempt),
    /// A sibling's signal aborted its operation, which it will learn in its turn.
    Aborted,
    Pausing(Instant),
    Waiting(Option<Instant>),
    Nothing,
}

impl Player for ThroughCore {
    fn start(spec: &PoolSpec) -> Self {
        let mut config = Config::recorded();
        config.cooldown_table =
            spec.cooldown_table.iter().copied().map(Duration::from_secs_f64).collect();
        config.strategy = match spec.strategy.as_str() {
            "round_robin" => Strategy::LeastInFlight,
            "primary_backup" => Strategy::PrimaryBackup,
            other => panic!("unknown strategy {other}"),
        };
        config.cancel_siblings = spec.cancel_siblings;
        if spec.probe_on_recovery {
            config.recovery = Recovery::Trial(Trial::default());
        }
        let start = Instant::now();
        let mut player = Self {
            start,
            now: start,
            max_attempts: spec.max_attempts,
            state: State::new(config, start),
            ids: HashMap::new(),
            events: Vec::new(),
            runs: Vec::new(),
            random: fastrand::Rng::with_seed(1),
        };
        for resource in &spec.resources {
            player.add(resource).unwrap();
        }
        let _ = player.state.take_effects();
        player
    }

    fn act(&mut self, action: &Action) -> Option<&'static str> {
        let mut due = VecDeque::new();
        let result = match action {
            Action::Start { run, attempts, options } => {
                due.push_back(self.begin(run, attempts, options));
                Ok(())
            }
            Action::Release { run } => {
                let run = self.find(run);
                if let Doing::Held(attempt) = &self.runs[run].doing {
                    self.runs[run].doing = Doing::Answering(attempt.clone());
                }
                Ok(())
            }
            Action::Cancel { run } => {
                let run = self.find(run);
                let Run { attempts, record, doing, .. } = &mut self.runs[run];
                if !attempts.is_over() {
                    attempts.cancel(&mut self.state, self.now);
                    record.state = "cancelled";
                    *doing = Doing::Nothing;
                }
                Ok(())
            }
            Action::Advance { seconds } => {
                self.now += Duration::from_secs_f64(*seconds);
                let now = self.now;
                let wakes = |run: &Run| match run.doing {
                    Doing::Pausing(until) | Doing::Waiting(Some(until)) => Some(until),
                    _ => None,
                };
                due.extend((0..self.runs.len()).filter(|&run| wakes(&self.runs[run]) <= Some(now)));
                due.retain(|&run| wakes(&self.runs[run]).is_some());
                due.make_contiguous().sort_by_key(|&run| wakes(&self.runs[run]));
                Ok(())
            }
            Action::Add(resource) => self.add(resource),
            Action::Remove { id } => self.state.remove(id, self.now).map(drop),
            Action::Enable { id } => self.state.enable(id, self.now),
            Action::Disable { id } => self.state.disable(id, self.now),
        };
        self.let_things_happen(due);
        result.err().map(|error| match error {
            ResourceError::UnknownResource { .. } => "unknown_resource",
            ResourceError::DuplicateResource { .. } => "duplicate_resource",
            other => panic!("the format has no word for {other:?}"),
        })
    }

    fn take_events(&mut self) -> Vec<[String; 3]> {
        std::mem::take(&mut self.events)
    }

    fn stats(&self) -> PoolStats {
        self.state.stats(self.now)
    }

    fn runs(&self) -> Vec<(String, RunRecord)> {
        self.runs.iter().map(|run| (run.name.clone(), run.record.clone())).collect()
    }
}

impl ThroughCore {
    fn add(&mut self, resource: &ResourceSpec) -> Result<(), ResourceError> {
        let mut profile = Profile::new(resource.id.as_str());
        profile.max_in_flight = resource.max_in_flight;
        let slot = self.state.add(profile, self.now)?;
        self.ids.insert(slot.get(), resource.id.clone());
        Ok(())
    }

    fn find(&self, name: &str) -> usize {
        self.runs.iter().position(|run| run.name == name).expect("a run that was started")
    }

    fn begin(&mut self, name: &str, plan: &[Attempt], options: &Options) -> usize {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
        let attempts = Attempts::new(RunOptions {
            max_attempts: options.max_attempts.unwrap_or(self.max_attempts),
            retry_delay: seconds(options.retry_delay.unwrap_or(0.0)),
            deadline: options.deadline.map(|deadline| self.start + seconds(deadline)),
            wait: options.wait_for_cooldown,
            ..RunOptions::default()
        });
        self.runs.push(Run {
            name: name.to_owned(),
            plan: plan.to_vec(),
            record: RunRecord { state: "running", ..RunRecord::default() },
            attempts,
            doing: Doing::Nothing,
        });
        self.runs.len() - 1
    }

    /// Lets the runs go on until every run is held, sleeps, or is over.
    fn let_things_happen(&mut self, mut due: VecDeque<usize>) {
        loop {
            self.follow_up(&mut due);
            if let Some(run) = due.pop_front() {
                self.go_on(run);
                continue;
            }
            let answers = |run: &Run| matches!(run.doing, Doing::Answering(_));
            let Some(run) = self.runs.iter().position(answers) else { return };
            if let Doing::Answering(attempt) = &self.runs[run].doing {
                let outcome = outcome(attempt);
                self.settle(run, outcome);
                due.push_back(run);
            }
        }
    }

    /// Steps a run that is between attempts; any other goes on by itself.
    fn go_on(&mut self, number: usize) {
        match self.runs[number].doing {
            Doing::Held(_) | Doing::Answering(_) => return,
            Doing::Aborted => self.settle(number, Outcome::Aborted),
            Doing::Pausing(_) | Doing::Waiting(_) | Doing::Nothing => {}
        }
        let run = &mut self.runs[number];
        if run.attempts.is_over() {
            return;
        }
        let chance = || self.random.f64();
        match run.attempts.step(&mut self.state, self.now, chance, || number) {
            Step::Attempt(slot) => {
                let index = run.record.resources.len();
                let attempt = run.plan.get(index).cloned().unwrap_or(Attempt::PAST_THE_LIST);
                run.record.resources.push(self.ids[&slot.get()].clone());
                run.doing = match attempt.hold {
                    true => Doing::Held(attempt),
                    false => Doing::Answering(attempt),
                };
            }
            Step::Judge(_) | Step::Choose(_) => panic!("no run of the format asks for this"),
            Step::Pause { until } => run.doing = Doing::Pausing(until),
            Step::Wait { until } => run.doing = Doing::Waiting(until),
            Step::Exhausted(exhausted) => {
                run.doing = Doing::Nothing;
                run.record.state = "exhausted";
                run.record.why = Some(why(&exhausted.reason));
            }
        }
    }

    fn settle(&mut self, number: usize, outcome: Outcome) {
        let run = &mut self.runs[number];
        run.doing = Doing::Nothing;
        run.record.state = match outcome {
            Outcome::Success => "ok",
            Outcome::Error => "error",
            _ => "running",
        };
        let chance = || self.random.f64();
        run.attempts.settle(&mut self.state, outcome, self.now, chance);
    }

    /// Reports, aborts and wakes as the state asks; who has to go on joins `due`.
    fn follow_up(&mut self, due: &mut VecDeque<usize>) {
        loop {
            let Some(effects) = self.state.take_effects() else { return };
            self.events.extend(effects.changes().map(|change| {
                [&change.id, status(change.old), status(change.new)].map(str::to_owned)
            }));
            due.extend(effects.wakes);
            if effects.aborts.is_empty() {
                return;
            }
            for run in effects.aborts {
                // A run that pauses after a retry signal has no operation left to abort.
                if matches!(self.runs[run].doing, Doing::Held(_) | Doing::Answering(_)) {
                    self.runs[run].doing = Doing::Aborted;
                    due.push_back(run);
                }
            }
        }
    }
}

fn outcome(attempt: &Attempt) -> Outcome {
    match attempt.then {
        Then::Ok => Outcome::Success,
        Then::Error => Outcome::Error,
        Then::Cooldown => {
            let after = attempt.seconds.map(Duration::from_secs_f64);
            Outcome::Signal(Signal::cooldown_for(after, "scripted"))
        }
        Then::Disable => Outcome::Signal(Signal::disable("scripted")),
        Then::Retry => Outcome::Signal(Signal::retry("scripted")),
    }
}
