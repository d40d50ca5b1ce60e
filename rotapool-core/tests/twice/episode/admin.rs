//! The admin calls of operators, on both.

use rotapool_core::{Profile, ResourceError, SlotIndex};

use super::Episode;
use crate::twice::command::Command;
use crate::twice::corners::Corners;
use crate::twice::reference::Listed;

impl Episode {
    pub(super) fn administer(&mut self, command: &Command, corners: &mut Corners) {
        let now = self.clock.instant(self.now);
        match command {
            Command::Park { id, period, reason } => {
                let expected = self.reference.park(id, *period, reason, self.now);
                let actual = self.core.park(id, *period, (*reason).into(), now);
                let actual = actual.map(|until| self.clock.moment(until));
                self.agreement.demand("the answer", &expected, &actual);
                corners.refused(&expected);
            }
            Command::Unpark { id } => {
                let expected = self.reference.unpark(id, self.now);
                self.agreement.demand("the answer", &expected, &self.core.unpark(id, now));
                corners.refused(&expected);
            }
            Command::Rotate { chance } => self.rotate(*chance, corners),
            Command::Reset { id } => {
                let expected = self.reference.reset(id, self.now);
                self.agreement.demand("the answer", &expected, &self.core.reset(id, now));
                corners.refused(&expected);
            }
            Command::Update { id, profile } => {
                let expected = self.reference.update(id, profile, self.now);
                let known = self.core.profile(id).map(|(_, profile)| profile);
                let before = known.unwrap_or_else(|_| Profile::new(*id));
                let actual = self.core.update(&before, profile.clone(), now);
                let actual = actual.map(|updated| drop(updated.expect("nobody else changes it")));
                self.agreement.demand("the answer", &expected, &actual);
                corners.refused(&expected);
            }
            Command::Apply { list } => {
                let expected = self.reference.apply(list, self.now);
                let before = self.reference.memberships_of_members();
                let actual = self.core.apply(list.clone(), now).map(|(applied, places)| {
                    // The reference has them all by now: who is new to the books joins.
                    for (slot, profile) in places.listed.iter().zip(list) {
                        self.meet(*slot, &profile.id, &before);
                    }
                    Listed {
                        added: applied.added,
                        updated: applied.updated.into_iter().map(|(id, _)| id).collect(),
                        unchanged: applied.unchanged,
                        removed: applied.removed,
                    }
                });
                if actual.is_err() {
                    corners.reached("a list was refused");
                }
                self.agreement.demand("the answer", &expected, &actual);
            }
            other => unreachable!("{other:?} is no operator's"),
        }
    }

    fn meet(&mut self, slot: SlotIndex, id: &str, members: &[(usize, String)]) {
        let membership = members.iter().find(|(_, member)| *member == id);
        let membership = membership.expect("the reference takes it too").0;
        if self.memberships.get(&slot.get()) != Some(&membership) {
            self.joined(slot, membership);
        }
    }

    fn rotate(&mut self, chance: f64, corners: &mut Corners) {
        let now = self.clock.instant(self.now);
        let actual = self.core.rotate(now, || chance);
        let core = actual.as_ref().map(|it| (&*it.from, it.to.as_deref()));
        let expected = self.reference.rotate(core, self.now);
        let actual = actual.map(|it| (it.from, self.clock.moment(it.until)));
        match &expected {
            Err(ResourceError::NothingInUse { .. }) => corners.reached("nothing in use"),
            Err(ResourceError::NothingElseHealthy { .. }) => corners.reached("nowhere to rotate"),
            _ => {}
        }
        self.agreement.demand("the answer", &expected, &actual);
    }
}
