//! What Prometheus' HTTP API answers to an instant query.

use crate::{actions::framework::answers::excerpt, ports::network::HttpResponse};
use serde::Deserialize;
use std::collections::BTreeMap;

const SHOWN: usize = 200;

/// One series' value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// Empty for a scalar.
    pub(super) labels: BTreeMap<String, String>,
    /// May be NaN or infinite.
    pub(super) value: f64,
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar(Point),
    String(serde::de::IgnoredAny),
    Matrix(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    value: Option<Point>,
}

/// A time, which is not looked at, and a number as text.
#[derive(Deserialize)]
struct Point(serde::de::IgnoredAny, String);

/// Reads an answer; the error says what the server sent instead.
pub(super) fn read(answer: &HttpResponse) -> Result<Vec<Sample>, String> {
    if answer.cut {
        return Err(format!(
            "the answer is longer than {} bytes\nhint: aggregate in the query",
            answer.body.len()
        ));
    }
    let envelope: Envelope = serde_json::from_slice(&answer.body).map_err(|_| {
        let begins = excerpt(&answer.body, SHOWN);
        format!(
            "status {}, and not the answer of a Prometheus: it begins with `{}`",
            answer.status,
            begins.trim()
        )
    })?;
    if envelope.status != "success" {
        return Err(format!(
            "the query was refused: {}",
            excerpt(envelope.error.as_bytes(), SHOWN)
        ));
    }
    match envelope.data {
        Some(Data::Vector(series)) => series.into_iter().map(sample).collect(),
        Some(Data::Scalar(point)) => Ok(vec![Sample {
            labels: BTreeMap::new(),
            value: number(&point)?,
        }]),
        Some(Data::Matrix(_)) => Err(
            "the query gives ranges, not values\nhint: use a function such as `max_over_time`"
                .to_owned(),
        ),
        Some(Data::String(_)) | None => Err("the query gives no numbers".to_owned()),
    }
}

fn sample(series: Series) -> Result<Sample, String> {
    match &series.value {
        Some(point) => Ok(Sample {
            value: number(point)?,
            labels: series.metric,
        }),
        None => Err("the query gives histograms, not values".to_owned()),
    }
}

/// Prometheus writes `NaN`, `+Inf` and `-Inf`, which Rust reads in any case.
fn number(point: &Point) -> Result<f64, String> {
    point
        .1
        .parse()
        .map_err(|_| format!("`{}` is not a number", excerpt(point.1.as_bytes(), SHOWN)))
}
