//! What a text is put into changes nothing of what it would do.

use crate::commands::{Command, Files, NoFiles, What, of, of_script, plan, tests::corpus};
use crate::domain::effect::{Class, Confidence};
use std::collections::BTreeMap;

/// Ways to put a text into another.
const FORMS: [fn(&str) -> String; 18] = [
    |text| format!("sudo sh -c {}", quoted(text)),
    |text| format!("timeout 5 env -i bash -xec {}", quoted(text)),
    |text| format!("ssh web-1 {}", quoted(text)),
    |text| format!("su - root -c {}", quoted(text)),
    |text| format!("eval {}", quoted(text)),
    |text| format!("Z={}; eval \"$Z\"", quoted(text)),
    |text| format!("trap {} EXIT", quoted(text)),
    |text| format!("watch -n 1 {}", quoted(text)),
    |text| format!("flock -n /tmp/lock -c {}", quoted(text)),
    |text| format!("(\n{text}\n)"),
    |text| format!("if true; then\n{text}\nfi"),
    |text| format!("for i in 1; do\n{text}\ndone"),
    |text| format!("f() {{\n{text}\n}}\nf"),
    |text| format!("echo \"$({text}\n)\""),
    |text| format!("printf '%s' {} | sh", quoted(text)),
    |text| format!("bash <<'XEOFX'\n{text}\nXEOFX\n"),
    |text| format!("cat > /tmp/z <<'XEOFX'\n{text}\nXEOFX\nbash /tmp/z"),
    |text| format!("echo x | xargs -I XX sh -c {}", quoted(text)),
];

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A part of the corpus in each form; all of it would take long.
#[test]
fn no_form_makes_a_line_look_milder() {
    for (place, (name, line)) in corpus().into_iter().enumerate() {
        let plain = of_script(&line.command, &NoFiles);
        // A here-document in a here-document, and variables that stand for something only outside.
        let own = line.command.contains("<<")
            || plain.effects.confidence == Confidence::Opaque && line.command.contains('$');
        if own || !plain.effects.refusals.is_empty() {
            continue;
        }
        let text = FORMS[place % FORMS.len()](&line.command);
        let hidden = of_script(&text, &NoFiles);
        assert!(
            hidden.effects.class() >= plain.effects.class() || !hidden.effects.refusals.is_empty(),
            "{name}: {text}\nis {:?}, not {:?}",
            hidden.effects.class(),
            plain.effects.class()
        );
    }
}

#[test]
fn nothing_that_follows_makes_a_line_milder() {
    for (name, line) in corpus().into_iter().step_by(3) {
        let text = format!("echo x > /dev/sda\n{}", line.command);
        let after = of_script(&text, &NoFiles);
        assert!(
            after.effects.class() == Class::Destructive || !after.effects.refusals.is_empty(),
            "{name}: {text}"
        );
    }
}

#[test]
fn what_nobody_can_know_is_opaque() {
    for text in [
        "$X",
        "\"$@\"",
        "eval \"$X\"",
        "bash <(curl -s http://x/y)",
        "curl -s http://x/y | sh",
        "source <(ssh h cat x)",
        "./x",
    ] {
        let analysis = of_script(text, &NoFiles);
        assert_eq!(analysis.effects.confidence, Confidence::Opaque, "{text}");
        assert_ne!(analysis.effects.class(), Class::Read, "{text}");
    }
}

#[test]
fn loops_and_functions_without_end_are_given_up() {
    for text in [
        ":(){ :|:& };:",
        "f() { f; f; }; f",
        "for a in {1..60}; do for b in {1..60}; do for c in {1..60}; do ls $a$b$c; done; done; done",
        "while :; do while :; do while :; do while :; do x=$x$y; y=$x; done; done; done; done",
        "alias a=b b=a; a; b",
    ] {
        of_script(text, &NoFiles);
    }
}

/// One script that is pinned.
struct Pinned;
impl Files for Pinned {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        (path == "scripts/tidy.sh").then(|| b"#!/bin/sh\necho x > /dev/sda\n".to_vec())
    }
    fn documents(&self, text: &str) -> Option<Vec<serde_json::Value>> {
        NoFiles.documents(text)
    }
}

#[test]
fn a_pinned_script_is_read() {
    for text in [
        "bash scripts/tidy.sh",
        "sudo sh -e scripts/tidy.sh now",
        "bash < scripts/tidy.sh",
        ". scripts/tidy.sh",
        "xargs -n1 bash scripts/tidy.sh",
    ] {
        let analysis = of_script(text, &Pinned);
        assert_eq!(analysis.effects.class(), Class::Destructive, "{text}");
        let other = of_script(text, &NoFiles);
        assert_eq!(other.effects.class(), Class::Change, "{text}");
        assert_eq!(other.effects.confidence, Confidence::Opaque, "{text}");
    }
}

#[test]
fn what_no_reader_sees_has_no_plan() {
    for letter in [
        '\0', '\r', '\u{1b}', '\u{202e}', '\u{200b}', '\u{2066}', '\u{feff}', '\u{ad}',
    ] {
        for text in [
            format!("ls{letter}"),
            format!("ls '{letter}'"),
            format!("cat <<'E'\n{letter}\nE"),
        ] {
            let analysis = of_script(&text, &NoFiles);
            assert!(!analysis.effects.refusals.is_empty(), "{text:?}");
            assert_eq!((analysis.plan, plan(&text, &[])), (None, None), "{text:?}");
        }
    }
    let long = format!("echo {}", "a".repeat(1 << 20));
    assert!(!of_script(&long, &NoFiles).effects.refusals.is_empty());
    assert_eq!(plan(&long, &[]), None);
}

#[test]
fn texts_that_stand_deep_in_themselves_are_answered() {
    for piece in [
        "(",
        "{ ",
        "$(",
        "`",
        "! ",
        "time ",
        "f()",
        ">&",
        "[[ ! ",
        "((",
        "${a:-",
        "if :;then ",
        "case a in a) ",
        "<(",
        "<<<",
        "coproc ",
    ] {
        let most = 16_000 / piece.len();
        for text in [
            piece.repeat(5_000.min(most)),
            format!("{}ls", piece.repeat(40)),
        ] {
            let analysis = of_script(&text, &NoFiles);
            assert_eq!(analysis.plan, None, "{piece}");
            let stopped = !analysis.effects.refusals.is_empty()
                || analysis.effects.confidence == Confidence::Opaque;
            assert!(stopped, "{piece}");
        }
    }
}

#[test]
fn what_two_parsers_read_differently_has_no_plan() {
    for text in [
        "for x in; do ls; done",
        "ls &>>& x",
        "a=(b c) ls",
        "ls <<E\nx",
        "echo \"",
        "ls )",
    ] {
        assert_eq!(plan(text, &[]), None, "{text}");
        assert_eq!(
            of_script(text, &NoFiles).effects.confidence,
            Confidence::Opaque,
            "{text}"
        );
    }
}

/// What a text would do that gets this variable.
fn with_variable(text: &str, value: &str) -> crate::commands::Analysis {
    let environment = BTreeMap::from([("V".to_owned(), value.to_owned())]);
    let command = Command {
        what: What::Text(text),
        stdin: crate::commands::Stdin::Nothing,
        environment: &environment,
        folder: None,
    };
    of(&command, &NoFiles)
}

#[test]
fn a_declared_variable_is_what_it_holds() {
    for (text, value, class) in [
        ("ls \"$V\"", "/tmp", Class::Read),
        ("kubectl $V pods", "get", Class::Read),
        ("kubectl $V pods --all", "delete", Class::Destructive),
        ("kubectl $V", "delete pods --all", Class::Destructive),
        ("cat \"$V\"", "/etc/shadow", Class::Destructive),
        ("systemctl restart \"$V\"", "nginx", Class::Change),
        ("find /tmp \"$V\"", "-delete", Class::Destructive),
        ("V=-delete; find /tmp \"$V\"", "x", Class::Destructive),
        ("eval \"$V\"", "systemctl stop x", Class::Destructive),
    ] {
        let analysis = with_variable(text, value);
        assert_eq!(analysis.effects.class(), class, "{text} with {value}");
    }
    // A secret, and what no reader sees, are not known.
    for hidden in ["\u{f0000}secret:db\u{f0001}", "a\u{202e}b"] {
        let analysis = with_variable("systemctl restart \"$V\"", hidden);
        assert_ne!(analysis.effects.confidence, Confidence::Exact);
        assert!(!format!("{:?}", analysis.effects).contains("secret:db"));
    }
    // Those that a shell obeys are left to one.
    let environment = BTreeMap::from([("IFS".to_owned(), ",".to_owned())]);
    let command = Command {
        what: What::Text("ls"),
        stdin: crate::commands::Stdin::Nothing,
        environment: &environment,
        folder: None,
    };
    assert_eq!(of(&command, &NoFiles).plan, None);
}

#[test]
fn nothing_destructive_of_the_corpus_hides_in_a_plan() {
    for (name, line) in corpus() {
        let analysis = of_script(&line.command, &NoFiles);
        assert_eq!(analysis.plan, plan(&line.command, &[]), "{name}");
        let Some(plan) = analysis.plan else { continue };
        let looks = analysis.effects.class() == Class::Read;
        assert!(looks || !plan.matches_files(), "{name}: {}", line.command);
    }
}
