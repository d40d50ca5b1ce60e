//! What is served without a file: the simulated upstream, and how to try it.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rotapool::lifecycle::Shutdown;

use crate::config::{Auth, Config, KeyConfig, PoolConfig};
use crate::secret::Secret;
use crate::simulation::KEYS;

/// What clients and operators show, where it is no secret.
const TOKEN: &str = "local";

/// The configuration for a simulation at this address.
pub(crate) fn config(simulation: SocketAddr) -> Result<Config, Box<dyn std::error::Error>> {
    let key = |name: &&str| {
        Ok::<_, &str>(KeyConfig {
            id: (*name).to_owned(),
            secret: Secret::new(&format!("sk-{name}"))?,
            max_in_flight: None,
            requests_per_minute: None,
        })
    };
    let pool = PoolConfig {
        name: "simulated".to_owned(),
        upstream: Uri::try_from(format!("http://{simulation}"))?,
        models: Vec::new(),
        timeout: Duration::from_secs(30),
        first_byte_within: Duration::from_secs(10),
        rules: rotapool::config::PoolConfig::default(),
        auth: Auth::Bearer,
        keys: KEYS.iter().map(key).collect::<Result<_, _>>()?,
    };
    Ok(Config {
        listen: ([127, 0, 0, 1], 0).into(),
        token: Some(Secret::new(TOKEN)?),
        admin_token: Some(Secret::new(TOKEN)?),
        max_body: 1 << 20,
        grace: Duration::from_secs(10),
        pools: vec![pool],
    })
}

/// How to try it.
pub(crate) fn hint(gateway: SocketAddr) -> String {
    format!(
        r#"Try it:

  curl -N http://{gateway}/v1/chat/completions -H 'Authorization: Bearer {TOKEN}' \
    -d '{{"model":"echo","stream":true,"messages":[{{"role":"user","content":"four keys and one answer"}}]}}'
  curl http://{gateway}/explain
  curl -X POST -H 'Authorization: Bearer {TOKEN}' 'http://{gateway}/admin/simulated/steady/park?for=30s&reason=maintenance'

and look at http://{gateway}/dashboard/ while it is in use.
"#
    )
}

/// Eight visitors, for when nobody sits at a terminal: each asks five times, and then the gateway is told to leave.
pub(crate) async fn visit(gateway: SocketAddr, shutdown: Shutdown) {
    let visitors = (0..8).map(|_| async {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut served = 0;
        for _ in 0..5 {
            let body = r#"{"stream":true,"messages":[{"content":"four keys and one answer"}]}"#;
            let request = Request::post(format!("http://{gateway}/v1/chat/completions"))
                .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
                .body(Full::from(body));
            let Ok(response) = client.request(request.expect("a request")).await else { continue };
            let is_fine = response.status().is_success();
            served += usize::from(response.into_body().collect().await.is_ok() && is_fine);
        }
        served
    });
    let served: usize = join_all(visitors).await.into_iter().sum();
    println!("{served} of 40 requests served whole, by keys of which one never misbehaves");
    shutdown.trigger();
}
