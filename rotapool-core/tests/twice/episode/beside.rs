//! Who does something in a pool and is no run: lookouts and a prober.

use rotapool_core::{Lookout, Outcome, Probe, Prober, Status};

use super::Episode;
use crate::twice::observed::{Handle, Moment, Row};
use crate::twice::reference::Asking;

/// Where the handles of lookouts begin.
const FIRST: usize = 1_000_000;

/// A lookout as whoever drives it knows it.
#[derive(Debug, Default)]
pub(super) struct Post {
    lookout: Lookout,
    looks: u32,
    /// When it comes by itself.
    until: Option<Moment>,
    /// Whether it has to come now; at first it does not know.
    called: bool,
    /// Whether it looked once, and did not stand down since.
    pub(super) stands: bool,
}

#[derive(Debug, Default)]
pub(super) struct Asker {
    prober: Option<Prober>,
    under_way: Vec<Probe>,
    due: Option<Moment>,
}

impl Episode {
    /// How many lookouts there may be.
    pub(crate) const LOOKOUTS: usize = 2;

    pub(super) fn look_out(&mut self, number: usize) {
        let now = self.clock.instant(self.now);
        let post = &mut self.posts[number];
        post.looks += 1;
        let handle = Handle { run: FIRST + number, step: post.looks };
        let mut takes = false;
        let actual = self.core.look_out(&mut post.lookout, now, || {
            takes = true;
            handle
        });
        let actual = (actual.map(|at| self.clock.moment(at)), takes);
        let expected = self.reference.look_out(number, handle, actual.0, self.now);
        self.agreement.demand("when a lookout comes again", &expected, &actual);
        if takes {
            self.handles.insert(handle);
        }
        let post = &mut self.posts[number];
        (post.until, post.called, post.stands) = (actual.0, false, true);
    }

    pub(super) fn stand_down(&mut self, number: usize) {
        self.core.stand_down(&self.posts[number].lookout);
        self.reference.stand_down(number);
        self.posts[number] = Post { looks: self.posts[number].looks, ..Post::default() };
    }

    /// Notes the call if it is a lookout that is woken.
    pub(super) fn call(&mut self, handle: Handle) -> bool {
        let Some(number) = handle.run.checked_sub(FIRST) else { return false };
        self.posts[number].called = true;
        true
    }

    pub(super) fn employ(&mut self, asking: Asking) {
        self.dismiss();
        self.reference.employ(asking);
        let prober = Some(Prober::new(asking.rules()));
        self.asker = Asker { prober, ..Asker::default() };
    }

    /// The prober is dropped, and the probes under way with it.
    pub(super) fn dismiss(&mut self) {
        self.reference.dismiss(self.now);
        if let Some(mut prober) = self.asker.prober.take() {
            prober.give_up(&mut self.core, self.clock.instant(self.now));
        }
    }

    pub(super) fn ask_around(&mut self, chance: f64) {
        let now = self.clock.instant(self.now);
        let Some(prober) = &mut self.asker.prober else { return };
        let (probes, due) = prober.step(&mut self.core, now, || chance);
        let due = due.map(|due| self.clock.moment(due));
        let asked: Vec<_> =
            probes.iter().map(|probe| self.memberships[&probe.slot().get()]).collect();
        let expected = self.reference.ask_around(self.now, chance);
        self.agreement.demand("the probes", &expected, &(asked, due));
        self.asker.under_way.extend(probes);
        self.asker.due = due;
    }

    pub(super) fn answer(&mut self, probe: usize, outcome: &Outcome, chance: f64) {
        let now = self.clock.instant(self.now);
        let Some(prober) = &mut self.asker.prober else { return };
        self.reference.answer(probe, outcome, self.now, chance);
        let probe = self.asker.under_way.remove(probe);
        prober.settle(&mut self.core, probe, outcome, now, || chance);
    }

    // What the next command is chosen by.

    /// How many probes are under way.
    pub(crate) fn probes(&self) -> usize {
        self.asker.under_way.len()
    }

    pub(super) fn has_prober(&self) -> bool {
        self.asker.prober.is_some()
    }

    /// Who stands as a lookout and has to come now.
    pub(crate) fn lookout_that_is_due(&self) -> Option<usize> {
        let is_due = |post: &Post| {
            post.stands && (post.called || post.until.is_some_and(|until| until <= self.now))
        };
        self.posts.iter().position(is_due)
    }

    pub(super) fn moments_beside(&self) -> impl Iterator<Item = Moment> {
        let posts = self.posts.iter().filter(|post| post.stands);
        posts.filter_map(|post| post.until).chain(self.asker.due)
    }

    pub(crate) fn exhausted_since(&self) -> Option<Moment> {
        self.core.exhausted_since().map(|since| self.clock.moment(since))
    }

    // What must hold, whatever the reference says.

    /// Whoever looks at the clock comes when the next thing ends, or is called.
    pub(super) fn uphold_the_lookouts(&self, rows: &[Row]) {
        let refill = |row: &Row| row.spent_until.filter(|_| row.status == Status::Healthy);
        let Some(next) = rows.iter().filter_map(|row| row.until.or(refill(row))).min() else {
            return;
        };
        for post in self.posts.iter().filter(|post| post.stands && !post.called) {
            let knows = post.until.is_some_and(|until| until <= next);
            assert!(knows, "something ends at {next:?}, and {post:?} does not know");
        }
    }

    /// Once a punctual lookout has looked, what was told last is true.
    pub(crate) fn uphold_the_edge(&self) {
        let rows = self.look();
        let is_up = |row: &&Row| row.status == Status::Healthy;
        let is_able = |row: &&Row| is_up(row) && row.spent_until.is_none();
        match self.exhausted_since() {
            Some(since) => {
                let able = rows.iter().find(is_able);
                assert!(able.is_none(), "exhausted since {since:?}, and there is {able:?}");
            }
            None => assert!(rows.iter().any(|row| is_up(&row)), "nobody told that all are out"),
        }
    }
}
