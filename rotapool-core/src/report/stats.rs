//! Gauges and counters as they are told to whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters::PoolCounters;
use super::quota_level::QuotaLevel;
use crate::member::basis::Basis;
use crate::member::health::Health;
use crate::member::slot::Slot;
use crate::member::standing::{Standing, Status};
use crate::member::yardstick::Yardstick;
use crate::protect::BreakerState;

/// Gauges and counters of one resource at one moment.
///
/// The counters belong to the membership: they vanish with `remove` and start at 0 with `add`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ResourceStats {
    /// The id.
    pub id: Arc<str>,
    /// The status; an expired cooldown reads as healthy.
    pub status: Status,
    /// Usages in flight, those still draining from an earlier membership of the id included, and probes that
    /// [take a place](crate::ProbeRules::within_limits).
    pub in_flight: u32,
    /// Those of them that outlive a call: their callers hold and settle them.
    pub held: u32,
    /// How long the one has been held that is held longest; `None` if none is.
    pub longest_held: Option<Duration>,
    /// The configured cap; `None` is no limit.
    pub max_in_flight: Option<u32>,
    /// Cooldowns since the last success: the step on the cooldown table.
    pub consecutive_cooldowns: u32,
    /// How much longer the cooldown lasts; zero when the resource is not cooling down.
    pub cooldown_remaining: Duration,
    /// Whose word its end is; `None` when the resource is not cooling down.
    pub basis: Option<Basis>,
    /// Times that it was picked.
    pub acquires: u64,
    /// Operations that returned a value or an error of their own.
    pub successes: u64,
    /// Attempts that failed: by a signal, by a failure that the operation blamed on the resource, or for want of
    /// an answer in time.
    pub failures: u64,
    /// Those of them that gave no answer in time.
    pub timeouts: u64,
    /// Cooldowns: signals that took effect, failed trials, and trips of the circuit breaker.
    pub cooldowns: u64,
    /// How its circuit stands: open while the breaker keeps it away, half open while it comes back from that; `None` in a
    /// pool without a [breaker](crate::Config::circuit_breaker).
    pub circuit: Option<BreakerState>,
    /// Those of its cooldowns that the breaker began.
    pub circuit_trips: u64,
    /// Times that it was disabled, by a signal or by an admin call.
    pub disables: u64,
    /// Usages on it that an older sibling's signal aborted.
    pub sibling_cancels: u64,
    /// The group to which it belongs, if any.
    pub group: Option<Arc<str>>,
    /// How much longer its quotas are spent, its group's among them; zero when they are not.
    pub spent_remaining: Duration,
    /// What is left of its quotas, and then of its group's.
    pub quotas: Vec<QuotaLevel>,
    /// Places that were taken back from who had held them for too long.
    pub taken_back: u64,
    /// Streams that have had their first item.
    pub streams_begun: u64,
    /// Those of them that came to their end.
    pub streams: u64,
    /// How long they took in all, from the call of the operation to the end; how long to their first items is in
    /// [`health`](Self::health).
    pub streamed: Duration,
    /// Calls that a [prober](crate::Prober) made on it. They are in no other counter.
    pub probes: u64,
    /// Those of them that failed.
    pub probe_failures: u64,
    /// How it has been doing: error rate, latency, streaks.
    pub health: Health,
}

impl ResourceStats {
    pub(crate) fn of(slot: &Slot, now: Instant, yardstick: &Yardstick) -> Self {
        let remaining = match slot.standing() {
            Standing::CoolingDown(outage) => outage.until.saturating_duration_since(now),
            _ => Duration::ZERO,
        };
        let (counted, probed) = (slot.counters, slot.probed());
        let status = slot.status_at(now);
        let (streams, streamed) = slot.holds.streams();
        Self {
            id: Arc::clone(slot.id()),
            status,
            in_flight: slot.in_flight(),
            held: slot.holds.len(),
            longest_held: slot
                .holds
                .longest()
                .map(|hold| now.saturating_duration_since(yardstick.epoch.instant(hold.since))),
            max_in_flight: slot.max_in_flight(),
            consecutive_cooldowns: slot.consecutive_cooldowns(),
            cooldown_remaining: remaining,
            basis: slot.standing().basis().filter(|_| status == Status::CoolingDown),
            acquires: counted.acquires,
            successes: counted.successes,
            failures: counted.failures,
            timeouts: counted.timeouts,
            cooldowns: counted.cooldowns,
            circuit: slot.circuit_state(now),
            circuit_trips: slot.circuit.as_ref().map_or(0, |circuit| circuit.trips),
            disables: counted.disables,
            sibling_cancels: counted.sibling_cancels,
            group: slot.group().cloned(),
            spent_remaining: slot
                .spent_until()
                .map_or(Duration::ZERO, |until| until.saturating_duration_since(now)),
            quotas: QuotaLevel::all_of(slot, now),
            taken_back: slot.holds.taken_back(),
            streams_begun: slot.holds.streams_begun(),
            streams,
            streamed,
            probes: probed.probes,
            probe_failures: probed.failures,
            health: slot.measures.report(yardstick.epoch.tick(now), yardstick),
        }
    }
}

/// Gauges and counters of a pool at one moment.
///
/// The gauges count the present members. The counters are those of the pool's whole life: they
/// survive `remove`, so never rebuild them by adding up the resources.
///
/// With feature `serde` it is `Serialize`: durations are written as seconds, instants as ages in seconds, and
/// what the Prometheus metrics of the crate `rotapool` have another name for under that name.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Usages in flight on the members.
    pub in_flight: u64,
    /// Those of them that outlive a call: their callers hold and settle them.
    pub held: u64,
    /// Runs in line for a resource ([`Step::Wait`](crate::Step::Wait)): from then on until they get one, give up,
    /// or are dropped. Those that only pause are not counted.
    pub waiting: usize,
    /// How long the one has been in line that came first; `None` if nobody is.
    pub oldest_wait: Option<Duration>,
    /// Members that could be picked now: healthy, below their cap, and with quota left. One whose cooldown has ended counts with its
    /// full cap until the pool notices and puts it on trial.
    pub eligible: usize,
    /// Members that are healthy, have quota left, and are at their cap.
    pub saturated: usize,
    /// Members that are healthy and whose quotas are spent.
    pub spent: usize,
    /// Members whose status is healthy.
    pub healthy: usize,
    /// Members that are cooling down.
    pub cooling_down: usize,
    /// Those of them that are out until an operator's end: [parked](crate::State::park).
    pub parked: usize,
    /// Members that are disabled.
    pub disabled: usize,
    /// Attempts begun.
    pub attempts: u64,
    /// Attempts that returned a value or an error of the operation's own.
    pub successes: u64,
    /// Attempts that failed: by a signal, by a failure that the operation blamed on the resource, or for want of
    /// an answer in time.
    pub failures: u64,
    /// Those of them that gave no answer in time.
    pub timeouts: u64,
    /// Attempts that the deadline of their run ended.
    pub deadlines: u64,
    /// Cooldowns: signals that took effect, failed trials, and trips of the circuit breaker.
    pub cooldowns: u64,
    /// Times that a resource was disabled, by a signal or by an admin call.
    pub disables: u64,
    /// Usages that an older sibling's signal aborted.
    pub sibling_cancels: u64,
    /// Retry signals.
    pub retries: u64,
    /// Those of the cooldowns that the circuit breaker began.
    pub circuit_trips: u64,
    /// Times that it did not, to keep the last healthy resources available.
    pub kept_available: u64,
    /// Retries that the pool's budget refused; each ended its run.
    pub retries_refused: u64,
    /// Places that were taken back from who had held them for too long.
    pub taken_back: u64,
    /// Attempts that began beside one that had not answered. They count among the attempts too.
    pub hedges: u64,
    /// Those of them whose value was their run's, also if the attempt beside them had failed by then.
    pub hedge_wins: u64,
    /// Times that one was due and the budget had none left.
    pub hedges_refused: u64,
    /// Choices of the user's own [`Select`](crate::Candidate) that panicked or named no candidate.
    pub choice_faults: u64,
    /// Calls that a [prober](crate::Prober) made. They are in no other counter.
    pub probes: u64,
    /// Those of them after which the resource does not work.
    pub probe_failures: u64,
    /// Attempts on resources that were out, to see whether they still were: see
    /// [`Config::probe_early`](crate::Config::probe_early).
    pub early_probes: u64,
    /// Those of them that brought their resource back.
    pub early_returns: u64,
    /// Runs that returned a value.
    pub runs_ok: u64,
    /// Runs that the pool could not serve.
    pub runs_exhausted: u64,
    /// Runs that ended with the operation's own error, or with its panic.
    pub runs_error: u64,
    /// Runs that their caller dropped after they had begun.
    pub runs_cancelled: u64,
    /// Whether the pool is [closed](crate::State::close).
    pub closed: bool,
    /// The members, in pool order.
    pub resources: Vec<ResourceStats>,
}

impl PoolStats {
    /// The counters, and nobody listed yet.
    pub(crate) fn new(
        counted: PoolCounters,
        waiting: usize,
        oldest_wait: Option<Duration>,
        closed: bool,
    ) -> Self {
        Self {
            in_flight: 0,
            held: 0,
            waiting,
            oldest_wait,
            eligible: 0,
            saturated: 0,
            spent: 0,
            healthy: 0,
            cooling_down: 0,
            parked: 0,
            disabled: 0,
            attempts: counted.attempts,
            successes: counted.successes,
            failures: counted.failures,
            timeouts: counted.timeouts,
            deadlines: counted.deadlines,
            cooldowns: counted.cooldowns,
            disables: counted.disables,
            sibling_cancels: counted.sibling_cancels,
            retries: counted.retries,
            circuit_trips: counted.circuit_trips,
            kept_available: counted.kept_available,
            retries_refused: counted.retries_refused,
            taken_back: counted.taken_back,
            hedges: counted.hedges,
            hedge_wins: counted.hedge_wins,
            hedges_refused: counted.hedges_refused,
            choice_faults: counted.choice_faults,
            probes: counted.probes,
            probe_failures: counted.probe_failures,
            early_probes: counted.early_probes,
            early_returns: counted.early_returns,
            runs_ok: counted.runs_ok,
            runs_exhausted: counted.runs_exhausted,
            runs_error: counted.runs_error,
            runs_cancelled: counted.runs_cancelled,
            closed,
            resources: Vec::new(),
        }
    }

    /// Lists a member and counts it into the gauges.
    pub(crate) fn list(&mut self, slot: &Slot, now: Instant, yardstick: &Yardstick) {
        self.in_flight += u64::from(slot.in_flight());
        self.held += u64::from(slot.holds.len());
        match slot.status_at(now) {
            Status::Healthy => {
                self.healthy += 1;
                if slot.spent_until_after(now).is_some() {
                    self.spent += 1;
                } else if slot.has_room() {
                    self.eligible += 1;
                } else {
                    self.saturated += 1;
                }
            }
            Status::CoolingDown => {
                self.cooling_down += 1;
                self.parked += usize::from(slot.standing().basis() == Some(Basis::Operator));
            }
            Status::Disabled => self.disabled += 1,
        }
        self.resources.push(ResourceStats::of(slot, now, yardstick));
    }
}
