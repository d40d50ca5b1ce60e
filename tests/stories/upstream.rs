//! The far side of the operations: it holds every call until the test answers it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;
use rotapool::{Fault, Lease};

/// What the operations of the stories return.
pub(crate) type Answer = Result<String, Fault<Boom>>;

/// An operation's own error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Boom;

impl fmt::Display for Boom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("boom")
    }
}

/// Holds calls and answers them one by one. Clones are the same upstream.
#[derive(Clone, Default)]
pub(crate) struct Upstream {
    calls: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    seen: Vec<String>,
    pending: Vec<(String, oneshot::Sender<Answer>)>,
}

impl Calls {
    fn receive(&mut self, id: &str, reply: oneshot::Sender<Answer>) {
        self.seen.push(id.to_owned());
        self.pending.push((id.to_owned(), reply));
    }
}

impl Upstream {
    /// An operation that calls this upstream.
    pub(crate) fn operation(
        &self,
    ) -> impl FnMut(Lease<&'static str>) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + use<>
    {
        let calls = Arc::clone(&self.calls);
        move |lease| {
            let calls = Arc::clone(&calls);
            Box::pin(async move {
                let (reply, replied) = oneshot::channel();
                calls.lock().unwrap().receive(lease.id(), reply);
                replied.await.expect("a call is answered, never forgotten")
            })
        }
    }

    /// The ids of all calls ever made, in order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.calls.lock().unwrap().seen.clone()
    }

    /// The ids of the calls that wait for an answer, oldest first. An aborted call is gone.
    pub(crate) fn pending(&self) -> Vec<String> {
        let mut calls = self.calls.lock().unwrap();
        calls.pending.retain(|(_, reply)| !reply.is_canceled());
        calls.pending.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Answers the oldest call on this resource.
    pub(crate) fn answer(&self, id: &str, answer: Answer) {
        self.answer_nth(id, 0, answer);
    }

    /// Answers the nth oldest call on this resource, counting from 0.
    pub(crate) fn answer_nth(&self, id: &str, nth: usize, answer: Answer) {
        self.pending();
        let mut calls = self.calls.lock().unwrap();
        let found = calls.pending.iter().enumerate().filter(|(_, (on, _))| on == id).nth(nth);
        let (index, _) = found.unwrap_or_else(|| panic!("call {nth} on {id} is not pending"));
        let (_, reply) = calls.pending.remove(index);
        drop(calls);
        reply.send(answer).expect("a pending call listens");
    }
}

/// A plain success.
pub(crate) fn fine() -> Answer {
    Ok("fine".to_owned())
}
