//! Who looks at the clock when no run does.

use super::Reference;
use crate::twice::observed::{Handle, Moment};

/// A lookout, as the pool knows it.
#[derive(Debug)]
pub(super) struct Post {
    number: usize,
    /// When it comes by itself.
    pub(super) comes_at: Option<Moment>,
    /// What calls it, until it is called.
    pub(super) handle: Option<Handle>,
}

impl Reference {
    /// Answers when to come again, and whether it takes the handle.
    pub(crate) fn look_out(
        &mut self,
        number: usize,
        handle: Handle,
        told: Option<Moment>,
        now: Moment,
    ) -> (Option<Moment>, bool) {
        self.now = now;
        self.notice(now);
        self.attend_the_line();
        self.look_for_a_turn(now);
        let comes_at = self.or_as_early_as(told, self.next_known_instant());
        if !self.posts.iter().any(|post| post.number == number) {
            self.posts.push(Post { number, comes_at, handle: None });
        }
        let post = self.posts.iter_mut().find(|post| post.number == number);
        let post = post.expect("it was put there");
        post.comes_at = comes_at;
        let needs_one = post.handle.is_none();
        post.handle.get_or_insert(handle);
        (comes_at, needs_one)
    }

    pub(crate) fn stand_down(&mut self, number: usize) {
        let place = self.posts.iter().position(|post| post.number == number);
        let post = place.map(|place| self.posts.remove(place));
        self.aftermath.retired.extend(post.and_then(|post| post.handle));
    }

    /// Calls those that would come too late.
    pub(super) fn call_the_lookouts(&mut self) {
        let Some(next) = self.next_known_instant() else { return };
        let mut calls = Vec::new();
        for post in &mut self.posts {
            if post.comes_at.is_none_or(|comes_at| next < comes_at) {
                calls.extend(post.handle.take());
            }
        }
        if !calls.is_empty() {
            self.note("a lookout was called");
        }
        self.aftermath.wakes.extend(calls);
    }
}
