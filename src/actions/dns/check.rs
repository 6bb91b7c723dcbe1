//! `dns/check`.

use crate::{
    actions::framework::{
        Action, World,
        answers::{looks, positive, unless_stopped},
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
use std::net::IpAddr;

pub(crate) struct Check;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// The name to look up, with the resolver of the host that the agent runs on.
    name: String,
    /// What must be found.
    #[serde(default)]
    expect: Expect,
    /// No answer within this is critical.
    #[serde(default = "five_seconds")]
    timeout: Span,
}

/// What must be found.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expect {
    /// Each of these addresses is among them.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    addresses: Vec<IpAddr>,
    /// No other address than `addresses` is among them.
    #[serde(default)]
    only: bool,
    /// At least this many addresses.
    #[serde(default = "one")]
    minimum: u32,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            only: false,
            minimum: one(),
        }
    }
}

fn one() -> u32 {
    1
}
fn five_seconds() -> Span {
    Span::from_secs(5)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The addresses found, sorted.
    addresses: Vec<String>,
    /// How many.
    count: usize,
}

impl Action for Check {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "dns/check";
    const SUMMARY: &'static str = "Looks up a name, and judges the addresses found.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        check_host("name", &inputs.name)?;
        positive(inputs.timeout)?;
        if inputs.expect.only && inputs.expect.addresses.is_empty() {
            return Err("in `with`, at `expect.only`: `addresses` names none".to_owned());
        }
        Ok(())
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(looks(Effect::read(
            Verb::Read,
            Object::network(&inputs.name, "name", &inputs.name),
        )))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let looking = world.network.resolve(&inputs.name, inputs.timeout);
            match unless_stopped(session, looking).await {
                Ok(Ok(found)) => judge(&inputs.expect, &found),
                Ok(Err(error)) => {
                    StepReport::checked(CheckStatus::Critical, error.to_string(), Value::Null)
                }
                Err(stopped) => stopped,
            }
        })
    }
}

fn judge(expect: &Expect, found: &[IpAddr]) -> StepReport {
    let outputs = outputs(&Outputs {
        addresses: found.iter().map(ToString::to_string).collect(),
        count: found.len(),
    });
    let missing = expect
        .addresses
        .iter()
        .find(|address| !found.contains(address));
    let stranger = found
        .iter()
        .find(|address| expect.only && !expect.addresses.contains(address));
    let few = found.len() < usize::try_from(expect.minimum).unwrap_or(usize::MAX);
    let wrong = match (missing, stranger) {
        (Some(missing), _) => Some(format!("{missing} is not among the addresses found")),
        (None, Some(stranger)) => Some(format!("{stranger} is not among the addresses wanted")),
        (None, None) if few => Some(format!(
            "{} addresses, wanted at least {}",
            found.len(),
            expect.minimum
        )),
        (None, None) => None,
    };
    match wrong {
        Some(words) => StepReport::checked(CheckStatus::Critical, words, outputs),
        None => StepReport::checked(
            CheckStatus::Ok,
            format!("{} addresses", found.len()),
            outputs,
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            World,
            scripted::{ScriptedNetwork, act, intend, world},
        },
        domain::check::CheckStatus,
    };
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test]
    async fn the_addresses_found_are_compared() {
        for (expect, status, words) in [
            (json!({}), CheckStatus::Ok, "2 addresses"),
            (
                json!({ "addresses": ["10.0.0.1"] }),
                CheckStatus::Ok,
                "2 addresses",
            ),
            (
                json!({ "addresses": ["10.0.0.9"] }),
                CheckStatus::Critical,
                "10.0.0.9 is not among the addresses found",
            ),
            (
                json!({ "addresses": ["10.0.0.1"], "only": true }),
                CheckStatus::Critical,
                "::1 is not among the addresses wanted",
            ),
            (
                json!({ "minimum": 3 }),
                CheckStatus::Critical,
                "2 addresses, wanted at least 3",
            ),
        ] {
            let network = ScriptedNetwork::default();
            let found = vec!["10.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
            network.resolve.lock().unwrap().push_back(Ok(found));
            let world = World {
                network: Arc::new(network),
                ..world()
            };
            let report = act(world, "dns/check", json!({ "name": "h", "expect": expect })).await;
            assert_eq!(
                (report.check, report.summary.as_str()),
                (Some(status), words)
            );
            assert_eq!(report.outputs["count"], 2);
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_there_is_critical() {
        let report = act(world(), "dns/check", json!({ "name": "h" })).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        let error = intend(
            "dns/check",
            json!({ "name": "h", "expect": { "addresses": ["x"] } }),
        )
        .await;
        assert!(error.unwrap_err().contains("expect.addresses[0]"));
    }
}
