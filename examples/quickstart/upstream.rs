//! The upstream: an HTTP/1.1 server on the loopback interface that treats keys as real ones do.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::dice;

/// What the upstream knows a key by. Ids are for the eyes, secrets for the upstream alone.
pub(crate) type Secret = &'static str;

pub(crate) struct Key {
    pub(crate) id: &'static str,
    pub(crate) secret: Secret,
    pub(crate) plan: Plan,
}

/// What a key is entitled to.
#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// So many requests in a window of so many seconds, which opens with the first of them.
    Limit {
        requests: u32,
        seconds: u64,
    },
    Revoked,
}

/// How the upstream answered the requests that came with one key.
#[derive(Clone, Copy, Default)]
pub(crate) struct Answers {
    pub(crate) ok: u32,
    pub(crate) over_limit: u32,
    pub(crate) unauthorized: u32,
    pub(crate) unavailable: u32,
}

/// A running upstream; it stops listening when dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    desk: Arc<Desk>,
    listening: JoinHandle<()>,
}

impl Upstream {
    /// Serves these keys; a request that is served takes up to twice as long as `work`.
    pub(crate) async fn start(keys: &[Key], work: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(keys, work));
        let listening = tokio::spawn(listen(listener, Arc::clone(&desk)));
        Ok(Self { address, desk, listening })
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// How it answered so far, by the id of the key.
    pub(crate) fn answers(&self) -> HashMap<&'static str, Answers> {
        self.desk.accounts().values().map(|account| (account.id, account.answers)).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&desk, request));
            // A client that hangs up is no news: that is what an aborted attempt looks like from here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    desk: &Desk,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorization = request.headers().get(AUTHORIZATION);
    let secret = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Decision { status, takes, retry_after } = desk.decide(secret.unwrap_or_default());
    tokio::time::sleep(takes).await;

    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

struct Account {
    id: &'static str,
    plan: Plan,
    window: Option<Instant>,
    /// Requests that the limit let through in this window.
    spent: u32,
    answers: Answers,
}

/// Decides what to answer, and keeps the books.
struct Desk {
    accounts: Mutex<HashMap<Secret, Account>>,
    work: Duration,
}

struct Decision {
    status: StatusCode,
    takes: Duration,
    /// In whole seconds, as the header has it.
    retry_after: Option<u64>,
}

impl Desk {
    fn new(keys: &[Key], work: Duration) -> Self {
        let open = |&Key { id, secret, plan }: &Key| {
            (secret, Account { id, plan, window: None, spent: 0, answers: Answers::default() })
        };
        Self { accounts: Mutex::new(keys.iter().map(open).collect()), work }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Secret, Account>> {
        self.accounts.lock().expect("no decision panics")
    }

    fn decide(&self, secret: &str) -> Decision {
        // A refusal costs the upstream next to nothing, so it comes soon; work takes a while.
        let takes = self.work / 5;
        let soon = |status| Decision { status, takes, retry_after: None };
        let mut accounts = self.accounts();
        let throw: u32 = accounts.values().map(|account| account.answers.total()).sum();
        let Some(account) = accounts.get_mut(secret) else {
            return soon(StatusCode::UNAUTHORIZED);
        };
        let answers = &mut account.answers;
        let Plan::Limit { requests, seconds } = account.plan else {
            answers.unauthorized += 1;
            return soon(StatusCode::UNAUTHORIZED);
        };
        let window = Duration::from_secs(seconds);
        let left = account.window.map_or(Duration::ZERO, |at| window.saturating_sub(at.elapsed()));
        if left.is_zero() {
            (account.window, account.spent) = (Some(Instant::now()), 0);
        } else if account.spent >= requests {
            answers.over_limit += 1;
            let retry_after = Some(left.as_secs_f64().ceil() as u64);
            return Decision { retry_after, ..soon(StatusCode::TOO_MANY_REQUESTS) };
        }
        account.spent += 1;
        let chance = dice::roll(throw.into(), 100);
        if chance < 3 {
            answers.unavailable += 1;
            return soon(StatusCode::SERVICE_UNAVAILABLE);
        }
        answers.ok += 1;
        let takes = self.work * (100 + chance as u32) / 100;
        Decision { takes, ..soon(StatusCode::OK) }
    }
}

impl Answers {
    pub(crate) fn total(&self) -> u32 {
        self.ok + self.over_limit + self.unauthorized + self.unavailable
    }
}
