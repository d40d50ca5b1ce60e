//! The way through a JSON body: one pass, without building a tree of it.
//!
//! Fields are looked for at the top and where upstreams put them: under `error`, `errors`, `details`,
//! `violations`, `parameters`, `extensions` and `metadata`.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

/// Objects inside of each other: `error`, `details`, `violations` and some more.
const DEEPEST: u8 = 8;

/// The fields that say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// An object, or a text that is a code or a message.
    Error,
    /// Objects, or lists of them.
    Inside,
    Headers,
    Code,
    Message,
    RetryDelay,
    ResetsIn,
    ResetsAt,
    RetryAfter,
    ResetAfter,
    QuotaId,
    Violated,
    Other,
}

impl Key {
    fn named(name: &str) -> Self {
        match name {
            "error" => Self::Error,
            "errors" | "details" | "violations" | "parameters" | "extensions" | "metadata" => {
                Self::Inside
            }
            "headers" => Self::Headers,
            "code" | "type" | "status" | "reason" | "__type" | "error_code" | "errorCode" => {
                Self::Code
            }
            "message" | "Message" | "detail" | "error_description" => Self::Message,
            "retryDelay" => Self::RetryDelay,
            "resets_in_seconds" => Self::ResetsIn,
            "resets_at" => Self::ResetsAt,
            "retry_after" => Self::RetryAfter,
            "reset_after" => Self::ResetAfter,
            "quotaId" => Self::QuotaId,
            "violated-policies" => Self::Violated,
            _ => Self::Other,
        }
    }
}

/// Who wants to hear of the fields that say something.
pub(super) trait Listener {
    fn text(&mut self, key: Key, text: &str);
    /// A field that says when.
    fn when(&mut self, key: Key, value: &Value);
    /// A header that is quoted.
    fn quote(&mut self, name: &str, value: Value);
}

/// Tells of every field that says something.
pub(super) fn walk(body: &[u8], listener: &mut impl Listener) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_slice(body);
    Node { listener, depth: 0, key: Key::Other }.deserialize(&mut json)?;
    json.end()
}

/// A value of any type, by the key that it belongs to.
struct Node<'a, L> {
    listener: &'a mut L,
    depth: u8,
    key: Key,
}

impl<'de, L: Listener> DeserializeSeed<'de> for Node<'_, L> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.key {
            Key::Other if self.depth > 0 => {
                deserializer.deserialize_ignored_any(IgnoredAny).map(drop)
            }
            // By way of a `Value`, which knows a number also where some other crate has switched on
            // `serde_json/arbitrary_precision`.
            Key::ResetsIn | Key::ResetsAt | Key::RetryAfter | Key::ResetAfter => {
                self.listener.when(self.key, &Value::deserialize(deserializer)?);
                Ok(())
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de, L: Listener> Visitor<'de> for Node<'_, L> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let objects = matches!(self.key, Key::Error | Key::Inside) || self.depth == 0;
        if self.key == Key::Headers && self.depth <= DEEPEST {
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                self.listener.quote(&name, value);
            }
            return Ok(());
        }
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let key = if objects && self.depth < DEEPEST { key } else { Key::Other };
            let depth = self.depth + 1;
            map.next_value_seed(Node { listener: &mut *self.listener, depth, key })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        // A list of errors, or Gemini's list of answers, is read as its members are; other fields are no lists.
        let lists = matches!(self.key, Key::Error | Key::Inside | Key::Violated) || self.depth == 0;
        let key = match self.key {
            Key::Other if self.depth == 0 => Key::Inside,
            key if lists && self.depth < DEEPEST => key,
            _ => Key::Other,
        };
        let depth = self.depth + 1;
        while list.next_element_seed(Node { listener: &mut *self.listener, depth, key })?.is_some()
        {
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.listener.text(self.key, text);
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(Key::named(name))
    }
}
