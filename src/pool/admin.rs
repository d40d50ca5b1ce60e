//! Admin calls: who is in the pool, and who is in use.

use std::sync::Arc;

use rotapool_core::ResourceError;

use crate::pool::handle::Pool;
use crate::pool::resource::Resource;

impl<T> Pool<T> {
    /// Adds a healthy resource at the end of the pool order and wakes the runs that wait.
    ///
    /// An id that was removed may be used again: it starts afresh, except that operations still
    /// running from its earlier stay count toward its cap.
    ///
    /// # Errors
    ///
    /// An id that is empty or taken, a `max_in_flight` of 0, a weight out of range, or a secret that is empty or
    /// in plain sight. The pool is unchanged then.
    pub fn add(&self, resource: Resource<T>) -> Result<(), ResourceError> {
        let (profile, entry) = resource.enter(&self.shared.hooks.table)?;
        let now = self.now();
        // On refusal the entry is dropped out here: it is the user's value.
        self.shared.with(|locked| match locked.state.add(profile, now) {
            Ok(slot) => {
                locked.put(slot, Arc::clone(&entry));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    /// Takes a resource out of the pool at once and wakes the runs that wait.
    ///
    /// Operations in flight on it go on; the pool lets go of the value now, and the last of them drops
    /// it. What they signal changes nothing any more, except that a disable signal still aborts its
    /// younger siblings.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        let entry = self
            .shared
            .with(|locked| locked.state.remove(id, now).map(|slot| locked.take(slot)))?;
        // The user's value: dropped after the lock was released.
        drop(entry);
        Ok(())
    }

    /// Makes a resource healthy, whatever kept it away, and starts its escalation anew.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is healthy already is no error.
    pub fn enable(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.state.enable(id, now))
    }

    /// Takes a resource out of use until it is [enabled](Self::enable).
    ///
    /// Operations in flight on it are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is disabled already is no error.
    pub fn disable(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.state.disable(id, now))
    }
}
