//! Secrets: from the environment or a file, never from the configuration's text, and in nobody's output.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use subtle::ConstantTimeEq as _;

/// A key or a token.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// Where a secret is: `{ env = "NAME" }` or `{ file = "/run/secrets/name" }`.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Source {
    Env {
        env: String,
    },
    File {
        file: String,
    },
    /// Most likely the secret itself: no error may show it.
    Other(IgnoredAny),
}

impl Source {
    /// Reads the secret; the error says where it was looked for.
    pub(crate) fn read(self) -> Result<Secret, String> {
        let (text, place) = match &self {
            Self::Other(_) => {
                let what = "a secret stands elsewhere: { env = \"NAME\" } or { file = \"PATH\" }";
                return Err(what.to_owned());
            }
            Self::Env { env: name } => {
                let text = std::env::var(name)
                    .map_err(|error| format!("the environment variable {name}: {error}"))?;
                (text, format!("the environment variable {name}"))
            }
            Self::File { file: path } => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
                (text, path.clone())
            }
        };
        Secret::new(text.trim_end_matches(['\r', '\n'])).map_err(|what| format!("{place} {what}"))
    }
}

impl Secret {
    /// A secret travels in a header: it is printable, and not empty.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => Err("is empty"),
            text if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Self(text.to_owned())),
            _ => Err(
                "has a character that no header can carry: only printable ASCII without spaces is allowed",
            ),
        }
    }

    /// The secret itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether they are the same, in a time that depends on nothing but their lengths.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(other).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_text_of_its_source_and_never_shown() {
        let file = std::env::temp_dir().join(format!("gateway-secret-{}", std::process::id()));
        std::fs::write(&file, "sk-123\n").unwrap();
        let secret = Source::File { file: file.display().to_string() }.read().unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(secret.is(b"sk-123") && !secret.is(b"sk-12") && !secret.is(b"sk-124"));
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn who_looks_for_a_secret_in_vain_is_told_where() {
        let missing =
            Source::Env { env: "GATEWAY_HAS_NO_SUCH_VARIABLE".to_owned() }.read().unwrap_err();
        assert!(missing.contains("GATEWAY_HAS_NO_SUCH_VARIABLE"), "{missing}");
        let missing = Source::File { file: "/no/such/file".to_owned() }.read().unwrap_err();
        assert!(missing.contains("/no/such/file"), "{missing}");
        assert!(Secret::new("two words").is_err() && Secret::new("").is_err());
    }
}
