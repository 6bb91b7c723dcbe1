use super::{Composed, compose, decode, forbidden, text::MAX_BYTES};
use proptest::prelude::*;
use serde_json::json;

fn faults(text: &str) -> Vec<String> {
    compose(text)
        .into_iter()
        .flat_map(|document| document.faults)
        .map(|fault| {
            format!(
                "{}:{}: {}",
                fault.place.line, fault.place.column, fault.what
            )
        })
        .collect()
}

#[test]
fn a_document_becomes_a_tree_with_places() {
    let documents = compose("a: [1, {b: \"x\"}]\non:\n  - no way\n");
    let [Composed { root, faults }] = documents.as_slice() else {
        panic!("{documents:?}")
    };
    assert!(faults.is_empty());
    assert_eq!(root.json(), json!({"a": [1, {"b": "x"}], "on": ["no way"]}));
    let found = root.find("/a/1/b");
    assert_eq!((found.node.place.line, found.node.place.column), (1, 12));
    assert_eq!(found.key.map(|place| place.column), Some(9));
}

#[test]
fn what_is_not_plain_is_refused_with_its_place() {
    for (text, wanted) in [
        ("a: &x 1", "1:7: anchors are not allowed"),
        ("a: *x", "1:4: aliases are not allowed"),
        ("*x : a", "1:1: aliases are not allowed"),
        ("a: !!str 1", "1:10: tags are not allowed"),
        ("<<: {a: 1}", "1:1: merge keys are not allowed"),
        (
            "a: 1\nb: 2\na: 3",
            "3:1: the key `a` is repeated; it stands already at 1:1",
        ),
        (
            "a: no",
            "1:4: `no` is true or false to some readers and text to others",
        ),
        (
            "a: 08",
            "1:4: `08` has a leading zero, which some readers take for octal",
        ),
        (
            "? [a]\n: b\nc: d",
            "1:3: a key must be text, not a collection",
        ),
        (
            "a: \"\\u202e\"",
            "1:4: the character U+202E is not allowed: it is invisible or changes how the text is shown",
        ),
        (
            "%YAML 1.2\n---\na: 1",
            "1:1: this is not YAML: YAML directives are disallowed",
        ),
    ] {
        assert_eq!(faults(text), [wanted], "{text}");
    }
}

#[test]
fn a_broken_document_does_not_hide_the_next_one() {
    let documents = compose("a: [1, 2\n---\nb: no\n---\nc: 1\n");
    let shape: Vec<_> = documents
        .iter()
        .map(|document| (document.root.json(), document.faults.len()))
        .collect();
    assert_eq!(
        shape,
        [
            (json!({"a": [1]}), 1),
            (json!({"b": null}), 1),
            (json!({"c": 1}), 0)
        ]
    );
}

#[test]
fn empty_documents_are_no_documents() {
    for text in ["", "# nothing\n", "---\n...\n", "\n\n", "---\n---\n"] {
        assert!(compose(text).is_empty(), "{text:?}");
    }
}

#[test]
fn a_file_must_be_text_of_a_bounded_size() {
    assert!(decode(&vec![b' '; MAX_BYTES]).is_ok());
    assert!(decode(&vec![b' '; MAX_BYTES + 1]).is_err());
    let (fault, good) = decode(b"a: 1\nb: \xff").unwrap_err();
    assert_eq!(
        (fault.place.line, fault.place.column, good),
        (2, 4, "a: 1\nb: ")
    );
}

#[test]
fn invisible_characters_are_forbidden() {
    for (text, column) in [
        ("a\0b", 2),
        ("ab\u{202e}", 3),
        ("\u{85}", 1),
        ("x\rx", 2),
        ("ä\u{200b}", 2),
        ("\u{F0000}", 1),
    ] {
        let found = forbidden(text);
        assert_eq!(found.len(), 1, "{text:?}");
        assert_eq!(found[0].place.column, column, "{text:?}");
    }
    assert!(forbidden("\u{feff}a: ä\r\nb:\t1\n").is_empty());
}

fn assert_refused_quickly(text: &str) {
    let started = super::tests::now();
    let documents = compose(text);
    assert!(documents.iter().any(|document| !document.faults.is_empty()));
    let taken = started.elapsed();
    assert!(taken.as_secs() < 5, "took {taken:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test measures how long the composer takes"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn deep_wide_and_endless_texts_are_refused_quickly() {
    assert_refused_quickly(&"- ".repeat(100_000));
    assert_refused_quickly(&"[".repeat(200_000));
    assert_refused_quickly(&"{a: ".repeat(60_000));
    assert_refused_quickly(&"? ".repeat(100_000));
    assert_refused_quickly(&"a: &a [*a, *a]\n".repeat(15_000));
    assert_refused_quickly(&format!("[{}]", "1,".repeat(120_000)));
    assert_refused_quickly(&"a: 1\n".repeat(24_000));
    assert_refused_quickly(&"a: no\n---\n".repeat(20_000));
    assert_refused_quickly(&"[\n---\n".repeat(40_000));
    assert_refused_quickly(&"- [- [".repeat(40_000));
    assert_refused_quickly(&"!".repeat(200_000));
    assert_refused_quickly(&format!("\"{}", "\\".repeat(200_000)));
}

proptest! {
    #[test]
    fn any_text_is_composed_without_panic(text in "[-a-z0-9:{}\\[\\], \"'\n\t#&*!|>%@?]{0,80}") {
        let _documents = compose(&text);
    }
}
