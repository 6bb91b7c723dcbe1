//! Masking a text that comes in pieces.

use crate::domain::mask::{MASK, Masker};
use std::ops::Range;

/// Masks bytes as they come. At any time it holds back fewer bytes than the longest form of a secret has.
#[derive(Debug)]
pub struct MaskStream {
    masker: Masker,
    state: u32,
    /// Read and not yet given out.
    held: Vec<u8>,
    /// Parts of `held` that belong to secrets: in order, apart.
    hidden: Vec<Range<usize>>,
    /// The last byte given out belonged to a secret.
    hiding: bool,
}

impl MaskStream {
    /// Nothing read yet.
    pub fn new(masker: Masker) -> Self {
        Self {
            masker,
            state: 0,
            held: Vec::new(),
            hidden: Vec::new(),
            hiding: false,
        }
    }

    /// Reads bytes, and appends to `masked` what is certain.
    pub fn push(&mut self, bytes: &[u8], masked: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == 0 {
                let idle = self.masker.automaton().idle(rest);
                let (plain, after) = rest.split_at(idle);
                self.give(plain, masked);
                rest = after;
            }
            rest = self.follow(rest);
            let certain = self.held.len() - self.masker.automaton().depth(self.state);
            self.release(certain, masked);
        }
    }

    /// Gives out the rest, at the end of the text. The stream can be used again for another text.
    pub fn finish(&mut self, masked: &mut Vec<u8>) {
        self.release(self.held.len(), masked);
        self.state = 0;
        self.hiding = false;
    }

    /// Reads until nothing is pending or the bytes are used up; returns what is left of them.
    fn follow<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let automaton = self.masker.automaton();
        for (at, &byte) in bytes.iter().enumerate() {
            self.held.push(byte);
            self.state = automaton.step(self.state, byte);
            let found = automaton.longest(self.state);
            if found > 0 {
                let end = self.held.len();
                hide(&mut self.hidden, end - found..end);
            }
            if self.state == 0 {
                return bytes.get(at + 1..).unwrap_or_default();
            }
        }
        &[]
    }

    /// Gives out the first `count` held bytes, whose fate no further byte can change.
    fn release(&mut self, count: usize, masked: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let certain = held.get(..count).unwrap_or_default();
        let mut at = 0;
        for range in std::mem::take(&mut self.hidden) {
            if range.start < count {
                self.give(&certain[at..range.start], masked);
                self.cover(masked);
                at = range.end.min(count);
            }
            if range.end > count {
                let start = range.start.saturating_sub(count);
                self.hidden.push(start..range.end - count);
            }
        }
        self.give(&certain[at..], masked);
        self.held = held;
        self.held.drain(..count);
    }

    fn give(&mut self, plain: &[u8], masked: &mut Vec<u8>) {
        if !plain.is_empty() {
            masked.extend_from_slice(plain);
            self.hiding = false;
        }
    }

    fn cover(&mut self, masked: &mut Vec<u8>) {
        if !self.hiding {
            masked.extend_from_slice(MASK.as_bytes());
            self.hiding = true;
        }
    }
}

/// Adds a range that ends no earlier than all others, joining those it touches.
fn hide(hidden: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    while let Some(last) = hidden.last() {
        if last.end < range.start {
            break;
        }
        range.start = range.start.min(last.start);
        hidden.pop();
    }
    hidden.push(range);
}
