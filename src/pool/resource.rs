//! What a user puts into a pool.

use std::fmt;
use std::sync::Arc;

use rotapool_core::{Profile, Quota, ResourceError};

use crate::drive::shared::Entry;
use crate::terms::secret::Secrets;
use crate::terms::table::Table;

/// A resource to pool: an id, a value, and how many operations may use it at once.
///
/// The id is public: it appears in errors, snapshots and events. The value is not: it never appears
/// in any output of this crate, so it may be a secret. But an operation's errors may show it, and reasons are made
/// of errors: tell the pool of such [secrets](Self::secret).
///
/// ```
/// use rotapool::Resource;
///
/// let key = Resource::new("key-1", "sk-aaa").max_in_flight(4);
/// assert!(!format!("{key:?}").contains("sk-aaa"));
/// ```
#[derive(Clone)]
pub struct Resource<T> {
    pub(crate) profile: Profile,
    pub(crate) value: T,
    pub(crate) secrets: Vec<Arc<str>>,
    pub(crate) table: Table,
}

impl<T> Resource<T> {
    /// A resource without a limit on how many operations use it at once.
    ///
    /// The id must be unique in its pool and not empty; the pool checks when it gets the resource.
    pub fn new(id: impl Into<Arc<str>>, value: T) -> Self {
        Self { profile: Profile::new(id), value, secrets: Vec::new(), table: Table::default() }
    }

    /// Lets at most this many operations use the resource at once. At least 1; no limit by default.
    #[must_use]
    pub fn max_in_flight(mut self, limit: u32) -> Self {
        self.profile.max_in_flight = Some(limit);
        self
    }

    /// The share of the load, in proportion to the other weights, for
    /// [`Strategy::Weighted`](crate::Strategy::Weighted) and
    /// [`Strategy::Affinity`](crate::Strategy::Affinity). From 0.001 to 10,000; 1 by default.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.profile.weight = weight;
        self
    }

    /// The tier, for [`Strategy::Priority`](crate::Strategy::Priority): lower comes first. 0 by default.
    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.profile.priority = priority;
        self
    }

    /// Lets the resource be used no more than so much in so much time: `Quota::per_minute(60)`, or
    /// `Quota::per_minute(90_000).of("tokens")`. Several calls set several, one a dimension. No quota by default.
    ///
    /// An attempt takes from every dimension at once, or does not begin: one of `requests`, and of the rest what its run
    /// [states](crate::Request::cost). While a dimension has less than one left, the resource is *spent*: as healthy as
    /// ever, and not eligible until a known instant. The page on [quotas](crate#quotas) tells the rest.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.profile.quotas.push(quota);
        self
    }

    /// The [group](crate::Builder::group) to which it belongs, of those that share a limit: the keys of one organisation,
    /// the workers on one GPU. Its pool has to have that group: see [`Builder::group`](crate::Builder::group) and
    /// [`Pool::add_group`](crate::Pool::add_group). None by default.
    ///
    /// Attempts on any of a group take from the quotas of the group beside the resource's own, and while one of those is
    /// spent, all of the group are. A signal may say that it [speaks of the group](crate::Fault::of_group).
    #[must_use]
    pub fn group(mut self, name: impl Into<Arc<str>>) -> Self {
        self.profile.group = Some(name.into());
        self
    }

    /// Says something about the resource, such as its region, for
    /// [filters](crate::Request::only) and [`Select`](crate::Select). It is public, as the id is.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<Arc<str>>, word: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.profile.metadata).set(name, word);
        self
    }

    /// A text that no reason may show, such as the key: wherever a signal of a run that was given this resource has
    /// it in its reason, `***` stands instead, before the pool keeps or tells the reason anywhere. Several calls hide
    /// several. A run that was not given this resource does not look for its secrets.
    ///
    /// It is looked for as it is, escaped as `Debug` prints it (or [`str::escape_debug`] writes it), and
    /// percent-encoded in full: every byte but the letters, digits and `-._~` of ASCII, the hex digits all large or
    /// all small, or large ones with a space as `+`. No other encoding is looked for, such as base64, an URL with
    /// only some of these bytes encoded, or the secret in parts: tell the pool of such a form as one more secret.
    ///
    /// The operation's own errors are handed back as they are, and so is the error that a signal was made of:
    /// what those show is the operation's to decide. Not empty, and no part of the id or the metadata, which are
    /// public: the pool checks when it gets the resource. Keep it to what cannot be part of an innocent word.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa").secret("sk-aaa")).build()?;
    /// let refused = pool
    ///     .run(async |key| Err::<(), Fault<String>>(Fault::disable(format!("{} is no key", *key))))
    ///     .await;
    /// assert!(refused.unwrap_err().to_string().ends_with(": *** is no key"));
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn secret(mut self, text: impl Into<Arc<str>>) -> Self {
        self.secrets.push(text.into());
        self
    }

    /// What [`Lease::judge`](crate::Lease::judge) makes of answers that were got with this resource, instead of the
    /// [pool's](crate::Builder::reactions) table: for a pool of several kinds of upstreams.
    ///
    /// ```
    /// # use rotapool::Resource;
    /// use rotapool::hints::{Class, Reaction, Reactions};
    ///
    /// let theirs = Reactions::default()
    ///     .on(Class::QuotaGone, Reaction::Disable)
    ///     .on_status(404, Reaction::Retry); // a model that not all of their keys can see
    /// let key = Resource::new("them-1", "sk-aaa").reactions(theirs);
    /// ```
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    #[must_use]
    pub fn reactions(mut self, reactions: rotapool_core::hints::Reactions) -> Self {
        self.table = Table::new(reactions);
        self
    }

    /// Whether its secrets are texts, and not in plain sight.
    pub(crate) fn check_secrets(&self) -> Result<(), ResourceError> {
        let Self { profile, secrets, .. } = self;
        for secret in secrets {
            if secret.is_empty() {
                return Err(ResourceError::EmptySecret { id: Arc::clone(&profile.id) });
            }
            let has_it = |text: &str| text.contains(&**secret);
            if has_it(&profile.id) {
                return Err(ResourceError::SecretInSight { place: "id" });
            }
            if profile.metadata.iter().any(|(name, word)| has_it(name) || has_it(word)) {
                return Err(ResourceError::SecretInSight { place: "metadata" });
            }
        }
        Ok(())
    }

    /// What core has to know of it, and what the pool keeps. `table` is the pool's.
    pub(crate) fn enter(self, table: &Table) -> Result<(Profile, Arc<Entry<T>>), ResourceError> {
        self.check_secrets()?;
        let Self { profile, value, secrets, table: own } = self;
        let secrets = Secrets::of(&secrets);
        let is_metered = !profile.quotas.is_empty() || profile.group.is_some();
        let entry = Entry::new(Arc::clone(&profile.id), value, secrets, own.or(table), is_metered);
        Ok((profile, Arc::new(entry)))
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("profile", &self.profile).finish_non_exhaustive()
    }
}
