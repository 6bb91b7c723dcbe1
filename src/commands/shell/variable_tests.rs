//! Variables that a step declares.

use crate::commands::{Command, NoFiles, Stdin, What, Word, of};
use crate::domain::effect::{Class, Confidence, Effects};
use std::collections::BTreeMap;

fn effects(text: &str, name: &str, value: &str, as_words: bool) -> Effects {
    let environment = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let words: Vec<Word> = text
        .split(' ')
        .map(|word| Word::Known(word.to_owned()))
        .collect();
    let command = Command {
        what: if as_words {
            What::Words(&words)
        } else {
            What::Text(text)
        },
        stdin: Stdin::Nothing,
        environment: &environment,
        folder: None,
    };
    of(&command, &NoFiles).effects
}

#[test]
fn a_declared_variable_that_programs_obey_is_no_look() {
    for (text, name) in [
        ("tar tf a", "TAR_OPTIONS"),
        ("make -n", "MAKEFLAGS"),
        ("rg a", "RIPGREP_CONFIG_PATH"),
        ("ansible-playbook --check x.yml", "ANSIBLE_CONFIG"),
        ("wget --spider http://x", "WGETRC"),
        ("curl http://x", "CURL_HOME"),
        ("ls", "RSYNC_RSH_COMMAND"),
        ("ls", "PYTHONSTARTUP"),
    ] {
        for as_words in [false, true] {
            let effects = effects(text, name, "/tmp/x", as_words);
            assert_eq!(effects.class(), Class::Destructive, "{name} {text}");
        }
    }
}

#[test]
fn a_declared_variable_that_nobody_described_leaves_doubt_unless_it_is_used() {
    for (text, name, wanted) in [
        ("ls \"$APPLICATION\"", "APPLICATION", Confidence::Exact),
        ("ls \"${APPLICATION}\"", "APPLICATION", Confidence::Exact),
        ("ls /srv", "APPLICATION", Confidence::Bounded),
        ("ls $APPLICATIONS", "APPLICATION", Confidence::Bounded),
        ("ls /srv", "FOO_OPTIONS", Confidence::Opaque),
        ("ls /srv", "LANG", Confidence::Exact),
        ("ls /srv", "NO_COLOR", Confidence::Exact),
    ] {
        let effects = effects(text, name, "/srv", false);
        assert!(effects.confidence >= wanted, "{name} {text}");
        let exact = wanted == Confidence::Exact;
        assert_eq!(
            effects.confidence == wanted,
            exact || effects.confidence == wanted
        );
        assert_eq!(effects.class(), Class::Read, "{name} {text}");
    }
    let printed = effects("printenv APPLICATION", "APPLICATION", "x", true);
    assert_eq!(printed.confidence, Confidence::Exact);
}

#[test]
fn how_hard_a_program_packs_is_no_matter() {
    for (name, value, harmless) in [
        ("GZIP", "-9", true),
        ("XZ_OPT", "-9 -T0", true),
        ("MAKEFLAGS", "-j4", true),
        ("MAKEFLAGS", "-j4 -n --eval=x", false),
        ("MAKEFLAGS", "-4", false),
        ("XZ_OPT", "-9 --files=/etc/x", false),
        ("TAR_OPTIONS", "-9", false),
    ] {
        let class = effects("ls", name, value, false).class();
        assert_eq!(class == Class::Read, harmless, "{name}={value}");
    }
}
