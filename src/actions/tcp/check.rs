//! `tcp/check`.

use crate::{
    actions::framework::{
        Action, World,
        answers::{MaxLatency, looks, positive, unless_stopped},
        host::check_host,
        outputs,
    },
    domain::{
        check::CheckStatus,
        effect::{Effect, Object, Verb},
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) struct Check;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// A name or an address.
    host: String,
    /// The port.
    #[schemars(range(min = 1))]
    port: u16,
    /// How long opening the connection may take, the look-up of the name included.
    #[serde(default)]
    max_latency: MaxLatency,
    /// No connection within this is critical.
    #[serde(default = "five_seconds")]
    timeout: Span,
}

fn five_seconds() -> Span {
    Span::from_secs(5)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// How long opening the connection took, in milliseconds.
    latency_ms: u64,
}

impl Action for Check {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "tcp/check";
    const SUMMARY: &'static str = "Opens a TCP connection and closes it again.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        check_host("host", &inputs.host)?;
        inputs.max_latency.validate()?;
        positive(inputs.timeout)
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        let name = format!("{}:{}", inputs.host, inputs.port);
        Ok(looks(Effect::read(
            Verb::Read,
            Object::network(&inputs.host, "port", &name),
        )))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let opening = world
                .network
                .connect(&inputs.host, inputs.port, inputs.timeout);
            match unless_stopped(session, opening).await {
                Ok(Ok(took)) => {
                    let (status, words) = inputs.max_latency.judge(took);
                    let latency_ms = took.millis();
                    StepReport::checked(
                        status,
                        format!("open, {words}"),
                        outputs(&Outputs { latency_ms }),
                    )
                }
                Ok(Err(error)) => {
                    StepReport::checked(CheckStatus::Critical, error.to_string(), Value::Null)
                }
                Err(stopped) => stopped,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            World,
            scripted::{ScriptedNetwork, act, intend, world},
        },
        domain::{check::CheckStatus, span::Span},
    };
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test]
    async fn an_open_port_is_ok_and_a_closed_one_critical() {
        let network = ScriptedNetwork::default();
        network
            .connect
            .lock()
            .unwrap()
            .push_back(Ok(Span::from_millis(3)));
        let world = World {
            network: Arc::new(network),
            ..world()
        };
        let open = act(
            world.clone(),
            "tcp/check",
            json!({ "host": "h", "port": 22 }),
        )
        .await;
        assert_eq!(
            (open.check, open.summary.as_str()),
            (Some(CheckStatus::Ok), "open, took 3ms")
        );
        let closed = act(world, "tcp/check", json!({ "host": "h", "port": 22 })).await;
        assert_eq!(closed.check, Some(CheckStatus::Critical));
    }

    #[tokio::test]
    async fn a_port_is_a_number_of_sixteen_bits() {
        for port in [json!(65536), json!(-1), json!("22")] {
            let error = intend("tcp/check", json!({ "host": "h", "port": port }))
                .await
                .unwrap_err();
            assert!(error.contains("at `port`"), "{error}");
        }
    }
}
