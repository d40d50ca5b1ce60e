//! Secrets of a resource, which no reason shows.

use std::fmt::Write as _;
use std::sync::Arc;

use rotapool_core::{HIDDEN, Signal, without_url_secrets};

/// What must not be shown, in every form in which it is looked for. Shared by the attempts on its resource.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets themselves, as they stand in an URL, and as `Debug` prints them; `None` without any.
    pub(crate) fn of(secrets: &[Arc<str>]) -> Option<Arc<Self>> {
        let mut forms: Vec<String> = secrets
            .iter()
            .flat_map(|secret| {
                let encoded = percent_encoded(secret);
                let (lower, form) = (lower_hex(&encoded), encoded.replace("%20", "+"));
                [secret.to_string(), secret.escape_debug().to_string(), encoded, lower, form]
            })
            .collect();
        // The longest first: one secret may be the beginning of another.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        (!forms.is_empty()).then(|| Arc::new(Self(forms)))
    }

    fn hide(&self, text: &str) -> Option<String> {
        let mut shown = None;
        for secret in &self.0 {
            let text = shown.as_deref().unwrap_or(text);
            if text.contains(secret.as_str()) {
                shown = Some(text.replace(secret.as_str(), HIDDEN));
            }
        }
        shown
    }
}

/// Takes out of a signal's reason what it must not show, on its way into the pool.
pub(crate) fn conceal<'a>(
    signal: &mut Signal,
    secrets: impl IntoIterator<Item = &'a Arc<Secrets>>,
) {
    // The URLs last: a secret with a quote in it would end one.
    secrets.into_iter().for_each(|secrets| signal.rephrase(|reason| secrets.hide(reason)));
    signal.rephrase(|reason| {
        let masked = without_url_secrets(reason);
        (*masked != *reason).then(|| masked.into_owned())
    });
}

/// As RFC 3986 has it: all but what it calls unreserved.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

/// The same with the letters of its escapes small, as some write them.
fn lower_hex(encoded: &str) -> String {
    let mut escape = 0;
    encoded
        .chars()
        .map(|character| {
            escape = if character == '%' { 3 } else { i32::max(escape - 1, 0) };
            if escape > 0 { character.to_ascii_lowercase() } else { character }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secrets: &[&str], text: &str) -> String {
        let secrets: Vec<Arc<str>> = secrets.iter().map(|&secret| secret.into()).collect();
        let mut signal = Signal::retry(text);
        conceal(&mut signal, &Secrets::of(&secrets));
        signal.reason().to_owned()
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_a_text_may_have_it() {
        assert_eq!(hidden(&["sk-aaa"], "sk-aaa, sk-aaab, sk-aa"), "***, ***b, sk-aa");
        assert_eq!(hidden(&["a+b/c="], "at /a%2Bb%2Fc%3D or /a%2bb%2fc%3d"), "at /*** or /***");
        assert_eq!(hidden(&["a\"b"], r#"header "a\"b""#), "header \"***\"");
        assert_eq!(hidden(&["pass word"], "/pass%20word /pass+word"), "/*** /***");
        assert_eq!(hidden(&["ab", "abcd"], "abcd ab"), "*** ***");
        assert_eq!(hidden(&[], "http://a?k=1"), "http://a?k=***");
    }
}
