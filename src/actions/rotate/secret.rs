//! `rotate/secret`.

use crate::{
    actions::{
        framework::Given,
        rotate::{
            craft::{Craft, Prepared},
            former::Former,
            intending::Intending,
            proof::Proof,
            scene::{Feed, Scene, done, failed, not_needed},
            terms::{rotation_action, rotation_inputs},
        },
    },
    domain::{
        id::Entropy,
        right::Rights,
        rotation::{Alphabet, Credential, CredentialKind, Outcome, Symbols},
        secret::SecretValue,
    },
    ports::{
        BoxFuture,
        clock::Clock,
        executor::StepContext,
        vault::{Kept, Parts},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The only part of a secret.
pub(super) const VALUE: &str = "value";

pub(crate) struct RotateSecret;

rotation_inputs! {
    /// What `rotate/secret` is told.
    SecretInputs {
        /// What a new value is made of.
        #[serde(default)]
        pub(super) policy: ValuePolicy,
        /// How a value is tried: the new one before and after it counts, the old one when it should be refused.
        pub(super) test: Proof,
        /// The value that counts now, as a secret of the agent, so that the old one can be proven refused. Needed only where no place can be
        /// read: what stands in a Secret or a file is taken from there. It must let in when a rotation begins, so a value that does not
        /// follow rotations serves the first one alone.
        #[serde(default)]
        #[schemars(extend("writeOnly" = true))]
        pub(super) current: Option<String>,
    }
}

rotation_action!(
    RotateSecret,
    SecretInputs,
    "rotate/secret",
    "Replaces a random value in Secrets, files and whatever a program reaches, tries it, and takes the old one back after an overlap."
);

/// What a value is made of.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ValuePolicy {
    /// How many characters.
    #[serde(default = "thirty_two")]
    #[schemars(range(min = 8, max = 512))]
    length: usize,
    /// Sorts of characters; a value has at least one of each.
    #[serde(default = "plain")]
    #[schemars(length(min = 1))]
    alphabet: BTreeSet<Sort>,
    /// Characters that it never has: `"0O1lI"`.
    #[serde(default)]
    exclude: String,
}

/// A sort of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sort {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digits,
    /// ``!#$%&()*+,-./:;<=>?@[]^_{|}~``.
    Punctuation,
}

fn thirty_two() -> usize {
    32
}
fn plain() -> BTreeSet<Sort> {
    [Sort::Lower, Sort::Upper, Sort::Digits].into()
}

impl Default for ValuePolicy {
    fn default() -> Self {
        Self {
            length: thirty_two(),
            alphabet: plain(),
            exclude: String::new(),
        }
    }
}

impl ValuePolicy {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.length > 512 {
            return Err("in `with`, at `policy.length`: at most 512".to_owned());
        }
        self.alphabet()
            .map(drop)
            .map_err(|error| format!("in `with`, at `policy`: {error}"))
    }

    fn alphabet(&self) -> Result<Alphabet, String> {
        let sort = |sort: &Sort| match sort {
            Sort::Lower => Symbols::Lower,
            Sort::Upper => Symbols::Upper,
            Sort::Digits => Symbols::Digits,
            Sort::Punctuation => Symbols::Punctuation,
        };
        let sorts = self.alphabet.iter().map(sort).collect();
        Alphabet::new(&sorts, &self.exclude, self.length).map_err(|error| error.to_string())
    }

    /// A new value.
    pub(super) fn value(&self, clock: &dyn Clock) -> Result<SecretValue, String> {
        let (mut bytes, mut at): (Entropy, usize) = ([0; 10], usize::MAX);
        let value = self.alphabet()?.value(|| {
            if at >= bytes.len() {
                (bytes, at) = (clock.entropy(), 0);
            }
            let byte = bytes.get(at).copied().unwrap_or_default();
            at += 1;
            byte
        });
        Ok(SecretValue::new(value))
    }
}

impl SecretInputs {
    fn check(&self) -> Result<(), String> {
        let terms = self.terms();
        terms.check_due()?;
        terms.check(&[VALUE])?;
        if self.distribute.is_empty() {
            return Err("in `with`, at `distribute`: name at least one place".to_owned());
        }
        self.policy.check()?;
        self.test.check("test", &[VALUE])
    }

    fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        self.test.intend(doing, context, given)
    }

    fn own_rights(&self) -> Rights {
        Rights::default()
    }
}

impl Craft for SecretInputs {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Secret
    }
    fn main(&self) -> &'static str {
        VALUE
    }
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared> {
        Box::pin(async move {
            let new = self.policy.value(&*scene.world.clock).map_err(failed)?;
            let places = (self.distribute.as_slice(), self.current.as_ref());
            let former = Former::look(places, (&self.test, VALUE), known, &scene).await?;
            Ok(former.kept_in(Kept {
                rotation: scene.rotation,
                new: [(VALUE.to_owned(), new)].into(),
                old: Parts::new(),
                facts: [].into(),
                former: known.facts.clone(),
                expires_at: None,
            }))
        })
    }
    fn issue<'a>(&'a self, _: &'a mut Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(done("a new value was made")))
    }
    fn discard<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(done("the new value is forgotten")))
    }
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.test.good(&Feed::new(kept, VALUE), &scene).await })
    }
    fn revoke<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(not_needed(
            "the old one is kept nowhere any more",
        )))
    }
    fn refuse<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move { self.test.refused(kept, VALUE, &scene).await })
    }
}
