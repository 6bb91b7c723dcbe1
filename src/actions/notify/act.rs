//! `notify`.

use crate::{
    actions::framework::{
        Action, Channel, ChannelAddress, World,
        answers::{excerpt, looks, unless_stopped},
        outputs,
    },
    domain::{
        check::CheckStatus,
        effect::{Class, Effect, Object, Verb},
        name::ChannelName,
        run::StepReport,
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, RunSoFar, Session, StepContext},
        network::HttpRequest,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const TIMEOUT_SECS: u64 = 10;
/// The longest answer that is read.
const MAX_BODY: usize = 4096;

pub(crate) struct Notify;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// A channel of the agent's configuration.
    #[schemars(with = "String")]
    channel: ChannelName,
    /// One line; the runbook and how its run went so far, where none is given.
    #[serde(default)]
    title: Option<String>,
    /// The text; what went wrong so far, where none is given.
    #[serde(default)]
    message: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The status code of the channel's answer.
    status: u16,
}

impl Action for Notify {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "notify";
    const SUMMARY: &'static str = "Sends a message to a channel of the agent's configuration.";

    /// Counts as a look, though something is sent: it goes only where the agent's own configuration says, changes nothing there but
    /// what people know, and is the one thing that must get out at every level of autonomy, above all when all else was denied.
    /// Sent twice after a crash, a message does less harm than one that is never sent.
    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        let channel = Object::agent("channel", inputs.channel.as_str());
        Ok(looks(Effect::read(Verb::Read, channel)))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let request = match request(&inputs, session, world) {
                Ok(request) => request,
                Err(error) => return StepReport::failed(error, false),
            };
            match unless_stopped(session, world.network.http(request)).await {
                Ok(Ok(answer)) if (200..300).contains(&answer.status) => {
                    let status = answer.status;
                    let summary = format!("told channel `{}`", inputs.channel);
                    StepReport::succeeded(summary, outputs(&Outputs { status }))
                }
                Ok(Ok(answer)) => StepReport::failed(
                    format!(
                        "channel `{}` answered {}: {}",
                        inputs.channel,
                        answer.status,
                        excerpt(&answer.body, 200).trim()
                    ),
                    true,
                ),
                Ok(Err(error)) => {
                    StepReport::failed(format!("channel `{}`: {error}", inputs.channel), true)
                }
                Err(stopped) => stopped,
            }
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        false
    }
}

fn request(inputs: &Inputs, session: &Session, world: &World) -> Result<HttpRequest, String> {
    let channel = world
        .channels
        .get(&inputs.channel)
        .ok_or_else(|| unknown(inputs, world))?;
    let url = match &channel.address {
        ChannelAddress::Plain(url) => SecretValue::new(url.clone()),
        ChannelAddress::Secret(name) => {
            world.secrets.get(name).map_err(|error| error.to_string())?
        }
    };
    let body = message(inputs, &session.context).to_string();
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url,
        headers: headers(channel, world)?,
        body: Some(SecretValue::new(body)),
        timeout: Span::from_secs(TIMEOUT_SECS),
        redirects: 0,
        max_body: MAX_BODY,
        authority_file: channel.authority_file.clone(),
    })
}

fn headers(channel: &Channel, world: &World) -> Result<Vec<(String, SecretValue)>, String> {
    let json = SecretValue::new("application/json".to_owned());
    let mut headers = vec![("content-type".to_owned(), json)];
    if let Some(name) = &channel.bearer {
        let token = world.secrets.get(name).map_err(|error| error.to_string())?;
        let bearer = SecretValue::new(format!("Bearer {}", token.expose()));
        headers.push(("authorization".to_owned(), bearer));
    }
    Ok(headers)
}

fn unknown(inputs: &Inputs, world: &World) -> String {
    let known: Vec<_> = world.channels.keys().map(ChannelName::as_str).collect();
    let hint = if known.is_empty() {
        "add it under `channels:`".to_owned()
    } else {
        format!("it has {}", known.join(", "))
    };
    format!(
        "there is no channel `{}` in the agent's configuration\nhint: {hint}",
        inputs.channel
    )
}

/// What is posted. `text` is what chat services show (Slack, Mattermost and others take it alone).
fn message(inputs: &Inputs, context: &StepContext) -> Value {
    let outcome = outcome(&context.so_far);
    let title = inputs
        .title
        .clone()
        .unwrap_or_else(|| format!("{}: {outcome}", context.runbook));
    let message = inputs
        .message
        .clone()
        .unwrap_or_else(|| context.so_far.reason.clone());
    let text = if message.is_empty() {
        title.clone()
    } else {
        format!("{title}\n{message}")
    };
    json!({
        "runbook": context.runbook,
        "run": context.run.to_string(),
        "step": context.step,
        "outcome": outcome,
        "title": title,
        "message": message,
        "reason": context.so_far.reason,
        "revision": context.revision,
        "nominal": context.nominal.to_string(),
        "text": text,
    })
}

fn outcome(so_far: &RunSoFar) -> &'static str {
    let warned = match so_far.worst_check {
        None | Some(CheckStatus::Ok) => false,
        Some(CheckStatus::Warning | CheckStatus::Unknown | CheckStatus::Critical) => true,
    };
    match (so_far.failed, warned) {
        (true, _) => "failed",
        (false, true) => "warning",
        (false, false) => "succeeded",
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            Catalogue, Channel, ChannelAddress, Performer, World,
            scripted::{
                KnownSecrets, ScriptedNetwork, act, context, intend, perform, session, world,
            },
        },
        domain::{
            effect::Class,
            name::{ChannelName, SecretName},
            run::StepResult,
            span::Span,
        },
        ports::executor::RunSoFar,
    };
    use serde_json::{Value, json};
    use std::{collections::BTreeMap, sync::Arc};

    fn world_with(network: Arc<ScriptedNetwork>) -> World {
        let channel = Channel {
            address: ChannelAddress::Secret(SecretName::new("hook").unwrap()),
            bearer: Some(SecretName::new("token").unwrap()),
            authority_file: None,
        };
        let channels = BTreeMap::from([(ChannelName::new("ops").unwrap(), channel)]);
        World {
            network,
            channels: Arc::new(channels),
            secrets: KnownSecrets::of(&[("hook", "https://h/T0K3N"), ("token", "s3cr3t")]),
            ..world()
        }
    }

    #[tokio::test]
    async fn the_message_says_what_happened_where() {
        let network = ScriptedNetwork::answering(200, "ok");
        let performer = Performer::new(
            Arc::new(Catalogue::new()),
            Arc::new(world_with(network.clone())),
        );
        let mut context = context();
        context.so_far = RunSoFar {
            failed: true,
            worst_check: None,
            reason: "step `dump` failed: no space".to_owned(),
        };
        let session = session(context).0;
        let arguments = json!({ "channel": "ops" });
        let report = perform(&performer, "notify", arguments, session, Span::from_secs(9)).await;
        assert_eq!(report.result, StepResult::Succeeded);
        let requests = network.requests.lock().unwrap();
        assert_eq!(requests[0].url.expose(), "https://h/T0K3N");
        assert_eq!(requests[0].headers[1].1.expose(), "Bearer s3cr3t");
        let body: Value =
            serde_json::from_str(requests[0].body.as_ref().unwrap().expose()).unwrap();
        assert_eq!(body["outcome"], "failed");
        assert_eq!(body["text"], "demo: failed\nstep `dump` failed: no space");
        assert_eq!(body["nominal"], "2026-03-14T09:26:53Z");
    }

    #[tokio::test]
    async fn a_channel_that_does_not_take_it_fails_the_step_and_may_be_tried_again() {
        let network = ScriptedNetwork::answering(500, "at https://h/T0K3N");
        let report = act(world_with(network), "notify", json!({ "channel": "ops" })).await;
        let error = "channel `ops` answered 500: at ***".to_owned();
        assert_eq!(
            report.result,
            StepResult::Failed {
                error,
                retryable: true
            }
        );
    }

    #[tokio::test]
    async fn an_unknown_channel_names_the_known_ones() {
        let network = ScriptedNetwork::answering(200, "");
        let report = act(world_with(network), "notify", json!({ "channel": "opps" })).await;
        assert!(
            report.summary.contains("hint: it has ops"),
            "{}",
            report.summary
        );
        let report = act(world(), "notify", json!({ "channel": "ops" })).await;
        assert!(
            report.summary.contains("under `channels:`"),
            "{}",
            report.summary
        );
    }

    #[tokio::test]
    async fn it_may_speak_at_every_level_and_stays_silent_in_a_dry_run() {
        let intent = intend("notify", json!({ "channel": "ops" })).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        let network = ScriptedNetwork::answering(200, "");
        let performer = Performer::new(
            Arc::new(Catalogue::new()),
            Arc::new(world_with(network.clone())),
        );
        let mut dry = context();
        dry.dry_run = true;
        let session = session(dry).0;
        let arguments = json!({ "channel": "ops" });
        let report = perform(&performer, "notify", arguments, session, Span::from_secs(9)).await;
        assert_eq!(report.result, StepResult::Succeeded);
        assert!(network.requests.lock().unwrap().is_empty());
    }
}
