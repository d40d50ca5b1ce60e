//! What one writes oneself: take a key, try again with another, three times; no memory. Each try may
//! take its share of the deadline, as a careful author would have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::timeout;

use super::{ATTEMPTS, Serve};
use crate::http::Http;
use crate::profile::DEADLINE;

pub(crate) fn random(http: Http, keys: usize) -> Serve {
    retrying(http, move || fastrand::usize(..keys))
}

pub(crate) fn round_robin(http: Http, keys: usize) -> Serve {
    let turn = AtomicUsize::new(0);
    retrying(http, move || turn.fetch_add(1, Ordering::Relaxed) % keys)
}

fn retrying(http: Http, next: impl Fn() -> usize + Send + Sync + 'static) -> Serve {
    let next = Arc::new(next);
    Arc::new(move || {
        let (http, next) = (http.clone(), Arc::clone(&next));
        Box::pin(async move {
            let mut why = String::new();
            for _ in 0..ATTEMPTS {
                why = match timeout(DEADLINE / ATTEMPTS, http.send(next())).await {
                    Ok(Ok(reply)) if reply.status == 200 => return Ok(()),
                    Ok(Ok(reply)) => format!("upstream says {}", reply.status),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "no answer in time".to_owned(),
                };
            }
            Err(why)
        })
    })
}
