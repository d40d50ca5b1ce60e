//! What an upstream's answer says, as plain values.

use std::fmt;
use std::time::Duration;

use super::allowance::Allowance;

/// What an upstream's answer says of the resource that asked: [`Verdict::read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The status of the answer.
    pub status: u16,
    /// What kind of answer it is.
    pub class: Class,
    /// When the resource is back, if the upstream said so. Nothing is stated of what is fine.
    pub stated: Option<Stated>,
    /// What the headers report of the resource's limits, at most 16 dimensions, each once; also of an answer that
    /// is fine.
    pub allowances: Vec<Allowance>,
    /// Whether the upstream wants the request repeated, where it says so: `x-should-retry`, `stripe-should-retry`,
    /// and `grpc-retry-pushback-ms`, whose negative means no.
    pub repeat: Option<bool>,
}

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The request was served, or redirected.
    Fine,
    /// Over a limit for a while.
    OverLimit,
    /// What was paid for or granted is used up, and nobody says until when. With a stated end it is
    /// [`OverLimit`](Self::OverLimit).
    QuotaGone,
    /// The credentials are no good.
    AuthFailed,
    /// The upstream has too much to do, whoever asks.
    Overloaded,
    /// A hiccup: asking again may do.
    Transient,
    /// The request's own fault: every resource would answer the same.
    CallersFault,
}

impl Class {
    /// Every class, in the order of the table of [`Reactions`](super::Reactions).
    pub const ALL: [Self; 7] = [
        Self::Fine,
        Self::OverLimit,
        Self::QuotaGone,
        Self::AuthFailed,
        Self::Overloaded,
        Self::Transient,
        Self::CallersFault,
    ];
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fine => "fine",
            Self::OverLimit => "over its limit",
            Self::QuotaGone => "quota used up",
            Self::AuthFailed => "credentials refused",
            Self::Overloaded => "upstream overloaded",
            Self::Transient => "upstream hiccup",
            Self::CallersFault => "the request's own fault",
        })
    }
}

/// A stated end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stated {
    /// How long from now, longer than zero, and otherwise as it was said: bound it, or let
    /// [`Reactions`](super::Reactions) do it, before anybody waits for it.
    pub after: Duration,
    /// Who said so.
    pub source: Source,
    /// How far it is to be trusted.
    pub confidence: Confidence,
}

/// Where an end was stated. In the order of belief: the first that states one is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Source {
    /// A header in milliseconds: `retry-after-ms`, `x-ms-retry-after-ms`, `x-amz-retry-after`,
    /// `grpc-retry-pushback-ms`.
    Milliseconds,
    /// `Retry-After`.
    RetryAfter,
    /// A window of Anthropic's subscriptions that rejects.
    Window,
    /// The reset of a dimension that has nothing left.
    Reset,
    /// A field of the body.
    Body,
    /// A header of somebody further up, quoted in the body.
    Quoted,
    /// A message for people in the body.
    Message,
}

impl Source {
    /// Whether it is in the body, and not in a header.
    #[must_use]
    pub fn is_body(self) -> bool {
        matches!(self, Self::Body | Self::Quoted | Self::Message)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milliseconds => "retry-after-ms",
            Self::RetryAfter => "retry-after",
            Self::Window => "the window that rejects",
            Self::Reset => "the reset of what is used up",
            Self::Body => "the body",
            Self::Quoted => "a header quoted in the body",
            Self::Message => "the message",
        })
    }
}

/// How far a stated end is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// Read from a text for people, or the reset of a dimension that does not say whether it is used up.
    Low,
    /// The reset of what is used up. Where it comes back bit by bit, less than the whole wait may do
    /// ([`Allowance::ready_in`]).
    Medium,
    /// Told to us: come back then.
    High,
}
