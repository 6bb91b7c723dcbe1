//! Why a tree does not fit a schema, in words and with places.

mod branches;
mod mend;
mod slips;
mod words;

use crate::{
    domain::pointer::below,
    runbooks::{
        explain::{
            branches::Branches,
            mend::{Mend, can_be_replaced, fill},
        },
        gaps::Gaps,
        problems::{Fault, MAX_PROBLEMS, Place, hint_among, nearest},
        schema::Shape,
        tree::Node,
    },
};
use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

pub(super) use crate::runbooks::explain::mend::mended;

/// How often a faulty tree is mended before it is given up.
const MOST_ROUNDS: usize = 8;

/// A fault, and how to go on as if it were not there.
pub(super) struct Explained {
    pub(super) fault: Fault,
    mend: Option<(String, Mend)>,
    lack: Option<Lack>,
    /// It only follows from a gap, and is not told.
    pub(super) is_excused: bool,
}

/// That something is missing.
struct Lack {
    /// In the collection that this JSON Pointer leads to.
    from: String,
    /// Its key; nothing where it is an item, or one of several keys.
    key: Option<String>,
}

/// Everything that does not fit. What may have stood in a gap is not told as missing.
pub(super) fn explain(
    shape: &Shape,
    value: &Value,
    node: &Node<'_>,
    gaps: &Gaps,
) -> Vec<Explained> {
    let explainer = Explainer {
        schema: &shape.schema,
        node,
    };
    let mut found = Vec::new();
    for error in shape.errors(value).take(MAX_PROBLEMS) {
        explainer.error(&error, &mut found);
        if found.len() >= MAX_PROBLEMS {
            break;
        }
    }
    for explained in &mut found {
        explained.is_excused = explained.follows_from(gaps, node);
    }
    slips::without_consequences(found)
}

impl Explained {
    fn lacking(mut self, from: &str, key: Option<&str>) -> Self {
        let (from, key) = (from.to_owned(), key.map(str::to_owned));
        self.lack = Some(Lack { from, key });
        self
    }

    fn follows_from(&self, gaps: &Gaps, root: &Node<'_>) -> bool {
        self.lack.as_ref().is_some_and(|lack| {
            let collection = root.find(&lack.from).node;
            match &lack.key {
                Some(key) => gaps.may_hold(collection, key),
                None => gaps.are_in(collection),
            }
        })
    }
}

/// Takes out of a tree what does not fit. What had to go may leave other parts incomplete, which then go as well. Gives what is
/// wrong, and whether the rest fits.
pub(super) fn fit(shape: &Shape, root: &mut Node<'_>, gaps: &mut Gaps) -> (Vec<Fault>, bool) {
    let mut faults: Vec<Fault> = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let value = root.json();
        if shape.fits(&value) {
            return (faults, true);
        }
        let found = explain(shape, &value, root, gaps);
        // What took the room of something faulty may not fit there either, which is no news.
        let places: BTreeSet<Place> = faults.iter().map(|fault| fault.place).collect();
        let news = found
            .iter()
            .filter(|found| !found.is_excused && !places.contains(&found.fault.place));
        faults.extend(news.map(|found| found.fault.clone()));
        if faults.len() >= MAX_PROBLEMS {
            break;
        }
        *root = mended(root, &found, gaps);
    }
    (faults, false)
}

struct Explainer<'a> {
    schema: &'a Value,
    node: &'a Node<'a>,
}

impl Explainer<'_> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other kinds are about one value, and are described"
    )]
    fn error(&self, error: &ValidationError<'_>, found: &mut Vec<Explained>) {
        let here = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_keys(error);
                let some = unexpected.iter().take(MAX_PROBLEMS);
                found.extend(some.map(|key| self.unknown(here, key, known)));
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                found.push(self.misnamed(error, inner));
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                self.alternatives(error, &Branches::new(context, here), found);
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                let place = self.node.find(here).key_or_node();
                let fault = Fault::new(place, format!("`{key}` is missing"));
                let mut explained = left_out(here, fault).lacking(here, Some(key));
                if let Some(fill) = fill(here, key) {
                    explained.mend = Some((here.to_owned(), fill));
                }
                found.push(explained);
            }
            ValidationErrorKind::MinItems { .. } | ValidationErrorKind::MinProperties { .. } => {
                found.push(self.described(error).lacking(here, None));
            }
            ValidationErrorKind::Pattern { .. } => {
                let mut explained = self.described(error);
                if can_be_replaced(here) {
                    explained.mend = Some((here.to_owned(), Mend::Replace));
                }
                found.push(explained);
            }
            _ => found.push(self.described(error)),
        }
    }

    /// What is wrong with one value.
    fn described(&self, error: &ValidationError<'_>) -> Explained {
        let here = error.instance_path().as_str();
        let place = self.node.find(here).node.place;
        let (what, hint) = words::describe(error, self.parent_schema(error));
        left_out(here, Fault::new(place, what).maybe_hint(hint))
    }

    /// The schema that the failed keyword stands in.
    fn parent_schema(&self, error: &ValidationError<'_>) -> &Value {
        let parent = error.schema_path().as_str().rsplit_once('/');
        let schema = parent.and_then(|(parent, _)| self.schema.pointer(parent));
        schema.unwrap_or(&Value::Null)
    }

    /// The keys that are known, and what each wants.
    fn known_keys(&self, error: &ValidationError<'_>) -> Option<&Map<String, Value>> {
        let properties = self.parent_schema(error).get("properties");
        properties.and_then(Value::as_object)
    }

    fn unknown(&self, here: &str, key: &str, known: Option<&Map<String, Value>>) -> Explained {
        let mapping = self.node.find(here).node;
        let entry = mapping.entry(key);
        let place = entry.map_or(mapping.place, |entry| entry.place);
        let free = names(known).filter(|name| mapping.get(name).is_none());
        let suits = |name: &str| {
            let wanted = known.and_then(|known| known.get(name));
            wanted
                .zip(entry)
                .is_some_and(|(wanted, entry)| slips::suits(wanted, &entry.value))
        };
        let mend = match nearest(key, free) {
            Some(name) if suits(name) => Mend::Rename(name.to_owned()),
            Some(name) => Mend::Mistake(name.to_owned()),
            None => Mend::Forget,
        };
        Explained {
            fault: Fault::new(place, format!("unknown key `{key}`"))
                .maybe_hint(hint_among(key, names(known))),
            mend: Some((below(here, key), mend)),
            lack: None,
            is_excused: false,
        }
    }

    fn misnamed(&self, error: &ValidationError<'_>, inner: &ValidationError<'_>) -> Explained {
        let here = error.instance_path().as_str();
        let key = inner.instance().as_str().unwrap_or_default();
        let mapping = self.node.find(here).node;
        let place = mapping
            .entry(key)
            .map_or(mapping.place, |entry| entry.place);
        let (what, hint) = words::describe(inner, self.parent_schema(inner));
        let pointer = below(here, key);
        left_out(&pointer, Fault::new(place, what).maybe_hint(hint))
    }

    /// Explains by the alternative that was most likely meant.
    fn alternatives(
        &self,
        error: &ValidationError<'_>,
        branches: &Branches<'_>,
        found: &mut Vec<Explained>,
    ) {
        let here = error.instance_path().as_str();
        let node = self.node.find(here).node;
        let options = branches.words();
        if !options.is_empty() {
            let (what, hint) = words::not_among(error.instance(), &options);
            found.push(left_out(
                here,
                Fault::new(node.place, what).maybe_hint(hint),
            ));
            return;
        }
        let Some(meant) = branches.meant() else {
            found.push(no_alternative(node, here, &branches.missing()));
            return;
        };
        for inner in meant.errors {
            if let ValidationErrorKind::AdditionalProperties { unexpected } = inner.kind()
                && meant.is_at(inner)
            {
                self.of_others(error, inner, unexpected, found);
            } else {
                self.error(inner, found);
            }
        }
    }

    /// Unknown keys of the alternative that was meant: some may belong to another one.
    fn of_others(
        &self,
        error: &ValidationError<'_>,
        inner: &ValidationError<'_>,
        unexpected: &[String],
        found: &mut Vec<Explained>,
    ) {
        let here = error.instance_path().as_str();
        let known = self.known_keys(inner);
        let elsewhere = self.keys_of_all(error);
        let marks = self.required_keys(inner);
        for key in unexpected.iter().take(MAX_PROBLEMS) {
            let mut explained = self.unknown(here, key, known);
            if elsewhere.contains(&key.as_str()) {
                let known: Vec<&str> = names(known).collect();
                explained.fault = misplaced(&explained.fault, key, &marks, &known);
                explained.mend = Some((below(here, key), Mend::Remove));
            }
            found.push(explained);
        }
    }

    /// The keys of every alternative.
    fn keys_of_all(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let alternatives = self.schema.pointer(error.schema_path().as_str());
        let alternatives = alternatives.and_then(Value::as_array);
        let properties = alternatives.into_iter().flatten();
        let properties = properties.filter_map(|schema| schema.get("properties")?.as_object());
        properties.flat_map(Map::keys).map(String::as_str).collect()
    }

    fn required_keys(&self, error: &ValidationError<'_>) -> Vec<&str> {
        let required = self.parent_schema(error).get("required");
        let required = required.and_then(Value::as_array);
        required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

fn names(known: Option<&Map<String, Value>>) -> impl Iterator<Item = &str> + Clone {
    known.into_iter().flat_map(Map::keys).map(String::as_str)
}

/// A fault after which the value is left out.
fn left_out(pointer: &str, fault: Fault) -> Explained {
    Explained {
        fault,
        mend: Some((pointer.to_owned(), Mend::Remove)),
        lack: None,
        is_excused: false,
    }
}

/// None of the keys that tell the alternatives apart is there.
fn no_alternative(node: &Node<'_>, here: &str, wanted: &[&str]) -> Explained {
    let misspelt = node.entries().iter().find_map(|entry| {
        let meant = nearest(&entry.key, wanted.iter().copied())?;
        Some((entry, meant))
    });
    if let Some((entry, meant)) = misspelt {
        let fault = Fault::new(entry.place, format!("unknown key `{}`", entry.key));
        let mut explained = left_out(here, fault.hint(format!("did you mean `{meant}`?")));
        let pointer = below(here, &entry.key);
        explained.mend = Some((pointer, Mend::Rename(meant.to_owned())));
        return explained;
    }
    let wanted: Vec<_> = wanted.iter().map(|key| format!("`{key}`")).collect();
    let what = format!("one of {} is needed", wanted.join(", "));
    left_out(here, Fault::new(node.place, what)).lacking(here, None)
}

/// A key of another alternative.
fn misplaced(fault: &Fault, key: &str, marks: &[&str], known: &[&str]) -> Fault {
    let marks: Vec<_> = marks.iter().map(|mark| format!("`{mark}`")).collect();
    let what = format!("`{key}` cannot stand beside {}", marks.join(" and "));
    Fault::new(fault.place, what).hint(format!("known here are {}", known.join(", ")))
}
