//! `fd`: it looks for names, and may run a command for each.

use crate::commands::flags::{Parsed, Table};
use crate::commands::found::Found;
use crate::commands::programs::{
    self,
    host::{
        does::{Does, act},
        sheet::{asks_for_help, program, table, words},
    },
};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

const FD: Table = table(
    words!(
        "d e E t S o j c C max-depth min-depth exact-depth extension exclude type size owner threads color base-directory changed-within \
         changed-before newer older max-results max-buffer-time search-path path-separator ignore-file batch-size and format gen-completions"
    ),
    words!(
        "H I u s i g F a l L p 0 1 q h V hidden no-ignore unrestricted case-sensitive ignore-case glob fixed-strings absolute-path list-details \
         follow full-path print0 quiet help version no-ignore-vcs no-ignore-parent no-global-ignore-file one-file-system prune show-errors \
         no-require-git regex relative-path no-follow no-hidden ignore"
    ),
    words!("hyperlink strip-cwd-prefix"),
);

pub(super) fn fd(call: &Call<'_>, found: &mut Found) {
    let runs = |word: &Word| matches!(word.text(), "-x" | "-X" | "--exec" | "--exec-batch");
    let place = call.arguments.iter().position(runs);
    let (own, command) = call
        .arguments
        .split_at(place.unwrap_or(call.arguments.len()));
    let parsed = FD.parse(own);
    found.line(&parsed, |_| false);
    act(
        Does::Look,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    if asks_for_help(&parsed) {
        return;
    }
    if !parsed.unknown.is_empty() {
        // `-xrm` is a command too.
        let reason = format!(
            "`fd`: what `{}` means is not known",
            parsed.unknown.join(" ")
        );
        return found.unknown_code(&call.setting.place, "fd", reason);
    }
    let any = any(&parsed);
    for command in command.split(|word| word.text() == ";") {
        let words: Vec<Word> = command
            .iter()
            .skip_while(|word| runs(word))
            .map(|word| filled(word, &any))
            .collect();
        each(words, &any, call, found);
    }
}

/// A word that stands for any file that is found.
fn any(parsed: &Parsed) -> Word {
    let mut roots =
        parsed
            .words
            .iter()
            .skip(1)
            .chain(parsed.values(&["search-path", "base-directory", "C"]));
    let root = roots.next().map_or(".", Word::text);
    let root = if roots.next().is_some() { "" } else { root };
    let mut ends = parsed.values(&["e", "extension"]).map(Word::text);
    let end = match (ends.next(), ends.next()) {
        (Some(end), None) => format!("*.{}", end.trim_start_matches('.')),
        _ => String::new(),
    };
    let text = format!("{}/**{end}", root.trim_end_matches('/'));
    if root.starts_with(['$', '`']) {
        Word::Unknown(text)
    } else {
        Word::Glob(text)
    }
}

/// What stands for a file that is found.
fn filled(word: &Word, any: &Word) -> Word {
    match word.text() {
        "{}" | "{/}" | "{//}" | "{.}" | "{/.}" => any.clone(),
        _ => word.clone(),
    }
}

fn each(mut words: Vec<Word>, any: &Word, call: &Call<'_>, found: &mut Found) {
    if words.is_empty() {
        return;
    }
    if !words.iter().any(|word| word == any) {
        words.push(any.clone());
    }
    match call.setting.deeper() {
        Some(setting) => programs::judge(&words, &Stdin::Nothing, &setting, found),
        None => found.unknown_code(
            &call.setting.place,
            "fd",
            "commands stand too deep in each other",
        ),
    }
}
