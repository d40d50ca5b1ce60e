//! What the events of a pool tell of its last minute: how attempts ended, and how many were served.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rotapool::{Event, Outcome, Pool, ResourceSnapshot, RunOutcome, Signal};
use serde::Serialize;

/// How many attempts of a resource are remembered.
pub(crate) const MARKS: usize = 48;
/// How many whole seconds are remembered: a minute, and some beyond the edges of a plot that glides.
pub(crate) const SECONDS: usize = 63;
/// Over how many of them a rate is taken.
const WINDOW: usize = 5;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    Ok,
    Retry,
    Cooldown,
    Disable,
    Aborted,
    Error,
    Abandoned,
}

impl Mark {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Ok,
            Outcome::Aborted => Self::Aborted,
            Outcome::Signal(Signal::Retry { .. }) => Self::Retry,
            Outcome::Signal(Signal::Cooldown { .. }) => Self::Cooldown,
            Outcome::Signal(Signal::Disable { .. }) => Self::Disable,
            _ => Self::Error,
        }
    }
}

/// Listens to a pool and keeps what a view wants to show of it.
pub(crate) struct History {
    began: Instant,
    served: Tally,
    resources: HashMap<Arc<str>, Recent>,
    missed: u64,
}

#[derive(Default)]
struct Recent {
    marks: VecDeque<Mark>,
    served: Tally,
}

/// The last minute, as a view shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// How long ago, in seconds, the last of the counted seconds was over.
    pub(crate) age: f64,
    /// The runs that were served.
    pub(crate) served: Served,
    /// In pool order.
    pub(crate) resources: Vec<ResourceReport>,
    /// How many events the pool had to drop because nobody read them in time.
    pub(crate) missed: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ResourceReport {
    pub(crate) resource_id: String,
    /// How its last attempts ended, the newest last.
    pub(crate) recent: Vec<Mark>,
    /// The attempts that it served.
    pub(crate) served: Served,
}

#[derive(Debug, Serialize)]
pub(crate) struct Served {
    /// How many in each of the last seconds, the newest last.
    pub(crate) counts: Vec<u32>,
    /// The mean of the newest of them.
    pub(crate) per_second: f64,
}

impl History {
    /// Starts a task that listens for as long as the pool lives.
    pub(crate) fn follow<T>(pool: &Pool<T>) -> Arc<Mutex<Self>> {
        let history = Arc::new(Mutex::new(Self::new(pool.now())));
        let mut events = pool.events();
        let listener = Arc::clone(&history);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                listener.lock().expect("nothing panics with the history").note(&event);
            }
        });
        history
    }

    fn new(began: Instant) -> Self {
        Self { began, served: Tally::default(), resources: HashMap::new(), missed: 0 }
    }

    fn note(&mut self, event: &Event) {
        let second = self.second(event.at());
        match event {
            Event::AttemptSettled { id, outcome, .. } => {
                let recent = self.resources.entry(Arc::clone(id)).or_default();
                recent.note(Mark::of(outcome), second);
            }
            Event::AttemptAbandoned { id, .. } => {
                self.resources.entry(Arc::clone(id)).or_default().note(Mark::Abandoned, second);
            }
            Event::RunEnded { outcome: RunOutcome::Ok, .. } => self.served.count(second),
            Event::Missed { count, .. } => self.missed += count,
            _ => {}
        }
    }

    /// The last minute of these resources; those that are not among them any more are forgotten.
    pub(crate) fn report(&mut self, now: Instant, members: &[ResourceSnapshot]) -> Report {
        let second = self.second(now);
        let mut past = std::mem::take(&mut self.resources);
        let mut resources = Vec::with_capacity(members.len());
        for ResourceSnapshot { id, .. } in members {
            let recent = past.remove(id).unwrap_or_default();
            resources.push(ResourceReport {
                resource_id: id.to_string(),
                recent: recent.marks.iter().copied().collect(),
                served: recent.served.before(second),
            });
            self.resources.insert(Arc::clone(id), recent);
        }
        Report {
            age: now.duration_since(self.began).as_secs_f64().fract(),
            served: self.served.before(second),
            resources,
            missed: self.missed,
        }
    }

    fn second(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.began).as_secs()
    }
}

impl Recent {
    fn note(&mut self, mark: Mark, second: u64) {
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
        if mark == Mark::Ok {
            self.served.count(second);
        }
    }
}

/// Counts by the second, the seconds with none left out.
#[derive(Default)]
struct Tally {
    counts: VecDeque<(u64, u32)>,
}

impl Tally {
    fn count(&mut self, second: u64) {
        match self.counts.back_mut() {
            // Two threads may tell of one moment in either order: what comes late counts as now.
            Some((newest, count)) if second <= *newest => *count += 1,
            _ => self.counts.push_back((second, 1)),
        }
        while self.counts.front().is_some_and(|(oldest, _)| oldest + SECONDS as u64 <= second) {
            self.counts.pop_front();
        }
    }

    /// The seconds that were over when this one began.
    fn before(&self, second: u64) -> Served {
        let mut counts = vec![0; SECONDS];
        for &(counted, count) in &self.counts {
            let ago = second.saturating_sub(counted) as usize;
            if (1..=SECONDS).contains(&ago) {
                counts[SECONDS - ago] = count;
            }
        }
        let newest = &counts[SECONDS - WINDOW..];
        let per_second = f64::from(newest.iter().sum::<u32>()) / WINDOW as f64;
        Served { counts, per_second }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rotapool::testing::{Answer, Script, VirtualTime};
    use rotapool::{Events, Resource};

    use super::*;

    /// A pool of one key, which answers by this script, one call a second.
    fn play(
        answers: Vec<Answer<&'static str, &'static str>>,
    ) -> (VirtualTime, Pool<()>, Events, History) {
        let time = VirtualTime::new();
        let calls = answers.len();
        let script = Script::<&str, &str>::new(time.clock()).on("key", answers);
        let pool = Pool::builder()
            .resource(Resource::new("key", ()))
            .retry_delay(Duration::ZERO)
            .runtime(time.clock())
            .build()
            .unwrap();
        let events = pool.events();
        let history = History::new(pool.now());
        for _ in 0..calls {
            let _ = time.block_on(pool.request().max_attempts(1).run(|key| script.play(key)));
            time.advance(Duration::from_secs(1));
        }
        (time, pool, events, history)
    }

    fn report(pool: &Pool<()>, events: &mut Events, history: &mut History) -> Report {
        while let Some(event) = events.try_next() {
            history.note(&event);
        }
        history.report(pool.now(), &pool.snapshot())
    }

    #[test]
    fn each_attempt_leaves_a_mark_and_the_newest_is_the_last() {
        let second = Duration::from_secs(1);
        let answers = vec![
            Answer::ok("a"),
            Answer::retry("503"),
            Answer::cooldown_for(second, "429"),
            Answer::error("mine"),
            Answer::disable("401"),
        ];
        let (_time, pool, mut events, mut history) = play(answers);

        let report = report(&pool, &mut events, &mut history);
        let marks = [Mark::Ok, Mark::Retry, Mark::Cooldown, Mark::Error, Mark::Disable];
        assert_eq!(report.resources[0].recent, marks);
    }

    #[test]
    fn who_is_aborted_by_a_sibling_and_who_is_abandoned_leave_marks_of_their_own() {
        let (time, pool, mut events, mut history) = play(vec![]);
        let limited = Answer::cooldown("429").after(Duration::from_secs(1));
        let answers = [limited, Answer::hang(), Answer::hang()];
        let script = Script::<&str>::new(time.clock()).on("key", answers);
        let start = || {
            let (request, script) = (pool.request().max_attempts(1), script.clone());
            time.spawn(async move { request.run(|key| script.play(key)).await })
        };
        let _limited = start();
        // Who began in the first half of its time is spared.
        time.advance(Duration::from_millis(600));
        let [_aborted, abandoned] = [start(), start()];
        time.advance(Duration::from_millis(100));
        abandoned.abort();
        time.advance(Duration::from_secs(1));

        let report = report(&pool, &mut events, &mut history);
        assert_eq!(report.resources[0].recent, [Mark::Abandoned, Mark::Cooldown, Mark::Aborted]);
    }

    #[test]
    fn only_the_last_marks_are_kept() {
        let mut answers = vec![Answer::retry("503")];
        answers.extend((0..MARKS).map(|_| Answer::ok("a")));
        let (_time, pool, mut events, mut history) = play(answers);

        let report = report(&pool, &mut events, &mut history);
        assert_eq!(report.resources[0].recent, [Mark::Ok; MARKS]);
    }

    #[test]
    fn what_was_served_is_counted_by_the_second_and_the_present_one_is_left_out() {
        let answers = vec![Answer::ok("a"), Answer::ok("b"), Answer::retry("503"), Answer::ok("c")];
        let (time, pool, mut events, mut history) = play(answers);

        let now = report(&pool, &mut events, &mut history);
        assert_eq!(now.served.counts[SECONDS - 5..], [0, 1, 1, 0, 1]);
        assert_eq!(now.served.per_second, 3.0 / 5.0);
        assert_eq!(now.resources[0].served.counts, now.served.counts);

        let script = Script::<&str>::new(time.clock()).on("key", [Answer::ok("d")]);
        time.block_on(pool.run(|key| script.play(key))).unwrap();
        time.advance(Duration::from_millis(250));
        let now = report(&pool, &mut events, &mut history);
        assert_eq!(now.served.counts[SECONDS - 5..], [0, 1, 1, 0, 1]);
        assert_eq!(now.age, 0.25);
    }

    #[test]
    fn a_minute_later_nothing_is_left_of_it() {
        let (time, pool, mut events, mut history) = play(vec![Answer::ok("a")]);
        time.advance(Duration::from_secs(SECONDS as u64));

        let report = report(&pool, &mut events, &mut history);
        assert_eq!(report.served.counts, [0; SECONDS]);
    }

    #[test]
    fn a_resource_that_was_removed_is_forgotten() {
        let (_time, pool, mut events, mut history) = play(vec![Answer::ok("a")]);
        pool.remove("key").unwrap();

        assert!(report(&pool, &mut events, &mut history).resources.is_empty());
        pool.add(Resource::new("key", ())).unwrap();
        assert_eq!(report(&pool, &mut events, &mut history).resources[0].recent, []);
    }

    #[test]
    fn what_was_missed_is_counted() {
        let mut history = History::new(Instant::now());
        history.note(&Event::missed(7, Instant::now()));
        history.note(&Event::missed(2, Instant::now()));
        assert_eq!(history.report(Instant::now(), &[]).missed, 9);
    }
}
