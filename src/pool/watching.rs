//! What happens in a pool and how it stands, for whoever asks.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rotapool_core::{Attempts, Explanation, Metadata, PoolStats, ResourceSnapshot};

use crate::drive::shared::{Locked, Shared};
use crate::pool::handle::Pool;
use crate::pool::request::Request;
use crate::terms::options::{Only, Options};
use crate::terms::select;
use crate::watch::events::{CAPACITY, Events};

/// How many resources are listed in one critical section.
const SLICE: usize = 256;

impl<T> Pool<T> {
    /// Subscribes to what happens in the pool from now on: attempts and runs, changes of a resource's
    /// status, siblings aborted, resources added and removed, the pool exhausted and recovered.
    ///
    /// The subscriber may be 1,024 events behind before it loses the oldest, and is told how many it
    /// lost. Without subscribers nothing is recorded.
    ///
    /// ```
    /// use rotapool::{Event, Fault, Pool, Resource};
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// let mut events = pool.events();
    /// let _ = pool.run(|_key| async { Err::<(), _>(Fault::<String>::disable("revoked")) }).await;
    /// drop(pool);
    ///
    /// let mut exhausted = 0;
    /// while let Some(event) = events.next().await {
    ///     println!("{event}");
    ///     exhausted += usize::from(matches!(event, Event::PoolExhausted { .. }));
    /// }
    /// assert_eq!(exhausted, 1);
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn events(&self) -> Events {
        self.events_with_capacity(CAPACITY)
    }

    /// Subscribes as [`events`](Self::events) does, with another bound on how many events the
    /// subscriber may be behind. An event takes less than 200 bytes.
    pub fn events_with_capacity(&self, capacity: NonZeroUsize) -> Events {
        self.shared.with(|locked| {
            locked.state.follow_runs(true);
            locked.audience.admit(capacity)
        })
    }

    /// Which resource the next [`run`](Self::run) gets if nothing happens in between, and of every other
    /// why not.
    ///
    /// It is exact for every strategy, and it changes nothing: no cooldown is noticed as ended, nothing
    /// is told, no random number is used up. The first 100 resources are listed.
    ///
    /// A [`Select`](crate::Select) is asked, without the pool's lock; when it fails, the strategy's choice is named, as
    /// it would serve. One that remembers what it was asked, to go round in turns for instance, answers the next run
    /// differently for it.
    ///
    /// It takes one critical section, in which it copies the pool's index, O(n), if a cooldown has ended
    /// that no selection has noticed yet.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb").max_in_flight(4))
    ///     .build()?;
    /// pool.disable("key-1").unwrap();
    ///
    /// let explanation = pool.explain();
    /// assert_eq!(explanation.next.as_deref(), Some("key-2"));
    /// println!("{explanation}");
    /// // next is key-2, by LeastInFlight; 2 resources: 1 disabled, 1 eligible
    /// //   key-1: disabled 0.0ns ago: by an admin call
    /// // > key-2: eligible: 0 in flight
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> Explanation {
        explain(&self.shared, None)
    }

    /// How every resource stands now, in pool order: status, why, since when, until when.
    ///
    /// A pool of up to 256 resources is listed in one critical section: all of it was so at one moment.
    /// A larger one is listed 256 at a time, so that no pick waits for the whole list. Each 256 were so
    /// at one moment; who joined since the list was begun is not on it, who left may be, and no id is on it twice.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ResourceSnapshot> {
        let now = self.now();
        let mut rows = Vec::with_capacity(SLICE);
        let mut next = self.shared.with(|Locked { state, .. }| {
            state.list_snapshot(&mut rows, state.positions(), SLICE, now)
        });
        while let Some(rest) = next {
            rows.reserve(SLICE);
            let list =
                |locked: &mut Locked<T>| locked.state.list_snapshot(&mut rows, rest, SLICE, now);
            next = self.shared.with(list);
        }
        rows
    }

    /// Gauges and counters of the pool and of every resource.
    ///
    /// A pool of up to 256 resources is taken in one critical section: all of it was so at one moment.
    /// A larger one is listed 256 at a time, as [`snapshot`](Self::snapshot) is, so that no pick waits for the
    /// whole list. Then the pool's counters and [`waiting`](PoolStats::waiting) are those of the beginning, each 256
    /// resources were so at one moment, and the gauges are the sums of the list: an attempt that began
    /// meanwhile may be counted in a resource's `acquires` and in `in_flight`, and not yet in the pool's `attempts`.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let now = self.now();
        let room = Vec::with_capacity(SLICE);
        let (mut stats, mut next) = self.shared.with(|locked| {
            let mut stats = locked.state.counted(now);
            stats.resources = room;
            let all = locked.state.positions();
            let next = locked.state.list_stats(&mut stats, all, SLICE, now);
            (stats, next)
        });
        while let Some(rest) = next {
            stats.resources.reserve(SLICE);
            next = self.shared.with(|locked| locked.state.list_stats(&mut stats, rest, SLICE, now));
        }
        stats
    }
}

impl<T> Request<T> {
    /// What becomes of a run with these options that begins now: which resource it gets, or how many are in line before
    /// it, or why it is refused ([`Outlook`](crate::Outlook)); and of every other resource that it admits why not. As
    /// [`Pool::explain`], by the filters, the excluded ids, the affinity key, the deadline and the
    /// [waiting](Self::wait) of this request.
    ///
    /// The filter is called as for a run: without the pool's lock, once for each resource.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa").metadata("region", "eu"))
    ///     .resource(Resource::new("key-2", "sk-bbb").metadata("region", "us"))
    ///     .build()?;
    /// let in_us = pool.request().only(|about| about.get("region") == Some("us"));
    /// assert_eq!(in_us.explain().next.as_deref(), Some("key-2"));
    ///
    /// pool.disable("key-2").unwrap();
    /// assert!(matches!(in_us.wait(true).explain().outlook, rotapool::Outlook::Refused(_)));
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> Explanation {
        explain(&self.shared, Some(&self.options))
    }
}

fn explain<T>(shared: &Shared<T>, options: Option<&Options>) -> Explanation {
    let now = shared.runtime.now();
    let for_core = options.map(|options| options.terms(|| now)).unwrap_or_default();
    let only = options.and_then(|options| options.only.as_ref());
    let verdicts = only.map(|Only(filter)| {
        let members = shared.with(|locked| locked.state.members_to_judge());
        let judge = |(number, about): (u64, Arc<Metadata>)| (number, filter(&about));
        members.into_iter().map(judge).collect()
    });
    let verdicts: Vec<(u64, bool)> = verdicts.unwrap_or_default();
    let mut attempts = Attempts::new(for_core);
    attempts.judge(verdicts);
    let (mut explanation, candidates) = shared.with(|locked| {
        let mut random = locked.random.clone();
        attempts.explain(&locked.state, now, || random.f64())
    });
    if let (Some(select), false) = (&shared.hooks.select, candidates.is_empty()) {
        if let Some(choice) = select::ask(&**select, candidates) {
            (explanation.next, explanation.strategy) = (Some(choice.id), None);
        }
    }
    explanation
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Pool")
            .field("name", &self.shared.name)
            .field("resources", &stats.resources.len())
            .field("eligible", &stats.eligible)
            .field("in_flight", &stats.in_flight)
            .finish_non_exhaustive()
    }
}
