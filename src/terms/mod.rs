//! What a caller and a run have to say to each other: what the run may do, what its operation receives
//! and answers, and how it fails.

pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod lease;
pub(crate) mod options;
pub(crate) mod select;
