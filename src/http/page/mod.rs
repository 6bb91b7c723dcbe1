//! A plain page for people: what is wrong, what waits, what is due, what happened. No scripts; the browser asks again by itself.
//!
//! Words carry the meaning, marks and weight repeat it, colour says nothing. Everything of others is escaped by maud, and what would
//! hide on a screen is made visible first.

mod parts;
mod question;
mod run;
mod status;

pub(super) use run::show as run;
pub(super) use status::show as status;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

/// How often the browser asks again, in seconds.
const REFRESH: u32 = 15;

/// The frame of every page.
fn framed(title: &str, refresh: bool, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if refresh { meta http-equiv="refresh" content=(REFRESH); }
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body { (content) }
        }
    }
}

fn answer(page: Markup) -> Response {
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        page.into_string(),
    )
        .into_response()
}

/// `GET /style.css`.
pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, include_str!("style.css")).into_response()
}
