//! Answers that are used again: only a lack of objections to a change, only for a while, and only to exactly the same question.

use super::{
    answer::{Answer, Verdict},
    document::{Document, PROMPT_VERSION},
};
use crate::domain::{digest::Digest, effect::Class, name::ProviderName};
use std::{collections::BTreeMap, time::Duration};

/// More answers than this are not kept.
const MOST: usize = 1000;

/// To which question, asked whom, under which policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Digest);

impl Key {
    /// Everything that the answer depends on. The document holds effects, purpose and what policy says.
    pub fn new(document: &Document, policy: Digest, provider: &ProviderName, model: &str) -> Self {
        let (shown, withheld) = (document.digest(), document.withheld());
        let parts = (shown, withheld, policy, PROMPT_VERSION, provider, model);
        Self(Digest::of(&parts))
    }
}

/// Answers that are kept. Times are those of a clock that never jumps.
#[derive(Debug, Default)]
pub struct Cache {
    kept: BTreeMap<Key, (Duration, Answer)>,
}

impl Cache {
    /// An answer that still counts.
    pub fn get(&self, key: Key, now: Duration) -> Option<&Answer> {
        let (until, answer) = self.kept.get(&key)?;
        (now < *until).then_some(answer)
    }

    /// Keeps an answer, if it is one that may be used again.
    pub fn put(&mut self, key: Key, class: Class, answer: &Answer, now: Duration, keep: Duration) {
        let may = class == Class::Change && answer.verdict == Verdict::NoObjection;
        if !may || keep.is_zero() {
            return;
        }
        if self.kept.len() >= MOST {
            self.make_room(now);
        }
        self.kept
            .insert(key, (now.saturating_add(keep), answer.clone()));
    }

    fn make_room(&mut self, now: Duration) {
        self.kept.retain(|_, (until, _)| now < *until);
        while self.kept.len() >= MOST {
            let oldest = self.kept.iter().min_by_key(|(_, (until, _))| *until);
            let Some(key) = oldest.map(|(key, _)| *key) else {
                return;
            };
            self.kept.remove(&key);
        }
    }
}
