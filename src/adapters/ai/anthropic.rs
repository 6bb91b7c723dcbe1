//! Anthropic's messages API.
//!
//! An answer's form is held by `output_config.format` (Claude 4.5 and later), else by a tool that must be called, `strict` where the
//! model knows it.

use super::fault::unreadable;
use crate::{
    config::StructuredOutput,
    domain::spending::Usage,
    ports::completion::{Completion, CompletionError, CompletionRequest},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// The version of the API that is spoken, sent as `anthropic-version` (<https://platform.claude.com/docs/en/api/versioning>).
pub(super) const VERSION: &str = "2023-06-01";

pub(super) fn body(
    model: &str,
    max_tokens: u32,
    form: StructuredOutput,
    request: &CompletionRequest,
) -> Value {
    let mut body = json!({
        "model": model,
        "max_tokens": max_tokens,
        "system": request.instructions,
        "messages": [{ "role": "user", "content": request.message }],
    });
    match form {
        StructuredOutput::Schema => {
            body["output_config"] =
                json!({ "format": { "type": "json_schema", "schema": request.schema } });
        }
        StructuredOutput::StrictTool | StructuredOutput::Tool => {
            let mut tool = json!({
                "name": request.schema_name,
                "description": "Gives the answer.",
                "input_schema": request.schema,
            });
            if form == StructuredOutput::StrictTool {
                tool["strict"] = json!(true);
            }
            body["tools"] = json!([tool]);
            body["tool_choice"] = json!({ "type": "tool", "name": request.schema_name });
        }
    }
    body
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    stop_reason: Option<String>,
    usage: Option<Tokens>,
}

/// A block of any type; only those of two are read.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
    /// As it was written: a key that comes twice must still be there twice.
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
}

/// `input_tokens` counts what no cache had; the others are input too
/// (<https://platform.claude.com/docs/en/build-with-claude/prompt-caching>).
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "as they are called there")]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let cached = [
            tokens.cache_creation_input_tokens,
            tokens.cache_read_input_tokens,
        ];
        let input = cached
            .into_iter()
            .flatten()
            .fold(tokens.input_tokens, u64::saturating_add);
        Self::reported(input, tokens.output_tokens)
    }
}

pub(super) fn read(body: &str, form: StructuredOutput) -> Result<Completion, CompletionError> {
    let message: Message<'_> =
        serde_json::from_str(body).map_err(|error| unreadable(&error, body))?;
    let usage = message.usage.map(Usage::from);
    let malformed = |reason: String| CompletionError::Malformed { reason, usage };
    match (message.stop_reason.as_deref(), form) {
        (Some("refusal"), _) => {
            return Err(CompletionError::Declined {
                reason: first_text(message.content).unwrap_or_else(|| "refusal".to_owned()),
                usage,
            });
        }
        (Some("max_tokens" | "model_context_window_exceeded"), _) => {
            return Err(CompletionError::Truncated { usage });
        }
        (Some("end_turn"), StructuredOutput::Schema)
        | (Some("tool_use"), StructuredOutput::StrictTool | StructuredOutput::Tool) => {}
        (other, _) => {
            let other = other.unwrap_or("nothing");
            return Err(malformed(format!("it stopped for another reason: {other}")));
        }
    }
    let wanted = match form {
        StructuredOutput::Schema => "text",
        StructuredOutput::StrictTool | StructuredOutput::Tool => "tool_use",
    };
    let mut answers = message
        .content
        .into_iter()
        .filter(|block| block.kind == wanted);
    let (Some(answer), None) = (answers.next(), answers.next()) else {
        return Err(malformed(format!("not exactly one block of `{wanted}`")));
    };
    let text = answer
        .text
        .or_else(|| answer.input.map(|input| input.get().to_owned()));
    let text = text.ok_or_else(|| malformed("an empty block".to_owned()))?;
    Ok(Completion { text, usage })
}

fn first_text(content: Vec<Block<'_>>) -> Option<String> {
    content.into_iter().find_map(|block| block.text)
}
