use super::{Composed, Worth, compose, decode, text::MAX_BYTES};
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
    let [Composed { root, faults, .. }] = documents.as_slice() else {
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
        ("a: &x 1", "1:4: anchors are not allowed"),
        ("a: *x", "1:4: aliases are not allowed"),
        ("*x : a", "1:1: aliases are not allowed"),
        ("a: !!str 1", "1:4: tags are not allowed"),
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
        [(json!({}), 1), (json!({}), 1), (json!({"c": 1}), 0)]
    );
}

#[test]
fn empty_documents_are_no_documents() {
    for text in ["", "# nothing\n", "---\n...\n", "\n\n", "---\n---\n"] {
        assert!(compose(text).is_empty(), "{text:?}");
    }
}

/// What is wrong with bytes as text, and what is still done with them.
fn decoded(bytes: &[u8]) -> (Vec<String>, Worth) {
    let decoded = decode(bytes);
    let told = decoded.faults.iter().map(|fault| {
        let what = fault.what.split(':').next().unwrap_or_default();
        format!("{}:{}: {what}", fault.place.line, fault.place.column)
    });
    (told.collect(), decoded.worth)
}

#[test]
fn a_file_must_be_text_of_a_bounded_size() {
    assert_eq!(decode(&vec![b' '; MAX_BYTES]).faults, []);
    let spaces = vec![b' '; MAX_BYTES + 1];
    let large = decode(&spaces);
    assert!(large.faults[0].what.contains("has 262145 bytes"));
    assert_eq!(large.worth, Worth::Whole);
    let latin = decode(b"a: 1\nb: \xff\nc: 2");
    assert_eq!(latin.text, "a: 1\nb: \u{FFFD}\nc: 2");
    for (bytes, wanted, worth) in [
        (
            &b"a: 1\nb: \xff"[..],
            "2:4: this is not UTF-8",
            Worth::Checking,
        ),
        (b"a: 1\0\xff", "1:6: this is not UTF-8", Worth::Naming),
        (
            b"\xff\xfea\0",
            "1:1: the file is UTF-16, and only UTF-8 is read",
            Worth::Whole,
        ),
        (
            b"a\0:\0",
            "1:1: the file holds many zero bytes",
            Worth::Whole,
        ),
        (
            b"\0\0\xfe\xff\0\0\0a",
            "1:1: the file is UTF-32, and only UTF-8 is read",
            Worth::Whole,
        ),
        (
            b"a: 1\rb: 2\rc: 3\r",
            "1:5: a carriage return stands alone",
            Worth::Naming,
        ),
    ] {
        assert_eq!(decoded(bytes), (vec![wanted.to_owned()], worth));
    }
}

#[test]
fn invisible_characters_are_forbidden() {
    for (text, column) in [
        ("abcd\0", 5),
        ("ab\u{202e}", 3),
        ("\u{85}", 1),
        ("ä\u{200b}", 2),
        ("\u{F0000}", 1),
    ] {
        let found = decode(text.as_bytes()).faults;
        assert_eq!(found.len(), 1, "{text:?}");
        assert_eq!(found[0].place.column, column, "{text:?}");
    }
    assert_eq!(decode("\u{feff}a: ä\r\nb:\t1\n".as_bytes()).faults, []);
    let replaced = decode("\u{feff}a: \u{feff}\r\nb: \u{1b}\n".as_bytes()).text;
    assert_eq!(replaced, "\u{feff}a: \u{FFFD}\r\nb: \u{FFFD}\n");
}

#[test]
fn a_fault_is_told_where_it_begins() {
    for (text, wanted) in [
        ("a: &x 1", "1:4: anchors are not allowed"),
        ("a: &x\n  b: 1", "1:4: anchors are not allowed"),
        ("a: &ä ä", "1:4: anchors are not allowed"),
        ("a: !!str 1", "1:4: tags are not allowed"),
        ("[ä, !x {}]", "1:5: tags are not allowed"),
        ("<<: *x", "1:1: merge keys are not allowed"),
        ("<<: [*x, *y]", "1:1: merge keys are not allowed"),
        (
            "a: \"b\nc: d\ne: f\n",
            "1:4: this is not YAML: the quoted text that begins here does not end",
        ),
        (
            "a: b\n\tc",
            "2:1: this is not YAML: while scanning a plain scalar, found a tab",
        ),
    ] {
        assert_eq!(faults(text), [wanted], "{text}");
    }
}

#[test]
fn what_is_refused_leaves_a_gap_and_the_rest_stays() {
    let text = "a: no\nb: [1, *x, !t 2]\nc: {<<: *x, d: 1}\ne: 1\ne: 2\n";
    let documents = compose(text);
    let root = &documents[0].root;
    assert_eq!(root.json(), json!({"b": [1], "c": {"d": 1}, "e": 1}));
    let gaps = &documents[0].gaps;
    assert!(gaps.may_hold(root, "a") && !gaps.may_hold(root, "e"));
    assert!(gaps.are_in(root.get("b").unwrap()));
    assert!(gaps.may_hold(root.get("c").unwrap(), "anything"));
}

#[test]
fn where_a_document_breaks_off_whole_steps_are_kept() {
    let text = "kind: x\nspec:\n  locks: [a]\n  steps:\n    - a: 1\n    - b: 1\n      c: 2: 3\n      d: 4\n";
    let documents = compose(text);
    let root = &documents[0].root;
    let wanted = json!({"kind": "x", "spec": {"locks": ["a"], "steps": [{"a": 1}]}});
    assert_eq!(root.json(), wanted);
    assert!(documents[0].gaps.are_in(root.find("/spec/steps").node));
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
