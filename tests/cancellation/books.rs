//! What really happened, to hold the pool's counters against.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rotapool::PoolStats;

use crate::shapes::End;

/// What became of the calls and the runs.
#[derive(Debug, Default, Clone)]
pub(crate) struct Page {
    pub(crate) calls: u64,
    /// How the calls ended, those that were dropped included.
    pub(crate) ends: BTreeMap<End, u64>,
    /// Calls in flight that have said that they hang.
    pub(crate) hanging: u64,
    pub(crate) runs: u64,
    pub(crate) fates: BTreeMap<&'static str, u64>,
    pub(crate) admin_disables: u64,
}

impl Page {
    pub(crate) fn ends(&self, end: End) -> u64 {
        self.ends.get(&end).copied().unwrap_or(0)
    }

    fn fates(&self, fate: &str) -> u64 {
        self.fates.get(fate).copied().unwrap_or(0)
    }

    /// That the pool counted all that happened, and nothing else.
    pub(crate) fn assert_agrees(&self, stats: &PoolStats, about: &str) {
        let ended: u64 = self.ends.values().sum();
        let through = self.ends(End::Value) + self.ends(End::Error);
        let retries = self.ends(End::Retry) + self.ends(End::RetryOnTrial);
        let cooldowns = self.ends(End::Cooldown) + self.ends(End::RetryOnTrial);
        let signals = self.ends(End::Cooldown) + self.ends(End::Disable) + retries;
        let failures = signals + self.ends(End::Failure) + stats.timeouts;
        let disables = self.ends(End::Disable) + self.admin_disables;
        let runs = [
            (stats.runs_ok, self.fates("ok"), "ok"),
            (stats.runs_error, self.fates("error") + self.fates("panic"), "error"),
            (stats.runs_exhausted, self.fates("exhausted"), "exhausted"),
            (stats.runs_cancelled, self.fates("given up"), "cancelled"),
        ];
        for (counted, happened, what) in runs {
            assert_eq!(counted, happened, "{about}: runs {what}; {self:?}");
        }
        assert_eq!(runs.iter().map(|run| run.0).sum::<u64>(), self.runs, "{about}: runs; {self:?}");
        assert_eq!(ended, self.calls, "{about}: an operation lives on; {self:?}");
        assert_eq!(stats.attempts, self.calls, "{about}: attempts; {self:?}");
        assert_eq!(stats.successes, through, "{about}: successes; {self:?}");
        assert_eq!(stats.failures, failures, "{about}: failures; {self:?}");
        assert_eq!(stats.retries, retries, "{about}: retries; {self:?}");
        assert_eq!(stats.cooldowns, cooldowns, "{about}: cooldowns; {self:?}");
        assert_eq!(stats.disables, disables, "{about}: disables; {self:?}");
        assert_eq!(stats.choice_faults, 0, "{about}: choices");
        let acquired: u64 = stats.resources.iter().map(|resource| resource.acquires).sum();
        assert_eq!(acquired, self.calls, "{about}: acquires; {self:?}");
    }
}

/// A page that everybody writes to.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<Page>);

impl Books {
    pub(crate) fn page(&self) -> Page {
        self.0.lock().unwrap().clone()
    }

    fn write<R>(&self, entry: impl FnOnce(&mut Page) -> R) -> R {
        entry(&mut self.0.lock().unwrap())
    }

    pub(crate) fn admin_disabled(&self) {
        self.write(|page| page.admin_disables += 1);
    }

    /// A run has ended or was given up; it never was if it had not `begun`.
    pub(crate) fn run_over(&self, fate: &'static str, begun: bool) {
        if begun {
            self.write(|page| {
                page.runs += 1;
                *page.fates.entry(fate).or_default() += 1;
            });
        }
    }

    /// A call has begun.
    pub(crate) fn call(self: &Arc<Self>) -> Call {
        self.write(|page| page.calls += 1);
        Call { books: Arc::clone(self), end: End::Hang, hangs: false }
    }
}

/// A call in flight, which is written down however it ends.
pub(crate) struct Call {
    books: Arc<Books>,
    end: End,
    hangs: bool,
}

impl Call {
    pub(crate) fn hangs(&mut self) {
        self.hangs = true;
        self.books.write(|page| page.hanging += 1);
    }

    pub(crate) fn ends(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.books.write(|page| {
            page.hanging -= u64::from(self.hangs);
            *page.ends.entry(self.end).or_default() += 1;
        });
    }
}
