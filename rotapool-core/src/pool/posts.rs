//! The lookouts of a pool: whom to call when something ends earlier than they know.

use crate::time::Tick;

/// Somebody who looks at the clock on behalf of a pool: see [`State::look_out`](crate::State::look_out).
#[derive(Debug, Default)]
pub struct Lookout(Option<u64>);

/// The lookouts of a pool, and when each of them comes by itself.
#[derive(Debug)]
pub(super) struct Posts<A> {
    taken: Vec<Post<A>>,
    numbers: u64,
}

#[derive(Debug)]
struct Post<A> {
    number: u64,
    comes_at: Tick,
    /// What calls it. Taken when it is called: it comes then.
    handle: Option<A>,
}

impl<A> Posts<A> {
    pub(super) fn new() -> Self {
        Self { taken: Vec::new(), numbers: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// The lookout will come at this instant, or when it is called before that.
    pub(super) fn keep(
        &mut self,
        lookout: &mut Lookout,
        comes_at: Tick,
        handle: impl FnOnce() -> A,
    ) {
        let number = *lookout.0.get_or_insert_with(|| {
            self.numbers += 1;
            self.numbers
        });
        match self.taken.iter_mut().find(|post| post.number == number) {
            Some(post) => {
                post.comes_at = comes_at;
                post.handle.get_or_insert_with(handle);
            }
            None => self.taken.push(Post { number, comes_at, handle: Some(handle()) }),
        }
    }

    /// The lookout comes no more: what would have called it.
    pub(super) fn leave(&mut self, lookout: &Lookout) -> Option<A> {
        let place = self.taken.iter().position(|post| Some(post.number) == lookout.0)?;
        self.taken.swap_remove(place).handle
    }

    /// Calls those who would come too late.
    pub(super) fn call(&mut self, earliest: Tick) -> impl Iterator<Item = A> {
        let late = self.taken.iter_mut().filter(move |post| earliest < post.comes_at);
        late.filter_map(|post| post.handle.take())
    }
}
