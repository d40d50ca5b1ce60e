//! What must hold whatever the reference says.

use rotapool_core::{Basis, Config, Outcome, PoolStats, QuotaLevel, Status};

use crate::twice::command::Command;
use crate::twice::observed::{Moment, Row};

fn find<'a>(rows: &'a [Row], id: &str) -> Option<&'a Row> {
    rows.iter().find(|row| *row.id == *id)
}

/// `before` and `after` the pick were taken at the same moment.
pub(crate) fn a_pick_is_allowed(id: &str, before: &[Row], after: &[Row], rules: &Config) {
    let before = find(before, id).expect("only a member is picked");
    let is_out = before.status == Status::CoolingDown;
    let allowed = before.status == Status::Healthy
        || is_out && (rules.degrade || may_be_tried_early(before, rules));
    assert!(allowed, "{id} was picked though it is {}", before.status);
    let after = find(after, id).expect("a pick removes nothing");
    let within = after.limit.is_none_or(|limit| after.in_flight + after.promised <= limit);
    assert!(within, "{id} has {} in flight of {:?}", after.in_flight, after.limit);
}

/// Whether a run may try it although it is out: for longer than an interval, since an interval, and by a word.
pub(crate) fn may_be_tried_early(row: &Row, rules: &Config) -> bool {
    let is_word = row.basis.is_some_and(|basis| basis != Basis::Guessed);
    rules.probe_early.is_some_and(|every| {
        is_word
            && row.since.is_some_and(|since| since + every <= row.at)
            && row.until.is_some_and(|until| until > row.at + every)
    })
}

/// Only time, an operator who brings it back, and what takes the resource out altogether end a cooldown.
pub(crate) fn no_cooldown_ends_early(
    before: &[Row],
    after: &[Row],
    now: Moment,
    command: &Command,
    rules: &Config,
) {
    for row in before {
        let Some(until) = row.until.filter(|&until| until > now) else { continue };
        match command {
            Command::Enable { id } | Command::Reset { id } | Command::Unpark { id }
                if **id == *row.id =>
            {
                continue;
            }
            // Whom it has tried is not said.
            Command::Settle { outcome: Outcome::Success | Outcome::Error, .. }
            | Command::Hold { commits: true, .. }
                if rules.probe_early.is_some() =>
            {
                continue;
            }
            // Which one a probe has asked is not said.
            Command::Answer { outcome: Outcome::Success | Outcome::Error, .. } => continue,
            _ => {}
        }
        if let Some(after) = find(after, &row.id) {
            let holds = match after.status {
                Status::CoolingDown => after.until >= Some(until),
                status => status == Status::Disabled,
            };
            assert!(holds, "the cooldown of {} until {until:?} was cut short: {after:?}", row.id);
        }
    }
}

/// Whether it would take one more from the line.
pub(crate) fn is_within_its_pace(row: &Row) -> bool {
    row.pace.is_none_or(|pace| row.in_flight + row.promised < pace)
}

pub(crate) fn promises_keep_to_the_cap(row: &Row) {
    let taken = row.in_flight + row.promised;
    let most = row.max_in_flight.unwrap_or(u32::MAX);
    assert!(row.promised == 0 || taken <= most, "{} is promised beyond its cap: {row:?}", row.id);
    let is_out = row.status != Status::Healthy;
    assert!(!is_out || row.promised == 0, "{} is promised though it is out", row.id);
    assert!(
        row.eligible
            == (!is_out
                && row.spent_until.is_none()
                && row.limit.is_none_or(|limit| taken < limit)),
        "{row:?}"
    );
}

pub(crate) fn gauges_add_up(stats: &PoolStats, rows: &[Row]) {
    assert_eq!(stats.healthy + stats.cooling_down + stats.disabled, rows.len());
    assert_eq!(stats.eligible + stats.saturated + stats.spent, stats.healthy);
    for resource in &stats.resources {
        let within = |level: &QuotaLevel| level.left <= level.quota.capacity() as i64;
        assert!(resource.quotas.iter().all(within), "more is left than fits: {resource:?}");
    }
    let ended = stats.runs_ok + stats.runs_error;
    assert!(stats.successes <= stats.attempts && ended <= stats.attempts);
    assert!(stats.sibling_cancels <= stats.attempts);
}
