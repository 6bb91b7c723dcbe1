//! What is put in the place of what only a run knows, so that a step's action can be asked all the same.

use crate::domain::expression::{self, NotYet};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A name that fits where a name is wanted, and that nobody uses: what is only known in a run may stand in such a place.
const NAME: &str = "only-known-in-a-run";
/// The same as an address.
const ADDRESS: &str = "https://only-known-in-a-run.invalid/";
/// A length of time.
const TIME: &str = "1m";
/// So many expressions of a step are tried each with a form of its own.
const MOST: usize = 3;

/// Whether a text was made up here, in whole or in part.
pub(super) fn is_stand_in(text: &str) -> bool {
    text.contains(NAME) || expression::has_unknown(text) || text == TIME
}

/// A form for each expression.
#[derive(Debug, Clone, Default)]
pub(super) struct StandIns {
    /// Every expression; its place tells the names that stand for it apart.
    sources: Vec<String>,
    /// By the expression; [`Self::rest`] for those that are not named.
    each: BTreeMap<String, Value>,
    rest: Value,
}

impl StandIns {
    /// What stands for this expression: a mark first, which a command knows.
    pub(super) fn of(&self, source: &str) -> Value {
        let source = source.trim();
        let form = self.each.get(source).unwrap_or(&self.rest);
        match form.as_str() {
            _ if form.is_null() => Value::String(expression::unknown_mark(source)),
            Some(NAME) => {
                let place = self.sources.iter().position(|one| one == source);
                json!(format!("{NAME}-{:03}", place.unwrap_or_default()))
            }
            Some(_) | None => form.clone(),
        }
    }

    /// The expressions that a text was made up from.
    pub(super) fn in_text<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let sources = self.sources.iter().map(String::as_str);
        sources.filter(|source| match self.of(source).as_str() {
            Some(stands) => text.contains(stands),
            None => false,
        })
    }

    /// All that is tried in turn: first the same form for every expression, then, for a few, every mixture. Typed arguments may want
    /// a form, whatever the value will be.
    pub(super) fn all(not_yet: &[NotYet]) -> Vec<Self> {
        let forms = [
            Value::Null,
            json!(NAME),
            json!(ADDRESS),
            json!(1),
            json!(true),
            json!(TIME),
        ];
        let sources: BTreeSet<&str> = not_yet.iter().map(|part| part.source.as_str()).collect();
        let same = |form: &Value| Self {
            sources: sources.iter().map(ToString::to_string).collect(),
            each: BTreeMap::new(),
            rest: form.clone(),
        };
        let mut all: Vec<Self> = forms.iter().map(same).collect();
        if !(2..=MOST).contains(&sources.len()) {
            return all;
        }
        let mut mixtures = vec![same(&Value::Null)];
        for source in sources {
            let with_each = |before: &Self| {
                let with = |form: &Value| {
                    let mut mixture = before.clone();
                    mixture.each.insert(source.to_owned(), form.clone());
                    mixture
                };
                forms.iter().skip(1).map(with).collect::<Vec<_>>()
            };
            mixtures = mixtures.iter().flat_map(with_each).collect();
        }
        all.extend(mixtures);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{StandIns, is_stand_in};
    use crate::domain::expression::{NotYet, Place};
    use serde_json::Value;

    #[test]
    fn every_mixture_of_forms_is_tried_and_names_tell_where_they_are_from() {
        let not_yet = ["inputs.a", "inputs.b"].map(|source| NotYet {
            source: source.to_owned(),
            place: Place::default(),
        });
        let all = StandIns::all(&not_yet);
        assert_eq!(all.len(), 6 + 25);
        let mixed =
            |one: &&StandIns| one.of("inputs.a").is_string() && one.of(" inputs.b ").is_number();
        let one = all.iter().find(mixed).unwrap();
        let name = one.of("inputs.a");
        let text = format!("web-{}", name.as_str().unwrap());
        assert!(is_stand_in(&text));
        assert_eq!(one.in_text(&text).collect::<Vec<_>>(), ["inputs.a"]);
        assert!(all.iter().all(|one| one.of("inputs.a") != Value::Null));
    }
}
