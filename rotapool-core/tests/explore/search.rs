//! Breadth first: every state is reached by as few choices as can be.

use std::collections::HashSet;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::choices::Choice;
use crate::setting::Setting;
use crate::world::World;

#[derive(Debug, Default)]
pub(crate) struct Explored {
    states: usize,
    /// The choices made; all but those that led to a new state led to one seen before.
    choices: usize,
    /// Every state that so many choices lead to was reached.
    depth: usize,
    /// Whether there is no other state.
    pub(crate) complete: bool,
    took: Duration,
}

struct State {
    /// The state it was reached from, and how; none for the first.
    reached: Option<(usize, Choice)>,
    depth: usize,
}

/// Makes every choice in every state, until there is no new state or there are too many.
pub(crate) fn explore(setting: &Setting, most_states: usize) -> Explored {
    let began = Instant::now();
    let mut story = Story { setting, choices: Vec::new() };
    let mut states = vec![State { reached: None, depth: 0 }];
    let mut seen = HashSet::from([World::new(setting).essence()]);
    let mut explored = Explored { complete: true, ..Explored::default() };
    let mut next = 0;
    while next < states.len() {
        let depth = states[next].depth;
        explored.depth = depth;
        if states.len() >= most_states {
            // The states of the next depth are not all known.
            explored.complete = false;
            break;
        }
        story.choices = way_to(&states, next);
        for choice in revisit(setting, &story.choices).choices() {
            let mut world = revisit(setting, &story.choices);
            story.choices.push(choice);
            world.make(choice);
            let essence = world.essence();
            world.end();
            explored.choices += 1;
            if seen.insert(essence) {
                states.push(State { reached: Some((next, choice)), depth: depth + 1 });
            }
            story.choices.pop();
        }
        next += 1;
    }
    Explored { states: states.len(), took: began.elapsed(), ..explored }
}

fn way_to(states: &[State], mut state: usize) -> Vec<Choice> {
    let mut choices = Vec::new();
    while let Some((from, choice)) = states[state].reached {
        choices.push(choice);
        state = from;
    }
    choices.reverse();
    choices
}

/// Core cannot be copied: the choices that lead to a state are made once more.
fn revisit<'a>(setting: &'a Setting, choices: &[Choice]) -> World<'a> {
    let mut world = World::new(setting);
    choices.iter().for_each(|&choice| world.repeat(choice));
    world
}

impl Explored {
    pub(crate) fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.choices += other.choices;
        self.depth = self.depth.max(other.depth);
        self.took += other.took;
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, choices, depth, complete, took } = self;
        write!(f, "{states} states, {choices} choices, {depth} deep")?;
        write!(f, "{}, {took:.1?}", if *complete { " (all there are)" } else { "" })
    }
}

/// How it came to that, told when the test panics, here or in core.
struct Story<'a> {
    setting: &'a Setting,
    choices: Vec<Choice>,
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}, after these choices:", self.setting);
            self.choices.iter().for_each(|choice| eprintln!("  {choice:?}"));
        }
    }
}
