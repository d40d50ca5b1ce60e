//! A request that each attempt of its run gets anew.

/// How a request is made anew for each attempt: [`Cloned`], or a closure `Fn(&Request) -> Q`.
pub trait Remake<Request> {
    /// What an attempt gets.
    type Request;

    /// Makes it.
    fn remake(&self, request: &Request) -> Self::Request;
}

/// Each attempt gets a clone of the request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cloned;

impl<Request: Clone> Remake<Request> for Cloned {
    type Request = Request;

    fn remake(&self, request: &Request) -> Request {
        request.clone()
    }
}

impl<F, Request, Q> Remake<Request> for F
where
    F: Fn(&Request) -> Q,
{
    type Request = Q;

    fn remake(&self, request: &Request) -> Q {
        self(request)
    }
}
