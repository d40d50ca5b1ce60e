//! [`SmolRuntime`]: the timer and the spawn hook of the `rotapool` crate on smol.
//!
//! With the feature `async-std` also `AsyncStdRuntime`. The `rotapool` crate re-exports the two under
//! its features `smol` and `async-std`.
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "async-std")]
mod async_std_runtime;
mod smol_runtime;
mod timer;

#[cfg(feature = "async-std")]
#[cfg_attr(docsrs, doc(cfg(feature = "async-std")))]
pub use async_std_runtime::AsyncStdRuntime;
pub use smol_runtime::SmolRuntime;
