//! A pool as its metrics sample it.

use std::sync::Arc;

use rotapool_core::PoolStats;

use crate::pool::handle::Pool;
use crate::watch::metrics::{CollectorError, PoolCollector, Sampled};

impl PoolCollector {
    /// Shows a pool under its name from the next scrape on.
    ///
    /// # Errors
    ///
    /// [`CollectorError::DuplicateName`] if there is a pool of that name already. Pools without a name of their
    /// own are all called `pool`.
    pub fn add<T: Send + Sync + 'static>(&self, pool: &Pool<T>) -> Result<(), CollectorError> {
        self.show(Arc::new(pool.clone()))
    }
}

impl<T: Send + Sync> Sampled for Pool<T> {
    fn name(&self) -> &str {
        self.name()
    }

    fn stats(&self) -> PoolStats {
        self.stats()
    }
}
