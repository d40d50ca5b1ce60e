//! How much memory is in use, by an allocator that counts.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

pub(crate) fn in_use() -> usize {
    ALLOCATOR.current_usage()
}

/// The most that ever was.
pub(crate) fn peak() -> usize {
    ALLOCATOR.peak_usage()
}

/// What is in use at moments that should be alike.
pub(crate) struct Level {
    when: &'static str,
    /// How much more than at first may be in use later: tables that have grown to the largest crowd, and
    /// what is not ours.
    slack: usize,
    first: Option<usize>,
}

impl Level {
    pub(crate) fn new(when: &'static str, slack: usize) -> Self {
        Self { when, slack, first: None }
    }

    /// That no more is in use than at the first such moment.
    pub(crate) fn assert_flat(&mut self) {
        let now = in_use();
        let first = *self.first.get_or_insert(now);
        let when = self.when;
        assert!(
            now <= first + self.slack,
            "{when}, {now} bytes are in use; at first it was {first}"
        );
    }
}
