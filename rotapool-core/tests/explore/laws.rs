//! What has to hold in every state, each law by its name.

use std::collections::HashSet;

use rotapool_core::{PoolStats, Recovery, Status};

use crate::ledger::Ledger;
use crate::twice::command::Command;
use crate::twice::episode::Played;
use crate::twice::invariants;
use crate::twice::observed::{Handle, Moment, Move, Row, Why};

/// All there is to see of one command.
pub(crate) struct Scene<'a> {
    pub(crate) command: &'a Command,
    pub(crate) now: Moment,
    /// Whether core has noticed what has ended by now.
    pub(crate) noticed: bool,
    /// How the resources stood before, at the same moment unless time went on.
    pub(crate) before: &'a [Row],
    pub(crate) after: &'a [Row],
    pub(crate) stats: &'a PoolStats,
    pub(crate) played: &'a Played,
    pub(crate) ledger: &'a Ledger,
    /// The abort handles that core has.
    pub(crate) handles: &'a HashSet<Handle>,
}

pub(crate) fn uphold(scene: &Scene<'_>) {
    what_is_in_flight_lives_and_never_exceeds_the_cap(scene);
    only_what_is_healthy_and_has_room_is_picked(scene);
    let rules = scene.ledger.rules();
    invariants::no_cooldown_ends_early(scene.before, scene.after, scene.now, scene.command, rules);
    every_usage_ends_exactly_once(scene);
    the_counters_add_up(scene);
    a_signal_aborts_exactly_the_younger_live_siblings(scene.played, scene.ledger);
    nothing_eligible_means_a_known_next_instant_or_none_cooling(scene);
    a_place_on_trial_is_neither_lost_nor_doubled(scene);
    the_reports_tell_how_every_resource_stands(scene);
}

fn what_is_in_flight_lives_and_never_exceeds_the_cap(scene: &Scene<'_>) {
    for row in scene.after {
        let living = scene.ledger.in_flight(&row.id, scene.now);
        assert_eq!(row.in_flight as usize, living, "in flight on {}, and the live usages", row.id);
        let within = row.max_in_flight.is_none_or(|cap| row.in_flight + row.promised <= cap);
        assert!(within, "{} has {} in flight of {:?}", row.id, row.in_flight, row.max_in_flight);
    }
}

fn only_what_is_healthy_and_has_room_is_picked(scene: &Scene<'_>) {
    if scene.played.begun().is_none() {
        return;
    }
    let picked = scene.ledger.newest().expect("the ledger has the attempt");
    let row = scene.before.iter().find(|row| *row.id == *picked);
    let row = row.unwrap_or_else(|| panic!("{picked} was picked and is no member"));
    let is_allowed =
        row.status == Status::Healthy || invariants::may_be_tried_early(row, scene.ledger.rules());
    assert!(is_allowed, "{picked} was picked and is {}", row.status);
}

/// The handle of a usage is with core until the usage ends or is aborted, and that of a wait until the run is
/// woken or steps; then it is outside.
fn every_usage_ends_exactly_once(scene: &Scene<'_>) {
    let expected: HashSet<Handle> = scene.ledger.handles().copied().collect();
    assert_eq!(scene.handles, &expected, "the usages that core can abort, and those that may be");
}

/// A cooldown signal of a resource that is disabled or gone counts nowhere, and so does a second
/// disable; an operation that panicked is in no counter of its own.
fn the_counters_add_up(Scene { stats, ledger, .. }: &Scene<'_>) {
    let tally = &ledger.tally;
    let answered = tally.cooled + tally.disabled + tally.retried;
    let sum = stats.successes
        + tally.cooled
        + tally.disabled
        + stats.retries
        + tally.swallowed
        + tally.abandoned
        + tally.panicked
        + tally.failed
        + tally.timed_out
        + tally.taken_back
        + ledger.operations();
    assert_eq!(stats.attempts, sum, "attempts, and what became of them: {tally:?}");
    for (counter, is, should_be) in [
        ("attempts", stats.attempts, tally.begun),
        ("successes", stats.successes, tally.succeeded + tally.erred),
        ("retries", stats.retries, tally.retried),
        ("cooldowns", stats.cooldowns, tally.cooldowns),
        ("disables", stats.disables, tally.disables),
        ("sibling_cancels", stats.sibling_cancels, tally.sibling_cancels),
        ("runs_ok", stats.runs_ok, tally.succeeded),
        ("failures", stats.failures, tally.failed + answered + stats.timeouts),
        ("timeouts and deadlines", stats.timeouts + stats.deadlines, tally.timed_out),
        ("taken_back", stats.taken_back, tally.taken_back),
        (
            "runs_error",
            stats.runs_error,
            tally.erred + tally.failed + tally.panicked + tally.broken,
        ),
        ("runs_exhausted", stats.runs_exhausted, tally.runs_exhausted),
        ("runs_cancelled", stats.runs_cancelled, tally.runs_cancelled),
    ] {
        assert_eq!(is, should_be, "the counter {counter}: {tally:?}");
    }
}

pub(crate) fn a_signal_aborts_exactly_the_younger_live_siblings(played: &Played, ledger: &Ledger) {
    assert_eq!(
        played.aftermath.aborts, ledger.doomed,
        "the aborted, and the younger live siblings"
    );
}

fn nothing_eligible_means_a_known_next_instant_or_none_cooling(scene: &Scene<'_>) {
    // Of a cooldown and a spent quota the later end counts.
    let away = scene.after.iter().filter(|row| row.status != Status::Disabled);
    let cooling = away.filter_map(|row| row.until.max(row.spent_until));
    let needs = match scene.command {
        Command::Step { run, .. } => scene.ledger.requests_of(*run),
        _ => 1,
    };
    let pays = |row: &Row| row.quotas.iter().all(|(_, left)| *left >= needs);
    let eligible = scene.after.iter().any(|row| row.eligible && pays(row));
    let next = cooling.min();
    let is_patient = matches!(scene.command, Command::Step { run, .. } if scene.ledger.waits(*run));
    match &scene.played.next {
        // The line has laws of its own.
        Some(Move::Wait { .. }) if scene.ledger.rules().rules.line => {}
        Some(Move::Wait { until }) => {
            let until = until.expect("a wait for a cooldown");
            assert!(!eligible, "a run waits although a resource is eligible");
            // Or for a quota that holds less than it takes, though not nothing.
            let refills = scene.after.iter().any(|row| row.status == Status::Healthy && !pays(row));
            let comes = refills || next.is_some_and(|next| next <= until);
            assert!(comes, "it waits for nothing: {next:?}");
        }
        Some(Move::Exhausted(exhaustion)) => {
            let is_busy =
                |row: &Row| row.status == Status::Healthy && row.spent_until.is_none() && pays(row);
            let busy = scene.after.iter().any(is_busy);
            let known = if eligible { Some(scene.now) } else { next.filter(|_| !busy) };
            let known = known.filter(|_| !scene.stats.closed);
            let known = known.map(|known| match exhaustion.why {
                Why::RetryBudget { allows_at: Some(allows_at), .. } => known.max(allows_at),
                _ => known,
            });
            // Who needs more than one comes when there is as much, which the rows do not tell.
            let is_later = needs > 1 && known.is_none_or(|it| exhaustion.retry_at >= Some(it));
            let holds = exhaustion.retry_at == known || is_later;
            assert!(holds, "when it may come back: {:?}, {known:?}", exhaustion.retry_at);
            let gave_up = exhaustion.why == Why::NoEligibleResource;
            assert!(!gave_up || !eligible, "exhausted although a resource is eligible");
            let could_wait = gave_up && next.is_some() && is_patient;
            assert!(!could_wait, "a run that would wait gave up although one cools until {next:?}");
        }
        _ => {}
    }
}

fn a_place_on_trial_is_neither_lost_nor_doubled(scene: &Scene<'_>) {
    let Scene { ledger, now, .. } = scene;
    let Recovery::Trial(trial) = ledger.rules().recovery else { return };
    for row in scene.after {
        let by_the_young = ledger.rules().rules.generations;
        let taken = if by_the_young { ledger.on_trial_of(&row.id, *now) } else { row.in_flight };
        let is_up = row.status == Status::Healthy && row.spent_until.is_none();
        let free = is_up && taken + row.promised == 0;
        let has_room = row.max_in_flight.is_none_or(|cap| row.in_flight + row.promised < cap);
        // A trial begins, and a usage is lost, when it is noticed.
        assert!(
            !(free && has_room && scene.noticed) || row.eligible,
            "the place on {} is lost",
            row.id
        );
        let is_exceeded = ledger.is_on_trial(&row.id) && by_the_young;
        let exceeded = is_exceeded && taken + row.promised > trial.at_once;
        assert!(!exceeded, "{} is on trial with {taken} and {row:?}", row.id);
    }
    if scene.played.begun().is_none() {
        return;
    }
    let picked = ledger.newest().expect("the ledger has the attempt");
    if ledger.is_on_trial(picked) && !ledger.rules().rules.generations {
        let in_flight = ledger.in_flight(picked, *now);
        assert!(in_flight <= 1, "{picked} is on trial, and another of its {in_flight} was let in");
    }
}

/// An expired cooldown is reported when it is noticed only.
fn the_reports_tell_how_every_resource_stands(scene: &Scene<'_>) {
    for row in scene.after {
        let reported = scene.ledger.reported(&row.id);
        let unnoticed = (row.status, reported) == (Status::Healthy, Status::CoolingDown);
        assert!(
            unnoticed || row.status == reported,
            "{} is {}, not {reported}",
            row.id,
            row.status
        );
    }
}

pub(crate) fn a_closed_pool_begins_nothing(next: &Move) {
    let is_refused = matches!(next, Move::Exhausted(it) if it.why == Why::Closed);
    assert!(is_refused, "the pool is closed: {next:?}");
}

/// Core's index serves exactly while a scan finds somebody eligible. Before a selection, a resource whose
/// cooldown has expired counts with its full cap; after it, with that of its trial.
pub(crate) fn the_index_agrees_with_a_scan(
    known: bool,
    before: &[Row],
    next: &Move,
    after: &[Row],
) {
    let any_eligible = |rows: &[Row]| rows.iter().any(|row| row.eligible);
    match next {
        // A usage is lost when somebody looks.
        Move::Attempt { .. } => {
            assert!(!known || any_eligible(before), "served by nobody eligible");
        }
        _ => assert!(!any_eligible(after), "not served although one is eligible: {after:?}"),
    }
}
