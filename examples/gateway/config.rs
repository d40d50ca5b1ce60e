//! The configuration: what the file says, checked as a whole before anything starts.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderName;

use crate::secret::{Secret, Source};
use crate::section::{Mistakes, Section, read};

/// What the gateway does.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    /// What clients have to show; without one, everybody who reaches the address is served.
    pub(crate) token: Option<Secret>,
    /// What operators have to show; without one, there are no admin routes.
    pub(crate) admin_token: Option<Secret>,
    /// The bytes of a request that are kept for another attempt. A longer one is refused.
    pub(crate) max_body: usize,
    /// How long the requests in flight have, once the gateway is told to leave.
    pub(crate) grace: Duration,
    pub(crate) pools: Vec<PoolConfig>,
}

/// One upstream and its keys.
#[derive(Debug)]
pub(crate) struct PoolConfig {
    pub(crate) name: String,
    pub(crate) upstream: Uri,
    /// The models that go here: exact names, or beginnings with a `*` behind. None: all that no other pool wants.
    pub(crate) models: Vec<String>,
    /// How long a request may take to the first byte of its answer, all attempts and waiting together.
    pub(crate) timeout: Duration,
    /// How long one key may take to it, before another is tried.
    pub(crate) first_byte_within: Duration,
    /// The settings of the pool itself.
    pub(crate) rules: rotapool::config::PoolConfig,
    pub(crate) auth: Auth,
    pub(crate) keys: Vec<KeyConfig>,
}

/// One key.
#[derive(Debug)]
pub(crate) struct KeyConfig {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) requests_per_minute: Option<u64>,
}

/// The header that carries the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// The key alone, as in `x-api-key: …`
    Header(HeaderName),
}

impl Config {
    /// Reads and checks a file.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&name, &text).map_err(|mistakes| mistakes.to_string())
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Mistakes> {
        read(name, text, |file| {
            let listen = file.take_text("listen", address);
            let token = file.take_as("token", Source::read);
            let admin_token = file.take_as("admin_token", Source::read);
            let max_body = file.take_as("max_body", at_least_one);
            let grace = file.take_text("grace", duration);
            if token.is_none() && listen.is_some_and(|at: SocketAddr| !at.ip().is_loopback()) {
                file.wrong("an address that others reach needs a `token`".to_owned());
            }
            let sections = file.sections("pool");
            if sections.is_empty() {
                file.wrong("there has to be a pool: [[pool]]".to_owned());
            }
            let mut pools: Vec<PoolConfig> = Vec::new();
            for mut section in sections {
                let pool = PoolConfig::of(&mut section);
                if let Some(pool) = pool {
                    match pools.iter().find(|other| other.name == pool.name) {
                        Some(_) => {
                            section.wrong(format!("a second pool is called {:?}", pool.name));
                        }
                        None if pool.models.is_empty()
                            && pools.iter().any(|other| other.models.is_empty()) =>
                        {
                            section.wrong(
                                "a second pool without `models` would get nothing".to_owned(),
                            );
                        }
                        None => {}
                    }
                    pools.push(pool);
                }
                section.end();
            }
            Some(Self {
                listen: listen.unwrap_or(([127, 0, 0, 1], 8080).into()),
                token,
                admin_token,
                max_body: max_body.unwrap_or(16 << 20),
                grace: grace.unwrap_or(Duration::from_secs(30)),
                pools,
            })
        })
    }
}

impl PoolConfig {
    fn of(section: &mut Section<'_, '_>) -> Option<Self> {
        let name = section.need("name", |section, key| section.take_text(key, word));
        let upstream = section.take_text("upstream", upstream);
        let models = section.take("models");
        let timeout = section.take_text("timeout", duration);
        let first_byte_within = section.take_text("first_byte_within", duration);
        let rules = section.take("rules");
        let auth = section.take_text("auth", auth);
        let sections = section.sections("key");
        if sections.is_empty() {
            section.wrong("a pool needs a key: [[pool.key]]".to_owned());
        }
        let mut keys: Vec<KeyConfig> = Vec::new();
        for mut section in sections {
            if let Some(key) = KeyConfig::of(&mut section) {
                if keys.iter().any(|other| other.id == key.id) {
                    section.wrong(format!("a second key of this pool is called {:?}", key.id));
                }
                keys.push(key);
            }
            section.end();
        }
        Some(Self {
            name: name?,
            upstream: upstream.unwrap_or(Uri::from_static("https://api.openai.com")),
            models: models.unwrap_or_default(),
            timeout: timeout.unwrap_or(Duration::from_secs(60)),
            first_byte_within: first_byte_within.unwrap_or(Duration::from_secs(30)),
            rules: rules.unwrap_or_default(),
            auth: auth.unwrap_or(Auth::Bearer),
            keys,
        })
    }

    /// Whether this model goes here.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == pattern,
        })
    }
}

impl KeyConfig {
    fn of(section: &mut Section<'_, '_>) -> Option<Self> {
        let id = section.need("id", |section, key| section.take_text(key, no_blank));
        let secret = section.need("secret", |section, key| section.take_as(key, Source::read));
        let max_in_flight = section.take_as("max_in_flight", at_least_one);
        let requests_per_minute = section.take_as("requests_per_minute", at_least_one);
        Some(Self { id: id?, secret: secret?, max_in_flight, requests_per_minute })
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no address; one looks like \"127.0.0.1:8080\""))
}

fn word(text: &str) -> Result<String, String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !text.is_empty() && text.chars().all(is_fine) {
        true => Ok(text.to_owned()),
        false => {
            Err(format!("{text:?} stands in paths: letters, digits, `-`, `_` and `.` are allowed"))
        }
    }
}

/// The id of a key; the routes take it percent-encoded.
fn no_blank(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err(format!("{text:?} names nobody")),
        false => Ok(text.to_owned()),
    }
}

fn upstream(text: &str) -> Result<Uri, String> {
    if text.contains('@') {
        return Err(
            "an upstream has no user and password; its keys stand in [[pool.key]]".to_owned()
        );
    }
    let uri: Option<Uri> = text.parse().ok();
    let is_fine = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
    };
    uri.filter(is_fine).ok_or_else(|| {
        format!("{text:?} is no upstream; one looks like \"https://api.openai.com\", with a path in front of all others if need be")
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err(format!("{text:?} is no time at all")),
        Err(_) => Err(format!("{text:?} is no duration; one looks like \"30s\" or \"1m 30s\"")),
    }
}

fn at_least_one<N: TryFrom<i64>>(number: i64) -> Result<N, String> {
    let fits = N::try_from(number).ok().filter(|_| number >= 1);
    fits.ok_or_else(|| format!("{number} is out of range; at least 1 is allowed"))
}

fn auth(text: &str) -> Result<Auth, String> {
    match (text, HeaderName::try_from(text)) {
        ("bearer", _) => Ok(Auth::Bearer),
        (_, Ok(name)) if text.contains('-') => Ok(Auth::Header(name)),
        _ => Err(format!(
            "{text:?} is neither \"bearer\" nor a header's name, such as \"x-api-key\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With secrets that are on every machine.
    const SMALL: &str = r#"
        [[pool]]
        name = "openai"
        [[pool.key]]
        id = "a"
        secret = { env = "PATH_FOR_NOBODY" }
    "#;

    fn with_secret(text: &str) -> String {
        text.replace("{ env = \"PATH_FOR_NOBODY\" }", "{ env = \"CARGO_PKG_NAME\" }")
    }

    #[test]
    fn a_pool_and_a_key_are_enough() {
        let config = Config::parse("gateway.toml", &with_secret(SMALL)).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        let [pool] = &config.pools[..] else { panic!("{config:?}") };
        assert_eq!(pool.upstream, "https://api.openai.com");
        assert!(pool.keys[0].secret.is(b"rotapool"));
        assert!(config.token.is_none() && pool.auth == Auth::Bearer);
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_lines() {
        let text = r#"listen = "here"
grace = 30
speed = "fast"
max_body = 0
[[pool]]
name = "a/b"
upstream = "ftp://x"
auth = "secret"
[[pool.key]]
id = "one"
[[pool.key]]
id = "two"
secret = { env = "GATEWAY_HAS_NO_SUCH_VARIABLE" }
max_in_flight = -1
colour = "red"
"#;
        let mistakes = Config::parse("gateway.toml", text).unwrap_err().to_string();
        let told: Vec<&str> = mistakes.lines().collect();
        for (told, expected) in told.iter().zip([
            ":1: listen: \"here\" is no address",
            ":2: grace: invalid type: integer",
            ":3: speed: there is no such key",
            ":4: max_body: 0 is out of range",
            ":6: pool[0].name: \"a/b\"",
            ":7: pool[0].upstream: \"ftp://x\"",
            ":8: pool[0].auth: \"secret\"",
            ":9: pool[0].key[0]: `secret` is missing",
            ":13: pool[0].key[1].secret: the environment variable",
            ":14: pool[0].key[1].max_in_flight: -1",
            ":15: pool[0].key[1].colour: there is no such key",
        ]) {
            assert!(told.contains(expected), "{told:?} and not {expected:?} in\n{mistakes}");
        }
    }

    #[test]
    fn a_secret_that_stands_in_the_file_is_refused_and_not_told() {
        for secret in ["\"sk-secret\"", "{ text = \"sk-secret\" }", "[\"sk-secret\"]"] {
            let text = SMALL.replace("{ env = \"PATH_FOR_NOBODY\" }", secret);
            let text = text.replacen("name =", "upstream = \"http://me:sk-secret@x\"\nname =", 1);
            let text = format!("token = \"sk-secret\"\n{text}");
            let mistakes = Config::parse("f", &text).unwrap_err().to_string();
            assert!(mistakes.contains("f:1: token: a secret stands elsewhere"), "{mistakes}");
            assert!(mistakes.contains("f:8: pool[0].key[0].secret: a secret"), "{mistakes}");
            assert!(mistakes.contains("f:4: pool[0].upstream: an upstream has no"), "{mistakes}");
            assert!(!mistakes.contains("sk-secret"), "{mistakes}");
        }
    }

    #[test]
    fn the_rules_of_a_pool_are_checked_with_the_rest_and_each_mistake_has_its_key() {
        let text = with_secret(SMALL).replacen(
            "name =",
            "rules = { max_attempts = 0, retry_delay = 3, no = 1 }\nname =",
            1,
        );
        let mistakes = Config::parse("f", &text).unwrap_err().to_string();
        for expected in ["f:3: pool[0].rules", "max_attempts", "retry_delay", "`no`"] {
            assert!(mistakes.contains(expected), "{expected} in\n{mistakes}");
        }
    }

    #[test]
    fn who_listens_to_others_asks_for_a_token() {
        let open = format!("listen = \"0.0.0.0:8080\"\n{}", with_secret(SMALL));
        let mistakes = Config::parse("f", &open).unwrap_err().to_string();
        assert!(mistakes.contains("needs a `token`"), "{mistakes}");
    }

    #[test]
    fn names_are_there_once() {
        let pool = with_secret(SMALL);
        let two = format!("{pool}{pool}");
        let mistakes = Config::parse("f", &two).unwrap_err().to_string();
        assert!(mistakes.contains("a second pool is called \"openai\""), "{mistakes}");
        let key = pool.split_once("[[pool.key]]").unwrap().1;
        let mistakes =
            Config::parse("f", &format!("{pool}[[pool.key]]{key}")).unwrap_err().to_string();
        assert!(mistakes.contains("a second key of this pool is called \"a\""), "{mistakes}");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        let mistakes = Config::parse("f", "\nlisten = \n").unwrap_err().to_string();
        assert!(mistakes.starts_with("f:2: "), "{mistakes}");
    }

    #[test]
    fn a_model_goes_by_its_name_or_its_beginning() {
        let text = with_secret(SMALL).replacen("name =", "models = [\"gpt-*\", \"o3\"]\nname =", 1);
        let config = Config::parse("f", &text).unwrap();
        let goes =
            ["gpt-5", "gpt-", "o3", "o3-mini", "claude"].map(|model| config.pools[0].has(model));
        assert_eq!(goes, [true, true, true, false, false]);
    }
}
