//! OpenAI's chat completions, as OpenAI, Azure and many other servers speak them.
//!
//! `max_tokens` is OpenAI's former name for `max_completion_tokens`; its newer models refuse it, and older servers know no other
//! (<https://platform.openai.com/docs/api-reference/chat/create>).

use super::fault::unreadable;
use crate::{
    config::TokenLimit,
    domain::spending::Usage,
    ports::completion::{Completion, CompletionError, CompletionRequest},
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn body(
    model: &str,
    max_tokens: u32,
    limit: TokenLimit,
    request: &CompletionRequest,
) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": request.instructions },
            { "role": "user", "content": request.message },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": request.schema_name, "strict": true, "schema": request.schema },
        },
    });
    let field = match limit {
        TokenLimit::MaxTokens => "max_tokens",
        TokenLimit::MaxCompletionTokens => "max_completion_tokens",
    };
    body[field] = json!(max_tokens);
    body
}

#[derive(Deserialize)]
struct ChatCompletion {
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

pub(super) fn read(body: &str) -> Result<Completion, CompletionError> {
    let completion: ChatCompletion =
        serde_json::from_str(body).map_err(|error| unreadable(&error, body))?;
    let usage = completion
        .usage
        .map(|tokens| Usage::reported(tokens.prompt_tokens, tokens.completion_tokens));
    let malformed = |reason: String| CompletionError::Malformed { reason, usage };
    let mut choices = completion.choices.into_iter();
    let (Some(choice), None) = (choices.next(), choices.next()) else {
        return Err(malformed("not exactly one choice".to_owned()));
    };
    if let Some(reason) = choice.message.refusal {
        return Err(CompletionError::Declined { reason, usage });
    }
    match choice.finish_reason.as_deref() {
        Some("stop") => {}
        Some("length") => return Err(CompletionError::Truncated { usage }),
        Some("content_filter") => {
            return Err(CompletionError::Declined {
                reason: "a content filter stopped the answer".to_owned(),
                usage,
            });
        }
        other => {
            let other = other.unwrap_or("nothing");
            return Err(malformed(format!("it stopped for another reason: {other}")));
        }
    }
    let text = choice.message.content;
    let text = text.ok_or_else(|| malformed("an empty message".to_owned()))?;
    Ok(Completion { text, usage })
}
