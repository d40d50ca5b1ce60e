//! What the gateway looks at of a request's body.

use hyper::body::Bytes;
use serde::Deserialize;

/// A request's body, and what of it decides where it goes. Whatever else is in it passes as it is.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) body: Bytes,
    pub(crate) model: Option<String>,
    /// What the provider keeps its caches by: calls with the same belong to the same key.
    pub(crate) session: Option<String>,
}

impl Question {
    /// Reads what is JSON; anything else has no model and no session.
    pub(crate) fn of(body: Bytes) -> Self {
        #[derive(Default, Deserialize)]
        struct Read {
            model: Option<String>,
            prompt_cache_key: Option<String>,
            user: Option<String>,
        }
        let Read { model, prompt_cache_key, user } =
            serde_json::from_slice(&body).unwrap_or_default();
        Self { body, model, session: prompt_cache_key.or(user) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_and_a_session_are_read_and_anything_else_is_let_be() {
        let question = Question::of(Bytes::from_static(br#"{"model":"m","user":"u","n":[1]}"#));
        assert_eq!(
            (question.model.as_deref(), question.session.as_deref()),
            (Some("m"), Some("u"))
        );
        for other in [&b"not json"[..], b"[]", b"", br#"{"model":7}"#] {
            let question = Question::of(Bytes::from_static(other));
            assert!(question.model.is_none() && question.body == other);
        }
        let cached = br#"{"prompt_cache_key":"c","user":"u"}"#;
        assert_eq!(Question::of(Bytes::from_static(cached)).session.as_deref(), Some("c"));
    }
}
