//! tower's balancer, the less loaded of two random services by peak EWMA, under its retry layer.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PeakEwma};
use tower::retry::{Policy, Retry};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt as _, service_fn};

use super::{ATTEMPTS, Serve};
use crate::http::Http;
use crate::profile::DEADLINE;
use crate::upstream::Reply;

/// What tower's own examples start from.
const FIRST_GUESS: Duration = Duration::from_millis(30);
const DECAY: Duration = Duration::from_secs(10);
const LINE: usize = 1_024;

pub(crate) fn p2c(http: &Http, keys: usize) -> Serve {
    let services = (0..keys).map(|key| {
        let http = http.clone();
        let service = service_fn(move |()| {
            let http = http.clone();
            async move { timeout(DEADLINE / ATTEMPTS, http.send(key)).await? }
        });
        let decay_ns = DECAY.as_nanos() as f64;
        PeakEwma::new(service, FIRST_GUESS, decay_ns, CompleteOnResponse::default())
    });
    let balance = Balance::new(ServiceList::new(services.collect::<Vec<_>>()));
    let retrying = Retry::new(Left(ATTEMPTS - 1), Buffer::new(balance, LINE));
    let service = BoxCloneSyncService::new(retrying);
    Arc::new(move || {
        let service = service.clone();
        Box::pin(async move {
            let reply = service.oneshot(()).await.map_err(|error| error.to_string())?;
            if reply.status == 200 {
                Ok(())
            } else {
                Err(format!("upstream says {}", reply.status))
            }
        })
    })
}

/// How many tries are left.
#[derive(Clone)]
struct Left(u32);

impl Policy<(), Reply, BoxError> for Left {
    type Future = Ready<()>;

    fn retry(&mut self, (): &mut (), result: &mut Result<Reply, BoxError>) -> Option<Ready<()>> {
        if result.as_ref().is_ok_and(|reply| reply.status == 200) {
            return None;
        }
        self.0 = self.0.checked_sub(1)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, (): &()) -> Option<()> {
        Some(())
    }
}
