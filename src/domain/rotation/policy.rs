//! Random values by a policy.

use std::collections::BTreeSet;

/// Sorts of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symbols {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digits,
    /// Punctuation that needs no quoting in most places, and some that does.
    Punctuation,
}

impl Symbols {
    fn characters(self) -> Vec<char> {
        match self {
            Self::Lower => ('a'..='z').collect(),
            Self::Upper => ('A'..='Z').collect(),
            Self::Digits => ('0'..='9').collect(),
            Self::Punctuation => "!#$%&()*+,-./:;<=>?@[]^_{|}~".chars().collect(),
        }
    }
}

/// Why no value can be made by a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlphabet {
    /// A sort has nothing left.
    #[error("every character of {0:?} is excluded")]
    Nothing(Symbols),
    /// It would be guessed.
    #[error(
        "a value of {length} out of {characters} characters has {bits} bits, and at least 80 are needed\nhint: make it longer, or allow more characters"
    )]
    Weak {
        /// How long.
        length: usize,
        /// Out of how many.
        characters: usize,
        /// What that makes.
        bits: usize,
    },
}

/// What values are made of: at least one character of each sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alphabet {
    sorts: Vec<Vec<char>>,
    all: Vec<char>,
    length: usize,
}

/// As many bits as cannot be guessed by trying.
const LEAST_BITS: usize = 80;

impl Alphabet {
    /// Values of this length out of these sorts of characters, without those that are excluded.
    ///
    /// # Errors
    /// A sort has nothing left, or the values would be weak.
    pub fn new(
        sorts: &BTreeSet<Symbols>,
        excluded: &str,
        length: usize,
    ) -> Result<Self, InvalidAlphabet> {
        let mut each = Vec::new();
        for sort in sorts {
            let mut characters = sort.characters();
            characters.retain(|character| !excluded.contains(*character));
            if characters.is_empty() {
                return Err(InvalidAlphabet::Nothing(*sort));
            }
            each.push(characters);
        }
        let all: Vec<char> = each.concat();
        // The whole part of the binary logarithm: never more than there is.
        let bits = length * all.len().max(1).ilog2() as usize;
        if bits < LEAST_BITS || length < each.len() {
            return Err(InvalidAlphabet::Weak {
                length,
                characters: all.len(),
                bits,
            });
        }
        Ok(Self {
            sorts: each,
            all,
            length,
        })
    }

    /// A value out of random bytes, each as likely as any other that the policy allows. `random` gives another byte each time.
    pub fn value(&self, mut random: impl FnMut() -> u8) -> String {
        // One that lacks a sort is thrown away whole: putting a character in would make some values likelier than others.
        for _ in 0..MOST_TRIES {
            let value: Vec<char> = (0..self.length)
                .map(|_| pick(&self.all, &mut random))
                .collect();
            let holds = |sort: &Vec<char>| value.iter().any(|character| sort.contains(character));
            if self.sorts.iter().all(holds) {
                return value.into_iter().collect();
            }
        }
        // Randomness that never gives all sorts is none; what is asked for holds all the same.
        let last = self.sorts.iter().map(|sort| pick(sort, &mut random));
        let mut value: Vec<char> = last.collect();
        value.extend((value.len()..self.length).map(|_| pick(&self.all, &mut random)));
        value.into_iter().collect()
    }
}

/// A value of 20 characters lacks one of four sorts about once in ten.
const MOST_TRIES: usize = 200;

/// One of them, each as likely as the others.
fn pick(characters: &[char], random: &mut impl FnMut() -> u8) -> char {
    let count = characters.len().clamp(1, 256);
    let fair = 256 - 256 % count;
    for _ in 0..MOST_TRIES {
        let byte = usize::from(random());
        if byte < fair {
            return characters.get(byte % count).copied().unwrap_or('x');
        }
    }
    characters.first().copied().unwrap_or('x')
}

#[cfg(test)]
mod tests {
    use super::{Alphabet, Symbols};
    use proptest::prelude::*;

    #[test]
    fn a_policy_that_gives_weak_values_is_refused() {
        let lower = [Symbols::Lower].into();
        assert!(Alphabet::new(&lower, "", 19).is_err());
        assert!(Alphabet::new(&lower, "", 20).is_ok());
        assert!(Alphabet::new(&lower, "abcdefghijklmnopqrstuvwxyz", 40).is_err());
        assert!(Alphabet::new(&[].into(), "", 40).is_err());
    }

    #[test]
    fn even_without_randomness_a_value_is_what_was_asked_for() {
        let sorts = [Symbols::Lower, Symbols::Digits].into();
        let value = Alphabet::new(&sorts, "", 24).unwrap().value(|| 1);
        assert_eq!(value.len(), 24);
        assert!(value.contains(|c: char| c.is_ascii_digit()));
        let value = Alphabet::new(&sorts, "", 24).unwrap().value(|| 255);
        assert_eq!(value.len(), 24);
    }

    proptest! {
        #[test]
        fn a_value_is_as_long_as_asked_has_each_sort_and_nothing_excluded(
            seed in any::<u64>(), length in 20usize..64
        ) {
            let sorts = [Symbols::Lower, Symbols::Upper, Symbols::Digits, Symbols::Punctuation].into();
            let mut state = seed | 1;
            let value = Alphabet::new(&sorts, "l1O0'", length).unwrap().value(|| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            });
            prop_assert_eq!(value.chars().count(), length);
            prop_assert!(!value.contains(['l', '1', 'O', '0', '\'']));
            prop_assert!(value.contains(|c: char| c.is_ascii_lowercase()));
            prop_assert!(value.contains(|c: char| c.is_ascii_uppercase()));
            prop_assert!(value.contains(|c: char| c.is_ascii_digit()));
            prop_assert!(value.contains(|c: char| c.is_ascii_punctuation()));
        }
    }
}
