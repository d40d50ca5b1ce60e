//! From a client's request to an answer: kept for another attempt, sent with a key, and streamed back.

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::answer::{Body, come_back, refuse};
use crate::gateway::Gateway;
use crate::question::Question;

/// Forwards a request to the upstream of its model.
pub(crate) async fn forward(gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
    // TRACE would send the key back to the client, and CONNECT makes a tunnel.
    if [Method::TRACE, Method::CONNECT].contains(request.method()) {
        let what = format!("{} is not passed on", request.method());
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &what);
    }
    let (head, body) = request.into_parts();
    let question = match Limited::new(body, gateway.max_body).collect().await {
        Ok(body) => Question::of(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let most = format!("at most {} bytes are kept for another attempt", gateway.max_body);
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &most);
        }
        Err(error) => return refuse(StatusCode::BAD_REQUEST, "cut", &error.to_string()),
    };
    let Some(upstream) = gateway.upstream_of(question.model.as_deref()) else {
        let model = question.model.as_deref().unwrap_or("none");
        return refuse(
            StatusCode::NOT_FOUND,
            "model_not_found",
            &format!("no pool has the model {model:?}"),
        );
    };
    let Some(uri) = upstream.uri_of(&head.uri) else {
        let what = "the path is no path of the upstream, or too long for one";
        return refuse(StatusCode::BAD_REQUEST, "bad_path", what);
    };
    match upstream.ask(&head, &uri, question).await {
        Ok(response) => response,
        // Nothing could serve it: the client hears why, and when to come back.
        Err(error) => {
            let (status, after) = (StatusCode::SERVICE_UNAVAILABLE, error.retry_after());
            come_back(status, "exhausted", &error.to_string(), after)
        }
    }
}
