//! An Aho-Corasick automaton that also knows its depth.
//!
//! After any input its depth is the length of the longest end of the input that begins a pattern: exactly what a stream must hold
//! back. The `aho-corasick` crate keeps that number to itself, and reports leftmost matches where masking needs their union.

use std::collections::{BTreeSet, VecDeque};

const ROOT: u32 = 0;

/// States are numbers into `nodes`; 0 is the root.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    from_root: Box<[u32; 256]>,
}

#[derive(Default)]
struct Node {
    /// Sorted by byte.
    next: Vec<(u8, u32)>,
    /// The longest proper end of this state's text that is a state too.
    fail: u32,
    depth: u32,
    /// Length of the longest pattern that ends here; 0 for none.
    longest: u32,
}

impl Automaton {
    /// Accepts patterns that are not empty.
    pub(super) fn new(patterns: &BTreeSet<Vec<u8>>) -> Self {
        let mut automaton = Self {
            nodes: vec![Node::default()],
            from_root: Box::new([ROOT; 256]),
        };
        for pattern in patterns.iter().filter(|pattern| !pattern.is_empty()) {
            automaton.add(pattern);
        }
        for (byte, state) in automaton.node(ROOT).next.clone() {
            automaton.from_root[usize::from(byte)] = state;
        }
        automaton.link();
        automaton
    }

    fn node(&self, state: u32) -> &Node {
        &self.nodes[state as usize]
    }

    fn add(&mut self, pattern: &[u8]) {
        let mut state = ROOT;
        for (&byte, depth) in pattern.iter().zip(1..) {
            let fresh = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            let next = &mut self.nodes[state as usize].next;
            state = match next.binary_search_by_key(&byte, |(known, _)| *known) {
                Ok(place) => next[place].1,
                Err(place) => {
                    next.insert(place, (byte, fresh));
                    self.nodes.push(Node {
                        depth,
                        ..Node::default()
                    });
                    fresh
                }
            };
        }
        self.nodes[state as usize].longest = self.node(state).depth;
    }

    /// Sets the failure links, breadth first.
    fn link(&mut self) {
        let mut queue: VecDeque<u32> = self.node(ROOT).next.iter().map(|(_, next)| *next).collect();
        while let Some(state) = queue.pop_front() {
            let fail = self.node(state).fail;
            for (byte, child) in self.node(state).next.clone() {
                let target = self.step(fail, byte);
                let inherited = self.node(target).longest;
                let node = &mut self.nodes[child as usize];
                node.fail = target;
                node.longest = node.longest.max(inherited);
                queue.push_back(child);
            }
        }
    }

    /// The state after one more byte.
    pub(super) fn step(&self, mut state: u32, byte: u8) -> u32 {
        while state != ROOT {
            let node = self.node(state);
            let found = match node.next.as_slice() {
                [(known, next)] => (*known == byte).then_some(*next),
                many => many
                    .binary_search_by_key(&byte, |(known, _)| *known)
                    .ok()
                    .map(|place| many[place].1),
            };
            match found {
                Some(next) => return next,
                None => state = node.fail,
            }
        }
        self.from_root[usize::from(byte)]
    }

    /// How many of the last bytes may begin a pattern.
    pub(super) fn depth(&self, state: u32) -> usize {
        self.node(state).depth as usize
    }

    /// The length of the longest pattern that ends here; 0 for none.
    pub(super) fn longest(&self, state: u32) -> usize {
        self.node(state).longest as usize
    }

    /// How many of the first bytes leave the root where it is.
    pub(super) fn idle(&self, bytes: &[u8]) -> usize {
        let begins = |byte: &u8| self.from_root[usize::from(*byte)] != ROOT;
        bytes.iter().position(begins).unwrap_or(bytes.len())
    }
}
