//! What is taken out of a reason on its way into the pool: secrets, which none shows, and what is too long.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

use rotapool_core::{HIDDEN, Signal, without_url_secrets};

/// What must not be shown, in every form in which it is looked for. Shared by the attempts on its resource.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets themselves, as they stand in an URL, and as `Debug` prints them and `escape_debug` writes them;
    /// `None` without any.
    pub(crate) fn of(secrets: &[Arc<str>]) -> Option<Arc<Self>> {
        let mut forms: Vec<String> = secrets
            .iter()
            .flat_map(|secret| {
                let encoded = percent_encoded(secret);
                let (lower, form) = (lower_hex(&encoded), encoded.replace("%20", "+"));
                let (printed, escaped) = (printed(secret), secret.escape_debug().to_string());
                [secret.to_string(), printed, escaped, encoded, lower, form]
            })
            .collect();
        forms.sort_unstable();
        forms.dedup();
        (!forms.is_empty()).then(|| Arc::new(Self(forms)))
    }

    /// Whether a text shows any of them.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|form| text.contains(form))
    }

    /// A text without them.
    pub(crate) fn taken_out_of(&self, text: &str) -> String {
        let forms: Vec<&str> = self.0.iter().map(String::as_str).collect();
        hide(&by_length(forms), text).unwrap_or_else(|| text.to_owned())
    }
}

/// Bytes of a reason that are kept: each event and report of its attempt has it, and an upstream may have written it.
const LONGEST: usize = 16 * 1024;

/// Takes out of a signal's reason what it must not show, and what is too long, on its way into the pool.
pub(crate) fn conceal<'a>(
    signal: &mut Signal,
    secrets: impl IntoIterator<Item = &'a Arc<Secrets>>,
) {
    let forms = secrets.into_iter().flat_map(|secrets| &secrets.0).map(String::as_str);
    let forms = by_length(forms.collect());
    // The URLs last: a secret with a quote in it would end one.
    signal.rephrase(|reason| hide(&forms, reason));
    signal.rephrase(|reason| {
        let masked = without_url_secrets(reason);
        (*masked != *reason).then(|| masked.into_owned())
    });
    // And then its end, for of a secret that was cut in two a half would be left.
    signal.rephrase(shortened);
}

fn shortened(reason: &str) -> Option<String> {
    let longest = reason.len().min(LONGEST);
    let end = (0..=longest).rev().find(|&end| reason.is_char_boundary(end))?;
    let left_out = reason.len() - end;
    (left_out > 0).then(|| format!("{}… ({left_out} bytes more)", &reason[..end]))
}

/// The longest first: one secret may be the beginning of another, also of another resource's.
fn by_length(mut forms: Vec<&str>) -> Vec<&str> {
    forms.sort_by_key(|form| Reverse(form.len()));
    forms
}

fn hide(forms: &[&str], text: &str) -> Option<String> {
    let mut shown = None;
    for form in forms {
        let text = shown.as_deref().unwrap_or(text);
        if text.contains(form) {
            shown = Some(text.replace(form, HIDDEN));
        }
    }
    shown
}

/// As `Debug` prints it, without the quotes around it.
fn printed(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted[1..quoted.len() - 1].to_owned()
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
    fn a_signal_made_by_hand_hides_what_urls_keep_to_themselves_too() {
        let mut signal = Signal::Retry { reason: "at https://u:p@host/".into(), error: None };
        conceal(&mut signal, None);
        assert_eq!(signal.reason(), "at https://***@host/");
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_a_text_may_have_it() {
        assert_eq!(hidden(&["sk-aaa"], "sk-aaa, sk-aaab, sk-aa"), "***, ***b, sk-aa");
        assert_eq!(hidden(&["a+b/c="], "at /a%2Bb%2Fc%3D or /a%2bb%2fc%3d"), "at /*** or /***");
        assert_eq!(hidden(&["A/BCDE"], "at /A%2FBCDE or /A%2fBCDE"), "at /*** or /***");
        assert_eq!(hidden(&["a\"b"], r#"header "a\"b""#), "header \"***\"");
        assert_eq!(hidden(&["pass word"], "/pass%20word /pass+word"), "/*** /***");
        assert_eq!(hidden(&["ab", "abcd"], "abcd ab"), "*** ***");
        for secret in ["it's \"so\"\n", "e\u{301}\t", "\u{301}\t"] {
            assert_eq!(hidden(&[secret], &format!("{secret:?}")), "\"***\"");
        }
        assert_eq!(hidden(&[], "http://a?k=1"), "http://a?k=***");
    }

    #[test]
    fn a_secret_that_begins_as_that_of_another_resource_is_hidden_as_a_whole() {
        let of = |secret: &str| Secrets::of(&[secret.into()]).unwrap();
        let secrets = [of("sk-live"), of("sk-live-9f3a7c")];
        let mut signal = Signal::retry("sk-live-9f3a7c, sk-live");
        conceal(&mut signal, &secrets);
        assert_eq!(signal.reason(), "***, ***");
    }
}
