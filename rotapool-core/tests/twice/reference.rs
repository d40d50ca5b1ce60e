//! The naive reference: the rules of the pool, written down a second time and as simply as can be.
//!
//! Nothing is indexed, linked or added up ahead. Every membership that ever was and every usage in
//! flight stand in two vectors, and every answer is a scan of them.
//!
//! It knows both rule sets: `Rules` names what differs, and each difference is looked up where it matters.

mod admin;
mod affinity;
mod budget;
mod circuit;
mod closing;
mod comeback;
mod early;
mod edge;
mod essence;
mod hedging;
mod holding;
mod line;
mod lookouts;
mod measures;
mod probes;
mod quotas;
mod runs;
mod selection;
mod steps;
mod strategies;
mod trips;
mod turns;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rotapool_core::{
    Basis, Cause, Config, Group, PoolStats, Profile, ResourceError, ResourceStats, State, Status,
};

pub(crate) use self::admin::Listed;
use self::admin::{Failed, check};
use self::budget::Spending;
pub(crate) use self::circuit::Breaking;
use self::circuit::Held;
use self::comeback::Comeback;
use self::early::Tries;
use self::hedging::Hedging;
use self::lookouts::Post;
use self::measures::Measures;
pub(crate) use self::probes::Asking;
use self::probes::Rounds;
use self::quotas::Limit;
use self::runs::Run;
pub(crate) use self::runs::Terms;
pub(crate) use self::steps::Stride;
use self::turns::Memory;
use crate::twice::observed::{Aftermath, Handle, Moment, Row};
use crate::twice::vitals::Vitals;

/// Whatever is longer counts as this long: a hundred years of 365 days.
pub(crate) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

pub(crate) struct Reference {
    rules: Config,
    /// Former members too, in the order in which they were added.
    memberships: Vec<Membership>,
    /// All quotas that ever were, of memberships and groups.
    limits: Vec<Limit>,
    /// Which of them a group has.
    groups: BTreeMap<Arc<str>, Vec<usize>>,
    /// Those in flight, oldest first.
    usages: Vec<Usage>,
    /// The number of the newest usage; the first is 1.
    newest_usage: u64,
    runs: Vec<Run>,
    /// How many runs have come into the line without ever having had a resource.
    arrivals: u64,
    /// Whether one that states what it costs ever stood in line.
    costs_in_line: bool,
    /// What time it was last.
    now: Moment,
    memory: Memory,
    /// What retries are paid out of, if they are.
    spending: Option<Spending>,
    /// What hedges go by, once a run may be hedged.
    hedging: Option<Hedging>,
    tries: Tries,
    /// The counters of the pool's whole life; the gauges in here mean nothing.
    counted: PoolStats,
    /// Since when it begins no new runs.
    closed: Option<Moment>,
    /// Whether it has aborted what was left.
    ended: bool,
    /// Whether it was told that all is over.
    over: bool,
    exhausted_since: Option<Moment>,
    /// What is due is being noticed, one after the other.
    is_noticing: bool,
    posts: Vec<Post>,
    rounds: Option<Rounds>,
    changes: u64,
    aftermath: Aftermath,
    /// The corners of the rules that were reached since somebody looked.
    corners: Vec<&'static str>,
}

struct Membership {
    id: Arc<str>,
    profile: Profile,
    is_member: bool,
    /// An expired cooldown stays a cooldown in here until it is noticed.
    status: Status,
    since: Option<Moment>,
    until: Option<Moment>,
    /// What `until` goes by.
    basis: Option<Basis>,
    cause: Option<Cause>,
    /// The usage whose signal it was.
    attempt: Option<u64>,
    /// The two words that `until` goes by: a failure's, and an operator's with its cause.
    failed: Option<Failed>,
    parked: Option<(Moment, Cause)>,
    /// Steps climbed on the cooldown table.
    escalation: u32,
    /// The newest usage at the last trip.
    tripped_after: u64,
    /// The newest usage when it was sent away last, by a trip or by a late word.
    out_after: u64,
    /// The newest usage when it was enabled last.
    mark: u64,
    /// Successes in a row, towards the next step down.
    row: u32,
    comeback: Comeback,
    held: Held,
    last_acquired: Option<(u64, Moment)>,
    measures: Measures,
    /// Which quotas: its own, and then its group's.
    limits: Vec<usize>,
    /// As long as it was last seen to be spent.
    spent_until: Option<Moment>,
    /// The counters of this membership; the gauges in here mean nothing.
    counted: ResourceStats,
}

struct Usage {
    number: u64,
    membership: usize,
    handle: Handle,
    since: Moment,
    abortable: bool,
    /// No sibling aborts it: a stream that has begun.
    spared: bool,
    /// It is older than the bound of its trial or ramp, and holds no place there any more.
    late: bool,
    /// It was late on a trial: what comes of it is only counted.
    lost: bool,
    /// What it took of each quota of its resource, as far as is known.
    reserved: Vec<u64>,
    /// When half of its run's time is over, of one that tries what is out.
    half_time: Option<Moment>,
    /// It outlives its call, until its place is taken back if that is ever.
    held: Option<Option<Moment>>,
    /// How long it took to its first item, if it is a stream.
    first_item: Option<Duration>,
    /// When another one is to begin beside it.
    hedge_at: Option<Moment>,
    /// It began beside another one.
    is_hedge: bool,
}

impl Reference {
    pub(crate) fn new(rules: Config) -> Self {
        let spending = rules.retry_budget.map(|budget| Spending::new(budget, Moment::ZERO));
        let hedging = rules.hedge.map(|_| Hedging::new(&rules, Moment::ZERO));
        Self {
            rules,
            memberships: Vec::new(),
            limits: Vec::new(),
            groups: BTreeMap::new(),
            usages: Vec::new(),
            newest_usage: 0,
            runs: Vec::new(),
            arrivals: 0,
            costs_in_line: false,
            now: Moment::ZERO,
            memory: Memory::default(),
            spending,
            hedging,
            tries: Tries::default(),
            counted: new_pool(),
            closed: None,
            ended: false,
            over: false,
            exhausted_since: None,
            is_noticing: false,
            posts: Vec::new(),
            rounds: None,
            changes: 0,
            aftermath: Aftermath::default(),
            corners: Vec::new(),
        }
    }

    pub(crate) fn take_aftermath(&mut self) -> Aftermath {
        self.see_whether_it_is_over();
        std::mem::take(&mut self.aftermath).in_order()
    }

    pub(crate) fn take_corners(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.corners)
    }

    // Questions.

    pub(crate) fn snapshot(&self, now: Moment) -> Vec<Row> {
        self.members().map(|(membership, _)| self.row(membership, now)).collect()
    }

    /// How every member has been doing, in pool order.
    pub(crate) fn vitals(&self, now: Moment) -> Vec<Vitals> {
        let rules = &self.rules.health;
        self.members().map(|(_, member)| member.measures.vitals(now, rules)).collect()
    }

    /// The health in here means nothing: see [`vitals`](Self::vitals).
    pub(crate) fn stats(&self, now: Moment) -> PoolStats {
        let rows = self.snapshot(now);
        let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
        let mut stats = self.counted.clone();
        stats.closed = self.closed.is_some();
        stats.waiting = self.waiting().count();
        stats.oldest_wait = self.oldest_wait(now);
        stats.in_flight = rows.iter().map(|row| u64::from(row.in_flight)).sum();
        stats.held = rows.iter().map(|row| u64::from(row.held)).sum();
        stats.eligible = count(&|row| row.eligible);
        stats.saturated = count(&|row| row.saturated);
        stats.spent = count(&|row| row.spent_until.is_some() && row.status == Status::Healthy);
        stats.healthy = count(&|row| row.status == Status::Healthy);
        stats.cooling_down = count(&|row| row.status == Status::CoolingDown);
        stats.parked = count(&|row| row.basis == Some(Basis::Operator));
        stats.disabled = count(&|row| row.status == Status::Disabled);
        for ((membership, member), row) in self.members().zip(&rows) {
            let mut resource = member.counted.clone();
            let taken_back = self.usages.iter().filter(|usage| usage.membership == membership);
            let taken_back = taken_back.filter(|usage| self.is_over_by(usage, now)).count();
            resource.taken_back += taken_back as u64;
            resource.held = row.held;
            resource.longest_held = row.held_since.map(|since| now - since);
            resource.id = Arc::clone(&row.id);
            resource.circuit = self.circuit_of(membership, now);
            resource.group = self.memberships[membership].profile.group.clone();
            resource.status = row.status;
            resource.in_flight = row.in_flight;
            resource.max_in_flight = row.max_in_flight;
            resource.consecutive_cooldowns = row.consecutive_cooldowns;
            resource.spent_remaining = row.spent_until.map_or(Duration::ZERO, |until| until - now);
            resource.basis = row.basis;
            resource.cooldown_remaining = row.until.map_or(Duration::ZERO, |until| until - now);
            stats.resources.push(resource);
        }
        stats
    }

    /// Whether anything still refers to a membership: the pool, or a usage on it.
    pub(crate) fn remembers(&self, membership: usize) -> bool {
        self.memberships[membership].is_member
            || self.usages.iter().any(|usage| usage.membership == membership)
    }

    pub(crate) fn memberships_of_members(&self) -> Vec<(usize, String)> {
        self.members().map(|(membership, member)| (membership, member.id.to_string())).collect()
    }

    pub(crate) fn id(&self, membership: usize) -> &str {
        &self.memberships[membership].id
    }

    /// Whether it is cooling down.
    pub(crate) fn is_out(&self, membership: usize) -> bool {
        self.memberships[membership].status == Status::CoolingDown
    }

    /// The members in pool order, which is the order in which they were added.
    fn members(&self) -> impl Iterator<Item = (usize, &Membership)> {
        self.memberships.iter().enumerate().filter(|(_, membership)| membership.is_member)
    }

    /// Usages of earlier memberships of the id count too, until they have drained.
    pub(crate) fn in_flight(&self, id: &str) -> u32 {
        let on_it = |usage: &&Usage| *self.memberships[usage.membership].id == *id;
        self.usages.iter().filter(on_it).count() as u32 + self.taken_by_probes(id)
    }

    /// The same as a report shows it, which knows of its own membership's usages whose place is taken back by now.
    pub(super) fn in_flight_by(&self, membership: usize, now: Moment) -> u32 {
        let gone = |usage: &&Usage| usage.membership == membership && self.is_over_by(usage, now);
        let gone = self.usages.iter().filter(gone).count() as u32;
        self.in_flight(&self.memberships[membership].id) - gone
    }

    fn row(&self, membership: usize, now: Moment) -> Row {
        let held = self.held(membership, now);
        let member = &self.memberships[membership];
        let expired = member.status == Status::CoolingDown && member.until <= Some(now);
        let status = if expired { Status::Healthy } else { member.status };
        let is_out = status != Status::Healthy;
        let is_within = !is_out && self.spent_until_by(membership, now).is_none();
        Row {
            id: Arc::clone(&member.id),
            at: now,
            status,
            since: member.since.filter(|_| is_out),
            until: member.until.filter(|_| is_out),
            basis: member.basis.filter(|_| is_out),
            cause: member.cause.clone().filter(|_| is_out),
            attempt: member.attempt.filter(|_| is_out),
            in_flight: self.in_flight_by(membership, now),
            held: held.len() as u32,
            held_since: held.first().map(|usage| usage.since),
            promised: self.promised(membership),
            max_in_flight: member.profile.max_in_flight,
            limit: self.limit_by(membership, now),
            pace: self.pace_by(membership, now),
            kept: member.held.kept.clone(),
            consecutive_cooldowns: member.escalation,
            last_acquired: member.last_acquired.map(|(_, at)| at),
            metadata: Arc::clone(&member.profile.metadata),
            spent_until: self.spent_until_by(membership, now),
            quotas: self
                .limits_of(membership)
                .map(|limit| (Arc::clone(&limit.dimension), limit.left_by(now)))
                .collect(),
            eligible: is_within && self.has_room_by(membership, now),
            saturated: is_within && !self.has_room_by(membership, now),
        }
    }

    // Admin calls.

    /// The quotas of its group.
    pub(super) fn shared(&self, profile: &Profile) -> Vec<usize> {
        profile.group.as_ref().map_or_else(Vec::new, |group| self.groups[group].clone())
    }

    pub(crate) fn add_group(&mut self, group: &Group, now: Moment) {
        let limits = self.fill(group.quotas(), now);
        self.groups.insert(Arc::clone(group.name()), limits);
    }

    pub(crate) fn add(&mut self, profile: &Profile, now: Moment) -> Result<usize, ResourceError> {
        self.notice_by_the_clock(now);
        check(profile)?;
        if self.find(&profile.id).is_ok() {
            return Err(ResourceError::DuplicateResource { id: Arc::clone(&profile.id) });
        }
        let shared = self.shared(profile);
        let comeback = self.comeback_of_a_newcomer(profile);
        let mut limits = self.fill(&profile.quotas, now);
        limits.extend(shared);
        self.memberships.push(Membership::new(profile, comeback, limits, now));
        self.refill(self.memberships.len() - 1, now);
        self.look_for_a_turn(now);
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(self.memberships.len() - 1)
    }

    pub(crate) fn remove(&mut self, id: &str, now: Moment) -> Result<usize, ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        self.memberships[membership].is_member = false;
        self.look_for_a_turn(now);
        self.forget_the_kinds_of_nobody();
        self.void_promises(membership);
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(membership)
    }

    pub(crate) fn enable(&mut self, id: &str, now: Moment) -> Result<(), ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        let newest_usage = self.newest_usage;
        let member = &mut self.memberships[membership];
        (member.escalation, member.row, member.mark) = (0, 0, newest_usage);
        member.comeback = Comeback::Proven;
        member.held = Held::new(now);
        let old = member.become_healthy();
        self.refill(membership, now);
        if old != Status::Healthy {
            self.report(membership, old, now);
        }
        self.look_for_a_recovery(now);
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(())
    }

    pub(crate) fn disable(&mut self, id: &str, now: Moment) -> Result<(), ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        self.take_out(membership, Cause::Admin, None, now);
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(())
    }

    fn find(&self, id: &str) -> Result<usize, ResourceError> {
        let found = self.members().find(|(_, member)| *member.id == *id);
        found.map(|(membership, _)| membership).ok_or_else(|| ResourceError::UnknownResource {
            id: id.into(),
            known: self.members().take(10).map(|(_, member)| Arc::clone(&member.id)).collect(),
            members: self.members().count(),
        })
    }
}

impl Membership {
    fn new(profile: &Profile, comeback: Comeback, limits: Vec<usize>, now: Moment) -> Self {
        Self {
            id: Arc::clone(&profile.id),
            profile: profile.clone(),
            is_member: true,
            status: Status::Healthy,
            since: None,
            until: None,
            basis: None,
            cause: None,
            attempt: None,
            failed: None,
            parked: None,
            escalation: 0,
            tripped_after: 0,
            out_after: 0,
            mark: 0,
            row: 0,
            comeback,
            held: Held::new(now),
            last_acquired: None,
            measures: Measures::default(),
            limits,
            spent_until: None,
            counted: new_resource(&profile.id),
        }
    }

    fn is_disabled(&self) -> bool {
        self.status == Status::Disabled
    }

    /// Answers the status before.
    fn become_healthy(&mut self) -> Status {
        (self.since, self.until, self.basis, self.cause) = (None, None, None, None);
        (self.failed, self.parked) = (None, None);
        std::mem::replace(&mut self.status, Status::Healthy)
    }
}

/// All counters at 0: core's stats cannot be written down outside of core, only asked for.
fn new_pool() -> PoolStats {
    let mut pool = POOL_OF_ONE.clone();
    pool.resources.clear();
    pool
}

fn new_resource(id: &Arc<str>) -> ResourceStats {
    let mut resource = POOL_OF_ONE.resources[0].clone();
    resource.id = Arc::clone(id);
    resource
}

static POOL_OF_ONE: LazyLock<PoolStats> = LazyLock::new(|| {
    let now = Instant::now();
    let mut pool = State::<Handle>::new(Config::default(), now);
    pool.add(Profile::new("a"), now).expect("an id that core takes");
    pool.stats(now)
});

fn later(now: Moment, duration: Duration) -> Moment {
    now + duration.min(LONGEST)
}
