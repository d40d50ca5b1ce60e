//! A pool that is played twice, with the books kept beside it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::time::Duration;

use rotapool_core::{Outcome, Signal};

use crate::choices::{CHANCE, Choice};
use crate::laws::{self, Scene};
use crate::ledger::Ledger;
use crate::setting::Setting;
use crate::twice::command::Command;
use crate::twice::corners::Corners;
use crate::twice::episode::{Doing, Episode, Played};
use crate::twice::reference::Terms;

pub(crate) struct World<'a> {
    setting: &'a Setting,
    episode: Episode,
    ledger: Ledger,
    corners: Corners,
}

impl<'a> World<'a> {
    /// The pool in which the runs find all of its resources.
    pub(crate) fn new(setting: &'a Setting) -> Self {
        let mut world = Self {
            setting,
            episode: Episode::new(&setting.rules),
            ledger: Ledger::new(setting.rules.clone()),
            corners: Corners::default(),
        };
        if setting.attended {
            world.act(&Command::Employ(Setting::asking()));
            world.act(&Command::LookOut { lookout: 0 });
        }
        for &id in setting.ids() {
            world.repeat(Choice::Add(id));
        }
        if setting.tries {
            // It would take many choices to get there: one of them has been out for long enough.
            world.repeat(Choice::Park("a"));
            let to = world.episode.now() + Duration::from_secs(2);
            world.act(&Command::SetClock { to });
        }
        world
    }

    pub(crate) fn choices(&self) -> Vec<Choice> {
        Choice::all(self.setting, &self.episode)
    }

    /// Makes a choice once more whose consequences have been looked at.
    pub(crate) fn repeat(&mut self, choice: Choice) {
        for command in choice.commands(self.setting, &self.episode) {
            self.act(&command);
        }
        self.attend(Self::act);
    }

    /// Makes a choice and looks at all that came of it.
    pub(crate) fn make(&mut self, choice: Choice) {
        for command in choice.commands(self.setting, &self.episode) {
            self.watch(&command);
        }
        self.attend(Self::watch);
        if self.setting.attended {
            self.episode.uphold_the_edge();
        }
    }

    /// The lookout comes when it is due or called, and the prober takes note of what has changed.
    fn attend<R>(&mut self, act: impl Fn(&mut Self, &Command) -> R) {
        if !self.setting.attended {
            return;
        }
        while let Some(lookout) = self.episode.lookout_that_is_due() {
            act(self, &Command::LookOut { lookout });
        }
        act(self, &Command::AskAround { chance: CHANCE });
    }

    pub(crate) fn essence(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.episode.hash_essence(&mut hasher);
        hasher.finish()
    }

    /// Uses all that can be used, then condemns what is in use, oldest first, and gives up the rest. If
    /// core's index or its lists of usages are not what they should be, it shows.
    pub(crate) fn end(mut self) {
        for _ in 0..self.setting.resources + 2 {
            let known = self.episode.has_noticed();
            let before = self.episode.look();
            let [impatient, _] = self.setting.terms(self.episode.now());
            let run = self.episode.runs();
            self.act(&Command::Begin(Terms { costs: Vec::new(), ..impatient }));
            let next = self.act(&Command::Step { run, chance: CHANCE }).next;
            let next = next.expect("the answer to a step");
            match self.episode.stats().closed {
                true => laws::a_closed_pool_begins_nothing(&next),
                false => {
                    let after = self.episode.look();
                    laws::the_index_agrees_with_a_scan(known, &before, &next, &after);
                }
            }
        }
        for run in self.ledger.runs_with_operations() {
            let outcome = Outcome::Signal(Signal::disable(""));
            let played = self.act(&Command::Settle { run, outcome, chance: CHANCE });
            laws::a_signal_aborts_exactly_the_younger_live_siblings(&played, &self.ledger);
        }
        for run in self.episode.runs_that(|doing| doing != Doing::Over) {
            self.act(&Command::Cancel { run });
        }
        self.episode.assert_agreement();
        self.episode.end();
    }

    fn watch(&mut self, command: &Command) {
        let before = self.episode.look();
        let played = self.act(command);
        laws::uphold(&Scene {
            command,
            now: self.episode.now(),
            noticed: self.episode.has_noticed(),
            before: &before,
            after: &self.episode.look(),
            stats: &self.episode.stats(),
            played: &played,
            ledger: &self.ledger,
            handles: &self.episode.handles(),
        });
        let rows = self.episode.compare();
        self.episode.uphold_the_line(command, &played, &rows);
    }

    fn act(&mut self, command: &Command) -> Played {
        let played = self.episode.act(command, &mut self.corners);
        let now = self.episode.now();
        // Some commands notice what is over that need not: then all of it.
        let takes_back = self.episode.stats().taken_back > self.ledger.tally.taken_back;
        let noticed = self.episode.has_noticed() || takes_back;
        self.ledger.record(command, &played, (now, noticed));
        played
    }
}
