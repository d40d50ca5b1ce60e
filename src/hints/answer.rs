//! What can be judged.

use http::{HeaderMap, StatusCode};

/// An answer of an upstream, as HTTP clients have it: a status and headers.
///
/// It is there for every `http::Response`, which is what hyper, axum, tower and ureq hand out; for the responses of
/// reqwest 0.13 with the feature `reqwest`; and for a pair of status and headers, for all others and for who has
/// taken the body out already:
///
/// ```
/// # use http::{HeaderMap, StatusCode};
/// # use rotapool::{Fault, Lease};
/// fn judge(key: &Lease<&str>, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault<String>> {
///     key.judge_with_body((status, headers), body)?;
///     Ok(())
/// }
/// ```
pub trait Answer {
    /// The status.
    fn status(&self) -> StatusCode;

    /// The headers.
    fn headers(&self) -> &HeaderMap;
}

impl<A: Answer + ?Sized> Answer for &A {
    fn status(&self) -> StatusCode {
        (**self).status()
    }

    fn headers(&self) -> &HeaderMap {
        (**self).headers()
    }
}

impl<B> Answer for http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

impl Answer for http::response::Parts {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl Answer for (StatusCode, &HeaderMap) {
    fn status(&self) -> StatusCode {
        self.0
    }

    fn headers(&self) -> &HeaderMap {
        self.1
    }
}

#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
impl Answer for reqwest::Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}
