//! Claims about the grammars of hosts, files and the network as a whole.

use super::{sheet::words, words::count};
use crate::commands::{NoFiles, of_argv, of_script};
use crate::domain::effect::Class;
use proptest::prelude::*;
use std::{fs, path::PathBuf, sync::LazyLock};

static LINES: LazyLock<Vec<(Vec<String>, String)>> = LazyLock::new(plain_lines);

/// The labelled lines of hosts that are one plain command: its words and its class.
fn plain_lines() -> Vec<(Vec<String>, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/gate");
    let mut lines = Vec::new();
    for family in ["services", "packages", "users", "files", "disks", "network"] {
        let text = fs::read_to_string(folder.join(format!("hosts-{family}.jsonl"))).unwrap();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let command = line["command"].as_str().unwrap();
            if command.contains([
                '\'', '"', '\\', '$', '`', '|', '<', '>', ';', '*', '?', '[', '{', '~', '&', '(',
            ]) {
                continue;
            }
            let words = command.split(' ').map(str::to_owned).collect();
            lines.push((words, line["class"].as_str().unwrap().to_owned()));
        }
    }
    lines
}

#[test]
fn a_list_of_names_is_taken_apart_when_it_is_compiled() {
    const NAMES: &[&str] = words!(" a  bc d ");
    assert_eq!(NAMES, ["a", "bc", "d"]);
    assert_eq!(count(""), 0);
}

#[test]
fn words_judged_one_by_one_mean_what_the_shell_means_by_them() {
    for (words, class) in LINES.iter() {
        if words[0] == "ulimit" {
            continue; // Only a shell has it.
        }
        let analysis = of_argv(words, &NoFiles);
        assert_eq!(analysis.effects.class().as_str(), class, "{words:?}");
    }
}

#[test]
fn a_further_word_does_not_make_a_grave_line_a_read() {
    for (words, class) in LINES.iter() {
        for further in ["--zzz", "zzz", "--", "-zzz"] {
            if class != "destructive" || words.iter().any(|word| word == "--") {
                continue;
            }
            let mut words = words.clone();
            words.push(further.to_owned());
            let analysis = of_argv(&words, &NoFiles);
            assert_ne!(analysis.effects.class(), Class::Read, "{words:?}");
        }
    }
}

#[test]
fn a_flag_that_nobody_knows_does_not_make_a_change_a_read() {
    for (words, class) in LINES.iter() {
        if class == "read" || words.len() < 2 {
            continue;
        }
        let mut words = words.clone();
        words.insert(1, "--no-such-flag-zzz".to_owned());
        let analysis = of_argv(&words, &NoFiles);
        assert_ne!(analysis.effects.class(), Class::Read, "{words:?}");
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-a-zA-Z0-9/=:.@*$~{}()<>+,%]{0,12}",
        Just("-".to_owned()),
        Just("--".to_owned()),
        Just("-é".to_owned()),
        Just("--ü=".to_owned()),
        Just("ß/é:ö".to_owned()),
        Just("..".to_owned()),
        Just("{}".to_owned()),
        Just("-exec".to_owned()),
        Just(String::new()),
        "\\PC{0,6}",
    ]
}

proptest! {
    #[test]
    fn no_words_make_a_grammar_fail(line in 0..1000_usize, words in prop::collection::vec(word(), 0..8)) {
        let mut argv = vec![LINES[line % LINES.len()].0[0].clone()];
        argv.extend(words);
        let analysis = of_argv(&argv, &NoFiles);
        prop_assert!(analysis.effects.class() >= Class::Read);
        of_script(&argv.join(" "), &NoFiles);
    }
}
