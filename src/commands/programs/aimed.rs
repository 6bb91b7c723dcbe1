//! Flags that aim a program at another server or account than the usual one: what it does is done there, by whoever that is.

use crate::commands::{
    found::Found,
    word::{Call, Word},
};
use crate::domain::effect::{Class, Effect};

/// Names of programs, and their flags of any place on the line.
#[rustfmt::skip]
const AIMS: &[(&str, &[&str])] = &[
    ("stern", &["--kubeconfig", "--context"]),
    ("aws", &["--profile", "--endpoint-url", "--ca-bundle"]),
    ("gcloud", &["--flags-file", "--configuration", "--impersonate-service-account", "--access-token-file", "--account"]),
    ("argocd", &["--server", "--config", "--core", "--argocd-context", "--auth-token"]),
];

/// Those that only choose one of the accounts that somebody set up: who looks may do so.
const NAMED: &[&str] = &["--profile", "--configuration", "--account"];

/// Programs whose words may be connection strings.
const CONNECTS: &[&str] = &["psql", "pg_dump", "pg_isready", "pg_restore", "pg_dumpall"];

/// Says that a call aims elsewhere.
pub(super) fn judge(call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    let aims = AIMS.iter().find(|(program, _)| *program == call.program);
    let aims = aims.map_or(&[][..], |(_, flags)| flags);
    let looks = seen.iter().all(|effect| effect.class() == Class::Read);
    let connects = CONNECTS.contains(&call.program);
    let words = call.arguments.iter().map(Word::text);
    for text in words.take_while(|text| *text != "--") {
        let flag = text.split_once('=').map_or(text, |(flag, _)| flag);
        let service = connects
            && text
                .split(|letter: char| letter.is_whitespace() || "?&=".contains(letter))
                .any(|word| word.trim_start_matches("-d") == "service")
            && text.contains('=');
        if aims.contains(&flag) && !(looks && NAMED.contains(&flag)) || service {
            found.opaque(format!("`{flag}` decides what is touched, and as whom"));
        }
    }
}
