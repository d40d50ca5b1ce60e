//! Plays a scenario through the public `Pool`, as its users would use it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rotapool::testing::{Task, VirtualTime};
use rotapool::{
    ExhaustedReason, Fault, Lease, Pool, PoolStats, Recovery, Resource, ResourceError, RunError,
    Strategy, Trial,
};

use crate::scenario::{
    Action, Attempt, Options, Player, PoolSpec, ResourceSpec, RunRecord, Then, status,
};

pub(crate) struct ThroughPool {
    time: VirtualTime,
    start: Instant,
    pub(crate) pool: Pool<String>,
    events: Arc<Mutex<Vec<[String; 3]>>>,
    runs: Vec<Run>,
}

struct Run {
    name: String,
    task: Task<()>,
    record: Rc<RefCell<RunRecord>>,
    gate: Gate,
}

/// Where the present attempt is held, if it is.
type Gate = Rc<RefCell<Option<oneshot::Sender<()>>>>;

struct Boom;

impl Player for ThroughPool {
    fn start(spec: &PoolSpec) -> Self {
        let time = VirtualTime::new();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let pool = Pool::builder()
            .name(spec.name.as_str())
            .resources(spec.resources.iter().map(resource))
            .max_attempts(spec.max_attempts)
            .cooldown_table(spec.cooldown_table.iter().copied().map(Duration::from_secs_f64))
            .strategy(match spec.strategy.as_str() {
                "round_robin" => Strategy::LeastInFlight,
                "primary_backup" => Strategy::PrimaryBackup,
                other => panic!("unknown strategy {other}"),
            })
            .cancel_siblings(spec.cancel_siblings)
            .python_rules()
            .recovery(match spec.probe_on_recovery {
                true => Recovery::Trial(Trial::default()),
                false => Recovery::AtOnce,
            })
            .retry_delay(Duration::ZERO)
            .runtime(time.clock())
            .seed(1)
            .on_state_change(move |change| {
                let event = [&change.id, status(change.old), status(change.new)];
                heard.lock().unwrap().push(event.map(str::to_owned));
            })
            .build()
            .unwrap();
        Self { start: pool.now(), time, pool, events, runs: Vec::new() }
    }

    fn act(&mut self, action: &Action) -> Option<&'static str> {
        let result = match action {
            Action::Start { run, attempts, options } => {
                self.begin(run, attempts, options);
                Ok(())
            }
            Action::Release { run } => {
                if let Some(gate) = self.run(run).gate.take() {
                    let _ = gate.send(());
                }
                Ok(())
            }
            Action::Cancel { run } => {
                let Run { task, record, .. } = self.run(run);
                if !task.is_finished() {
                    task.abort();
                    record.borrow_mut().state = "cancelled";
                }
                Ok(())
            }
            Action::Advance { seconds } => {
                // At once: the recording's clock jumped, and whoever was due saw its end.
                self.time.clock().advance(Duration::from_secs_f64(*seconds));
                Ok(())
            }
            Action::Add(spec) => self.pool.add(resource(spec)),
            Action::Remove { id } => self.pool.remove(id),
            Action::Enable { id } => self.pool.enable(id),
            Action::Disable { id } => self.pool.disable(id),
        };
        self.time.advance(Duration::ZERO);
        result.err().map(|error| match error {
            ResourceError::UnknownResource { .. } => "unknown_resource",
            ResourceError::DuplicateResource { .. } => "duplicate_resource",
            other => panic!("the format has no word for {other:?}"),
        })
    }

    fn take_events(&mut self) -> Vec<[String; 3]> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }

    fn runs(&self) -> Vec<(String, RunRecord)> {
        self.runs.iter().map(|run| (run.name.clone(), run.record.borrow().clone())).collect()
    }
}

impl ThroughPool {
    fn run(&self, name: &str) -> &Run {
        self.runs.iter().find(|run| run.name == name).expect("a run that was started")
    }

    fn begin(&mut self, name: &str, attempts: &[Attempt], options: &Options) {
        let record = Rc::new(RefCell::new(RunRecord { state: "running", ..RunRecord::default() }));
        let gate = Gate::default();
        let plan = attempts.to_vec();
        let mut request = self.pool.request().wait(options.wait_for_cooldown);
        if let Some(attempts) = options.max_attempts {
            request = request.max_attempts(attempts);
        }
        if let Some(seconds) = options.retry_delay {
            request = request.retry_delay(Duration::from_secs_f64(seconds));
        }
        if let Some(seconds) = options.deadline {
            // A deadline before the scenario began has passed just as well at its beginning.
            let passed = seconds < 0.0;
            let deadline =
                if passed { self.start } else { self.start + Duration::from_secs_f64(seconds) };
            assert!(!passed || deadline <= self.pool.now());
            request = request.deadline(deadline);
        }
        let run = {
            let (record, gate) = (Rc::clone(&record), Rc::clone(&gate));
            async move {
                let operation = |lease: Lease<String>| {
                    let (record, gate) = (Rc::clone(&record), Rc::clone(&gate));
                    let index = record.borrow().resources.len();
                    let attempt = plan.get(index).cloned().unwrap_or(Attempt::PAST_THE_LIST);
                    async move {
                        record.borrow_mut().resources.push(lease.to_string());
                        if attempt.hold {
                            let (open, opened) = oneshot::channel();
                            *gate.borrow_mut() = Some(open);
                            opened.await.expect("a gate is opened, never dropped");
                        }
                        lose_turns().await;
                        answer(&attempt)
                    }
                };
                let result = request.run(operation).await;
                let mut record = record.borrow_mut();
                (record.state, record.why) = verdict(&result);
            }
        };
        let task = self.time.spawn(run);
        self.runs.push(Run { name: name.to_owned(), task, record, gate });
    }
}

/// An operation takes longer than the other runs need to go on from what happened at this instant:
/// so it was in the recording, where an operation is a task of its own.
async fn lose_turns() {
    let mut turns = 8;
    std::future::poll_fn(|context| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn resource(spec: &ResourceSpec) -> Resource<String> {
    let resource = Resource::new(spec.id.as_str(), spec.id.clone());
    match spec.max_in_flight {
        Some(limit) => resource.max_in_flight(limit),
        None => resource,
    }
}

fn answer(attempt: &Attempt) -> Result<(), Fault<Boom>> {
    match attempt.then {
        Then::Ok => Ok(()),
        Then::Cooldown => {
            Err(Fault::cooldown_for(attempt.seconds.map(Duration::from_secs_f64), "scripted"))
        }
        Then::Disable => Err(Fault::disable("scripted")),
        Then::Retry => Err(Fault::retry("scripted")),
        Then::Error => Err(Boom.into()),
    }
}

fn verdict(result: &Result<(), RunError<Boom>>) -> (&'static str, Option<&'static str>) {
    match result {
        Ok(()) => ("ok", None),
        Err(RunError::Operation(Boom)) => ("error", None),
        Err(RunError::Exhausted(exhausted)) => ("exhausted", Some(why(&exhausted.reason))),
        Err(_) => panic!("the format has no word for this end"),
    }
}

pub(crate) fn why(reason: &ExhaustedReason) -> &'static str {
    match reason {
        ExhaustedReason::NoEligibleResource => "no_eligible_resource",
        ExhaustedReason::MaxAttempts => "max_attempts",
        ExhaustedReason::Deadline { .. } => "deadline",
        ExhaustedReason::CooldownOutlastsDeadline { .. } => "cooldown_outlasts_deadline",
        other => panic!("the format has no word for {other:?}"),
    }
}
