//! Masking: secret values never reach a disk, a log, a notification or a prompt.
//!
//! A byte is hidden exactly when it belongs to an occurrence of a secret in one of its [`forms`]; each unbroken stretch of hidden
//! bytes becomes [`MASK`]. That is a property of the whole text, so [`MaskStream`] gives the same result however the text is cut
//! into chunks, and holds back only what may still turn out to be the beginning of a secret.
//!
//! Limits
//! - A value shorter than [`SHORTEST`] bytes would hide half of every text; it is masked only where it is the whole text
//!   ([`Masker::mask`], and a whole line of output). The configuration warns about such values.
//! - What a program makes of a secret beyond the known forms (a hash, another cipher, characters one by one) is not recognised.

mod automaton;
mod forms;
mod stream;

pub use stream::MaskStream;

use crate::domain::{mask::automaton::Automaton, secret::SecretValue};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What stands in place of a secret.
pub const MASK: &str = "***";
/// Values shorter than this many bytes are not looked for inside a text.
pub const SHORTEST: usize = 4;

/// Hides the values it was made of. Cheap to clone.
#[derive(Clone)]
pub struct Masker(Arc<Known>);

struct Known {
    automaton: Automaton,
    short: Vec<String>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(***)")
    }
}

impl Masker {
    /// Learns the values, each in all its forms. The work grows with the values' length; make it once for many texts.
    pub fn new(values: &[SecretValue]) -> Self {
        let values = || values.iter().map(SecretValue::expose);
        let patterns = values().flat_map(forms::of).collect();
        let short = values()
            .map(str::trim)
            .filter(|value| !value.is_empty() && value.len() < SHORTEST)
            .map(str::to_owned)
            .collect();
        Self(Arc::new(Known {
            automaton: Automaton::new(&patterns),
            short,
        }))
    }

    /// The text without secrets.
    pub fn mask(&self, text: &str) -> String {
        if self.hides_whole(text) {
            return MASK.to_owned();
        }
        let mut stream = MaskStream::new(self.clone());
        let mut masked = Vec::with_capacity(text.len());
        stream.push(text.as_bytes(), &mut masked);
        stream.finish(&mut masked);
        String::from_utf8(masked)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Whether the whole text is a value too short to be looked for inside texts.
    pub fn hides_whole(&self, text: &str) -> bool {
        let text = text.trim();
        self.0.short.iter().any(|short| short == text)
    }

    /// The value without secrets in its texts, keys and numbers.
    pub fn mask_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.mask_json(item)).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, item)| (self.mask(&key), self.mask_json(item)))
                .collect(),
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.mask(&text);
                if masked == text {
                    Value::Number(number)
                } else {
                    Value::String(masked)
                }
            }
            plain @ (Value::Null | Value::Bool(_)) => plain,
        }
    }

    fn automaton(&self) -> &Automaton {
        &self.0.automaton
    }
}

#[cfg(test)]
mod tests;
