//! Coming back from an outage: trials and ramps, and what room there is meanwhile.

use std::time::Duration;

use rotapool_core::{Profile, Recovery, Status};

use super::{Membership, Reference, Usage};
use crate::twice::observed::Moment;

/// Without a cap a ramp ends once it has passed this pace.
const HIGHEST_PACE: u32 = 64;

/// How a membership comes back. Usages older than the bound hold no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Comeback {
    Proven,
    Trial { at_once: u32, missing: u32, bound: Duration },
    Ramp { pace: u32, bound: Duration },
}

impl Reference {
    // Room.

    /// Usages that count in a trial or a ramp: begun since it was out, and not late.
    pub(super) fn young_in_flight(&self, membership: usize) -> u32 {
        self.usages.iter().filter(|usage| self.is_young(usage, membership) && !usage.late).count()
            as u32
    }

    fn is_young(&self, usage: &Usage, membership: usize) -> bool {
        usage.membership == membership && usage.number > self.memberships[membership].out_after
    }

    /// A usage holds no place of a trial or a ramp any more.
    pub(super) fn counts_no_longer(&mut self, number: u64) {
        let usage = self.usages.iter().position(|usage| usage.number == number);
        let usage = usage.expect("it is in flight");
        if self.is_young(&self.usages[usage], self.usages[usage].membership) {
            self.usages[usage].late = true;
        }
    }

    /// The cap that holds now. Who is older than the trip takes no place of a trial away.
    pub(super) fn limit(&self, membership: usize) -> Option<u32> {
        let comeback = self.memberships[membership].comeback;
        self.limit_under(membership, comeback, self.young_in_flight(membership))
    }

    fn limit_under(&self, membership: usize, comeback: Comeback, young: u32) -> Option<u32> {
        let in_flight = self.in_flight(&self.memberships[membership].id);
        self.limit_with(membership, comeback, in_flight, young)
    }

    fn limit_with(
        &self,
        membership: usize,
        comeback: Comeback,
        in_flight: u32,
        young: u32,
    ) -> Option<u32> {
        let profile = &self.memberships[membership].profile;
        match comeback {
            Comeback::Trial { at_once, .. } if self.rules.rules.generations => {
                let older = in_flight - young;
                let limit = older.saturating_add(at_once);
                Some(profile.max_in_flight.map_or(limit, |cap| cap.min(limit)))
            }
            Comeback::Trial { at_once, .. } => Some(at_once),
            _ => profile.max_in_flight,
        }
    }

    pub(super) fn has_room(&self, membership: usize) -> bool {
        let taken = self.in_flight(&self.memberships[membership].id) + self.promised(membership);
        self.limit(membership).is_none_or(|limit| taken < limit)
    }

    pub(super) fn pace(&self, membership: usize) -> Option<u32> {
        match self.memberships[membership].comeback {
            Comeback::Ramp { pace, .. } => Some(pace),
            _ => None,
        }
    }

    pub(super) fn is_within_its_pace(&self, membership: usize) -> bool {
        let taken = self.young_in_flight(membership) + self.promised(membership);
        self.pace(membership).is_none_or(|pace| taken < pace)
    }

    // Room as a report shows it: as of now, whether or not anybody has noticed what has ended.

    pub(super) fn limit_by(&self, membership: usize, now: Moment) -> Option<u32> {
        let late = |usage: &&Usage| {
            let is_late = self.rules.rules.generations
                && self.end_of_bound(usage).is_some_and(|end| end <= now);
            self.is_young(usage, membership)
                && !usage.late
                && (is_late || self.is_over_by(usage, now))
        };
        let late = self.usages.iter().filter(late).count() as u32;
        let young = self.young_in_flight(membership) - late;
        let comeback = self.comeback_by(membership, now);
        self.limit_with(membership, comeback, self.in_flight_by(membership, now), young)
    }

    pub(super) fn has_room_by(&self, membership: usize, now: Moment) -> bool {
        let taken = self.in_flight_by(membership, now) + self.promised(membership);
        self.limit_by(membership, now).is_none_or(|limit| taken < limit)
    }

    pub(super) fn pace_by(&self, membership: usize, now: Moment) -> Option<u32> {
        match self.comeback_by(membership, now) {
            Comeback::Ramp { pace, .. } => Some(pace),
            _ => None,
        }
    }

    pub(super) fn comeback_by(&self, membership: usize, now: Moment) -> Comeback {
        let Membership { status, until, comeback, .. } = &self.memberships[membership];
        let is_shown = self.rules.rules.ends_by_the_clock;
        match is_shown && *status == Status::CoolingDown && *until <= Some(now) {
            true => self.comeback_after(membership, now),
            false => *comeback,
        }
    }

    // The clock.

    /// Notices what has ended, if the rules go by the clock. Otherwise only a selection does.
    pub(super) fn notice_by_the_clock(&mut self, now: Moment) {
        self.now = now;
        if self.rules.rules.ends_by_the_clock {
            self.notice(now);
            self.attend_the_line();
        }
    }

    /// Turns the expired cooldowns healthy, and finds who is late.
    pub(super) fn notice(&mut self, now: Moment) {
        self.is_noticing = true;
        for membership in 0..self.memberships.len() {
            let member = &self.memberships[membership];
            let cooling = member.is_member && member.status == Status::CoolingDown;
            if cooling && member.until <= Some(now) {
                let comeback = self.comeback_after(membership, now);
                let member = &mut self.memberships[membership];
                member.comeback = comeback;
                if let Some(until) = member.until {
                    member.held.back(until);
                }
                let old = member.become_healthy();
                self.refill(membership, now);
                self.report(membership, old, now);
            }
        }
        self.notice_refills(now);
        self.is_noticing = false;
        if self.rules.rules.generations {
            for usage in 0..self.usages.len() {
                if self.end_of_bound(&self.usages[usage]).is_some_and(|end| end <= now) {
                    self.usages[usage].late = true;
                    let on = &self.memberships[self.usages[usage].membership];
                    if matches!(on.comeback, Comeback::Trial { .. }) {
                        self.usages[usage].lost = true;
                        self.note("a usage was lost on trial");
                    }
                }
            }
        }
        self.take_back(now);
    }

    /// When a usage stops to hold a place on trial or in a ramp.
    fn end_of_bound(&self, usage: &Usage) -> Option<Moment> {
        // For the end of a former member's nobody waits.
        let is_member = self.memberships[usage.membership].is_member;
        if usage.late || !is_member || !self.is_young(usage, usage.membership) {
            return None;
        }
        match self.memberships[usage.membership].comeback {
            Comeback::Proven => None,
            Comeback::Trial { bound, .. } | Comeback::Ramp { bound, .. } => {
                Some(usage.since + bound)
            }
        }
    }

    /// The next moment at which a place may come free by the clock alone.
    pub(super) fn next_known_instant(&self) -> Option<Moment> {
        let cooling = self.members().filter(|(_, member)| member.status == Status::CoolingDown);
        let ends = cooling.filter_map(|(_, member)| member.until);
        let young = self.usages.iter().filter(|_| self.rules.rules.generations);
        let healthy = self.members().filter(|(_, member)| member.status == Status::Healthy);
        let refills = healthy.filter_map(|(_, member)| member.spent_until);
        let held = self.usages.iter().filter_map(|usage| usage.held.flatten());
        let bounds = young.filter_map(|usage| self.end_of_bound(usage));
        ends.chain(bounds).chain(refills).chain(held).chain(self.next_to_pay()).min()
    }

    // Beginnings and ends.

    /// The bound is as long as it was out, unless the owner said otherwise; in a ramp the first guess at most.
    pub(super) fn comeback_after(&self, membership: usize, now: Moment) -> Comeback {
        let Membership { since, until, profile, .. } = &self.memberships[membership];
        let lasted =
            until.zip(*since).map_or(Duration::ZERO, |(until, since)| until.min(now) - since);
        match self.rules.recovery {
            Recovery::AtOnce => Comeback::Proven,
            Recovery::Trial(trial) => Comeback::Trial {
                at_once: trial.at_once,
                missing: trial.successes,
                bound: trial.bound.unwrap_or(lasted),
            },
            Recovery::Ramp => ramp(1, lasted.min(self.rules.cooldown_table[0]), profile),
            other => panic!("the reference does not know {other:?}"),
        }
    }

    pub(super) fn comeback_of_a_newcomer(&self, profile: &Profile) -> Comeback {
        match self.rules.recovery {
            // A pool that has not served is still being built.
            Recovery::Ramp if self.newest_usage > 0 => {
                ramp(1, self.rules.cooldown_table[0], profile)
            }
            _ => Comeback::Proven,
        }
    }

    /// A success that counts: a step towards the end of a trial or a ramp.
    pub(super) fn come_back_further(&mut self, membership: usize) {
        let Membership { comeback, profile, .. } = &mut self.memberships[membership];
        *comeback = match *comeback {
            Comeback::Proven => return,
            Comeback::Trial { missing: 0 | 1, .. } => Comeback::Proven,
            Comeback::Trial { at_once, missing, bound } => {
                Comeback::Trial { at_once, missing: missing - 1, bound }
            }
            Comeback::Ramp { pace, bound } => ramp(pace + 1, bound, profile),
        };
        let corner = match self.memberships[membership].comeback {
            Comeback::Proven => "a comeback is over",
            Comeback::Trial { .. } => "a trial goes on after a success",
            Comeback::Ramp { .. } => "a ramp went up",
        };
        self.note(corner);
    }
}

/// A ramp is over when it has reached the cap.
fn ramp(pace: u32, bound: Duration, profile: &Profile) -> Comeback {
    let is_over = match profile.max_in_flight {
        Some(cap) => pace >= cap,
        None => pace > HIGHEST_PACE,
    };
    if is_over { Comeback::Proven } else { Comeback::Ramp { pace, bound } }
}
