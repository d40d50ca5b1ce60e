//! An upstream to try the gateway with: it speaks enough of OpenAI's API for their clients, and its keys misbehave.
//!
//! What a key does depends on how often it was called and on nothing else, so that it can be reckoned with:
//!
//! | key (`sk-` before it) | misbehaves |
//! |---|---|
//! | `limited` | the last three of eight calls are over its limit: 429, back in a second |
//! | `revoked` | from its 13th call on: 401 |
//! | `flaky` | each 5th call hears 503; each 7th is cut off before its first byte |
//! | `steady` | never |

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::answer::{Body, BodyError, page, refuse};

/// The keys that it knows, by what they do.
pub(crate) const KEYS: [&str; 4] = ["limited", "revoked", "flaky", "steady"];

/// How long a word takes.
const WORD: Duration = Duration::from_millis(20);

/// A running upstream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Simulation {
    calls: Arc<Mutex<HashMap<String, u64>>>,
}

/// What a call gets.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    OverLimit,
    Revoked,
    Overloaded,
    /// A good head, and a body that ends before its first byte.
    CutOff,
}

impl Fate {
    /// Of the `nth` call with this key, counted from 1; `None` of a key that it does not know.
    fn of(key: &str, nth: u64) -> Option<Self> {
        Some(match key {
            "limited" if nth % 8 > 5 || nth % 8 == 0 => Self::OverLimit,
            "revoked" if nth > 12 => Self::Revoked,
            "flaky" if nth % 5 == 0 => Self::Overloaded,
            "flaky" if nth % 7 == 0 => Self::CutOff,
            "limited" | "revoked" | "flaky" | "steady" => Self::Fine,
            _ => return None,
        })
    }
}

impl Simulation {
    /// Starts one on a free port of the loopback interface.
    pub(crate) async fn start() -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Self::default();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let simulation = shared.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| {
                        let simulation = simulation.clone();
                        async move { Ok::<_, Infallible>(simulation.answer(request).await) }
                    });
                    // A client that goes away is no news.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(address)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key =
            key.and_then(|value| value.strip_prefix("Bearer sk-")).unwrap_or_default().to_owned();
        let nth = {
            let mut calls = self.calls.lock().expect("nothing panics with the books");
            let calls = calls.entry(key.clone()).or_default();
            *calls += 1;
            *calls
        };
        let fate = Fate::of(&key, nth);
        let Ok(body) = request.into_body().collect().await.map(|body| body.to_bytes()) else {
            return refuse(StatusCode::BAD_REQUEST, "cut", "the request ended in its middle");
        };
        let question: Value = serde_json::from_slice(&body).unwrap_or_default();
        match fate {
            None | Some(Fate::Revoked) => {
                refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", "this key is not valid")
            }
            Some(Fate::OverLimit) => {
                let mut response =
                    refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "slow down");
                response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
                response
            }
            Some(Fate::Overloaded) => {
                refuse(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "busy, try again")
            }
            Some(Fate::CutOff) => {
                // After the head is on its way: the client has to take it for a good answer.
                let nothing = stream::once(async {
                    sleep(WORD).await;
                    Err::<Frame<Bytes>, _>(BodyError::from("cut"))
                });
                Response::new(StreamBody::new(nothing).boxed_unsync())
            }
            Some(Fate::Fine) => speak(&question).await,
        }
    }
}

/// Says the last message back, word by word.
async fn speak(question: &Value) -> Response<Body> {
    let said = question["messages"].as_array().and_then(|messages| messages.last());
    let said = said.and_then(|message| message["content"].as_str()).unwrap_or("hello");
    let words: Vec<String> = said.split_inclusive(' ').map(str::to_owned).collect();
    let model = question["model"].as_str().unwrap_or("echo").to_owned();
    if question["stream"] != true {
        sleep(WORD * u32::try_from(words.len()).unwrap_or(u32::MAX).min(100)).await;
        let choice = json!({
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": said },
        });
        return page(
            "application/json",
            completion("chat.completion", &model, &choice).to_string(),
        );
    }
    sleep(WORD).await;
    let last = json!({ "index": 0, "finish_reason": "stop", "delta": {} });
    let deltas = words.into_iter().map(|word| {
        json!({ "index": 0, "finish_reason": null, "delta": { "role": "assistant", "content": word } })
    });
    let events = deltas.chain([last]).map(move |choice| {
        format!("data: {}\n\n", completion("chat.completion.chunk", &model, &choice))
    });
    let events: Vec<String> = events.chain(["data: [DONE]\n\n".to_owned()]).collect();
    let spoken = stream::unfold(events.into_iter(), |mut events| async {
        let event = events.next()?;
        sleep(WORD).await;
        Some((Ok::<_, BodyError>(Frame::data(Bytes::from(event))), events))
    });
    let mut response = Response::new(StreamBody::new(spoken).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn completion(object: &str, model: &str, choice: &Value) -> Value {
    json!({ "id": "chatcmpl-1", "object": object, "created": 0, "model": model, "choices": [choice] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_misbehaves_as_the_table_says() {
        let fates = |key, calls: u64| (1..=calls).map(move |nth| Fate::of(key, nth).unwrap());
        let count = |key, calls, fate| fates(key, calls).filter(|other| *other == fate).count();
        assert_eq!(count("limited", 16, Fate::OverLimit), 6);
        assert_eq!(count("revoked", 20, Fate::Revoked), 8);
        assert_eq!(
            (count("flaky", 35, Fate::Overloaded), count("flaky", 35, Fate::CutOff)),
            (7, 4)
        );
        assert_eq!(count("steady", 50, Fate::Fine), 50);
        assert!(Fate::of("unknown", 1).is_none());
    }
}
