//! What the ranked strategies order by.

/// What a ranked strategy orders by, the least wins: two numbers, the first of which counts more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u128);

impl Rank {
    /// Behind every other.
    pub(super) const LAST: Self = Self(u128::MAX);

    #[inline]
    pub(super) fn new(major: u64, minor: u64) -> Self {
        Self(u128::from(major) << 64 | u128::from(minor))
    }

    pub(super) fn major(self) -> u64 {
        (self.0 >> 64) as u64
    }

    pub(super) fn minor(self) -> u64 {
        self.0 as u64
    }
}
