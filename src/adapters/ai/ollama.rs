//! Ollama's own `/api/chat`, without a stream. `format` takes the schema; Ollama's cloud ignores it, which the caller notices.

use super::fault::unreadable;
use crate::{
    domain::spending::Usage,
    ports::completion::{Completion, CompletionError, CompletionRequest},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Parameters that stand beside the options and not among them.
const BESIDE: [&str; 2] = ["think", "keep_alive"];

pub(super) fn body(
    model: &str,
    max_tokens: u32,
    parameters: Map<String, Value>,
    request: &CompletionRequest,
) -> Value {
    let (beside, mut options): (Map<_, _>, Map<_, _>) = parameters
        .into_iter()
        .partition(|(key, _)| BESIDE.contains(&key.as_str()));
    options.insert("num_predict".to_owned(), json!(max_tokens));
    let mut body = Value::Object(beside);
    let own = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": request.instructions },
            { "role": "user", "content": request.message },
        ],
        "format": request.schema,
        "stream": false,
        "options": options,
    });
    super::overlay(&mut body, own);
    body
}

#[derive(Deserialize)]
struct Chat {
    message: Message,
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    /// Left out where the prompt was read before.
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

pub(super) fn read(body: &str) -> Result<Completion, CompletionError> {
    let chat: Chat = serde_json::from_str(body).map_err(|error| unreadable(&error, body))?;
    let usage = chat
        .prompt_eval_count
        .zip(chat.eval_count)
        .map(|(input, output)| Usage::reported(input, output));
    match (chat.done, chat.done_reason.as_deref()) {
        (true, Some("stop") | None) => Ok(Completion {
            text: chat.message.content,
            usage,
        }),
        (_, Some("length")) => Err(CompletionError::Truncated { usage }),
        (_, other) => {
            let other = other.unwrap_or("nothing");
            Err(CompletionError::Malformed {
                reason: format!("it stopped for another reason: {other}"),
                usage,
            })
        }
    }
}
