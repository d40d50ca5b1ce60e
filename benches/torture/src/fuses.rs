//! The breakers, all behind one small interface: a call is made, or it is rejected.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use execution_policy::{ExecutionError, ExecutionPolicy, ExecutionPolicyBuilder};
use failsafe::{backoff, failure_policy};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use recloser::{AsyncRecloser, Recloser};
use rotapool::{BreakerError, Trip, Window};
use tower::{Service, ServiceExt as _};
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

pub const OPEN: Duration = Duration::from_millis(100);

/// An operation: it goes well, or it does not.
pub type Operation = BoxFuture<'static, Result<(), String>>;

/// Whether a call was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Made,
    Rejected,
}

pub trait Fuse: Send + Sync {
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Half of the last ten calls failed.
    WindowOfTen,
    /// Three calls in a row failed, or three of three.
    ThreeInARow,
}

pub const PEERS: [&str; 5] =
    ["rotapool", "recloser", "failsafe", "tower-resilience", "execution-policy"];

/// A breaker of this peer by this rule, with one trial at a time; none if it has no such rule.
pub fn fuse(peer: &str, rule: Rule) -> Option<Arc<dyn Fuse>> {
    match peer {
        "rotapool" => Some(Arc::new(Ours::new(rule))),
        "recloser" => Some(Arc::new(ByRecloser::new(rule))),
        // It weighs its rate over time; the window of `execution-policy` below is one of time.
        "failsafe" => (rule == Rule::ThreeInARow).then(|| Arc::new(by_failsafe()) as _),
        "tower-resilience" => Some(Arc::new(by_tower(rule))),
        _ => (rule == Rule::ThreeInARow).then(|| Arc::new(ByPolicy::new()) as _),
    }
}

struct Ours(rotapool::CircuitBreaker);

impl Ours {
    fn new(rule: Rule) -> Self {
        let trip = match rule {
            Rule::WindowOfTen => Trip::at_failure_rate(50).window(Window::Calls(10)),
            Rule::ThreeInARow => Trip::after_failures(3),
        };
        Self(rotapool::CircuitBreaker::new(trip.open_for(OPEN)).expect("the rules make sense"))
    }
}

impl Fuse for Ours {
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call> {
        let breaker = self.0.clone();
        async move {
            match breaker.call(|| operation).await {
                Err(BreakerError::Rejected(_)) => Call::Rejected,
                _ => Call::Made,
            }
        }
        .boxed()
    }
}

struct ByRecloser(AsyncRecloser);

impl ByRecloser {
    fn new(rule: Rule) -> Self {
        let length = if rule == Rule::WindowOfTen { 10 } else { 3 };
        let builder = Recloser::custom().error_rate(0.5).closed_len(length).half_open_len(1);
        Self(AsyncRecloser::from(builder.open_wait(OPEN).build()))
    }
}

impl Fuse for ByRecloser {
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call> {
        let breaker = self.0.clone();
        async move {
            match breaker.call(operation).await {
                Err(recloser::Error::Rejected) => Call::Rejected,
                _ => Call::Made,
            }
        }
        .boxed()
    }
}

struct ByFailsafe<B>(B);

fn by_failsafe() -> impl Fuse {
    let policy = failure_policy::consecutive_failures(3, backoff::constant(OPEN));
    ByFailsafe(failsafe::Config::new().failure_policy(policy).build())
}

impl<B> Fuse for ByFailsafe<B>
where
    B: failsafe::futures::CircuitBreaker + Clone + Send + Sync + 'static,
{
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call> {
        let breaker = self.0.clone();
        async move {
            match breaker.call(operation).await {
                Err(failsafe::Error::Rejected) => Call::Rejected,
                _ => Call::Made,
            }
        }
        .boxed()
    }
}

struct ByTower<S>(S);

fn by_tower(rule: Rule) -> impl Fuse {
    let builder =
        CircuitBreakerLayer::builder().wait_duration_in_open(OPEN).permitted_calls_in_half_open(1);
    let builder = match rule {
        Rule::WindowOfTen => {
            builder.failure_rate_threshold(0.5).sliding_window_size(10).minimum_number_of_calls(10)
        }
        Rule::ThreeInARow => builder.consecutive_failures(3),
    };
    let layer = builder.build().expect("the rules make sense");
    let inner = tower::service_fn(|operation: Operation| operation);
    ByTower(layer.layer_fn(inner))
}

impl<S> Fuse for ByTower<S>
where
    S: Service<Operation, Response = (), Error = CircuitBreakerError<String>>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call> {
        let call = self.0.clone().oneshot(operation);
        call.map(|answer| match answer {
            Err(CircuitBreakerError::OpenCircuit) => Call::Rejected,
            _ => Call::Made,
        })
        .boxed()
    }
}

type Policy = ExecutionPolicy<execution_policy::DefaultCore, (), String>;

struct ByPolicy(Arc<Policy>);

impl ByPolicy {
    fn new() -> Self {
        let breaker = execution_policy::CircuitBreaker::consecutive_failures(3);
        let breaker = breaker.open_for(OPEN).half_open_max_calls(1);
        Self(Arc::new(ExecutionPolicyBuilder::new().circuit_breaker(breaker).build()))
    }
}

impl Fuse for ByPolicy {
    fn call(&self, operation: Operation) -> BoxFuture<'static, Call> {
        let (policy, operation) = (Arc::clone(&self.0), Mutex::new(Some(operation)));
        async move {
            // Without retries there is one attempt, which takes the operation.
            let next = || operation.lock().expect("not poisoned").take().expect("one attempt");
            match policy.run_boxed(next).await {
                Err(ExecutionError::CircuitOpen { .. }) => Call::Rejected,
                _ => Call::Made,
            }
        }
        .boxed()
    }
}
