//! What users hold: the pool, what it is made of, and the ways to run something on it.

mod admin;
mod blocking;
mod builder;
mod classified;
mod closing;
mod configured;
pub(crate) mod handle;
mod membership;
mod request;
mod resource;
mod running;
#[cfg(feature = "prometheus")]
mod sampled;
mod watching;
mod wrapped;

pub use self::builder::Builder;
pub use self::classified::Classified;
pub use self::handle::Pool;
pub use self::request::Request;
pub use self::resource::Resource;
pub use self::wrapped::Wrapped;
