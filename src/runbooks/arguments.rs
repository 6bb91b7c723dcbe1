//! Whether a step's arguments fit the action that it uses.

use crate::{
    domain::{expression, name::ActionName},
    ports::executor::{ActionCatalogue, ActionSpec},
    runbooks::{
        explain::explain,
        problems::Fault,
        schema::{Shape, loosened},
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

    /// What does not fit in a known action's arguments. `node` is the value of `with`, or the step where there is none.
    pub(super) fn check(
        &self,
        action: &ActionName,
        arguments: &Value,
        has_expressions: bool,
        node: &Node<'_>,
    ) -> Vec<Fault> {
        if let Err(why) = self.catalogue.check_template(action, arguments) {
            return vec![Fault::new(node.place, why)];
        }
        let shape = || {
            let index = self.position(action)?;
            let spec = self.catalogue.specs().get(index)?;
            let shape = self.shapes.get(index)?;
            Some(shape.get_or_init(|| Shape::new(loosened(&spec.inputs))))
        };
        if has_expressions {
            return match shape() {
                Some(shape) if !shape.fits(arguments) => faults(shape, arguments, node),
                Some(_) | None => Vec::new(),
            };
        }
        let Err(why) = self.catalogue.check(action, arguments) else {
            return Vec::new();
        };
        let found = shape()
            .map(|shape| faults(shape, arguments, node))
            .unwrap_or_default();
        if found.is_empty() {
            vec![Fault::new(node.place, why)]
        } else {
            found
        }
    }
}

fn faults(shape: &Shape, arguments: &Value, node: &Node<'_>) -> Vec<Fault> {
    explain(shape, arguments, node)
        .into_iter()
        .map(|explained| explained.fault)
        .collect()
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
