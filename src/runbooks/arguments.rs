//! Whether a step's arguments fit the action that it uses.

use crate::{
    domain::{
        expression,
        name::ActionName,
        policy::{FailedExample, Tightening},
        secret,
    },
    ports::executor::{ActionCatalogue, ActionSpec},
    runbooks::{
        explain::{explain, mended},
        gaps::Gaps,
        problems::{Fault, Place},
        schema::{Shape, loosened},
        source::inside,
        stand_ins::filled,
        tree::{Content, Node},
    },
};
use serde_json::Value;
use std::sync::OnceLock;

/// The catalogue, with its schemas compiled when they are first needed.
pub(super) struct Actions<'a> {
    catalogue: &'a dyn ActionCatalogue,
    shapes: Vec<OnceLock<Shape>>,
}

impl<'a> Actions<'a> {
    pub(super) fn new(catalogue: &'a dyn ActionCatalogue) -> Self {
        let shapes = catalogue.specs().iter().map(|_| OnceLock::new()).collect();
        Self { catalogue, shapes }
    }

    /// The examples that a policy does not keep.
    pub(super) fn failed_examples(&self, policy: &Tightening) -> Vec<FailedExample> {
        self.catalogue.failed_examples(policy)
    }

    /// Every action's name.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.catalogue.specs().iter().map(|spec| spec.name)
    }

    /// What an action says of itself.
    pub(super) fn spec(&self, action: &ActionName) -> Option<&ActionSpec> {
        self.position(action)
            .and_then(|index| self.catalogue.specs().get(index))
    }

    fn position(&self, action: &ActionName) -> Option<usize> {
        let specs = self.catalogue.specs();
        specs.iter().position(|spec| spec.name == action.as_str())
    }

    /// What does not fit in a known action's arguments. Where something was cut out of them, only what is still there is checked.
    pub(super) fn check(&self, action: &ActionName, written: &Written<'_, '_>) -> Vec<Fault> {
        let Written {
            arguments, node, ..
        } = *written;
        let is_whole = !written.gaps.are_below(node);
        let as_written = if is_whole {
            self.catalogue.check_template(action, arguments)
        } else {
            Ok(())
        };
        let mut faults: Vec<Fault> = as_written
            .err()
            .map(|why| written.said(&why))
            .into_iter()
            .collect();
        let spec = self.spec(action);
        faults.extend(spec.into_iter().flat_map(|spec| written.in_the_clear(spec)));
        faults.extend(if written.has_expressions || !is_whole {
            match self.shape(action) {
                Some(shape) if !shape.fits(arguments) => written.faults(shape),
                // Where the arguments themselves are in order, what is wrong between them may still be told.
                Some(_) if is_whole && faults.is_empty() => self.between(action, written),
                Some(_) | None => Vec::new(),
            }
        } else {
            match self.catalogue.check(action, arguments) {
                Ok(()) => Vec::new(),
                Err(why) => self.explained(action, written, &why),
            }
        });
        faults
    }

    /// What is wrong whatever the expressions give: the action refuses every set of arguments that they may become, and not for what
    /// stands in for an expression. Nothing stands in for a secret, so what is refused for being one is told.
    fn between(&self, action: &ActionName, written: &Written<'_, '_>) -> Vec<Fault> {
        let Some(spec) = self.spec(action) else {
            return Vec::new();
        };
        let mut told = None;
        let mut sets = filled(written.arguments, &spec.inputs);
        let refused = |set: &Option<Value>| self.catalogue.check(action, set.as_ref()?).err();
        while let Some(one) = sets.next() {
            let other = sets.next().and_then(|other| refused(&other));
            match refused(&one).filter(|why| other.as_ref() == Some(why)) {
                Some(why)
                    if !written.is_about_expression(&why)
                        || refused(&one.map(without_secrets)).as_ref() != Some(&why) =>
                {
                    told = told.or(Some(why));
                }
                Some(_) | None => return Vec::new(),
            }
        }
        told.map(|why| written.said(&why)).into_iter().collect()
    }

    /// Why the action refuses its arguments: by its schema where that says why, and then what else is wrong with the rest.
    fn explained(&self, action: &ActionName, written: &Written<'_, '_>, why: &str) -> Vec<Fault> {
        let Written {
            arguments, node, ..
        } = *written;
        let shape = self.shape(action);
        let found = shape.map(|shape| explain(shape, arguments, node, written.gaps));
        let (Some(shape), Some(found)) = (shape, found.filter(|found| !found.is_empty())) else {
            return vec![written.said(why)];
        };
        let mut gaps = Gaps::default();
        let rest = mended(node, &found, &mut gaps).json();
        let mut faults: Vec<Fault> = found.into_iter().map(|found| found.fault).collect();
        if gaps.is_empty() && shape.fits(&rest) {
            let refused = self.catalogue.check(action, &rest);
            faults.extend(refused.err().map(|why| written.said(&why)));
        }
        faults
    }

    fn shape(&self, action: &ActionName) -> Option<&Shape> {
        let index = self.position(action)?;
        let spec = self.catalogue.specs().get(index)?;
        let shape = self.shapes.get(index)?;
        Some(shape.get_or_init(|| Shape::new(loosened(&spec.inputs))))
    }
}

/// Arguments as they are written.
pub(super) struct Written<'w, 's> {
    /// The text of the file.
    pub(super) text: &'w str,
    pub(super) arguments: &'w Value,
    pub(super) has_expressions: bool,
    /// The value of `with`, or the step where there is none.
    pub(super) node: &'w Node<'s>,
    /// What was cut out of them.
    pub(super) gaps: &'w Gaps,
}

impl Written<'_, '_> {
    fn faults(&self, shape: &Shape) -> Vec<Fault> {
        let found = explain(shape, self.arguments, self.node, self.gaps);
        let told = found.into_iter().filter(|found| !found.is_excused);
        told.map(|explained| explained.fault).collect()
    }

    /// Where the action takes nothing but secrets of the agent, what is none whatever its expressions give.
    fn in_the_clear(&self, spec: &ActionSpec) -> Vec<Fault> {
        let nodes = secret::places(&spec.inputs, self.arguments).into_iter();
        let nodes = nodes.map(|pointer| self.node.find(&pointer).node);
        let is_clear = |node: &&Node<'_>| {
            let (references, errors) = expression::survey(node.text().unwrap_or_default());
            errors.is_empty() && references.iter().all(|one| one.secret().is_none())
        };
        let fault = |node: &Node<'_>| {
            let [what, hint] = secret::IN_THE_CLEAR;
            Fault::new(node.place, what).hint(hint)
        };
        nodes.filter(is_clear).map(fault).collect()
    }

    /// Whether a refusal names an argument that holds an expression.
    fn is_about_expression(&self, why: &str) -> bool {
        place_named(why).is_some_and(|(path, _)| {
            let found = self.node.find(&pointer(path));
            has_expressions(found.node)
        })
    }

    /// A fault in the words of the action: they may begin with where it is, and their last line may be a hint.
    fn said(&self, why: &str) -> Fault {
        let place = place_named(why).map(|(path, reason)| self.place(path, reason));
        let place = place.unwrap_or(self.node.place);
        match why.split_once("\nhint: ") {
            Some((what, hint)) => Fault::new(place, what).hint(hint),
            None => Fault::new(place, why),
        }
    }

    /// Where an argument stands; in a text, what the reason quotes of it.
    fn place(&self, path: &str, reason: &str) -> Place {
        let found = self.node.find(&pointer(path));
        let (Some(text), Some(quoted)) = (found.node.text(), reason.split('`').nth(1)) else {
            return found.key_or_node();
        };
        let before = text.split_once(quoted).map_or("", |(before, _)| before);
        match before.chars().count() {
            0 => found.node.place,
            offset => inside(self.text, found.node.place, text, offset),
        }
    }
}

/// The same with plain words in the place of secrets.
fn without_secrets(set: Value) -> Value {
    match set {
        Value::String(text) => {
            let plain = secret::reveal(&text, |name| Some(name.to_string()));
            Value::String(plain.unwrap_or(text))
        }
        Value::Array(items) => items.into_iter().map(without_secrets).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key, without_secrets(value)))
                    .collect(),
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => set,
    }
}

/// The JSON Pointer to an argument that is named as in `argv[2]`, or, where one part of an action names it to another, as in
/// "test.command`, at `argv[2]".
fn pointer(path: &str) -> String {
    let path = path.replace("`, at `", "/");
    format!("/{}", path.replace(['.', '['], "/").replace(']', ""))
}

/// The argument that an action names, as in "in `with`, at `argv[2]`: …", and what it says of it.
fn place_named(why: &str) -> Option<(&str, &str)> {
    why.strip_prefix("in `with`, at `")?.split_once("`: ")
}

/// Whether any text below a node has an expression.
pub(super) fn has_expressions(node: &Node<'_>) -> bool {
    match &node.content {
        Content::Text(text) => expression::has_expression(text),
        Content::Sequence(items) => items.iter().any(has_expressions),
        Content::Mapping(entries) => entries
            .iter()
            .any(|entry| expression::has_expression(&entry.key) || has_expressions(&entry.value)),
        Content::Null | Content::Bool(_) | Content::Number(_) => false,
    }
}
