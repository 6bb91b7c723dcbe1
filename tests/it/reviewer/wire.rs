//! Each provider's wire format, both ways.

use super::fake::{Does, Fake, JSON, KEY, Wire, model, verdict};
use crate::servers::{authority, fixed, http, https};
use orderly::{
    config::ProviderConfig,
    domain::{span::Span, spending::Usage},
    ports::completion::{Charged, Completion, CompletionError, CompletionRequest, Model as _},
};
use serde_json::{Value, json};

fn request() -> CompletionRequest {
    CompletionRequest {
        instructions: "do this".to_owned(),
        message: json!({"digest8": "00c0ffee", "request": {"runbook": {"name": "book"}}})
            .to_string(),
        schema: json!({"type": "object", "additionalProperties": false}),
        schema_name: "review",
        timeout: Span::from_secs(20),
    }
}

async fn ask(fake: &Fake) -> Result<Completion, CompletionError> {
    model(&fake.config()).complete(request()).await
}

/// The head, in lower case, and the body of the last request.
fn sent(fake: &Fake) -> (String, Value) {
    let all = fake.server.heads().pop().unwrap();
    let at = all.find('{').unwrap();
    (
        all[..at].to_owned(),
        serde_json::from_str(&all[at..]).unwrap(),
    )
}

async fn fails(wire: Wire, does: Does) -> CompletionError {
    ask(&Fake::new(wire, [does])).await.unwrap_err()
}

#[tokio::test]
async fn every_provider_gives_the_model_s_own_text_and_its_count_of_tokens() {
    for wire in Wire::ALL {
        let fake = Fake::new(wire, [Does::Says("block")]);
        let came = ask(&fake).await.unwrap();
        let text: Value = serde_json::from_str(&came.text).unwrap();
        assert_eq!(text["verdict"], "block", "{wire:?}");
        let usage = Usage {
            input_tokens: 1000,
            output_tokens: 100,
        };
        assert_eq!(came.usage, Some(usage), "{wire:?}");
    }
}

#[tokio::test]
async fn anthropic_is_asked_by_its_messages_api() {
    let fake = Fake::new(Wire::Anthropic, []);
    ask(&fake).await.unwrap();
    let (head, body) = sent(&fake);
    assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
    assert!(head.contains(&format!("x-api-key: {KEY}")), "{head}");
    assert!(head.contains("anthropic-version: 2023-06-01"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
    let wanted = json!({
        "model": "m-1", "max_tokens": 400, "system": "do this",
        "messages": [{"role": "user", "content": request().message}],
        "output_config": {"format": {"type": "json_schema", "schema": request().schema}},
    });
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn an_older_claude_must_call_a_tool() {
    let fake = Fake::new(Wire::AnthropicTool, []);
    ask(&fake).await.unwrap();
    let (_, body) = sent(&fake);
    assert_eq!(body["tools"][0]["strict"], true);
    assert_eq!(body["tools"][0]["input_schema"], request().schema);
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "review"})
    );
    assert!(body.get("output_config").is_none());
}

#[tokio::test]
async fn openai_is_asked_by_its_chat_completions() {
    let fake = Fake::new(Wire::OpenAi, []);
    ask(&fake).await.unwrap();
    let (head, body) = sent(&fake);
    assert!(
        head.starts_with("post /chat/completions http/1.1"),
        "{head}"
    );
    assert!(
        head.contains(&format!("authorization: bearer {KEY}")),
        "{head}"
    );
    let wanted = json!({
        "model": "m-1", "max_completion_tokens": 400,
        "messages": [{"role": "system", "content": "do this"}, {"role": "user", "content": request().message}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "review", "strict": true, "schema": request().schema}},
    });
    assert_eq!(body, wanted);
}

#[tokio::test]
async fn a_compatible_server_knows_max_tokens() {
    let fake = Fake::new(Wire::Compatible, []);
    ask(&fake).await.unwrap();
    let (_, body) = sent(&fake);
    assert_eq!(body["max_tokens"], 400);
    assert!(body.get("max_completion_tokens").is_none());
}

#[tokio::test]
async fn azure_is_asked_by_deployment_or_by_its_v1_api() {
    let fake = Fake::new(Wire::Azure, []);
    ask(&fake).await.unwrap();
    let (head, body) = sent(&fake);
    assert!(
        head.starts_with(
            "post /openai/deployments/d-1/chat/completions?api-version=2024-10-21 http/1.1"
        ),
        "{head}"
    );
    assert!(head.contains(&format!("api-key: {KEY}")), "{head}");
    assert!(!head.contains("authorization"), "{head}");
    assert_eq!(body["model"], "d-1");

    let fake = Fake::new(Wire::AzureV1, []);
    ask(&fake).await.unwrap();
    let (head, body) = sent(&fake);
    assert!(
        head.starts_with("post /openai/v1/chat/completions http/1.1"),
        "{head}"
    );
    assert!(
        head.contains(&format!("authorization: bearer {KEY}")),
        "{head}"
    );
    assert_eq!(body["model"], "m-1");
}

#[tokio::test]
async fn ollama_is_asked_without_a_stream() {
    let fake = Fake::new(Wire::Ollama, []);
    let mut config = fake.config();
    config.parameters = [
        ("temperature".to_owned(), json!(0)),
        ("think".to_owned(), json!(false)),
    ]
    .into();
    model(&config).complete(request()).await.unwrap();
    let (head, body) = sent(&fake);
    assert!(head.starts_with("post /api/chat http/1.1"), "{head}");
    assert_eq!(body["stream"], false);
    assert_eq!(body["format"], request().schema);
    assert_eq!(
        body["options"],
        json!({"temperature": 0, "num_predict": 400})
    );
    assert_eq!(body["think"], false);
    assert!(body.get("tools").is_none());
}

#[tokio::test]
async fn sampling_parameters_are_sent_only_where_they_are_configured() {
    for wire in Wire::ALL {
        let fake = Fake::new(wire, []);
        ask(&fake).await.unwrap();
        let text = sent(&fake).1.to_string();
        assert!(
            !text.contains("temperature") && !text.contains("top_p"),
            "{text}"
        );
    }
    let fake = Fake::new(Wire::Anthropic, []);
    let mut config = fake.config();
    config.parameters = [("output_config".to_owned(), json!({"effort": "low"}))].into();
    model(&config).complete(request()).await.unwrap();
    let (_, body) = sent(&fake);
    assert_eq!(body["output_config"]["effort"], "low");
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
}

#[tokio::test]
async fn a_refusal_is_one_in_every_format() {
    let mut anthropic = Wire::Anthropic.answer("I cannot help with that.");
    anthropic["stop_reason"] = json!("refusal");
    let mut openai = Wire::OpenAi.answer("");
    openai["choices"][0]["message"] =
        json!({"role": "assistant", "content": null, "refusal": "no"});
    let mut filtered = Wire::Azure.answer("");
    filtered["choices"][0]["finish_reason"] = json!("content_filter");
    let prompt = json!({"error": {"message": "filtered", "type": null, "param": "prompt", "code": "content_filter", "status": 400}});
    for (wire, does) in [
        (Wire::Anthropic, Does::Body(anthropic)),
        (Wire::OpenAi, Does::Body(openai)),
        (Wire::Azure, Does::Body(filtered)),
        (
            Wire::Azure,
            Does::Raw("400 Bad Request", JSON.to_owned(), prompt.to_string()),
        ),
    ] {
        let fault = fails(wire, does).await;
        assert!(matches!(fault, CompletionError::Declined { .. }), "{fault}");
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_is_none_but_is_paid_for() {
    let mut anthropic = Wire::Anthropic.answer("{\"digest8\":");
    anthropic["stop_reason"] = json!("max_tokens");
    let mut openai = Wire::OpenAi.answer("{\"digest8\":");
    openai["choices"][0]["finish_reason"] = json!("length");
    let mut ollama = Wire::Ollama.answer("{\"digest8\":");
    ollama["done_reason"] = json!("length");
    for (wire, body) in [
        (Wire::Anthropic, anthropic),
        (Wire::OpenAi, openai),
        (Wire::Ollama, ollama),
    ] {
        let fault = fails(wire, Does::Body(body)).await;
        assert!(
            matches!(fault, CompletionError::Truncated { .. }),
            "{fault}"
        );
        assert!(fault.to_string().contains("maxOutputTokens"), "{fault}");
        assert!(matches!(fault.charged(), Charged::Exactly(_)), "{fault}");
    }
}

#[tokio::test]
async fn what_is_not_the_provider_s_format_is_none() {
    let page = || {
        Does::Raw(
            "200 OK",
            "content-type: text/html\r\n".to_owned(),
            "<html>Sign in</html>".to_owned(),
        )
    };
    let half = |wire: Wire| {
        let whole = wire.answer("x").to_string();
        let half = whole[..whole.len() / 2].to_owned();
        Does::Raw("200 OK", JSON.to_owned(), half)
    };
    for wire in Wire::ALL {
        for (does, words) in [
            (page(), "a page (text/html)"),
            (half(wire), "EOF"),
            (Does::Raw("200 OK", String::new(), String::new()), "EOF"),
            (
                Does::Raw("200 OK", String::new(), "null".to_owned()),
                "it begins with `null`",
            ),
            (Does::Body(json!({"error": "sorry"})), "missing field"),
            (Does::Floods(10 << 20), "more than 65536 bytes"),
        ] {
            let fault = fails(wire, does).await;
            assert!(
                matches!(fault, CompletionError::Malformed { .. }),
                "{wire:?}: {fault}"
            );
            assert!(fault.to_string().contains(words), "{wire:?}: {fault}");
        }
    }
}

#[tokio::test]
async fn more_or_less_than_one_answer_is_none() {
    let mut two = Wire::Anthropic.answer("a");
    two["content"] = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    let mut none = Wire::Anthropic.answer("a");
    none["content"] = json!([]);
    let mut choices = Wire::OpenAi.answer("a");
    choices["choices"] = json!([choices["choices"][0], choices["choices"][0]]);
    let mut calls = Wire::OpenAi.answer("a");
    calls["choices"][0]["finish_reason"] = json!("tool_calls");
    let mut undone = Wire::Ollama.answer("a");
    undone["done"] = json!(false);
    for (wire, body) in [
        (Wire::Anthropic, two),
        (Wire::Anthropic, none),
        (Wire::OpenAi, choices),
        (Wire::OpenAi, calls),
        (Wire::Ollama, undone),
    ] {
        let fault = fails(wire, Does::Body(body)).await;
        assert!(
            matches!(fault, CompletionError::Malformed { .. }),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn thinking_before_the_answer_is_passed_over() {
    let mut body = Wire::Anthropic.answer("the answer");
    body["content"] = json!([
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "the answer"}
    ]);
    let came = ask(&Fake::new(Wire::Anthropic, [Does::Body(body)])).await;
    assert_eq!(came.unwrap().text, "the answer");
}

#[tokio::test]
async fn a_key_that_comes_twice_in_a_tool_s_input_is_still_there_twice() {
    let twice = r#"{"digest8":"DIGEST8","verdict":"block","verdict":"no_objection"}"#;
    let body = format!(
        r#"{{"content":[{{"type":"tool_use","id":"t","name":"review","input":{twice}}}],"stop_reason":"tool_use"}}"#
    );
    let does = Does::Raw("200 OK", JSON.to_owned(), body);
    let came = ask(&Fake::new(Wire::AnthropicTool, [does])).await.unwrap();
    assert_eq!(came.text.matches("verdict").count(), 2);
    assert_eq!(came.usage, None);
}

#[tokio::test]
async fn a_busy_provider_says_when_to_come_back() {
    let busy = |status, headers: &str| {
        Does::Raw(
            status,
            headers.to_owned(),
            r#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#.to_owned(),
        )
    };
    for wire in Wire::ALL {
        for (status, headers, wait) in [
            ("429 Too Many Requests", "retry-after: 3\r\n", Some(3000)),
            ("429 Too Many Requests", "", None),
            ("529 Overloaded", "", None),
            ("503 Unavailable", "retry-after: 1\r\n", Some(1000)),
            ("500 Internal Server Error", "", None),
        ] {
            let fault = fails(wire, busy(status, headers)).await;
            let CompletionError::Busy {
                retry_after,
                reason,
                ..
            } = &fault
            else {
                panic!("{wire:?} {status}: {fault}")
            };
            assert_eq!(retry_after.map(Span::millis), wait);
            assert_eq!(reason, "slow down");
            assert_eq!(fault.charged(), Charged::Nothing);
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let elsewhere = http(fixed("200 OK", "", "{}"));
    let location = format!("location: {}\r\n", elsewhere.url("/v1/messages"));
    for status in [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let does = Does::Raw(status, location.clone(), String::new());
        let fault = fails(Wire::Anthropic, does).await;
        assert!(matches!(fault, CompletionError::Rejected { .. }), "{fault}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for_and_may_cost_something() {
    let fake = Fake::new(Wire::OpenAi, [Does::Dawdles]);
    let hurried = CompletionRequest {
        timeout: Span::from_millis(200),
        ..request()
    };
    let asked = model(&fake.config()).complete(hurried).await;
    let fault = asked.unwrap_err();
    assert!(matches!(fault, CompletionError::TimedOut { .. }), "{fault}");
    assert_eq!(fault.charged(), Charged::Unknown);
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_cost_something_and_one_that_never_was_has_not() {
    let breaks = http(|_, stream| {
        let _begun = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{{");
        false
    });
    let config = |endpoint: String| -> ProviderConfig {
        serde_json::from_value(Wire::OpenAi.config(&endpoint)).unwrap()
    };
    let fault = model(&config(breaks.url("")))
        .complete(request())
        .await
        .unwrap_err();
    assert_eq!(fault.charged(), Charged::Unknown, "{fault}");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let fault = model(&config(format!("http://{closed}")))
        .complete(request())
        .await
        .unwrap_err();
    assert!(matches!(
        fault,
        CompletionError::Unreachable { sent: false, .. }
    ));
    assert_eq!(fault.charged(), Charged::Nothing, "{fault}");
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_asked_and_a_named_one_is() {
    let authority = authority();
    let body: &'static str = Box::leak(
        Wire::OpenAi
            .answer(&verdict("block"))
            .to_string()
            .into_boxed_str(),
    );
    let server = https(
        authority.serves(&["localhost"], 2090),
        fixed("200 OK", JSON, body),
    );
    let mut config: ProviderConfig =
        serde_json::from_value(Wire::OpenAi.config(&format!("https://localhost:{}", server.port)))
            .unwrap();
    let fault = model(&config).complete(request()).await.unwrap_err();
    assert!(
        matches!(fault, CompletionError::Unreachable { sent: false, .. }),
        "{fault}"
    );
    assert!(server.heads().is_empty());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &authority.pem).unwrap();
    config.ca_file = Some(file.path().to_owned());
    model(&config).complete(request()).await.unwrap();
}

#[tokio::test]
async fn without_its_key_a_provider_is_not_asked() {
    let fake = Fake::new(Wire::Anthropic, []);
    let mut config = fake.config();
    config.key = Some("other".parse().unwrap());
    let fault = model(&config).complete(request()).await.unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("not in the agent's configuration"),
        "{fault}"
    );
    assert!(fake.server.heads().is_empty());
}
