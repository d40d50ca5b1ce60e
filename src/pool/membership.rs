//! Admin calls on who is in the pool, and what is said of whom: one by one, or by a list.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rotapool_core::{Applied, Group, GroupError, ListError, Profile, ResourceError};

use crate::drive::shared::Locked;
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
    /// An id that is empty or taken, a `max_in_flight` of 0, a weight out of range, quotas that make no sense, a group that
    /// the pool does not [have](Self::add_group), or a secret that is empty or in plain sight. The pool is unchanged then.
    pub fn add(&self, resource: Resource<T>) -> Result<(), ResourceError> {
        let (profile, entry) = resource.enter(&self.shared.hooks.table)?;
        let now = self.now();
        // On refusal the entry is dropped out here: it is the user's value.
        self.shared.with(|locked| match locked.by(&self.by).add(profile, now) {
            Ok(slot) => {
                locked.put(slot, Arc::clone(&entry));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    /// Declares a group of resources that share a limit, for those that are [added](Self::add) from now on, or
    /// [updated](Self::update) to belong to it: as [`Builder::group`](crate::Builder::group) does beforehand. A group stays.
    ///
    /// ```
    /// # use rotapool::{Group, Pool, Quota, Resource};
    /// # let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// pool.add_group(Group::new("org-2").quota(Quota::per_minute(90_000).of("tokens")))?;
    /// pool.add(Resource::new("key-2", "sk-bbb").group("org-2"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A name that is empty or taken, or quotas that make no sense. The pool is unchanged then.
    #[expect(clippy::needless_pass_by_value, reason = "as the builder takes it")]
    pub fn add_group(&self, group: Group) -> Result<(), GroupError> {
        let now = self.now();
        self.shared.with(|locked| locked.by(&self.by).add_group(&group, now))
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
            .with(|locked| locked.by(&self.by).remove(id, now).map(|slot| locked.take(slot)))?;
        // The user's value: dropped after the lock was released.
        drop(entry);
        Ok(())
    }

    /// Changes what is said of a resource, and nothing of how it stands. Answers the names of what changed.
    ///
    /// `change` gets a copy of what the pool knows now, out of the pool's lock; it is called again in the rare case
    /// that somebody else changed the resource meanwhile. A cap below what is in flight ends nothing: the resource
    /// takes no more until it is below it. Runs under way keep what their [filters](crate::Request::only) said of it.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa").max_in_flight(4)).build()?;
    /// let changed = pool.update("key-1", |profile| profile.max_in_flight = Some(8))?;
    /// assert_eq!(changed, ["max_in_flight"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An unknown id; or a change that the door would not let in: another id, a `max_in_flight` of 0, a weight out of
    /// range, metadata that show a secret. The pool is unchanged then.
    pub fn update(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Profile),
    ) -> Result<Vec<&'static str>, ResourceError> {
        loop {
            let (before, secrets) = self.known_of(id)?;
            let mut profile = before.clone();
            change(&mut profile);
            if let Some(secrets) = secrets {
                let mut words = profile.metadata.iter();
                if words.any(|(name, word)| secrets.are_in(name) || secrets.are_in(word)) {
                    return Err(ResourceError::SecretInSight { place: "metadata" });
                }
            }
            let now = self.now();
            let updated = |locked: &mut Locked<T>| {
                let is_metered = !profile.quotas.is_empty() || profile.group.is_some();
                let changed = locked.by(&self.by).update(&before, profile, now)?;
                if is_metered {
                    let (slot, _) = locked.state.profile(id)?;
                    locked.entry(slot).is_metered.store(true, Relaxed);
                }
                Ok(changed)
            };
            if let Some(changed) = self.shared.with(updated)? {
                return Ok(changed);
            }
        }
    }

    /// Has the resources of a list and no others, as after a configuration was read again. All or nothing, in one
    /// critical section. Says what changed.
    ///
    /// - Who is on the list and in the pool stays, with its standing, its place in the pool order, its counters and
    ///   its operations in flight. What is said of it and its value are those of the list from now on: operations in
    ///   flight keep the old value, and the last of them drops it; the next lease has the new one.
    /// - Who is on the list alone joins at the end of the pool order, as by [`add`](Self::add).
    /// - Who is in the pool alone leaves, as by [`remove`](Self::remove): its operations in flight go on.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb"))
    ///     .build()?;
    /// pool.disable("key-1")?;
    /// let applied = pool.apply([
    ///     Resource::new("key-1", "sk-aaa").max_in_flight(8),
    ///     Resource::new("key-3", "sk-ccc"),
    /// ])?;
    /// assert_eq!(
    ///     applied.to_string(),
    ///     "1 added (key-3), 1 removed (key-2), 1 updated (key-1: max_in_flight), 0 unchanged",
    /// );
    /// assert_eq!(pool.stats().disabled, 1, "key-1 is as it was");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All that is wrong with the list: ids that are empty or on it twice, a `max_in_flight` of 0, weights out of
    /// range, secrets that are empty or in plain sight; or that it is empty, unless the pool
    /// [may be](crate::Builder::allow_empty). The pool is unchanged then.
    pub fn apply(
        &self,
        resources: impl IntoIterator<Item = Resource<T>>,
    ) -> Result<Applied, ListError> {
        let resources: Vec<Resource<T>> = resources.into_iter().collect();
        let mut errors: Vec<ResourceError> =
            resources.iter().filter_map(|resource| resource.check_secrets().err()).collect();
        if !errors.is_empty() {
            let now = self.now();
            let list: Vec<Profile> = resources.iter().map(|one| one.profile.clone()).collect();
            let also = self.shared.with(|locked| locked.state.check_list(&list, now));
            errors.extend(also.err().into_iter().flat_map(|also| also.errors));
            return Err(errors.into());
        }
        let table = &self.shared.hooks.table;
        let entered: Result<Vec<_>, _> =
            resources.into_iter().map(|resource| resource.enter(table)).collect();
        let (list, entries): (Vec<_>, Vec<_>) = entered?.into_iter().unzip();
        let now = self.now();
        let mut former = Vec::with_capacity(entries.len());
        let applied = self.shared.with(|locked| {
            let (applied, places) = locked.by(&self.by).apply(list, now)?;
            former.extend(places.left.into_iter().map(|left| locked.take(left)));
            for (place, entry) in places.listed.into_iter().zip(&entries) {
                former.push(locked.take(place));
                locked.put(place, Arc::clone(entry));
            }
            Ok(applied)
        });
        // The users' values: dropped after the lock was released.
        drop(former);
        applied
    }
}
