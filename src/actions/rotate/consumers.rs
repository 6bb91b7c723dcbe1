//! Who uses a credential, and takes up another one.

use crate::{
    actions::{
        framework::{Action as _, Given, rights},
        kubernetes::{RestartInputs, RolloutRestart, default_cluster},
        rotate::{
            intending::{Intending, in_namespace},
            program::ProgramOf,
            scene::{Feed, Scene},
        },
    },
    domain::{
        name::StepName,
        right::Rights,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::executor::{Session, StepContext},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Who takes up the new credential. Exactly one of `deployment`, `statefulset`, `daemonset` and `command` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Consumer {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub(super) cluster: String,
    /// The workload's namespace.
    #[serde(default)]
    pub(super) namespace: String,
    /// A deployment whose pods are replaced one after the other.
    #[serde(default)]
    pub(super) deployment: Option<String>,
    /// A stateful set.
    #[serde(default)]
    pub(super) statefulset: Option<String>,
    /// A daemon set.
    #[serde(default)]
    pub(super) daemonset: Option<String>,
    /// How long to wait until all pods are new and available.
    #[serde(default = "five_minutes")]
    pub(super) wait: Span,
    /// A program that makes a consumer take the credential up: `systemctl reload web`.
    #[serde(default)]
    pub(super) command: Option<ProgramOf>,
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

/// Which credential consumers are to take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    New,
    Old,
}

impl Consumer {
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        let workload = [&self.deployment, &self.statefulset, &self.daemonset];
        let named = workload.into_iter().flatten().count();
        match &self.command {
            Some(program) if named == 0 => program.check(&format!("{place}.command"), parts),
            None if named == 1 => RolloutRestart.validate(&self.restart()).map_err(|error| {
                error.replacen("in `with`", &format!("in `with`, at `{place}`"), 1)
            }),
            Some(_) | None => Err(format!(
                "in `with`, at `{place}`: give exactly one of `deployment`, `statefulset`, `daemonset` and `command`"
            )),
        }
    }

    fn restart(&self) -> RestartInputs {
        RestartInputs {
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
            deployment: self.deployment.clone(),
            statefulset: self.statefulset.clone(),
            daemonset: self.daemonset.clone(),
            wait: Some(self.wait),
            // The former template would start with the new credential as well: it is the credential that goes back.
            undo_on_failure: Some(false),
            undo_wait: None,
        }
    }

    pub(super) fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        let intent = match &self.command {
            Some(program) => program.intend(context, given)?,
            None => RolloutRestart.intend(&self.restart(), context)?,
        };
        doing.with(intent);
        Ok(())
    }

    pub(super) fn rights(&self) -> Rights {
        let kinds = [
            ("deployment.apps", &self.deployment),
            ("statefulset.apps", &self.statefulset),
            ("daemonset.apps", &self.daemonset),
        ];
        let mut needed = Rights::default();
        for (kind, name) in kinds {
            if let Some(name) = name {
                let object = in_namespace(&self.cluster, kind, &self.namespace, name);
                let place = Some((self.cluster.as_str(), self.namespace.as_str()));
                needed = needed
                    .and_also(rights::on_object(&object, None, &["get", "patch"]))
                    .and_telling_of_pods(place);
            }
        }
        needed
    }

    /// Makes it take up the credential that is there now. The error is for people.
    pub(super) async fn take_up(
        &self,
        turn: Turn,
        feed: &Feed<'_>,
        scene: &Scene<'_>,
    ) -> Result<String, String> {
        let report = match &self.command {
            Some(program) => {
                let ran = program.run(feed, scene).await;
                return if ran.well {
                    Ok(ran.note)
                } else {
                    Err(ran.note)
                };
            }
            None => self.roll_out(turn, scene).await,
        };
        match report.result {
            StepResult::Succeeded => Ok(report.summary),
            StepResult::Failed { .. } | StepResult::TimedOut | StepResult::Canceled => {
                Err(report.summary)
            }
        }
    }

    async fn roll_out(&self, turn: Turn, scene: &Scene<'_>) -> StepReport {
        // A workload bears the mark of the step that has restarted it, and is not restarted twice for it: this one is of its own.
        let mut context = scene.session.context.clone();
        context.step = mark(turn, scene).unwrap_or(context.step);
        let session = Session {
            context,
            ..scene.session.clone()
        };
        RolloutRestart
            .execute(self.restart(), &session, scene.world)
            .await
    }
}

fn mark(turn: Turn, scene: &Scene<'_>) -> Option<StepName> {
    let id = scene.rotation.to_string().replace('-', "");
    let turn = match turn {
        Turn::New => "new",
        Turn::Old => "old",
    };
    StepName::new(&format!("rotate_{id}_{turn}")).ok()
}
