//! Which headers pass, and which are between two neighbours only.

use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap,
    HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

use crate::config::Auth;
use crate::secret::Secret;

/// Of one connection, by RFC 9110 §7.6.1; `Connection` may name more.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Where clients show their token: in each place that some provider's client would use.
const CREDENTIALS: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// What of a request's headers goes to the upstream: not the client's credentials, nothing that the gateway's own
/// connection says for itself, and no wish for a compressed answer: what a refusal says has to be read.
pub(crate) fn to_upstream(headers: &HeaderMap) -> HeaderMap {
    let mut passing = without_hops(headers);
    for name in CREDENTIALS.into_iter().chain([HOST, EXPECT, CONTENT_LENGTH, ACCEPT_ENCODING]) {
        passing.remove(name);
    }
    passing
}

/// What of an answer's headers goes to the client.
pub(crate) fn to_client(headers: &HeaderMap) -> HeaderMap {
    without_hops(headers)
}

/// Puts the key of the pool in.
pub(crate) fn sign(headers: &mut HeaderMap, auth: &Auth, key: &Secret) {
    let (name, text) = match auth {
        Auth::Bearer => (AUTHORIZATION, format!("Bearer {}", key.expose())),
        Auth::Header(name) => (name.clone(), key.expose().to_owned()),
    };
    let mut value = HeaderValue::try_from(text).expect("a secret is checked to fit a header");
    value.set_sensitive(true);
    headers.insert(name, value);
}

/// Whether these headers show the token, in any of the places for it.
pub(crate) fn show(headers: &HeaderMap, token: &Secret) -> bool {
    let shown = CREDENTIALS.into_iter().flat_map(|name| headers.get_all(name));
    // Looks at all of them, so that the time does not say which one it was.
    shown.fold(false, |found, value| {
        let value = value.as_bytes();
        let word = match value.split_at_checked(7) {
            Some((scheme, word)) if scheme.eq_ignore_ascii_case(b"Bearer ") => word,
            _ => value,
        };
        token.is(word) | found
    })
}

fn without_hops(headers: &HeaderMap) -> HeaderMap {
    let mut passing = headers.clone();
    for named in headers.get_all(CONNECTION) {
        for name in named.as_bytes().split(|byte| *byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                passing.remove(name);
            }
        }
    }
    for name in &HOP_BY_HOP {
        passing.remove(name);
    }
    passing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn nothing_of_a_clients_connection_or_credentials_reaches_the_upstream() {
        let from_client = headers(&[
            ("authorization", "Bearer local"),
            ("x-api-key", "local"),
            ("host", "gateway"),
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("content-length", "5"),
            ("accept-encoding", "gzip"),
            ("content-type", "application/json"),
        ]);
        let mut passing = to_upstream(&from_client);
        sign(&mut passing, &Auth::Bearer, &Secret::new("sk-1").unwrap());
        let expected = [("content-type", "application/json"), ("authorization", "Bearer sk-1")];
        assert_eq!(passing, headers(&expected));
    }

    #[test]
    fn an_answer_passes_but_for_what_its_connection_says() {
        let from_upstream = headers(&[
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("content-encoding", "gzip"),
            ("content-length", "9"),
        ]);
        let expected = headers(&[("content-encoding", "gzip"), ("content-length", "9")]);
        assert_eq!(to_client(&from_upstream), expected);
    }

    #[test]
    fn the_token_counts_wherever_a_client_would_show_it() {
        let token = Secret::new("local").unwrap();
        for shown in [
            ("authorization", "Bearer local"),
            ("authorization", "bearer local"),
            ("x-api-key", "local"),
            ("api-key", "local"),
        ] {
            assert!(show(&headers(&[shown]), &token), "{shown:?}");
        }
        for other in [("authorization", "Bearer loca"), ("cookie", "local"), ("x-api-key", "")] {
            assert!(!show(&headers(&[other]), &token), "{other:?}");
        }
    }

    #[test]
    fn a_key_in_a_header_of_its_own_stands_there_alone() {
        let mut signed = HeaderMap::new();
        let auth = Auth::Header(HeaderName::from_static("x-api-key"));
        sign(&mut signed, &auth, &Secret::new("sk-1").unwrap());
        assert_eq!(signed, headers(&[("x-api-key", "sk-1")]));
        assert!(signed["x-api-key"].is_sensitive());
    }
}
