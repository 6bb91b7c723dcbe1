//! What every rotation is told.

use crate::{
    actions::rotate::{consumers::Consumer, craft::Craft, delivery::Target},
    domain::{name::CredentialName, span::Span},
};

/// What every rotation is told.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) name: CredentialName,
    pub(super) every: Option<Span>,
    pub(super) overlap: Span,
    pub(super) force: bool,
    pub(super) give_up: Option<String>,
    pub(super) distribute: Vec<Target>,
    pub(super) consumers: Vec<Consumer>,
}

impl Terms {
    /// Where the credential is, for people. As long as it stays the same, it is the same credential.
    pub(super) fn place(&self, craft: &dyn Craft) -> String {
        let own = craft.place();
        let places = self.distribute.iter().map(Target::place);
        let all: Vec<String> = std::iter::once(own)
            .chain(places)
            .filter(|place| !place.is_empty())
            .collect();
        all.join("; ")
    }

    /// Refuses what cannot be carried out with a credential of these parts.
    pub(super) fn check(&self, parts: &[&str]) -> Result<(), String> {
        for (index, target) in self.distribute.iter().enumerate() {
            target.check(&format!("distribute[{index}]"), parts)?;
            let mut before = self.distribute.iter().take(index);
            if let Some(first) = before.position(|other| other.is_where(target)) {
                return Err(format!(
                    "in `with`, at `distribute[{index}]`: it is the same place as `distribute[{first}]`, or the file beside it that keeps the former content\nhint: put all keys of one Secret under one `keys`, and each part into a file of its own"
                ));
            }
        }
        for (index, consumer) in self.consumers.iter().enumerate() {
            consumer.check(&format!("consumers[{index}]"), parts)?;
        }
        Ok(())
    }

    /// Refuses a rotation that nothing ever makes due.
    pub(super) fn check_due(&self) -> Result<(), String> {
        if self.every.is_some_and(|every| every.is_zero()) {
            return Err("in `with`, at `every`: must be longer than 0s".to_owned());
        }
        if self.every.is_none() && !self.force {
            return Err(
                "in `with`: nothing says when it is due\nhint: give `every`, as in `every: 90d`, or `force: true`"
                    .to_owned(),
            );
        }
        if self.every.is_some_and(|every| self.overlap >= every) {
            return Err(format!(
                "in `with`, at `overlap`: {} is not shorter than `every`, so the next rotation would be due before this one is over",
                self.overlap
            ));
        }
        Ok(())
    }
}

/// Inputs of a rotation: these fields, and those that every rotation has.
macro_rules! rotation_inputs {
    ($(#[$about:meta])* $name:ident { $($fields:tt)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(crate) struct $name {
            /// The credential's name, unique in the agent: under it, the record is kept.
            pub(super) name: $crate::domain::name::CredentialName,
            /// How old it may become. The step is meant to run more often than that: where nothing is due, it says so.
            #[serde(default)]
            pub(super) every: Option<$crate::domain::span::Span>,
            /// How long the old one stays good beside the new one, as far as its sort allows that. A later run of the step ends it.
            #[serde(default)]
            pub(super) overlap: $crate::domain::span::Span,
            /// Rotate now, even where it is not due. A rotation that goes on is not begun anew by it.
            #[serde(default)]
            pub(super) force: bool,
            /// The id of a rotation that only a person can help: it is given up, and what there is of both credentials stays as it is.
            #[serde(default)]
            pub(super) give_up: Option<String>,
            /// Where the new one is brought, in this order.
            #[serde(default)]
            pub(super) distribute: Vec<$crate::actions::rotate::delivery::Target>,
            /// Who takes it up then, in this order.
            #[serde(default)]
            pub(super) consumers: Vec<$crate::actions::rotate::consumers::Consumer>,
            $($fields)*
        }

        impl $name {
            fn terms(&self) -> $crate::actions::rotate::terms::Terms {
                $crate::actions::rotate::terms::Terms {
                    name: self.name.clone(),
                    every: self.every,
                    overlap: self.overlap,
                    force: self.force,
                    give_up: self.give_up.clone().filter(|id| !id.is_empty()),
                    distribute: self.distribute.clone(),
                    consumers: self.consumers.clone(),
                }
            }
        }
    };
}
pub(super) use rotation_inputs;

/// The action of a sort of credential, whose inputs give its craft.
macro_rules! rotation_action {
    ($action:ident, $inputs:ident, $name:literal, $summary:literal) => {
        impl $crate::actions::framework::Action for $action {
            type Inputs = $inputs;
            type Outputs = $crate::actions::rotate::report::RotateOutputs;
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;

            fn validate(&self, inputs: &$inputs) -> Result<(), String> {
                inputs.check()
            }
            fn intend(
                &self,
                inputs: &$inputs,
                context: &$crate::ports::executor::StepContext,
            ) -> Result<$crate::ports::executor::Intent, String> {
                self.intend_with(inputs, context, &$crate::actions::framework::Given::NOTHING)
            }
            fn intend_with(
                &self,
                inputs: &$inputs,
                context: &$crate::ports::executor::StepContext,
                given: &$crate::actions::framework::Given<'_>,
            ) -> Result<$crate::ports::executor::Intent, String> {
                let terms = inputs.terms();
                let mut doing =
                    $crate::actions::rotate::intending::of_terms(&terms, context, given)?;
                inputs.intend(&mut doing, context, given)?;
                Ok(doing.intent())
            }
            fn foresee<'a>(
                &'a self,
                inputs: $inputs,
                context: &'a $crate::ports::executor::StepContext,
                world: &'a $crate::actions::framework::World,
                intent: $crate::ports::executor::Intent,
            ) -> $crate::ports::BoxFuture<'a, Result<$crate::ports::executor::Intent, String>> {
                Box::pin(async move {
                    let terms = inputs.terms();
                    let foreseen = $crate::actions::rotate::drive::foresee(
                        &inputs,
                        &terms,
                        (context, world),
                        intent,
                    );
                    Ok(foreseen.await)
                })
            }
            fn rights(
                &self,
                inputs: &$inputs,
                _: &$crate::domain::effect::Effects,
            ) -> $crate::domain::right::Rights {
                $crate::actions::rotate::rights_of(&inputs.terms()).with(inputs.own_rights())
            }
            fn grace(&self, _: &$inputs) -> $crate::domain::span::Span {
                $crate::domain::span::Span::from_secs(30)
            }
            fn execute<'a>(
                &'a self,
                inputs: $inputs,
                session: &'a $crate::ports::executor::Session,
                world: &'a $crate::actions::framework::World,
            ) -> $crate::ports::BoxFuture<'a, $crate::domain::run::StepReport> {
                self.execute_judged(
                    inputs,
                    &$crate::actions::framework::NOTHING_JUDGED,
                    session,
                    world,
                )
            }
            fn execute_judged<'a>(
                &'a self,
                inputs: $inputs,
                judged: &'a $crate::domain::effect::Effects,
                session: &'a $crate::ports::executor::Session,
                world: &'a $crate::actions::framework::World,
            ) -> $crate::ports::BoxFuture<'a, $crate::domain::run::StepReport> {
                Box::pin(async move {
                    let terms = inputs.terms();
                    $crate::actions::rotate::drive::rotate(
                        &inputs,
                        &terms,
                        judged,
                        (session, world),
                    )
                    .await
                })
            }
        }
    };
}
pub(super) use rotation_action;
