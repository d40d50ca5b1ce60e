//! The recorded limiters.

use std::time::Duration;

use rotapool::RateLimiter;
use rotapool::testing::VirtualClock;
use serde::Deserialize;

use crate::{at_step, close, same};

#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    settings: Settings,
    steps: Vec<Step>,
    stats: Stats,
}

#[derive(Debug, Deserialize)]
struct Settings {
    rate: f64,
    per: f64,
}

#[derive(Debug, Deserialize)]
struct Step {
    #[serde(flatten)]
    action: Action,
    tokens: f64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Action {
    Try { acquired: bool },
    Until { seconds_until_token: f64 },
    Tokens,
    Advance { seconds: f64 },
    Reset,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Stats {
    acquired: u64,
    rejected: u64,
}

impl Recorded {
    pub(crate) fn play(&self) -> Result<(), String> {
        let clock = VirtualClock::new();
        let per = Duration::from_secs_f64(self.settings.per);
        let limiter = RateLimiter::builder(self.settings.rate, per).runtime(clock.clone()).build();
        let limiter = limiter.map_err(|error| error.to_string())?;
        for (number, step) in self.steps.iter().enumerate() {
            let played = step.action.play(&limiter, &clock);
            let looked = played.and_then(|()| close("tokens", limiter.available(), step.tokens));
            at_step(number, step, looked)?;
        }
        let ours = limiter.stats();
        let ours = Stats { acquired: ours.acquired, rejected: ours.refused };
        same("stats at the end", &ours, &self.stats)
    }
}

impl Action {
    fn play(&self, limiter: &RateLimiter, clock: &VirtualClock) -> Result<(), String> {
        match self {
            Self::Try { acquired } => {
                return same("whether it was acquired", &limiter.try_acquire().is_ok(), acquired);
            }
            Self::Until { seconds_until_token } => {
                let ours = limiter.time_until(1).ok_or("no token will ever come")?;
                return close("seconds until a token", ours.as_secs_f64(), *seconds_until_token);
            }
            Self::Tokens => {}
            Self::Advance { seconds } => clock.advance(Duration::from_secs_f64(*seconds)),
            Self::Reset => limiter.reset(),
        }
        Ok(())
    }
}
