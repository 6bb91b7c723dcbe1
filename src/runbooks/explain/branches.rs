//! Which of several alternatives was meant.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

type Error = ValidationError<'static>;

/// The alternatives of one place, each with what is wrong by it. Emptiness is never meant.
pub(super) struct Branches<'e> {
    branches: Vec<Branch<'e>>,
}

/// One alternative.
#[derive(Clone, Copy)]
pub(super) struct Branch<'e> {
    pub(super) errors: &'e [Error],
    here: &'e str,
}

impl<'e> Branches<'e> {
    pub(super) fn new(context: &'e [Vec<Error>], here: &'e str) -> Self {
        let branches = context.iter().map(|errors| Branch { errors, here });
        Self {
            branches: branches.filter(|branch| !branch.wants_null()).collect(),
        }
    }

    /// The words that are allowed, if every alternative is a word or several.
    pub(super) fn words(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for branch in &self.branches {
            let words = branch.words();
            if words.is_empty() {
                return words;
            }
            all.extend(words);
        }
        all
    }

    /// The keys that would have told which alternative is meant.
    pub(super) fn missing(&self) -> Vec<&'e str> {
        self.branches
            .iter()
            .filter_map(|branch| branch.missing().next())
            .collect()
    }

    /// The alternative whose keys are all there; else the one with clearly the least wrong.
    pub(super) fn meant(&self) -> Option<Branch<'e>> {
        let complete = self
            .branches
            .iter()
            .filter(|branch| branch.missing().next().is_none());
        let best = complete.min_by_key(|branch| (branch.is_mistyped(), branch.errors.len()));
        if let Some(best) = best {
            return Some(*best);
        }
        let fewest = self
            .branches
            .iter()
            .map(|branch| branch.errors.len())
            .min()?;
        let mut best = self
            .branches
            .iter()
            .filter(|branch| branch.errors.len() == fewest);
        let first = best.next()?;
        best.next().is_none().then_some(*first)
    }
}

impl<'e> Branch<'e> {
    /// Whether an error is about the place that has the alternatives.
    pub(super) fn is_at(&self, error: &Error) -> bool {
        error.instance_path().as_str() == self.here
    }

    fn missing(self) -> impl Iterator<Item = &'e str> {
        let at = self.errors.iter().filter(move |error| self.is_at(error));
        at.filter_map(|error| {
            if let ValidationErrorKind::Required { property } = error.kind() {
                property.as_str()
            } else {
                None
            }
        })
    }

    fn is_mistyped(&self) -> bool {
        let is_type = |error: &Error| matches!(error.kind(), ValidationErrorKind::Type { .. });
        self.errors
            .iter()
            .any(|error| self.is_at(error) && is_type(error))
    }

    fn wants_null(&self) -> bool {
        let null = |error: &Error| {
            matches!(
                error.kind(),
                ValidationErrorKind::Type {
                    kind: TypeKind::Single(JsonType::Null)
                }
            )
        };
        self.errors
            .iter()
            .any(|error| self.is_at(error) && null(error))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds name no words"
    )]
    fn words(&self) -> Vec<Value> {
        let mut words = Vec::new();
        for error in self.errors.iter().filter(|error| self.is_at(error)) {
            match error.kind() {
                ValidationErrorKind::Constant { expected_value } => {
                    words.push(expected_value.as_ref().clone());
                }
                ValidationErrorKind::Enum { options } => {
                    words.extend(options.as_array().into_iter().flatten().cloned());
                }
                ValidationErrorKind::OneOfNotValid { context } => {
                    words.extend(Branches::new(context, self.here).words());
                }
                _ => {}
            }
        }
        words
    }
}
