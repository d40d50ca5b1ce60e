//! Admin calls on who is in use, and the handle that gives them a name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{Profile, ResourceError, Rotation, without_url_secrets};

use crate::pool::handle::Pool;
use crate::terms::secret::Secrets;

impl<T> Pool<T> {
    /// The same pool for an operator: every admin call on this handle, and on its clones, is told with who made it, as
    /// [`Event::AdminCall`](crate::Event::AdminCall), before what follows from it. Whoever it is, a person, a route
    /// or a script: it is any text, shown as it is. All else about the handle is as before.
    ///
    /// Admin calls on other handles are the program's own. They are told by what they change alone.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb"))
    ///     .build()?;
    /// let mut events = pool.events();
    /// pool.admin("ops@host").park("key-1", Duration::from_secs(300), "invoice unpaid")?;
    /// let told = [events.try_next(), events.try_next()].map(|event| event.unwrap().to_string());
    /// assert_eq!(told, [
    ///     "ops@host: park key-1 for 300.0s: invoice unpaid",
    ///     "key-1: healthy > cooling_down for 300.0s: parked by ops@host: invoice unpaid",
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn admin(&self, by: impl Into<Arc<str>>) -> Self {
        Self { shared: Arc::clone(&self.shared), by: Some(by.into()) }
    }

    /// Makes a resource healthy, whatever kept it away, and starts its escalation anew.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is healthy already is no error.
    pub fn enable(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.by(&self.by).enable(id, now))
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
        self.shared.with(|locked| locked.by(&self.by).disable(id, now))
    }

    /// Keeps a resource out of use for a while, as an outage that an operator declares. Answers when it is back.
    ///
    /// More than zero, up to 365 days; for longer, [disable](Self::disable) it. Operations in flight on it are left
    /// alone. If it is out for longer already, it stays out for as long; if it fails meanwhile, the failure takes the
    /// place of the reason, and the later end holds. It comes back as from any outage: see
    /// [`Recovery`](crate::Recovery). What is [secret](crate::Resource::secret) about the resource is taken out of the reason.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// pool.park("key-1", Duration::from_secs(300), "invoice unpaid")?;
    /// assert!(pool.explain().to_string().contains("key-1: cooling down, back in 300.0s: parked: invoice unpaid"));
    /// pool.unpark("key-1")?;
    /// assert_eq!(pool.stats().healthy, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An unknown id, one that is disabled, or a time out of range.
    pub fn park(
        &self,
        id: &str,
        period: Duration,
        reason: impl Into<Arc<str>>,
    ) -> Result<Instant, ResourceError> {
        let reason = self.without_secrets_of(id, &reason.into());
        let now = self.now();
        self.shared.with(|locked| locked.by(&self.by).park(id, period, reason, now))
    }

    /// Ends the time for which a resource is [parked](Self::park): it comes back now, as from any outage. If it has
    /// failed meanwhile, it stays out until the end that the failure gave it.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is not parked is no error.
    pub fn unpark(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.by(&self.by).unpark(id, now))
    }

    /// Parks the resource in use for 300 s, and says which one takes over. In use is the one that was picked last; if
    /// that is out, the one that the next run would get.
    ///
    /// With [`Strategy::Sticky`](crate::Strategy::Sticky) the pool stays with the one that took over. With a
    /// [`Select`](crate::Select) of your own, `to` is what the strategy would choose.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb"))
    ///     .build()?;
    /// let rotation = pool.rotate()?;
    /// assert_eq!((&*rotation.from, rotation.to.as_deref()), ("key-1", Some("key-2")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// That no resource is in use, or that no other is healthy. The pool is unchanged then.
    pub fn rotate(&self) -> Result<Rotation, ResourceError> {
        let now = self.now();
        self.shared.with(|locked| {
            let mut random = locked.random.clone();
            locked.by(&self.by).rotate(now, || random.f64())
        })
    }

    /// Forgets what the pool has learnt of a resource: its cooldown or park, its escalation, its trial or ramp, and
    /// how it has been doing. One that is disabled stays so, until it is [enabled](Self::enable); the counters go on.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn reset(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.by(&self.by).reset(id, now))
    }

    /// What the pool knows of a resource, and what is secret about it.
    pub(super) fn known_of(
        &self,
        id: &str,
    ) -> Result<(Profile, Option<Arc<Secrets>>), ResourceError> {
        self.shared.with(|locked| {
            let (slot, profile) = locked.state.profile(id)?;
            Ok((profile, locked.entry(slot).secrets.clone()))
        })
    }

    /// What an operator says of a resource without what is secret about it. Of an unknown id nothing is kept.
    fn without_secrets_of(&self, id: &str, reason: &str) -> Arc<str> {
        let secrets = self.known_of(id).ok().and_then(|(_, secrets)| secrets);
        let shown = secrets.map(|secrets| secrets.taken_out_of(reason));
        without_url_secrets(shown.as_deref().unwrap_or(reason)).into()
    }
}
