//! What a rotation would do, put together from its parts.

use crate::{
    actions::{
        framework::Given,
        rotate::{delivery, terms::Terms},
    },
    domain::{
        effect::{Effect, Effects, Object, Place, Reversible, Scope, Tri, Verb, Which},
        name::CredentialName,
        pinned::Pinned,
    },
    ports::executor::{Intent, StepContext},
};

/// What was gathered so far.
#[derive(Debug)]
pub(super) struct Intending {
    effects: Effects,
    pinned: Pinned,
}

impl Intending {
    /// A credential is replaced: what let somebody in does not any more.
    pub(super) fn replacing(name: &CredentialName) -> Self {
        let undo = "until the switch the step goes back by itself; after it, rotate once more";
        let replaced = Effect {
            access_change: Tri::Yes,
            reversible: Reversible::Undo(undo.to_owned()),
            ..Effect::read(Verb::Update, credential(name))
        };
        Self {
            effects: Effects::exact(vec![replaced]),
            pinned: Pinned::default(),
        }
    }

    /// And this.
    pub(super) fn effect(&mut self, effect: Effect) {
        if !self.effects.items.contains(&effect) {
            self.effects.items.push(effect);
        }
    }

    /// And all of this.
    pub(super) fn with_effects(&mut self, more: Effects) {
        for effect in more.items {
            self.effect(effect);
        }
        let own = &mut self.effects;
        own.confidence = own.confidence.max(more.confidence);
        own.reasons.extend(more.reasons);
        own.refusals.extend(more.refusals);
        own.calls.extend(more.calls);
        own.needs_shell |= more.needs_shell;
    }

    /// And all of this, with what it would be carried out with.
    pub(super) fn with(&mut self, more: Intent) {
        self.with_effects(more.effects);
        for file in more.pinned.files {
            if !self.pinned.files.contains(&file) {
                self.pinned.files.push(file);
            }
        }
        for program in more.pinned.programs {
            if !self.pinned.programs.contains(&program) {
                self.pinned.programs.push(program);
            }
        }
    }

    /// A rotation that was cut off goes on where it was, so doing it twice is the same as once.
    pub(super) fn intent(mut self) -> Intent {
        self.pinned.files.sort();
        self.pinned.programs.sort();
        Intent {
            effects: self.effects,
            idempotent: true,
            wants_approval: None,
            pinned: self.pinned,
        }
    }
}

/// What every rotation would do.
pub(super) fn of_terms(
    terms: &Terms,
    context: &StepContext,
    given: &Given<'_>,
) -> Result<Intending, String> {
    let mut doing = Intending::replacing(&terms.name);
    delivery::intend_looks(&terms.distribute, &mut doing);
    for target in &terms.distribute {
        target.intend(&mut doing, context, given)?;
    }
    for consumer in &terms.consumers {
        consumer.intend(&mut doing, context, given)?;
    }
    Ok(doing)
}

/// A look at a credential that is not due.
pub(super) fn resting(name: &CredentialName) -> Intent {
    Intent {
        effects: Effects::exact(vec![Effect::read(Verb::Read, credential(name))]),
        idempotent: true,
        wants_approval: None,
        pinned: Pinned::default(),
    }
}

fn credential(name: &CredentialName) -> Object {
    Object::agent("credential", name.as_str())
}

/// A named object in a namespace.
pub(super) fn in_namespace(cluster: &str, kind: &str, namespace: &str, name: &str) -> Object {
    Object {
        place: Place::Cluster(cluster.to_owned()),
        kind: kind.to_owned(),
        scope: Scope::Namespace(namespace.to_owned()),
        which: Which::Named(name.to_owned()),
    }
}
