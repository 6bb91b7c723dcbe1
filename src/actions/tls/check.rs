//! `tls/check`.

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
        network::{Certificate, NetworkError},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

const SECONDS_PER_DAY: i64 = 86_400;

pub(crate) struct Check;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// A name or an address.
    host: String,
    /// The port.
    #[serde(default = "https")]
    #[schemars(range(min = 1))]
    port: u16,
    /// The name that is asked for (SNI) and must be in the certificate; the host where none is given.
    #[serde(default)]
    server_name: Option<String>,
    /// Less than this before its end, the certificate is a warning.
    #[serde(default = "three_weeks")]
    warning: Span,
    /// Less than this before its end, the certificate is critical.
    #[serde(default = "one_week")]
    critical: Span,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// Whether the chain must lead to a trusted root, and the name fit.
    #[serde(default = "yes")]
    require_trusted: bool,
    /// No handshake within this is critical.
    #[serde(default = "ten_seconds")]
    timeout: Span,
}

fn https() -> u16 {
    443
}
fn three_weeks() -> Span {
    Span::from_secs(21 * 86_400)
}
fn one_week() -> Span {
    Span::from_secs(7 * 86_400)
}
fn yes() -> bool {
    true
}
fn ten_seconds() -> Span {
    Span::from_secs(10)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The certificate's last moment, UTC.
    #[schemars(with = "String")]
    not_after: Timestamp,
    /// Whole days until then; negative after it.
    days_left: i64,
    /// Who issued it.
    issuer: String,
    /// Whose it is.
    subject: String,
    /// The names and addresses it is for.
    names: Vec<String>,
    /// Whether the chain leads to a trusted root, and the name fits.
    trusted: bool,
    /// Why it is not trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    distrust: Option<String>,
}

impl Action for Check {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "tls/check";
    const SUMMARY: &'static str =
        "Shakes hands with a TLS server, and judges its certificate's end, name and chain.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        check_host("host", &inputs.host)?;
        if let Some(name) = &inputs.server_name {
            check_host("serverName", name)?;
        }
        positive(inputs.timeout)?;
        if inputs.warning < inputs.critical {
            return Err(format!(
                "in `with`: `warning` ({}) is shorter than `critical` ({}), so it would never warn",
                inputs.warning, inputs.critical
            ));
        }
        Ok(())
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        let name = format!("{}:{}", inputs.host, inputs.port);
        Ok(looks(Effect::read(
            Verb::Read,
            Object::network(&inputs.host, "certificate", &name),
        )))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let shown = world.network.tls(
                &inputs.host,
                inputs.port,
                inputs.server_name.as_deref().unwrap_or(&inputs.host),
                inputs.ca_file.as_deref(),
                inputs.timeout,
            );
            match unless_stopped(session, shown).await {
                Ok(Ok(certificate)) => judge(&inputs, certificate, world.clock.now()),
                Ok(Err(error)) => unanswered(&error),
                Err(stopped) => stopped,
            }
        })
    }
}

fn unanswered(error: &NetworkError) -> StepReport {
    let status = match error {
        NetworkError::InvalidAddress(..) | NetworkError::NotAsked(..) => CheckStatus::Unknown,
        NetworkError::TimedOut(..) | NetworkError::Unreachable { .. } => CheckStatus::Critical,
    };
    StepReport::checked(status, error.to_string(), Value::Null)
}

fn judge(inputs: &Inputs, certificate: Certificate, now: Timestamp) -> StepReport {
    let left = certificate.not_after.as_second() - now.as_second();
    let days = left.div_euclid(SECONDS_PER_DAY);
    let distrust = certificate.trusted.err();
    let (status, words) = match &distrust {
        _ if left <= 0 => (
            CheckStatus::Critical,
            format!("expired on {}", certificate.not_after),
        ),
        _ if certificate.not_before > now => (
            CheckStatus::Critical,
            format!("valid only from {}", certificate.not_before),
        ),
        Some(why) if inputs.require_trusted => {
            (CheckStatus::Critical, format!("not trusted: {why}"))
        }
        Some(_) | None => by_time_left(inputs, left, days),
    };
    let summary = format!("{}:{}: {words}", inputs.host, inputs.port);
    let outputs = outputs(&Outputs {
        not_after: certificate.not_after,
        days_left: days,
        issuer: certificate.issuer,
        subject: certificate.subject,
        names: certificate.names,
        trusted: distrust.is_none(),
        distrust,
    });
    StepReport::checked(status, summary, outputs)
}

fn by_time_left(inputs: &Inputs, left: i64, days: i64) -> (CheckStatus, String) {
    let shorter = |limit: Span| left < limit.signed().as_secs();
    let words = format!("{days} days left");
    if shorter(inputs.critical) {
        (
            CheckStatus::Critical,
            format!("{words}, fewer than {}", inputs.critical),
        )
    } else if shorter(inputs.warning) {
        (
            CheckStatus::Warning,
            format!("{words}, fewer than {}", inputs.warning),
        )
    } else {
        (CheckStatus::Ok, words)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            World,
            scripted::{NOW, ScriptedNetwork, act, intend, world},
        },
        domain::{check::CheckStatus, run::StepReport},
        ports::network::Certificate,
    };
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};
    use std::sync::Arc;

    async fn check(hours_left: i64, trusted: Result<(), String>, more: Value) -> StepReport {
        let now: Timestamp = NOW.parse().unwrap();
        let network = ScriptedNetwork::default();
        network.tls.lock().unwrap().push_back(Ok(Certificate {
            serial: "01".to_owned(),
            subject: "CN=h".to_owned(),
            issuer: "CN=ca".to_owned(),
            names: vec!["h".to_owned()],
            not_before: now - SignedDuration::from_hours(1),
            not_after: now + SignedDuration::from_hours(hours_left),
            trusted,
        }));
        let mut arguments = json!({ "host": "h" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        act(
            World {
                network: Arc::new(network),
                ..world()
            },
            "tls/check",
            arguments,
        )
        .await
    }

    #[tokio::test]
    async fn the_time_left_decides() {
        for (hours, status, days) in [
            (24 * 30, CheckStatus::Ok, 30),
            (24 * 21, CheckStatus::Ok, 21),
            (24 * 21 - 1, CheckStatus::Warning, 20),
            (24 * 7 - 1, CheckStatus::Critical, 6),
            (0, CheckStatus::Critical, 0),
            (-1, CheckStatus::Critical, -1),
        ] {
            let report = check(hours, Ok(()), json!({})).await;
            assert_eq!(report.check, Some(status), "{hours}");
            assert_eq!(report.outputs["daysLeft"], days, "{hours}");
        }
    }

    #[tokio::test]
    async fn an_untrusted_certificate_is_critical_unless_trust_is_not_asked_for() {
        let untrusted = || Err("unknown issuer".to_owned());
        let report = check(9999, untrusted(), json!({})).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        assert_eq!(report.summary, "h:443: not trusted: unknown issuer");
        let report = check(9999, untrusted(), json!({ "requireTrusted": false })).await;
        assert_eq!(report.check, Some(CheckStatus::Ok));
        assert_eq!(report.outputs["trusted"], false);
        assert_eq!(report.outputs["distrust"], "unknown issuer");
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_critical() {
        let report = act(world(), "tls/check", json!({ "host": "h" })).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
    }

    #[tokio::test]
    async fn a_warning_after_the_critical_limit_is_refused() {
        let arguments = json!({ "host": "h", "warning": "1d" });
        assert!(
            intend("tls/check", arguments)
                .await
                .unwrap_err()
                .contains("never warn")
        );
        assert!(
            intend("tls/check", json!({ "host": "https://h/" }))
                .await
                .is_err()
        );
    }
}
