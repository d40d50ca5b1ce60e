//! A pool as a service of the crate `tower` (feature `tower`).

mod attempt;
mod future;
mod layer;
mod remake;
mod service;

pub use self::attempt::{Factory, Services};
pub use self::future::PoolFuture;
pub use self::layer::PoolLayer;
pub use self::remake::{Cloned, Remake};
pub use self::service::PoolService;
