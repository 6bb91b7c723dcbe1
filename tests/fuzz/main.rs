//! Texts that nobody would type, thrown at what reads command lines: it must answer all of them, soon, and never with less for more.
//!
//! `cargo test --test fuzz` looks at some thousands; `ORDERLY_FUZZ_SECONDS=600 cargo test --release --test fuzz` goes on as long as that,
//! each time from another seed, which it prints (`ORDERLY_FUZZ_SEED` sets it). A crash of the process, which no test can catch (the stack
//! was too small), leaves the last text in `target/fuzz-last`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that says what it found, and measures time"
)]

use orderly::{
    commands::{Command, Files, NoFiles, Stdin, What, Word, of_script},
    domain::{
        effect::{Class, Confidence},
        pipeline::{Part, Plan, PlannedWord, PlannedWork},
    },
};
use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

/// A small generator of numbers that are the same for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
    fn one_of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}

/// Pieces of the shell's language, and of what hides things in it.
const PIECES: &[&str] = &[
    "$(",
    ")",
    "`",
    "\"",
    "'",
    "${",
    "}",
    "${x:-",
    "${a[",
    "]",
    "((",
    "))",
    "$((",
    "<(",
    ">(",
    "<<EOF\n",
    "\nEOF\n",
    "<<-'E'\n",
    "<<<",
    ">",
    ">>",
    "2>&1",
    "&>",
    "|",
    "||",
    "&&",
    "|&",
    "&",
    ";",
    ";;",
    "\n",
    " ",
    "\t",
    "\\",
    "\\\n",
    "if ",
    " then ",
    " else ",
    " elif ",
    " fi",
    "for x in ",
    " do ",
    " done",
    "while ",
    "until ",
    "case x in ",
    " esac",
    "x) ",
    "{ ",
    "; }",
    "( ",
    "f() ",
    "function g ",
    "[[ ",
    " ]]",
    "[ ",
    " =~ ",
    "! ",
    "time ",
    "eval ",
    "source ",
    "trap ",
    "exec ",
    "alias x=",
    "export ",
    "X=",
    "a=(",
    "$X",
    "$@",
    "$1",
    "${IFS}",
    "$'\\x72'",
    "{a,b}",
    "{1..9}",
    "*",
    "?",
    "~",
    "#",
    "sudo ",
    "env ",
    "xargs ",
    "sh -c ",
    "bash <<<",
    "ssh h ",
    "awk '",
    "sed '",
    "python3 -c '",
    "perl -e '",
    "kubectl ",
    "rm -rf /",
    "echo ",
    "printf '%s' ",
    "base64 -d",
    "cat ",
    "99999999999",
    "\u{e9}",
    "\u{1f600}",
    "select ",
    "coproc ",
    "!(",
    "@(",
    "=",
    "-",
    "--",
    "%",
    "+",
];

/// Lines of the labelled corpus.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate");
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            for line in fs::read_to_string(path)
                .unwrap()
                .lines()
                .filter(|line| !line.trim().is_empty())
            {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                lines.push(line["command"].as_str().unwrap().to_owned());
            }
        }
    }
    lines.sort();
    lines
}

/// A text made of pieces, or a line of the corpus with some of them put in, taken out, doubled.
fn text(dice: &mut Dice, corpus: &[String]) -> String {
    let mut text: Vec<char> = match dice.below(4) {
        0 => Vec::new(),
        _ => dice.one_of(corpus).chars().collect(),
    };
    for _ in 0..=dice.below(12) {
        let at = dice.below(text.len() + 1);
        match dice.below(6) {
            0 if !text.is_empty() => {
                let end = (at + 1 + dice.below(8)).min(text.len());
                text.drain(at.min(end)..end);
            }
            1 if !text.is_empty() => {
                let from = dice.below(text.len());
                let copy: Vec<char> =
                    text[from..(from + 1 + dice.below(24)).min(text.len())].to_vec();
                text.splice(at..at, copy);
            }
            2 => {
                let other: Vec<char> = dice.one_of(corpus).chars().collect();
                let end = dice.below(other.len() + 1);
                text.splice(at..at, other[..end].iter().copied());
            }
            3 => {
                let piece = dice.one_of(PIECES).repeat(1 + dice.below(40));
                text.splice(at..at, piece.chars());
            }
            _ => {
                text.splice(at..at, dice.one_of(PIECES).chars());
            }
        }
    }
    text.into_iter().collect()
}

/// How grave an answer is: refused is more than any class, opaque more than exact.
fn gravity(text: &str) -> (bool, Class, Confidence) {
    let analysis = of_script(text, &NoFiles);
    (
        !analysis.effects.refusals.is_empty(),
        analysis.effects.class(),
        analysis.effects.confidence,
    )
}

/// The shortest of some tries: other programs may take the processor away.
fn time(text: &str) -> Duration {
    let once = || {
        let begun = Instant::now();
        gravity(text);
        begun.elapsed()
    };
    (0..5).map(|_| once()).min().unwrap()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The text, and the same with more in it: never less.
fn never_less(text: &str) {
    let (refused, class, _) = gravity(text);
    let (more_refused, more, _) = gravity(&format!("rm -rf /\n{text}"));
    assert!(
        more_refused || more == Class::Destructive,
        "{text:?} with `rm -rf /` before it is {more:?}"
    );
    // A here-document would swallow the line, and a backslash join it.
    if !text.contains("<<") && !text.ends_with('\\') {
        let (more_refused, more, _) = gravity(&format!("{text}\nrm -rf /"));
        assert!(
            more_refused || more == Class::Destructive,
            "{text:?} with `rm -rf /` after it is {more:?}"
        );
    }
    let (wrapped_refused, wrapped, _) = gravity(&format!("sudo sh -c {}", quoted(text)));
    assert!(
        wrapped_refused || !refused && wrapped >= class,
        "{text:?} is {class:?} ({refused}), inside `sudo sh -c` {wrapped:?} ({wrapped_refused})"
    );
}

#[test]
fn every_text_gets_an_answer_soon_and_never_less_for_more() {
    let seconds: u64 = env::var("ORDERLY_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let seed = env::var("ORDERLY_FUZZ_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(if seconds > 0 {
        u64::from(std::process::id()) * 2_654_435_761
    } else {
        42
    });
    eprintln!("seed {seed}");
    let corpus = corpus();
    let mut dice = Dice(seed | 1);
    let begun = Instant::now();
    let last = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-last");
    let mut count = 0_u32;
    while count < 3_000 || begun.elapsed() < Duration::from_secs(seconds) {
        let text = text(&mut dice, &corpus);
        if seconds > 0 {
            fs::write(&last, &text).unwrap();
        }
        let own = Instant::now();
        gravity(&text);
        let most = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 100 });
        if own.elapsed() > most {
            let took = time(&text);
            assert!(took < most, "{took:?} for {text:?}");
        }
        never_less(&text);
        count += 1;
    }
    eprintln!("{count} texts in {:?}", begun.elapsed());
}

#[test]
fn deep_and_long_texts_are_refused_at_once() {
    let deep = [
        "(",
        "$(",
        "{",
        "{ ",
        "[",
        "[[ ",
        "((",
        "`",
        "\"$(",
        "${x:-",
        "${a[",
        "<(",
        "if ",
        "while ",
        "case x in x) ",
        "! ",
        "time ",
        "sudo ",
        "eval ",
        "f() { ",
        "-",
        "function f ",
        "coproc ",
        "a && ",
        "a | ",
        "[[ ! ",
        "((-",
        "x=",
        "@(",
        "\\",
        "$",
        "<<E\n",
        "'",
        "for x in a; do ",
        "{ a; ",
        "( (",
        "((a);",
        "~9999999999999999999999 ",
        "99999999999>x ",
    ];
    for piece in deep {
        for length in [8, 9, 16, 31, 32, 33, 100, 500, 5_000] {
            for middle in ["", "ls", "ls; ls"] {
                let text = piece.repeat(length) + middle;
                let answer = gravity(&text);
                let took = time(&text);
                let most = if cfg!(debug_assertions) { 1_000 } else { 250 };
                assert!(
                    took < Duration::from_millis(most),
                    "{took:?} for {length} times {piece:?}"
                );
                assert!(
                    length < 5_000 || text.len() < 16_384 || answer.0,
                    "{length} times {piece:?}"
                );
            }
        }
    }
    for text in [
        "echo x; ".repeat(1 << 17),
        "(".repeat(5_000),
        "$(".repeat(5_000),
        "{ ".repeat(5_000),
    ] {
        assert!(gravity(&text).0);
        assert!(time(&text) < Duration::from_millis(5));
    }
}

/// Texts that close what they open, as deep as may be.
#[test]
fn deep_texts_that_are_whole_get_an_answer() {
    let pairs = [
        ("(", ")"),
        ("( ", "; ls )"),
        ("$(", ")"),
        ("echo $(", ")"),
        ("echo \"$(", ")\""),
        ("echo \"${x:-", "}\""),
        ("echo ${a[", "]}"),
        ("echo $((", "))"),
        ("{ ", "; }"),
        ("if ls; then ", "; fi"),
        ("while ls; do ", "; done"),
        ("case a in a) ", " esac"),
        ("case a in a) ", ";; esac"),
        ("f() { ", "; }"),
        ("cat <(", ")"),
        ("[[ ( ", " ) ]]"),
        ("((", "))"),
        ("( (", ") )"),
        ("for x in a b; do ", "; done"),
        ("while :; do x=$x; ", "; done"),
        ("echo `", "`"),
        ("x=$(", ")"),
        ("[ $(", ") ]"),
        ("echo {a,", ",b}"),
        ("echo !(", ")"),
        ("a=( ", " )"),
    ];
    for (open, close) in pairs {
        for depth in 1..=33 {
            let text = format!("{}ls{}", open.repeat(depth), close.repeat(depth));
            let took = time(&text);
            let most = if cfg!(debug_assertions) { 1_000 } else { 250 };
            assert!(took < Duration::from_millis(most), "{took:?} for {text:?}");
        }
    }
}

/// A word of the plain subset: letters, quotation marks, escapes.
fn plain_word(dice: &mut Dice) -> String {
    const LETTERS: &[char] = &[
        'a', 'Z', '0', '.', '_', '/', '=', ':', ',', '@', '%', '+', '-', '#', 'é',
    ];
    const QUOTED: &[char] = &[
        'a', ' ', '|', '&', ';', '<', '>', '(', ')', '{', '}', '*', '?', '[', ']', '~', '#', '!',
        '^', '\t', '\n', 'ü', '=',
    ];
    let mut word = String::new();
    for _ in 0..=dice.below(4) {
        match dice.below(4) {
            0 => {
                let mut inner: String = (0..dice.below(4)).map(|_| *dice.one_of(QUOTED)).collect();
                if dice.below(3) == 0 {
                    inner.push_str("\\$\"`");
                }
                word.push_str(&format!("'{inner}'"));
            }
            1 => {
                let mut inner: String = (0..dice.below(4)).map(|_| *dice.one_of(QUOTED)).collect();
                inner.push_str(
                    dice.one_of::<&str>(&["", "\\\\", "\\\"", "\\$", "\\`", "\\a", "'", "\\\n"]),
                );
                word.push_str(&format!("\"{inner}\""));
            }
            2 => {
                word.push('\\');
                word.push(*dice.one_of(&[
                    ' ', '$', '\\', '"', '\'', '*', '~', 'a', '|', ';', '#', '{', '!',
                ]));
            }
            _ => word.extend((0..=dice.below(4)).map(|_| *dice.one_of(LETTERS))),
        }
    }
    // A comment, or nothing at all, is no word.
    if word.starts_with('#') {
        format!("x{word}")
    } else {
        word
    }
}

/// A word that the shell changes in ways that are known beforehand.
fn changing_word(dice: &mut Dice) -> String {
    let mut inner = plain_word(dice);
    while inner.contains(['{', '}', ',']) {
        inner = plain_word(dice);
    }
    match dice.below(12) {
        0 => format!("{{a,{inner},c{{1..3}}}}"),
        1 => "{8..11}x{c..a}".to_owned(),
        2 => "$'a\\x41\\101\\n\\'b\\u00e9'".to_owned(),
        3 => "$ONE".to_owned(),
        4 => "\"$ONE$TWO\"".to_owned(),
        5 => "p${ONE}q$TWO".to_owned(),
        6 => "${ONE:-x}${EMPTY:-d e}".to_owned(),
        7 => "$EMPTY".to_owned(),
        8 => "\"$EMPTY\"".to_owned(),
        9 => "${LIST[@]}".to_owned(),
        10 => "$(echo ' a b ')x".to_owned(),
        _ => inner,
    }
}

/// What bash makes of the words of each line.
fn by_bash(lines: &[String]) -> Vec<Vec<String>> {
    let script: String = lines
        .iter()
        .map(|line| format!("{line}\nprintf '\\1'\n"))
        .collect();
    let output = std::process::Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut answers: Vec<&str> = text.split('\u{1}').collect();
    answers.pop();
    answers
        .iter()
        .map(|answer| {
            let mut words: Vec<String> = answer.split('\0').map(str::to_owned).collect();
            words.pop();
            words
        })
        .collect()
}

/// The words of a plan's first program, if each stands for itself.
fn literal_words(plan: &Plan) -> Option<Vec<String>> {
    let PlannedWork::Program { words, .. } = &plan.pipelines[0].commands[0].work else {
        return None;
    };
    let literal = |word: &PlannedWord| {
        let parts = word.parts.iter().map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        });
        parts.collect::<Option<String>>()
    };
    words.iter().map(literal).collect()
}

#[test]
fn the_words_of_a_plan_are_those_that_bash_makes() {
    let mut dice = Dice(7);
    let lines: Vec<String> = (0..800)
        .map(|_| {
            let words: Vec<String> = (0..=dice.below(4)).map(|_| plain_word(&mut dice)).collect();
            format!("printf '%s\\0' {}", words.join(" "))
        })
        .collect();
    let answers = by_bash(&lines);
    assert_eq!(answers.len(), lines.len());
    let mut planned = 0;
    for (line, wanted) in lines.iter().zip(answers) {
        if let Some(plan) = of_script(line, &NoFiles).plan
            && let Some(words) = literal_words(&plan)
        {
            assert_eq!(words[2..], wanted, "{line}");
            planned += 1;
        }
    }
    assert!(planned > 700, "{planned} of {} have a plan", lines.len());
}

#[test]
fn the_words_that_are_judged_are_those_that_bash_makes() {
    let mut dice = Dice(11);
    let lines: Vec<String> = (0..800)
        .map(|_| {
            let words: Vec<String> = (0..=dice.below(4))
                .map(|_| changing_word(&mut dice))
                .collect();
            format!(
                "ONE='a b'; TWO=c; EMPTY=; LIST=(l 'm n'); printf '%s\\0' {}",
                words.join(" ")
            )
        })
        .collect();
    for (line, wanted) in lines.iter().zip(by_bash(&lines)) {
        let calls = of_script(line, &NoFiles).effects.calls;
        let own = calls
            .last()
            .and_then(|words| words.get(2..))
            .unwrap_or_default();
        // `printf` prints one empty word where it gets none.
        assert!(
            own == wanted || own.is_empty() && wanted == [""],
            "{line}\n{own:?}\n{wanted:?}"
        );
    }
}

/// Pieces of SQL, and of what hides things in it.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "* ",
    "FROM t ",
    "WHERE ",
    "a=1 ",
    "; ",
    "--",
    "/*",
    "*/",
    "'",
    "\"",
    "$$",
    "$x$",
    "(",
    ")",
    ",",
    "WITH x AS (",
    "INSERT INTO t VALUES (1) ",
    "UPDATE t SET a=1 ",
    "DELETE FROM t ",
    "TRUNCATE t ",
    "DROP TABLE t ",
    "EXPLAIN ANALYZE ",
    "COPY t TO PROGRAM 'x' ",
    "INTO OUTFILE '/x' ",
    "\\! ls\n",
    "\\i x\n",
    "DO ",
    "BEGIN ",
    "COMMIT ",
    "pg_sleep(1) ",
    "UNION ALL ",
    "CASE WHEN ",
    "END ",
    "NOT ",
    "- ",
    "[",
    "]",
    "::int ",
    "\n",
    "\u{e9}",
    "GRANT ALL ON t TO x ",
    "RETURNING * ",
];

/// Pieces of manifests, and of YAML that nobody can read without doubt.
const MANIFESTS: &[&str] = &[
    "apiVersion: v1\n",
    "kind: Pod\n",
    "kind: List\nitems:\n",
    "- ",
    "  ",
    "metadata: {name: a}\n",
    "metadata:\n  name: a\n",
    "spec:\n",
    "  containers:\n",
    "  - image: x\n    command: [sh, -c, rm -rf /]\n",
    "---\n",
    "...\n",
    "&a ",
    "*a ",
    "<<: *a\n",
    "!!binary ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "|\n",
    ">\n",
    "? ",
    ": ",
    "\t",
    "#",
    "{\"kind\":\"Secret\"}",
    "kind: ClusterRole\n",
    "hostPID: true\n",
    "%YAML 1.1\n",
    "\u{0}",
    "yes\n",
    "null\n",
    "1e999\n",
    "\n",
];

fn of_pieces(dice: &mut Dice, pieces: &[&str]) -> String {
    (0..=dice.below(24))
        .map(|_| dice.one_of(pieces).repeat(1 + dice.below(12) / 10 * 40))
        .collect()
}

/// Documents of YAML, as the agent reads manifests; no files.
struct Documents;
impl Files for Documents {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn documents(&self, text: &str) -> Option<Vec<serde_json::Value>> {
        orderly::runbooks::plain_documents(text)
    }
}

/// What a program would do that is fed a text.
fn fed(words: &[&str], text: String) -> (bool, Class, Confidence) {
    let words: Vec<Word> = words
        .iter()
        .map(|word| Word::Known((*word).to_owned()))
        .collect();
    let command = Command {
        what: What::Words(&words),
        stdin: Stdin::Known(text),
        environment: &std::collections::BTreeMap::new(),
        folder: None,
    };
    let effects = orderly::commands::of(&command, &Documents).effects;
    (
        !effects.refusals.is_empty(),
        effects.class(),
        effects.confidence,
    )
}

fn soon<T>(what: &str, work: impl Fn() -> T) -> T {
    let most = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 100 });
    let begun = Instant::now();
    let answer = work();
    if begun.elapsed() > most {
        let again = Instant::now();
        work();
        assert!(again.elapsed() < most, "{:?} for {what:?}", again.elapsed());
    }
    answer
}

#[test]
fn every_statement_gets_an_answer_soon_and_never_less_for_more() {
    let mut dice = Dice(13);
    for _ in 0..1_500 {
        let text = of_pieces(&mut dice, STATEMENTS);
        for client in ["psql", "mysql", "sqlite3"] {
            soon(&text, || fed(&[client, "x"], text.clone()));
            let (refused, class, _) = fed(&[client, "x"], format!("DROP TABLE t;\n{text}"));
            assert!(
                refused || class == Class::Destructive,
                "{client}: {text:?} after `DROP TABLE t` is {class:?}"
            );
        }
    }
}

#[test]
fn every_manifest_gets_an_answer_soon_and_never_less_for_more() {
    const BINDING: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: a}\n---\n";
    let mut dice = Dice(17);
    for _ in 0..2_000 {
        let text = of_pieces(&mut dice, MANIFESTS);
        let apply = ["kubectl", "apply", "-f", "-"];
        soon(&text, || fed(&apply, text.clone()));
        let (refused, class, confidence) = fed(&apply, format!("{BINDING}{text}"));
        let is_grave = class == Class::Destructive || confidence == Confidence::Opaque;
        assert!(refused || is_grave, "{text:?} after a binding is {class:?}");
    }
}

#[test]
fn an_answer_of_the_reviewer_counts_only_if_it_is_whole_and_about_this_document() {
    use orderly::gate::review::answer::read;
    let right = r#"{"digest8": "0a1b2c3d", "verdict": "no_objection", "codes": [], "effect_refs": [0], "note": "fine"}"#;
    read(right, "0a1b2c3d", 1).unwrap();
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "1e999",
        "-1",
        "\\u0000",
        "\u{202e}",
        "no_objection",
        "block",
        "digest8",
        "0a1b2c3d",
        "<html>",
        "\"verdict\": \"no_objection\",",
        "9999999999999999999999",
        " ",
    ];
    let mut dice = Dice(19);
    for _ in 0..20_000 {
        let mut text: Vec<char> = right.chars().collect();
        for _ in 0..=dice.below(4) {
            let at = dice.below(text.len() + 1);
            if dice.below(2) == 0 {
                text.splice(at..at, dice.one_of(&pieces).chars());
            } else {
                text.drain(at..(at + dice.below(6)).min(text.len()));
            }
        }
        let text: String = text.into_iter().collect();
        if let Ok(answer) = read(&text, "0a1b2c3d", 1) {
            let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
            let mut keys: Vec<&String> = whole.as_object().unwrap().keys().collect();
            keys.sort();
            let wanted = ["codes", "digest8", "effect_refs", "note", "verdict"];
            assert_eq!(keys, wanted, "{text}");
            assert_eq!(answer.digest8, "0a1b2c3d", "{text}");
        }
    }
}
