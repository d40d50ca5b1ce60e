//! The usages on one resource that outlive a call: their callers hold them, and may forget them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::usage::{Place, Sequence};
use crate::rare::Rare;
use crate::time::Tick;

/// None, of most resources at most times.
#[derive(Debug, Default)]
pub(crate) struct Holds(Rare<Kept>);

#[derive(Debug, Default, Clone)]
struct Kept {
    held: BTreeMap<Sequence, Hold>,
    /// When those end that are bound, whatever their callers do.
    ends: BTreeSet<(Tick, Sequence)>,
    taken_back: u64,
    streams_begun: u64,
    /// Streams that came to their end, and how long they took in all.
    streams: u64,
    streamed: Duration,
}

/// A usage whose caller settles it in its own time.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) place: Place,
    pub(crate) since: Tick,
    /// When its place is taken back.
    pub(crate) end: Option<Tick>,
    pub(crate) told: Told,
}

/// By what its run is told of.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// 0 of one that nobody has followed so far.
    pub(crate) run: u64,
    pub(crate) request_id: Option<Arc<str>>,
    /// Which of its attempts it is, and how many there were.
    pub(crate) attempt: u32,
    pub(crate) attempts: u32,
}

impl Holds {
    #[cold]
    pub(crate) fn begin(&mut self, usage: Sequence, hold: Hold) {
        let kept = self.0.get_or_insert_default();
        kept.ends.extend(hold.end.map(|end| (end, usage)));
        kept.held.insert(usage, hold);
    }

    /// Answers whether it was held until now.
    #[cold]
    pub(crate) fn end(&mut self, usage: Sequence) -> Option<Hold> {
        let kept = self.0.as_mut()?;
        let hold = kept.held.remove(&usage)?;
        hold.end.map(|end| kept.ends.remove(&(end, usage)));
        Some(hold)
    }

    /// Takes out one whose time is up.
    #[cold]
    pub(crate) fn take_back(&mut self, now: Tick) -> Option<(Sequence, Hold)> {
        let kept = self.0.as_mut()?;
        let &(_, usage) = kept.ends.first().filter(|(end, _)| *end <= now)?;
        kept.taken_back += 1;
        self.end(usage).map(|hold| (usage, hold))
    }

    /// A stream has had its first item.
    #[cold]
    pub(crate) fn stream_begins(&mut self) {
        self.0.get_or_insert_default().streams_begun += 1;
    }

    pub(crate) fn streams_begun(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.streams_begun)
    }

    /// A stream came to its end after so long.
    #[cold]
    pub(crate) fn streamed(&mut self, whole: Duration) {
        let kept = self.0.get_or_insert_default();
        kept.streams += 1;
        kept.streamed = kept.streamed.saturating_add(whole);
    }

    pub(crate) fn streams(&self) -> (u64, Duration) {
        self.0.as_ref().map_or((0, Duration::ZERO), |kept| (kept.streams, kept.streamed))
    }

    pub(crate) fn is_held(&self, usage: Sequence) -> bool {
        self.0.as_ref().is_some_and(|kept| kept.held.contains_key(&usage))
    }

    /// When the time of the first is up.
    #[inline]
    pub(crate) fn next_end(&self) -> Option<Tick> {
        self.0.as_ref().and_then(|kept| kept.ends.first()).map(|(end, _)| *end)
    }

    pub(crate) fn len(&self) -> u32 {
        self.0.as_ref().map_or(0, |kept| kept.held.len() as u32)
    }

    /// Where the usages are kept.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        self.0.iter().flat_map(|kept| kept.held.values()).map(|hold| hold.place)
    }

    /// The one that began first.
    pub(crate) fn longest(&self) -> Option<&Hold> {
        self.0.as_ref().and_then(|kept| kept.held.values().next())
    }

    /// How often a place was taken back from who held it too long.
    pub(crate) fn taken_back(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.taken_back)
    }
}

impl Clone for Holds {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().map_or(Rare::NONE, |kept| Rare::new((**kept).clone())))
    }
}
