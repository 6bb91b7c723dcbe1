//! `prometheus/query`.

use crate::{
    actions::{
        framework::{
            Action, World,
            address::Address,
            answers::{looks, positive, unless_stopped},
            outputs,
        },
        prometheus::{
            answer::{Sample, read},
            comparison::Comparison,
        },
    },
    domain::{check::CheckStatus, run::StepReport, secret::SecretValue, span::Span},
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        network::{HttpRequest, HttpResponse},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The longest answer that is read.
const MAX_BODY: usize = 8 << 20;
/// So many samples go into outputs, the worst first.
const KEPT_SAMPLES: usize = 100;
const LONGEST_QUERY: usize = 4096;

pub(crate) struct Query;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// Where Prometheus is, as in `http://prometheus:9090`; `/api/v1/query` is added.
    url: String,
    /// PromQL that gives one value or one value a series.
    query: String,
    /// A value for which this holds is a warning, as in `> 80`.
    #[serde(default)]
    warning: Option<Comparison>,
    /// A value for which this holds is critical, as in `> 95`.
    #[serde(default)]
    critical: Option<Comparison>,
    /// What it means when nothing is found.
    #[serde(default = "unknown")]
    on_empty: CheckStatus,
    /// Sent with the request; a secret belongs here.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// No answer within this is unknown.
    #[serde(default = "ten_seconds")]
    timeout: Span,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

fn unknown() -> CheckStatus {
    CheckStatus::Unknown
}
fn ten_seconds() -> Span {
    Span::from_secs(10)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The worst value; null where nothing was found, or it is not a finite number.
    value: Option<f64>,
    /// How many values were found.
    count: usize,
    /// The worst values, at most 100.
    samples: Vec<Shown>,
}

/// One value.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// The series' labels.
    labels: BTreeMap<String, String>,
    /// Null where it is not a finite number.
    value: Option<f64>,
    /// What it means.
    status: CheckStatus,
}

impl Action for Query {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "prometheus/query";
    const SUMMARY: &'static str = "Asks Prometheus for values now, and judges the worst of them.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        let address = Address::read(&inputs.url)?;
        if inputs.url.contains(['?', '#']) {
            return Err(format!(
                "in `with`, at `url`: `{}` has a query\nhint: give only where Prometheus is",
                address.shown()
            ));
        }
        if inputs.query.trim().is_empty() || inputs.query.len() > LONGEST_QUERY {
            return Err(format!(
                "in `with`, at `query`: must have 1 to {LONGEST_QUERY} bytes"
            ));
        }
        positive(inputs.timeout)
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(looks(Address::read(&inputs.url)?.read_effect()))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match unless_stopped(session, world.network.http(request(&inputs))).await {
                Ok(Ok(answer)) => judge(&inputs, &answer),
                Ok(Err(error)) => {
                    StepReport::checked(CheckStatus::Unknown, error.to_string(), Value::Null)
                }
                Err(stopped) => stopped,
            }
        })
    }
}

fn request(inputs: &Inputs) -> HttpRequest {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &inputs.query)
        .append_pair("timeout", &inputs.timeout.to_string())
        .finish();
    let url = format!("{}/api/v1/query?{query}", inputs.url.trim_end_matches('/'));
    HttpRequest {
        method: "GET".to_owned(),
        url: SecretValue::new(url),
        headers: inputs
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), SecretValue::new(value.clone())))
            .collect(),
        body: None,
        timeout: inputs.timeout,
        redirects: 0,
        max_body: MAX_BODY,
        authority_file: inputs.ca_file.clone(),
    }
}

fn judge(inputs: &Inputs, answer: &HttpResponse) -> StepReport {
    let samples = match read(answer) {
        Ok(samples) => samples,
        Err(error) => return StepReport::checked(CheckStatus::Unknown, error, Value::Null),
    };
    let count = samples.len();
    let mut shown: Vec<_> = samples
        .into_iter()
        .map(|sample| show(inputs, sample))
        .collect();
    shown.sort_by_key(|sample| std::cmp::Reverse(sample.status));
    shown.truncate(KEPT_SAMPLES);
    let (status, summary) = match shown.first() {
        None => (inputs.on_empty, "the query found nothing".to_owned()),
        Some(worst) => (worst.status, describe(inputs, worst, count)),
    };
    let value = shown.first().and_then(|worst| worst.value);
    let outputs = outputs(&Outputs {
        value,
        count,
        samples: shown,
    });
    StepReport::checked(status, summary, outputs)
}

/// NaN is what Prometheus says when there is nothing to compute; neither good nor bad news.
fn show(inputs: &Inputs, sample: Sample) -> Shown {
    let holds = |limit: Option<Comparison>| limit.is_some_and(|limit| limit.holds(sample.value));
    let status = if sample.value.is_nan() {
        CheckStatus::Unknown
    } else if holds(inputs.critical) {
        CheckStatus::Critical
    } else if holds(inputs.warning) {
        CheckStatus::Warning
    } else {
        CheckStatus::Ok
    };
    Shown {
        labels: sample.labels,
        value: sample.value.is_finite().then_some(sample.value),
        status,
    }
}

fn describe(inputs: &Inputs, worst: &Shown, count: usize) -> String {
    let value = worst.value.map_or_else(
        || "not a finite number".to_owned(),
        |value| value.to_string(),
    );
    let limit = match worst.status {
        CheckStatus::Critical => inputs.critical,
        CheckStatus::Warning => inputs.warning,
        CheckStatus::Ok | CheckStatus::Unknown => None,
    };
    let limit = limit.map(|limit| format!(" {limit}")).unwrap_or_default();
    let labels: Vec<_> = worst
        .labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let labels = if labels.is_empty() {
        String::new()
    } else {
        format!(" for {{{}}}", labels.join(", "))
    };
    let others = if count > 1 {
        format!(", worst of {count}")
    } else {
        String::new()
    };
    if limit.is_empty() {
        format!("{value}{labels}{others}")
    } else {
        format!("{value} is{limit}{labels}{others}")
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            World,
            scripted::{ScriptedNetwork, act, intend, world},
        },
        domain::{check::CheckStatus, effect::Class, run::StepReport},
    };
    use serde_json::{Value, json};

    async fn query(body: &str, more: Value) -> StepReport {
        let mut arguments = json!({ "url": "http://p:9090/", "query": "up{a=\"b\"} + 1" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let network = ScriptedNetwork::answering(200, body);
        let report = act(
            World {
                network: network.clone(),
                ..world()
            },
            "prometheus/query",
            arguments,
        )
        .await;
        assert_eq!(
            network.requests.lock().unwrap()[0].url.expose(),
            "http://p:9090/api/v1/query?query=up%7Ba%3D%22b%22%7D+%2B+1&timeout=10s"
        );
        report
    }

    fn vector(values: &[&str]) -> String {
        let series: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(index, value)| json!({ "metric": { "i": index.to_string() }, "value": [1_700_000_000.5, value] }))
            .collect();
        json!({ "status": "success", "data": { "resultType": "vector", "result": series } })
            .to_string()
    }

    #[tokio::test]
    async fn the_worst_value_decides() {
        let limits = json!({ "warning": "> 80", "critical": "> 95" });
        for (values, status, summary) in [
            (
                &["1", "2"][..],
                CheckStatus::Ok,
                "1 for {i=\"0\"}, worst of 2",
            ),
            (
                &["1", "81"],
                CheckStatus::Warning,
                "81 is > 80 for {i=\"1\"}, worst of 2",
            ),
            (
                &["99", "81"],
                CheckStatus::Critical,
                "99 is > 95 for {i=\"0\"}, worst of 2",
            ),
            (
                &["+Inf"],
                CheckStatus::Critical,
                "not a finite number is > 95 for {i=\"0\"}",
            ),
            (
                &["NaN", "1"],
                CheckStatus::Unknown,
                "not a finite number for {i=\"0\"}, worst of 2",
            ),
            (
                &["NaN", "99"],
                CheckStatus::Critical,
                "99 is > 95 for {i=\"1\"}, worst of 2",
            ),
        ] {
            let report = query(&vector(values), limits.clone()).await;
            assert_eq!(
                (report.check, report.summary.as_str()),
                (Some(status), summary)
            );
        }
    }

    #[tokio::test]
    async fn a_scalar_is_one_value() {
        let body = json!({ "status": "success", "data": { "resultType": "scalar", "result": [1, "3.5"] } });
        let report = query(&body.to_string(), json!({ "critical": "== 3.5" })).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        assert_eq!(report.outputs["value"], 3.5);
    }

    #[tokio::test]
    async fn nothing_found_means_what_the_runbook_says() {
        assert_eq!(
            query(&vector(&[]), json!({})).await.check,
            Some(CheckStatus::Unknown)
        );
        assert_eq!(
            query(&vector(&[]), json!({ "onEmpty": "ok" })).await.check,
            Some(CheckStatus::Ok)
        );
    }

    #[tokio::test]
    async fn what_is_no_answer_is_unknown() {
        for (body, words) in [
            ("<html>login</html>", "begins with `<html>login</html>`"),
            (
                r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
                "refused: parse error",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
                "ranges",
            ),
            (
                r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#,
                "no numbers",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[]}]}}"#,
                "histograms",
            ),
            (&vector(&["x"]), "`x` is not a number"),
        ] {
            let report = query(body, json!({})).await;
            assert_eq!(report.check, Some(CheckStatus::Unknown), "{body}");
            assert!(report.summary.contains(words), "{}", report.summary);
        }
        let away = act(
            world(),
            "prometheus/query",
            json!({ "url": "http://p", "query": "up" }),
        )
        .await;
        assert_eq!(away.check, Some(CheckStatus::Unknown));
    }

    #[tokio::test]
    async fn many_values_are_counted_and_the_worst_kept() {
        let values: Vec<_> = (0..300).map(|index| index.to_string()).collect();
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let report = query(&vector(&values), json!({ "critical": "== 299" })).await;
        assert_eq!(report.outputs["count"], 300);
        assert_eq!(report.outputs["samples"].as_array().unwrap().len(), 100);
        assert_eq!(report.outputs["value"], 299.0);
    }

    #[tokio::test]
    async fn it_only_reads() {
        let intent = intend(
            "prometheus/query",
            json!({ "url": "http://p:9090", "query": "up" }),
        )
        .await
        .unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        let bad = intend(
            "prometheus/query",
            json!({ "url": "http://p?x=1", "query": "up" }),
        )
        .await;
        assert!(bad.unwrap_err().contains("has a query"));
        let bad = intend(
            "prometheus/query",
            json!({ "url": "http://p", "query": "up", "warning": "80" }),
        )
        .await;
        assert!(bad.unwrap_err().contains("at `warning`"));
    }
}
