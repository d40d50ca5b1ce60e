//! rotapool
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod abort;
mod builder;
mod error;
mod fault;
mod guard;
mod lease;
mod options;
mod pool;
mod request;
mod resource;
mod run;
mod shared;
mod timer;
mod wrapped;

pub use abort::AbortHandle;
pub use builder::Builder;
pub use error::{OptionsError, RunError};
pub use fault::Fault;
pub use lease::Lease;
pub use pool::Pool;
pub use request::Request;
pub use resource::Resource;
pub use timer::DefaultRuntime;
pub use wrapped::Wrapped;

pub use rotapool_core::{
    BuildError, Cause, Exhausted, ExhaustedReason, ExhaustedTable, PoolStats, ResourceError,
    ResourceSnapshot, ResourceStats, Runtime, Signal, Sleep, Spawn, StateChange, Status, Strategy,
};

#[cfg(feature = "async-std")]
#[cfg_attr(docsrs, doc(cfg(feature = "async-std")))]
pub use rotapool_smol::AsyncStdRuntime;
#[cfg(feature = "smol")]
#[cfg_attr(docsrs, doc(cfg(feature = "smol")))]
pub use rotapool_smol::SmolRuntime;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use rotapool_tokio::TokioRuntime;
