//! What a program's end means for its step.

use crate::{
    actions::{
        command::inputs::{Inputs, Keep},
        framework::{
            outputs,
            said::{last_lines, whole_lines},
        },
    },
    domain::{check::CheckStatus, run::StepReport},
    ports::processes::{Ended, How, ProcessError},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The most that is kept of the output.
const MOST: usize = 64 * 1024;
/// What is given back of the error output at most ([`Ended::error_tail`]).
const ERROR_TAIL: usize = 4096;

#[derive(Serialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// Its exit code.
    exit_code: i32,
    /// Its standard output, with `outputs: text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    /// The lines of its standard output, with `outputs: lines`.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<String>>,
    /// Its standard output, with `outputs: json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// Whether the output was longer than 64 KiB; then only whole lines of its beginning are kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

/// How many bytes of output must be captured.
pub(super) fn capture(keep: Keep) -> usize {
    match keep {
        Keep::None => 0,
        // One more shows that there was more.
        Keep::Text | Keep::Lines | Keep::Json => MOST + 1,
    }
}

/// The step's report. Whether it may be tried again after it was started is for the step's judged intent to say, not for its end.
pub(super) fn ended(inputs: &Inputs, name: &str, ended: &Ended) -> StepReport {
    let after = if ended.leftovers_killed {
        "; processes that it left behind were ended"
    } else {
        ""
    };
    match ended.how {
        How::Exited(code) => exited(inputs, name, ended, code),
        How::Signaled(signal) => {
            let said = last_words(&ended.error_tail);
            StepReport::failed(
                format!("`{name}` was ended by signal {signal}{said}{after}"),
                true,
            )
        }
        How::Terminated => StepReport::canceled(format!("`{name}` ended on TERM{after}")),
        How::Killed => StepReport::canceled(format!(
            "`{name}` did not end on TERM within {} and was killed{after}",
            inputs.grace
        )),
    }
}

/// The report of a program that never ran.
pub(super) fn not_started(error: &ProcessError) -> StepReport {
    let may_pass = match error {
        ProcessError::NotFound(_) => false,
        ProcessError::NotStarted { .. } => true,
    };
    StepReport::failed(error.to_string(), may_pass)
}

fn exited(inputs: &Inputs, name: &str, ended: &Ended, code: i32) -> StepReport {
    let after = if ended.leftovers_killed {
        "; processes that it left behind were ended"
    } else {
        ""
    };
    let is_one_of = |codes: &[u8]| codes.iter().any(|&known| i32::from(known) == code);
    let succeeded = is_one_of(&inputs.success_codes);
    let warned = is_one_of(&inputs.warning_codes);
    let kept = match keep(inputs.outputs, code, &ended.output) {
        Ok(kept) => outputs(&kept),
        Err(reason) if succeeded || warned => {
            return StepReport::failed(format!("`{name}` exited with {code}, but {reason}"), true);
        }
        Err(_) => code_only(code),
    };
    if succeeded {
        return StepReport::succeeded(format!("`{name}` exited with {code}{after}"), kept);
    }
    let said = last_words(&ended.error_tail);
    let summary = format!("`{name}` exited with {code}{said}{after}");
    if warned {
        return StepReport::checked(CheckStatus::Warning, summary, kept);
    }
    StepReport {
        outputs: kept,
        ..StepReport::failed(summary, true)
    }
}

fn code_only(code: i32) -> Value {
    outputs(&Outputs {
        exit_code: code,
        ..Outputs::default()
    })
}

fn keep(keep: Keep, code: i32, output: &[u8]) -> Result<Outputs, String> {
    let truncated = output.len() > MOST;
    let kept = Outputs {
        exit_code: code,
        truncated,
        ..Outputs::default()
    };
    let text = || {
        String::from_utf8_lossy(whole_lines(output.get(..MOST).unwrap_or(output), truncated))
            .into_owned()
    };
    Ok(match keep {
        Keep::None => kept,
        Keep::Text => Outputs {
            stdout: Some(text().trim_end_matches(['\n', '\r']).to_owned()),
            ..kept
        },
        Keep::Lines => Outputs {
            lines: Some(text().lines().map(str::to_owned).collect()),
            ..kept
        },
        Keep::Json if truncated => return Err("its output is longer than 64 KiB".to_owned()),
        Keep::Json => Outputs {
            json: Some(
                serde_json::from_slice(output)
                    .map_err(|error| format!("its output is not JSON: {error}"))?,
            ),
            ..kept
        },
    })
}

/// The last line of the error output.
fn last_words(error_tail: &[u8]) -> String {
    last_lines(error_tail, error_tail.len() >= ERROR_TAIL, 1)
}
