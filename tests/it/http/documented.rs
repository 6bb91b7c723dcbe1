//! `docs/http.md` lists the endpoints that there are, each with the role that it needs.

use regex::Regex;
use std::{collections::BTreeSet, fs, path::Path};

type Endpoint = (String, String, String);

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// What the functions of the router say: each gathers the routes of one right.
fn routed() -> BTreeSet<Endpoint> {
    let code = read("src/http/mod.rs");
    let of_role = [
        ("open", "open"),
        ("signed", "signed"),
        ("metrics", "viewer"),
        ("reads", "viewer"),
        ("operations", "operator"),
        ("answers", "approver"),
    ];
    let route = Regex::new(r#"\.route\(\s*"([^"]+)",\s*(get|post)\("#).unwrap();
    let mut all = BTreeSet::new();
    let mut seen = 0;
    for (function, role) in of_role {
        let head = format!("\nfn {function}() -> Router<Arc<Front>> {{");
        let (_, body) = code.split_once(&head).unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        for found in route.captures_iter(body) {
            seen += 1;
            all.insert((
                found[2].to_uppercase(),
                found[1].to_owned(),
                role.to_owned(),
            ));
        }
    }
    assert_eq!(
        seen,
        code.matches(".route(").count(),
        "a route is added elsewhere"
    );
    all
}

fn documented() -> BTreeSet<Endpoint> {
    let row = Regex::new(r"(?m)^\| (GET|POST) \| `([^`]+)` \| (\w+) \| \S").unwrap();
    let text = read("docs/http.md");
    let rows = row.captures_iter(&text);
    rows.map(|row| (row[1].to_owned(), row[2].to_owned(), row[3].to_owned()))
        .collect()
}

#[test]
fn every_endpoint_is_documented_with_its_role_and_no_other_is() {
    let (routed, documented) = (routed(), documented());
    assert!(routed.len() > 30);
    let missing: Vec<_> = routed.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&routed).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in docs/http.md: {missing:#?}\nnot in the router: {invented:#?}"
    );
}
