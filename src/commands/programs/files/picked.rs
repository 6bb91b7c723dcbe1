//! What is picked from the output of another program: `docker inspect web | jq .[].Config.Env`.
//!
//! To show all settings of a thing is a look, and passwords stand among them. To pick those is to show them.

use super::search::asks_for_secret;
use crate::commands::{
    found::{Found, object},
    programs::host::sheet::has_word,
    word::{Call, Stdin, Word},
};
use crate::domain::effect::{Effect, Secrets, Verb};

/// Programs whose words are code that picks from what comes in.
const CODED: &str =
    "awk gawk mawk nawk sed gsed perl python python2 python3 ruby node nodejs deno bun php lua";

/// What code on the command line picks from what comes in: `docker inspect web | python3 -c '… ["Config"]["Env"]'`.
pub(in crate::commands::programs) fn by_code(call: &Call<'_>, found: &mut Found) {
    if !has_word(CODED, call.program) {
        return;
    }
    let words = || call.arguments.iter().map(Word::text);
    if picked(
        &|asks| words().any(|code| path_picks(code, asks)),
        call,
        found,
    ) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(
                Verb::Read,
                object(&call.setting.place, "secret", call.program),
            )
        });
    }
}

/// What a pattern is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A password or a key.
    Value,
    /// The environment, too.
    Environment,
}

/// Programs that show settings | a word that says that they do | what may be picked from them.
const SETTINGS: [(&str, &str, Asks); 10] = [
    ("docker podman nerdctl", "inspect", Asks::Environment),
    ("crictl", "inspect inspectp", Asks::Environment),
    ("ctr", "info", Asks::Environment),
    ("systemctl", "cat show", Asks::Environment),
    ("nginx openresty", "-T", Asks::Value),
    ("helm helm3", "get", Asks::Value),
    ("kubectl oc", "describe", Asks::Value),
    (
        "kubectl oc",
        "-oyaml -ojson yaml json -o=yaml -o=json --output=yaml --output=json",
        Asks::Value,
    ),
    ("git", "show log diff", Asks::Value),
    ("terraform tofu", "show", Asks::Value),
];

/// Whether a secret is picked from what a program before this one shows.
pub(super) fn picked(picks: &dyn Fn(Asks) -> bool, call: &Call<'_>, found: &Found) -> bool {
    let shows = |words: &Vec<String>| {
        let (program, rest) = words.split_first()?;
        let program = program.rsplit('/').next().unwrap_or_default();
        let says = |says: &str| rest.iter().any(|word| has_word(says, word));
        let line = SETTINGS
            .iter()
            .find(|(programs, verbs, _)| has_word(programs, program) && says(verbs));
        line.map(|(_, _, asks)| *asks)
    };
    *call.stdin == Stdin::Piped && found.calls_after(0).iter().filter_map(shows).any(picks)
}

/// Whether a pattern asks for a password or a key, not for things that are called secrets or tokens; or for the environment.
pub(super) fn picks(word: &Word, asks: Asks) -> bool {
    let names = "secret secrets token tokens credential credentials";
    let text = word.text().to_ascii_lowercase();
    text.split(['|', '\\', '(', ')']).any(|piece| {
        let bare = piece.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let environment = asks == Asks::Environment && has_word("env envs environment", bare);
        let short = has_word("pass passw pwd", bare);
        environment
            || short
            || !has_word(names, bare) && asks_for_secret(&Word::Known(piece.to_owned()))
    })
}

/// Whether a path of keys, as jq reads them, names the environment or a password.
pub(super) fn path_picks(filter: &str, asks: Asks) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    filter
        .split(|letter| !word(letter))
        .filter(|part| !part.is_empty())
        .any(|part| picks(&Word::Known(part.to_owned()), asks))
}
