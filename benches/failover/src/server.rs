//! The upstream on the wire: HTTP/1.1 on the loopback interface. It answers in the shape of a chat
//! completion, which is what LiteLLM reads.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::profile::Profile;
use crate::upstream::{Reply, Upstream};

const COMPLETION: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"m",
"choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],
"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
const REFUSAL: &str = r#"{"error":{"message":"no","type":"refused","code":"refused"}}"#;

/// A running upstream; it stops listening when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    listening: JoinHandle<()>,
}

struct Desk {
    upstream: Upstream,
    /// When the profile began; before, all is well.
    began: Option<Instant>,
}

/// What the upstream knows a key by.
pub(crate) fn secret(key: usize) -> String {
    format!("key-{key}")
}

impl Server {
    pub(crate) async fn start(profile: &'static Profile, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Desk { upstream: Upstream::new(profile, seed), began: None };
        let desk = Arc::new(Mutex::new(desk));
        let listening = tokio::spawn(listen(listener, profile.keys.len(), Arc::clone(&desk)));
        Ok(Self { address, desk, listening })
    }

    /// The profile begins now; until then a client may warm up.
    pub(crate) fn begin(&self) {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).began = Some(Instant::now());
    }

    /// How many calls it has received since the profile began.
    pub(crate) fn received(&self) -> u64 {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).upstream.received()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, keys: usize, desk: Arc<Mutex<Desk>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(keys, &desk, request));
            // A client that hangs up is no news: that is what an attempt given up looks like from here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    keys: usize,
    desk: &Mutex<Desk>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = (0..keys).find(|key| authorization == Some(&format!("Bearer {}", secret(*key))));
    let key = key.expect("the clients of this bench have no other keys");
    let _ = request.into_body().collect().await;
    let received = {
        let desk = &mut *desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.began.map(|began| desk.upstream.receive(key, began.elapsed()))
    };
    let reply = match received {
        None => Reply { status: 200, retry_after: None },
        Some(Some((reply, takes))) => {
            tokio::time::sleep(takes).await;
            reply
        }
        // Until the client hangs up, which drops this.
        Some(None) => std::future::pending().await,
    };
    let status = StatusCode::from_u16(reply.status).expect("profiles have proper statuses");
    let body = if status == StatusCode::OK { COMPLETION } else { REFUSAL };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("plain ASCII"));
    if let Some(after) = reply.retry_after {
        response.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
    }
    Ok(response)
}
