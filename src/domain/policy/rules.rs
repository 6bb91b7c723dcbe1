//! Rules of one kind, in the order in which they were written, with an index that is made once, when the policy is put together.
//!
//! What a rule is looked up by must never leave out a rule that would speak: the index finds candidates, and the rule itself is
//! asked after that. So an indexed decision is the decision of a walk over all rules.

use super::{FreshBackup, Operation, Preapproval, namespaces::is_pattern};
use crate::domain::name::{ActionName, RunbookName};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    borrow::Borrow,
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    hash::Hash,
    ops::Deref,
    sync::Arc,
};

/// What can be looked up.
pub trait Rule: Clone {
    /// By what.
    type Key: Clone + Debug + Eq + Hash;
    /// Everything under which this rule is looked for; without a key it never speaks.
    fn keys(&self) -> Vec<Self::Key>;
}

/// Rules and their index. A copy costs nothing: a policy is copied with each run.
#[derive(Debug, Clone)]
pub struct Rules<R: Rule>(Arc<Indexed<R>>);

#[derive(Debug, Clone)]
struct Indexed<R: Rule> {
    list: Vec<R>,
    places: HashMap<R::Key, Vec<usize>>,
}

impl<R: Rule> Rules<R> {
    /// Adds one at the end.
    pub fn push(&mut self, rule: R) {
        let indexed = Arc::make_mut(&mut self.0);
        let place = indexed.list.len();
        for key in rule.keys() {
            indexed.places.entry(key).or_default().push(place);
        }
        indexed.list.push(rule);
    }

    /// Those that stand under one of these keys, each once, in their order.
    pub fn under<'k, Q>(&self, keys: impl IntoIterator<Item = &'k Q>) -> impl Iterator<Item = &R>
    where
        R::Key: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'k,
    {
        let mut found = BTreeSet::new();
        if !self.0.list.is_empty() {
            for key in keys {
                found.extend(self.0.places.get(key).into_iter().flatten().copied());
            }
        }
        found.into_iter().filter_map(|place| self.0.list.get(place))
    }
}

impl<R: Rule> Default for Rules<R> {
    fn default() -> Self {
        Self(Arc::new(Indexed {
            list: Vec::new(),
            places: HashMap::new(),
        }))
    }
}

impl<R: Rule> Deref for Rules<R> {
    type Target = [R];
    fn deref(&self) -> &[R] {
        &self.0.list
    }
}

impl<R: Rule> Extend<R> for Rules<R> {
    fn extend<I: IntoIterator<Item = R>>(&mut self, rules: I) {
        rules.into_iter().for_each(|rule| self.push(rule));
    }
}

impl<R: Rule> FromIterator<R> for Rules<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rules: I) -> Self {
        let mut all = Self::default();
        all.extend(rules);
        all
    }
}

impl<R: Rule> From<Vec<R>> for Rules<R> {
    fn from(rules: Vec<R>) -> Self {
        rules.into_iter().collect()
    }
}

impl<R: Rule + PartialEq> PartialEq for Rules<R> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<R: Rule + Eq> Eq for Rules<R> {}

impl<R: Rule + Serialize> Serialize for Rules<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, R: Rule + Deserialize<'de>> Deserialize<'de> for Rules<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::deserialize(deserializer)?.into())
    }
}

/// Words that are never carried out in a command, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Feared {
    text: String,
    words: Vec<String>,
}

impl Feared {
    /// As policy has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a call has these words. The call's own words are lower case, as by [`Feared::words_of`].
    pub fn stands_in(&self, call: &[String]) -> bool {
        let mut windows = call.windows(self.words.len().max(1));
        windows.any(|window| window == self.words)
    }

    /// Lower case, and a word that holds words, such as a statement of SQL, taken apart.
    pub fn words_of(call: &[String]) -> Vec<String> {
        let each = call.iter().flat_map(|word| word.split_whitespace());
        each.map(str::to_lowercase).collect()
    }
}

impl From<String> for Feared {
    fn from(text: String) -> Self {
        let words = Self::words_of(std::slice::from_ref(&text));
        Self { text, words }
    }
}

impl From<&str> for Feared {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Feared> for String {
    fn from(feared: Feared) -> Self {
        feared.text
    }
}

impl Rule for Feared {
    type Key = String;
    fn keys(&self) -> Vec<String> {
        self.words.first().cloned().into_iter().collect()
    }
}

impl Rule for Preapproval {
    type Key = (RunbookName, ActionName);
    fn keys(&self) -> Vec<Self::Key> {
        vec![(self.runbook.clone(), self.action.clone())]
    }
}

/// Under what a rule about backups is looked for: an operation, or whatever is destructive; and a namespace, or everywhere.
pub type Covered = (Option<Operation>, Option<String>);

impl Rule for FreshBackup {
    type Key = Covered;
    fn keys(&self) -> Vec<Covered> {
        let operations = one_or_any(&self.operations);
        let named = one_or_any(&self.namespaces).into_iter();
        // What a pattern means is found by asking each such rule.
        let namespaces: BTreeSet<_> = named
            .map(|namespace| namespace.filter(|name| !is_pattern(name)))
            .collect();
        let each = operations.into_iter().flat_map(|operation| {
            let named = namespaces.iter().cloned();
            named.map(move |namespace| (operation, namespace))
        });
        each.collect()
    }
}

/// Each of them, or `None` where none is named.
fn one_or_any<T: Clone>(named: &BTreeSet<T>) -> Vec<Option<T>> {
    if named.is_empty() {
        return vec![None];
    }
    named.iter().cloned().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::{Feared, Rules};
    use crate::domain::policy::Operation;

    #[test]
    fn rules_are_found_once_and_in_their_order() {
        let rules: Rules<Feared> = ["drop table", "--force", "drop all", ""]
            .map(Feared::from)
            .to_vec()
            .into();
        let found: Vec<_> = rules.under(["--force", "drop", "drop"]).collect();
        assert_eq!(found, rules.iter().take(3).collect::<Vec<_>>());
        assert_eq!(rules.under(["", "table"]).count(), 0);
    }

    #[test]
    fn rules_are_written_as_the_list_that_they_are() {
        let text = r#"["rm -rf /","DROP  Table"]"#;
        let rules: Rules<Feared> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
        assert!(rules[1].stands_in(&["drop".to_owned(), "table".to_owned()]));
    }

    #[test]
    fn every_operation_that_can_be_written_is_looked_up() {
        let schema = serde_json::to_value(schemars::schema_for!(Operation)).unwrap();
        let variants = schema["oneOf"].as_array().unwrap();
        assert_eq!(variants.len(), Operation::ALL.len());
    }
}
