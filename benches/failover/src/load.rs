//! The load: every request begins at its time, however many are still on their way.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::clients::Serve;
use crate::profile::{DEADLINE, GRACE};
use crate::progress::Progress;

/// How one request went.
pub(crate) struct Outcome {
    /// How late it began: the bench's own fault.
    pub(crate) begun_late: Duration,
    /// From the time of arrival, so that a late beginning counts.
    pub(crate) took: Duration,
    pub(crate) end: End,
}

pub(crate) enum End {
    Served,
    /// The client said why not.
    Failed(String),
    /// The caller heard nothing.
    GivenUp,
}

/// Sends the requests and awaits how each went.
pub(crate) async fn play(arrivals: &[Duration], serve: Serve, progress: &Progress) -> Vec<Outcome> {
    let start = Instant::now();
    let requests = arrivals.iter().map(|at| {
        let (at, serve, progress) = (start + *at, Arc::clone(&serve), progress.clone());
        tokio::spawn(async move {
            sleep_until(at).await;
            let begun_late = at.elapsed();
            let end = match timeout_at(at + DEADLINE + GRACE, serve()).await {
                Ok(Ok(())) => End::Served,
                Ok(Err(why)) => End::Failed(why),
                Err(_) => End::GivenUp,
            };
            progress.one_more();
            Outcome { begun_late, took: at.elapsed(), end }
        })
    });
    let requests: Vec<_> = requests.collect();
    join_all(requests).await.into_iter().map(|ended| ended.expect("no client panics")).collect()
}
