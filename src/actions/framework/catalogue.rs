//! Every action by name.

use crate::{
    actions::framework::AnyAction,
    domain::name::ActionName,
    ports::executor::{ActionCatalogue, ActionSpec},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Every action that a step may name. It holds shapes only: carrying one out takes a [`crate::actions::framework::Performer`].
pub struct Catalogue {
    actions: BTreeMap<&'static str, Box<dyn AnyAction>>,
    specs: Vec<ActionSpec>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.actions.keys()).finish()
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// Every action there is.
    pub fn new() -> Self {
        Self::of(vec![
            crate::actions::backup::actions(),
            crate::actions::host::actions(),
            crate::actions::kubernetes::actions(),
        ])
    }

    pub(super) fn of(groups: Vec<Vec<Box<dyn AnyAction>>>) -> Self {
        let actions: BTreeMap<_, _> = groups
            .into_iter()
            .flatten()
            .map(|action| (action.spec().name, action))
            .collect();
        let specs = actions.values().map(|action| action.spec()).collect();
        Self { actions, specs }
    }

    /// The action of this name; the error names the nearest one.
    pub(super) fn find(&self, name: &ActionName) -> Result<&dyn AnyAction, String> {
        self.actions
            .get(name.as_str())
            .map(AsRef::as_ref)
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &ActionName) -> String {
        let nearest = self
            .actions
            .keys()
            .map(|known| (strsim::damerau_levenshtein(known, name.as_str()), known))
            .filter(|(distance, _)| *distance <= 4)
            .min();
        match nearest {
            Some((_, known)) => {
                format!("there is no action `{name}`\nhint: did you mean `{known}`?")
            }
            None => format!("there is no action `{name}`"),
        }
    }
}

impl ActionCatalogue for Catalogue {
    fn specs(&self) -> &[ActionSpec] {
        &self.specs
    }
    fn check(&self, action: &ActionName, arguments: &Value) -> Result<(), String> {
        self.find(action)?.check(arguments)
    }
    fn check_template(&self, action: &ActionName, arguments: &Value) -> Result<(), String> {
        self.find(action)?.check_written(arguments)
    }
}
