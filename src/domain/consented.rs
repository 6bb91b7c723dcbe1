//! Whether what would be done now is still within what people consented to.

use crate::domain::{
    effect::{Effect, Effects, Reach},
    plan::PlannedStep,
};

/// What these effects have that people did not consent to; none where they are within it.
///
/// Fewer things, or known more surely, is within. Another thing, more of them, or less sure is not.
pub fn exceeds(now: &Effects, consented: &Effects) -> Option<String> {
    let mut left: Vec<&Effect> = consented.items.iter().collect();
    for effect in &now.items {
        let Some(place) = left.iter().position(|asked| is_within(effect, asked)) else {
            return Some(beyond(effect, consented));
        };
        left.swap_remove(place);
    }
    if now.confidence > consented.confidence {
        return Some("what it would do is known less surely".to_owned());
    }
    if let Some(refusal) = now.refusals.first() {
        return Some(refusal.clone());
    }
    if now.calls != consented.calls {
        return Some("it would start other programs".to_owned());
    }
    (now.needs_shell && !consented.needs_shell).then(|| "it would need a shell".to_owned())
}

fn beyond(effect: &Effect, consented: &Effects) -> String {
    let asked = consented
        .items
        .iter()
        .find(|asked| asked.verb == effect.verb && asked.object == effect.object);
    match asked {
        Some(asked) if most(effect.reach) > most(asked.reach) => format!(
            "it would {effect}: {} instead of {}",
            in_words(effect.reach),
            in_words(asked.reach)
        ),
        Some(_) => format!("it would {effect} in another way or once more"),
        None => format!("it would also {effect}"),
    }
}

fn is_within(now: &Effect, asked: &Effect) -> bool {
    let same = Effect {
        reach: asked.reach,
        ..now.clone()
    };
    same == *asked && most(now.reach) <= most(asked.reach)
}

fn most(reach: Reach) -> u64 {
    match reach {
        Reach::Exactly(most) | Reach::AtMost(most) => u64::from(most),
        Reach::Unknown => u64::MAX,
    }
}

fn in_words(reach: Reach) -> String {
    match reach {
        Reach::Exactly(count) => count.to_string(),
        Reach::AtMost(count) => format!("at most {count}"),
        Reach::Unknown => "nobody knows how many".to_owned(),
    }
}

/// What is another one in the step now than in the one that people were asked about; none where that one covers it. Whether another
/// policy says anything else of it is for the gate to say.
pub fn differs(now: &PlannedStep, asked: &PlannedStep) -> Option<String> {
    let fields = [
        ("the runbook", now.runbook == asked.runbook),
        ("the runbook's commit", now.revision == asked.revision),
        ("the runbook", now.definition == asked.definition),
        (
            "a file or a program",
            now.pinned.files == asked.pinned.files && now.pinned.programs == asked.pinned.programs,
        ),
        (
            "the object in the cluster, or what is wanted of it,",
            now.pinned.objects == asked.pinned.objects,
        ),
        ("the run", now.run == asked.run),
        (
            "the step",
            now.phase == asked.phase && now.step == asked.step,
        ),
        ("the attempt", now.attempt == asked.attempt),
        ("the action", now.uses == asked.uses),
        ("an argument", now.arguments == asked.arguments),
        ("the timeout", now.timeout == asked.timeout),
        (
            "whether it may be done twice",
            now.idempotent == asked.idempotent,
        ),
    ];
    let other = fields.into_iter().find(|(_, same)| !same);
    other
        .map(|(what, _)| format!("{what} is another one now"))
        .or_else(|| exceeds(&now.effects, &asked.effects))
}

#[cfg(test)]
mod tests {
    use super::exceeds;
    use crate::domain::effect::{Confidence, Effect, Effects, Object, Reach, Verb};

    fn gone(name: &str, reach: Reach) -> Effect {
        Effect {
            reach,
            ..Effect::destructive(Verb::Delete, Object::agent("thing", name))
        }
    }

    #[test]
    fn fewer_things_are_within_and_more_are_not() {
        let few = Effects::exact(vec![gone("a", Reach::Exactly(2))]);
        let many = Effects::exact(vec![gone("a", Reach::Exactly(3))]);
        let unknown = Effects::exact(vec![gone("a", Reach::Unknown)]);
        assert_eq!(exceeds(&few, &many), None);
        assert!(exceeds(&many, &few).unwrap().contains("3 instead of 2"));
        assert!(exceeds(&unknown, &many).unwrap().contains("nobody knows"));
        assert_eq!(exceeds(&Effects::exact(Vec::new()), &few), None);
    }

    #[test]
    fn another_thing_and_the_same_thing_twice_are_not_within() {
        let one = gone("a", Reach::Exactly(1));
        let other = gone("b", Reach::Exactly(1));
        let asked = Effects::exact(vec![one.clone()]);
        let swapped = Effects::exact(vec![other]);
        let twice = Effects::exact(vec![one.clone(), one.clone()]);
        assert!(exceeds(&swapped, &asked).unwrap().contains("also"));
        assert!(exceeds(&twice, &asked).unwrap().contains("once more"));
    }

    #[test]
    fn less_sure_other_programs_and_a_shell_are_not_within() {
        let asked = Effects::exact(vec![gone("a", Reach::Exactly(1))]);
        let bounded = Effects {
            confidence: Confidence::Bounded,
            ..asked.clone()
        };
        let calls = Effects {
            calls: vec![vec!["rm".to_owned()]],
            ..asked.clone()
        };
        let shell = Effects {
            needs_shell: true,
            ..asked.clone()
        };
        for now in [bounded.clone(), calls, shell] {
            assert!(exceeds(&now, &asked).is_some(), "{now:?}");
        }
        assert_eq!(exceeds(&asked, &bounded), None);
    }
}
