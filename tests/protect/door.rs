//! What the door turns away, and what it says then.

use rotapool::{
    ChainError, ChainSetupError, CircuitBreaker, FallbackChain, RateError, RateLimiter, Trip,
};

use crate::scene::secs;

#[test]
fn a_breaker_of_rules_that_make_no_sense_is_not_built() {
    let error = CircuitBreaker::new(Trip::after_failures(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of failures in a row of the circuit breaker is 0; allowed is 1 or more"
    );
    let error = CircuitBreaker::builder(Trip::default()).name("").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the name of the circuit breaker is empty; allowed is one character or more, or leave it at `breaker`"
    );
}

#[test]
fn a_limiter_of_a_rate_that_makes_no_sense_is_not_built() {
    for rate in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
        let error = RateLimiter::new(rate, secs(1)).unwrap_err();
        assert!(matches!(error, RateError::Rate { .. }), "{rate}: {error}");
    }
    let error = RateLimiter::new(1.0, secs(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the period of the rate is 0ns; allowed is 1 ns to a hundred years"
    );
    let error = RateLimiter::builder(1.0, secs(1)).burst(0).build().unwrap_err();
    assert_eq!(error.to_string(), "the burst is 0 tokens; allowed is 1 to 1000000000000");
    let error = RateLimiter::builder(1.0, secs(1)).burst(u64::MAX).build().unwrap_err();
    assert_eq!(error, RateError::Burst { burst: u64::MAX });
    let error = RateLimiter::builder(1.0, secs(1)).name("").build().unwrap_err();
    assert_eq!(error, RateError::EmptyName);
}

#[test]
fn a_chain_that_makes_no_sense_says_so_before_anything_is_tried() {
    type Chain = FallbackChain<u32, String>;
    let refused = |chain: &Chain| {
        let run = chain.run_blocking(|_| -> Result<(), String> { panic!("it was tried") });
        let Err(ChainError::Setup(error)) = run else { panic!("it was run") };
        assert_eq!(chain.check(), Err(error.clone()));
        error.to_string()
    };
    assert_eq!(
        refused(&Chain::new()),
        "the fallback chain is empty; give it at least one alternative"
    );
    assert_eq!(
        refused(&Chain::new().then("a", 1).then("a", 2).then("", 3)),
        "the fallback chain has an alternative `a` already; names are unique"
    );
    assert_eq!(
        refused(&Chain::new().then("", 1)),
        "the name of an alternative is empty; give every one a name of one character or more"
    );
    let mut chain = Chain::new().then("a", 1);
    let nowhere = ChainSetupError::NoSuchPlace { index: 2, length: 1 };
    assert_eq!(nowhere.to_string(), "place 2 is not in the fallback chain; allowed is 0 to 1");
    assert_eq!(chain.insert(2, "b", 2), Err(nowhere));
    assert_eq!(chain.check(), Ok(()), "it is as it was");
}
