//! How a credential is tried.

use crate::actions::framework::Given;
use crate::{
    actions::http::WantedStatus,
    actions::rotate::{
        call::HttpCall,
        former,
        intending::Intending,
        program::ProgramOf,
        scene::{Feed, Scene, failed, proven, unproven},
    },
    domain::rotation::Outcome,
    ports::{executor::StepContext, vault::Kept},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a credential is tried. Exactly one of `command` and `http` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Proof {
    /// A program that exits with 0 where the credential is good.
    #[serde(default)]
    pub(super) command: Option<ProgramOf>,
    /// A request that is answered as expected where the credential is good.
    #[serde(default)]
    pub(super) http: Option<HttpCall>,
    /// Exit codes of the program by which it says that the credential was refused, and not that something else went wrong. Without any,
    /// that the old one is refused cannot be proven.
    #[serde(default)]
    pub(super) refused_codes: Vec<u8>,
    /// Status codes by which the server says that the credential was refused.
    #[serde(default = "unauthorized")]
    pub(super) refused_status: WantedStatus,
}

fn unauthorized() -> WantedStatus {
    serde_json::from_value(serde_json::json!([401, 403])).unwrap_or_default()
}

/// What a trial showed.
#[derive(Debug)]
pub(super) enum Shown {
    /// It lets in.
    Good(String),
    /// It does not.
    Refused(String),
    /// Neither.
    Unclear(String),
}

impl Proof {
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        match (&self.command, &self.http) {
            (Some(program), None) => {
                if self.refused_codes.contains(&0) {
                    return Err(format!(
                        "in `with`, at `{place}.refusedCodes`: 0 says that the credential is good"
                    ));
                }
                program.check(&format!("{place}.command"), parts)
            }
            (None, Some(call)) => {
                call.check(&format!("{place}.http"), parts)?;
                if call.sends(parts) {
                    return Ok(());
                }
                let part = parts.first().copied().unwrap_or_default();
                Err(format!(
                    "in `with`, at `{place}.http`: it does not send the credential, so its answer says nothing of it\nhint: let `{{{part}}}` stand for it in a header or in `json`"
                ))
            }
            (Some(_), Some(_)) | (None, None) => Err(format!(
                "in `with`, at `{place}`: give exactly one of `command` and `http`"
            )),
        }
    }

    pub(super) fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        if let Some(program) = &self.command {
            doing.with(program.intend(context, given)?);
        }
        if let Some(call) = &self.http {
            doing.with_effects(call.effects()?);
        }
        Ok(())
    }

    /// The new one must be good.
    pub(super) async fn good(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Outcome {
        match self.show(feed, scene).await {
            Shown::Good(note) => proven(note),
            Shown::Refused(note) => failed(format!("the new one was refused: {note}")),
            Shown::Unclear(note) => failed(note),
        }
    }

    /// The old one must be refused.
    pub(super) async fn refused(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Outcome {
        if let Some(why) = former::not_tried(kept) {
            return why;
        }
        if self.command.is_some() && self.refused_codes.is_empty() {
            return unproven(
                "the old one was not tried: `refusedCodes` does not say how the program tells that it was refused",
            );
        }
        match self.show(&Feed::old(kept, main), scene).await {
            Shown::Good(note) => failed(format!("the old one is still good: {note}")),
            Shown::Refused(note) => proven(format!("the old one was refused: {note}")),
            Shown::Unclear(note) => failed(format!(
                "whether the old one is refused could not be found out: {note}"
            )),
        }
    }

    /// Tries it.
    pub(super) async fn show(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Shown {
        if let Some(program) = &self.command {
            let ran = program.run(feed, scene).await;
            let codes = self.refused_codes.iter();
            let mut codes = codes.map(|code| i64::from(*code));
            return match ran.code {
                _ if ran.well => Shown::Good(ran.note),
                Some(code) if codes.any(|known| known == code) => Shown::Refused(ran.note),
                Some(_) | None => Shown::Unclear(ran.note),
            };
        }
        let Some(call) = &self.http else {
            return Shown::Unclear("there is no way to try it".to_owned());
        };
        let answer = call.send(feed, scene).await;
        match answer.status {
            _ if answer.well => Shown::Good(answer.note),
            Some(status) if self.refused_status.contains(status) => Shown::Refused(answer.note),
            Some(_) | None => Shown::Unclear(answer.note),
        }
    }
}
