//! What an apply makes that is not there yet: people are told so when they are asked, and not that it would be updated.

use crate::{
    actions::{
        framework::World,
        kubernetes::{located::Located, manifests::Manifest},
    },
    domain::effect::{Effect, Effects, Object, Reversible, Scope, Verb},
    ports::executor::Intent,
};
use std::time::Duration;

/// So long the API server has to show all objects.
const DEADLINE: Duration = Duration::from_secs(10);

/// The same intent, with what is not there as something that is made.
pub(super) async fn told(intent: Intent, manifests: &[Manifest], world: &World) -> Intent {
    Intent {
        effects: marked(intent.effects, manifests, world).await,
        ..intent
    }
}

/// The same effects, with what is not there as something that is made.
pub(in crate::actions::kubernetes) async fn marked(
    mut effects: Effects,
    manifests: &[Manifest],
    world: &World,
) -> Effects {
    let mut absent: Vec<Object> = Vec::new();
    let looking = async {
        for manifest in manifests {
            if is_absent(manifest, world).await {
                absent.push(judged(manifest));
            }
        }
    };
    tokio::select! {
        () = looking => {}
        () = world.clock.sleep(DEADLINE) => {}
    }
    let new = effects.items.iter_mut();
    let new = new.filter(|effect| effect.verb == Verb::Update);
    new.filter(|effect| absent.contains(&effect.object))
        .for_each(made);
    effects
}

/// The object as effects name it: a namespace lies in itself.
fn judged(manifest: &Manifest) -> Object {
    let object = manifest.subject.object();
    match object.kind.as_str() {
        "namespace" => Object {
            scope: Scope::Namespace(manifest.subject.name.clone()),
            ..object
        },
        _ => object,
    }
}

/// What cannot be looked at may be there.
async fn is_absent(manifest: &Manifest, world: &World) -> bool {
    match Located::written(manifest, world).await {
        Ok(located) => matches!(located.find(world).await, Ok(None)),
        Err(_) => false,
    }
}

fn made(effect: &mut Effect) {
    effect.verb = Verb::Create;
    if matches!(effect.reversible, Reversible::Undo(_)) {
        effect.reversible = Reversible::Undo("delete it again".to_owned());
    }
}
