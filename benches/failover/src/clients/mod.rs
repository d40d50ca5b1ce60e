//! Who sends the requests: a way to have one served, by whichever key.

pub(crate) mod naive;
pub(crate) mod ours;
pub(crate) mod python;
pub(crate) mod tower;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use rotapool::{Strategy, TokioRuntime};

use self::ours::Setup;
use crate::http::Http;
use crate::profile::{DEADLINE, Key};

/// Calls that a client may make for a request: the pool's default, so everybody's.
const ATTEMPTS: u32 = 3;

/// Serves one request or says why not.
pub(crate) type Serve = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A client in this process.
pub(crate) enum Client {
    Ours(Setup),
    NaiveRandom,
    NaiveRoundRobin,
    TowerP2c,
}

impl Client {
    pub(crate) fn all() -> Vec<Self> {
        let others = Strategy::ALL.iter().filter(|strategy| **strategy != Strategy::default());
        let ours = others.map(|strategy| Setup::With(*strategy));
        let ours = [Setup::Readme, Setup::BreakerAndQuotas].into_iter().chain(ours).map(Self::Ours);
        ours.chain([Self::NaiveRandom, Self::NaiveRoundRobin, Self::TowerP2c]).collect()
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Ours(Setup::Readme) => "rotapool".to_owned(),
            Self::Ours(Setup::BreakerAndQuotas) => "rotapool, breaker, quotas".to_owned(),
            Self::Ours(Setup::With(strategy)) => format!("rotapool {strategy:?}"),
            Self::NaiveRandom => "naive random".to_owned(),
            Self::NaiveRoundRobin => "naive round robin".to_owned(),
            Self::TowerP2c => "tower p2c, retry".to_owned(),
        }
    }

    /// A fresh one, for these keys.
    pub(crate) fn start(&self, http: Http, keys: &[Key], seed: u64) -> Serve {
        match self {
            Self::Ours(setup) => {
                let pool = ours::pool(keys, *setup, TokioRuntime, seed);
                Arc::new(move || {
                    let (pool, http) = (pool.clone(), http.clone());
                    Box::pin(async move {
                        let asked = ours::ask(&pool, DEADLINE, |key| {
                            let http = http.clone();
                            async move { http.send(key).await }
                        });
                        asked.await.map_err(|error| error.to_string())
                    })
                })
            }
            Self::NaiveRandom => naive::random(http, keys.len()),
            Self::NaiveRoundRobin => naive::round_robin(http, keys.len()),
            Self::TowerP2c => tower::p2c(&http, keys.len()),
        }
    }
}
