//! What people see of a question before they answer it.

use super::{fake::run_id, server::Server};
use serde_json::json;

#[tokio::test]
async fn a_question_is_told_in_one_line_and_in_many() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let list = server.json("/api/v1/approvals").await;
    let shown = server.json(&format!("/api/v1/approvals/{id}")).await;
    assert_eq!(list["items"][0], shown);
    assert_eq!(shown["because"], json!(["autonomy: it deletes"]));
    assert_eq!(
        shown["brief"],
        r#"rm -r /var/data 'secret("db")' 'x\u{1b}[2K\u{202e}y'"#
    );
    assert_eq!(
        shown["with"],
        json!([r#"argv: ["rm","-r","/var/data","secret("db")","x\u001b[2K\u{202e}y"]"#])
    );
}

#[tokio::test]
async fn everybody_is_told_what_they_may_answer() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let path = format!("/api/v1/approvals/{id}");
    assert_eq!(server.json(&path).await["you"], "unknown");
    for (token, you) in [
        ("approver-token", "may_answer"),
        ("admin-token", "may_refuse"),
        ("operator-token", "no_right"),
        ("viewer-token", "no_right"),
    ] {
        let response = server.get(&path).bearer_auth(token).send().await.unwrap();
        let shown: serde_json::Value = response.json().await.unwrap();
        assert_eq!(shown["you"], you, "{token}");
    }
}

#[tokio::test]
async fn the_pages_show_the_effects_the_reason_and_the_command() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    for path in ["/".to_owned(), format!("/runs/{}", run_id())] {
        let page = server.text(&path).await;
        for words in [
            "file delete file /var/&lt;b&gt;data&lt;/b&gt; on the host",
            "autonomy: it deletes",
            r"x\u001b[2K\u{202e}y",
            "secret(&quot;db&quot;)",
            "May not consent: admin@example.org, eva",
            &format!("orderly approve {id}"),
        ] {
            assert!(page.contains(words), "{words} on {path}: {page}");
        }
        for raw in ["<b>", "\u{1b}", "\u{202e}"] {
            assert!(!page.contains(raw), "{raw:?} on {path}");
        }
    }
    server.end_run().await;
    let page = server.text(&format!("/runs/{}", run_id())).await;
    assert!(!page.contains("orderly approve"), "{page}");
}
