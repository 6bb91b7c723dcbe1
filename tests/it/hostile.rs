//! Files that somebody wrote to hurt: each is answered with a problem, soon, and on the small stack of a test's thread.

use crate::few_actions::FewActions;
use orderly::runbooks::{Beside, ReportFormat, load_file, render, validate_tree};
use proptest::{prelude::*, sample::Index};

#[expect(
    clippy::disallowed_methods,
    reason = "a test measures how long loading takes"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn assert_refused(name: &str, bytes: &[u8]) {
    let started = now();
    let loaded = load_file(name, bytes, &FewActions::new());
    let taken = started.elapsed();
    assert!(!loaded.problems.is_empty(), "{name} has no problem");
    assert!(loaded.problems.len() <= 101, "{name} has too many problems");
    assert!(loaded.documents.is_empty(), "{name} gives documents");
    assert!(taken.as_secs() < 10, "{name} takes {taken:?}");
}

fn runbook(spec: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: a }}\nspec:\n  steps:\n    - {{ name: s, uses: sleep, with: {{ for: 1s }} }}\n{spec}"
    )
}

fn numbered(count: usize, line: impl Fn(usize) -> String) -> String {
    let lines: Vec<String> = (0..count).map(line).collect();
    lines.concat()
}

#[test]
fn deep_texts_are_refused() {
    assert_refused("sequences", "- ".repeat(100_000).as_bytes());
    assert_refused("mappings", "{a: ".repeat(125_000).as_bytes());
    assert_refused("mappings that fit", "{a: ".repeat(60_000).as_bytes());
    assert_refused("brackets", "[".repeat(250_000).as_bytes());
    assert_refused(
        "closed brackets",
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes(),
    );
    assert_refused("keys of keys", "? ".repeat(100_000).as_bytes());
    let mut steps = String::new();
    for depth in 0..400 {
        steps += &" ".repeat(depth + 2);
        steps += "a:\n";
    }
    assert_refused("indented", runbook(&steps).as_bytes());
}

#[test]
fn wide_texts_are_refused() {
    assert_refused("huge", &vec![b'a'; 10_000_000]);
    assert_refused(
        "many items",
        runbook(&format!("  locks: [{}]", "a, ".repeat(60_000))).as_bytes(),
    );
    assert_refused(
        "many keys",
        runbook(&numbered(20_000, |key| format!("  k{key}: 1\n"))).as_bytes(),
    );
    assert_refused("many documents", "a: 1\n---\n".repeat(20_000).as_bytes());
    assert_refused(
        "many broken documents",
        "[\n---\n".repeat(40_000).as_bytes(),
    );
    assert_refused(
        "many faulty words",
        runbook(&format!("  locks: [{}]", "no, ".repeat(40_000))).as_bytes(),
    );
    assert_refused(
        "many repeated keys",
        runbook(&"  deadline: 1h\n".repeat(15_000)).as_bytes(),
    );
    assert_refused(
        "a long line",
        runbook(&format!(
            "  description: {}\n  extra: 1",
            "x".repeat(200_000)
        ))
        .as_bytes(),
    );
    assert_refused(
        "a long key",
        runbook(&format!("  {}: 1", "x".repeat(900))).as_bytes(),
    );
}

#[test]
fn alias_bombs_are_refused() {
    let levels = numbered(39, |level| {
        format!("a{0}: &a{0} [*a{level}, *a{level}]\n", level + 1)
    });
    let bomb = format!("a0: &a0 [x, x]\n{levels}");
    assert_refused("doubling", bomb.as_bytes());
    assert_refused("self", b"a: &a [*a]\n");
    assert_refused(
        "list of aliases",
        format!("a: &a x\nb: [{}]", "*a, ".repeat(25_000)).as_bytes(),
    );
    assert_refused("merge", b"a: &a {x: 1}\nb: {<<: *a}\n");
}

#[test]
fn what_is_no_text_is_refused() {
    assert_refused("zero", b"a: \0\n");
    assert_refused("zeroes", &[0; 1000]);
    assert_refused("invalid UTF-8", b"a: \xc3\x28\n");
    assert_refused("UTF-16", b"\xff\xfea\0:\0 \0b\0");
    assert_refused("UTF-16 without a mark", b"a\0:\0 \0b\0");
    assert_refused("escape sequences", b"a: \x1b[2J\n");
    assert_refused(
        "escaped",
        runbook("  description: \"\\0 \\e \\u202e\"\n").as_bytes(),
    );
    assert_refused("a program", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    assert_refused(
        "a reserved character",
        runbook("  description: \"\\U000F0000secret:db\\U000F0001\"\n").as_bytes(),
    );
}

#[test]
fn hostile_expressions_are_refused() {
    let with = |expression: &str| {
        format!(
            "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: a }}\nspec:\n  steps:\n    - name: s\n      uses: notify\n      with: {{ channel: '${{{{ {expression} }}}}' }}\n"
        )
    };
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("not ", ""),
        ("run.id|upper|", "upper"),
        ("{1:", "}"),
    ] {
        let expression = format!(
            "{}1{}",
            open.repeat(50_000 / open.len()),
            close.repeat(50_000)
        );
        assert_refused(open, with(&expression).as_bytes());
    }
    assert_refused(
        "many",
        with(&"1 }} ${{ inputs.x ".repeat(10_000)).as_bytes(),
    );
    assert_refused("never closed", with(&"${{ ".repeat(40_000)).as_bytes());
    assert_refused("multiplied", with("\"a\" * 100000000").as_bytes());
}

#[test]
fn hostile_patterns_are_refused_or_cheap() {
    let input = |pattern: &str, default: &str| {
        runbook(&format!(
            "  inputs:\n    a: {{ pattern: '{pattern}', default: '{default}' }}\n"
        ))
    };
    assert_refused(
        "backtracking",
        input("(a+)+$", &format!("{}b", "a".repeat(50_000))).as_bytes(),
    );
    assert_refused("large", input("((a{1000}){1000}){1000}", "a").as_bytes());
    assert_refused("nested", input(&"(".repeat(50_000), "a").as_bytes());
    assert_refused(
        "nested and closed",
        input(
            &format!("{}{}", "(".repeat(50_000), ")".repeat(50_000)),
            "a",
        )
        .as_bytes(),
    );
}

#[test]
fn broken_files_still_tell_which_runbooks_they_hold() {
    let name = |bytes: &[u8]| -> Vec<String> {
        let loaded = load_file("a", bytes, &FewActions::new());
        loaded.broken.iter().map(ToString::to_string).collect()
    };
    assert_eq!(name(runbook("  extra: 1\n").as_bytes()), ["a"]);
    assert_eq!(name(runbook("  deadline: [1, 2\n").as_bytes()), ["a"]);
    assert_eq!(name(runbook("  deadline: no\n").as_bytes()), ["a"]);
    assert_eq!(name(runbook("  description: \u{202e}\n").as_bytes()), ["a"]);
    let mut cut = runbook("  description: ").into_bytes();
    cut.push(0xff);
    assert_eq!(name(&cut), ["a"]);
    assert_eq!(
        name(runbook("").replace("name: a", "name: A").as_bytes()),
        [""; 0]
    );
}

#[test]
fn too_many_of_a_thing_are_refused() {
    let inputs = numbered(2000, |input| {
        format!("    i{input}: {{ pattern: '[a-z]{{200}}', default: a }}\n")
    });
    assert_refused(
        "inputs",
        runbook(&format!("  inputs:\n{inputs}")).as_bytes(),
    );
    let steps = "    - { name: a, uses: sleep, with: { for: 1s } }\n".repeat(1000);
    assert_refused("steps", runbook(&format!("  finally:\n{steps}")).as_bytes());
    let triggers = "    - schedule: '0 0 29 2 *'\n      spread: 1s\n".repeat(4000);
    assert_refused(
        "triggers",
        runbook(&format!("  triggers:\n{triggers}")).as_bytes(),
    );
}

/// A change that a slip of the pen could be.
#[derive(Debug, Clone)]
enum Slip {
    Remove(usize),
    Insert(String),
    Repeat,
}

fn slip() -> impl Strategy<Value = Slip> {
    let words = [
        ":", "-", "  ", "\n", "\t", "\"", "'", "[", "{", "}", "&a ", "*a", "!t ", "<<: ", "no",
        "08", "#", "|", "${{", "}}", "\u{1b}", "\0", "\r", "---\n", "\u{202e}", "x: 1\n", "? ",
    ];
    prop_oneof![
        (1..40_usize).prop_map(Slip::Remove),
        proptest::sample::select(words.to_vec()).prop_map(|word| Slip::Insert(word.to_owned())),
        Just(Slip::Repeat),
    ]
}

fn slipped(text: &str, at: Index, slip: &Slip) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = at.index(characters.len().max(1)).min(characters.len());
    match slip {
        Slip::Remove(count) => {
            let end = (at + count).min(characters.len());
            characters.drain(at..end);
        }
        Slip::Insert(word) => {
            characters.splice(at..at, word.chars());
        }
        Slip::Repeat => {
            let line: Vec<char> = text.lines().nth(at % 60).unwrap_or("").chars().collect();
            characters.splice(at..at, line);
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn slips_of_the_pen_are_told_at_places_that_are_there(
        slips in proptest::collection::vec((any::<Index>(), slip()), 1..5)
    ) {
        let mut text = include_str!("../samples/valid/everything.yaml").to_owned();
        for (at, slip) in &slips {
            text = slipped(&text, *at, slip);
        }
        let files = [("a.yaml", text.clone().into_bytes())].into_iter();
        let report = validate_tree(files, &FewActions::new(), Beside::default());
        let lines: Vec<&str> = text.split('\n').collect();
        for problem in &report.problems {
            prop_assert!(problem.line <= lines.len(), "{problem:?}");
            let line = lines[problem.line - 1];
            prop_assert!(problem.column <= line.chars().count() + 1, "{problem:?} in {line:?}");
            prop_assert!(!problem.what.contains("standin"), "{problem:?}\n{text}");
        }
        let said = render(&report.problems, ReportFormat::Text);
        let is_raw = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
        prop_assert!(!said.contains(is_raw), "{said:?}");
    }
}
