//! What a step must be allowed in clusters, as far as that can be told before a run.

use super::{
    only_in_a_run,
    stand_in::{StandIns, is_stand_in},
};
use crate::{
    actions::framework::Catalogue,
    domain::{
        expression::NotYet,
        right::{Right, Rights},
        runbook::Step,
    },
    ports::executor::Intent,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the step must be allowed, not narrowed by what is not known yet.
pub(super) fn of(
    catalogue: &Catalogue,
    step: &Step,
    arguments: &Value,
    intent: &Intent,
    stand_ins: &StandIns,
) -> Rights {
    let found = catalogue.rights(&step.uses, arguments, &intent.effects);
    let mut rights = found.unwrap_or_else(|reason| Rights {
        rights: Vec::new(),
        untold: vec![reason],
    });
    let names = |right: &Right| [right.namespace.clone(), right.name.clone()];
    let names: BTreeSet<String> = rights.rights.iter().flat_map(names).flatten().collect();
    let made_up = names.iter().flat_map(|name| stand_ins.in_text(name));
    let made_up: BTreeSet<&str> = made_up.collect();
    let wide = made_up.into_iter().map(|source| {
        format!("`${{{{ {source} }}}}` is only known in a run, so the right is not narrowed to it")
    });
    rights.untold.extend(wide);
    for right in &mut rights.rights {
        right.namespace = right.namespace.take().filter(|name| !is_stand_in(name));
        right.name = right.name.take().filter(|name| !is_stand_in(name));
    }
    rights
}

/// Of a step whose action says nothing without its values, only its name tells what it is about.
pub(super) fn unknown(step: &Step, not_yet: &[NotYet]) -> Rights {
    let uses = step.uses.as_str();
    let may = uses == "command" || uses.starts_with("kubernetes/") || uses.starts_with("helm/");
    let reasons = not_yet.iter().map(only_in_a_run);
    Rights {
        rights: Vec::new(),
        untold: reasons.filter(|_| may).collect(),
    }
}
