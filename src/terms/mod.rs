//! What a caller and a run have to say to each other: what the run may do, what its operation receives
//! and answers, and how it fails.

pub(crate) mod answer;
pub(crate) mod blame;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod finding;
pub(crate) mod meaning;
pub(crate) mod options;
pub(crate) mod secret;
pub(crate) mod select;
pub(crate) mod table;
pub(crate) mod unserved;
