//! Looking for text in files: grep and its kin. They print lines that match, so a search can print secrets, but rarely does.

use super::looks::from_stdin;
use super::paths::{printed, sight_in_line};
use super::pattern;
use super::picked::{Asks, picked, picks};
use super::secrets::{Sight, holds_secrets, is_public_kind, sight};
use crate::commands::flags::{Parsed, Table};
use crate::commands::found::Found;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{
    Sheet, asks_for_help, begins_unknown, has_word, parse, program, table, words,
};
use crate::commands::programs::{Grammar, object};
use crate::commands::word::{Call, Word};
use crate::domain::effect::{Effect, Reach, Secrets, Verb};

const GREP: Table = table(
    words!(
        "A B C D d e f m after-context before-context binary-files context devices directories exclude exclude-dir exclude-from file \
         group-separator include label max-count regexp"
    ),
    words!(
        "0 1 2 3 4 5 6 7 8 9 a b c E F G h H I i L l n o P q R r S s T U V v w X x y Z z basic-regexp binary byte-offset count dereference-recursive \
         extended-regexp files-with-matches files-without-match fixed-strings help ignore-case initial-tab invert-match line-buffered \
         line-number line-regexp no-filename no-group-separator no-ignore-case no-messages null null-data only-matching perl-regexp \
         quiet recursive silent text unix-byte-offsets version with-filename word-regexp"
    ),
    words!("color colour"),
);

const RG: Table = table(
    words!(
        "A B C E e f g j M m r T t after-context before-context color colors context context-separator dfa-size-limit encoding engine \
         field-context-separator field-match-separator file glob hostname-bin iglob ignore-file max-columns max-count max-depth maxdepth d \
         max-filesize path-separator pre pre-glob regex-size-limit regexp replace sort sortr threads type type-add type-clear type-not \
         generate hyperlink-format"
    ),
    words!(
        "0 a b c F H h I i L l N n o P p q S s U u V v w x z auto-hybrid-regex binary block-buffered byte-offset case-sensitive column count \
         count-matches crlf debug files files-with-matches files-without-match fixed-strings follow glob-case-insensitive heading help \
         hidden ignore-case include-zero invert-match json line-buffered line-number line-regexp max-columns-preview mmap multiline \
         multiline-dotall no-config no-filename no-heading no-hidden no-ignore no-ignore-dot no-ignore-vcs no-ignore-parent no-line-number \
         no-messages no-mmap no-unicode null null-data one-file-system only-matching passthru pcre2 pcre2-version pretty quiet search-zip \
         smart-case stats text trace trim type-list unrestricted version vimgrep with-filename word-regexp"
    ),
    &[],
);

const AG: Sheet = Sheet {
    flags: &[("pager", Does::Code)],
    ..Sheet::of(
        "file",
        table(
            words!(
                "A B C G g m p W after before context depth file-search-regex ignore ignore-dir max-count pager path-to-ignore width workers"
            ),
            words!(
                "0 a c D F f H h i L l n o Q r R S s t u U V v w x z all-text all-types case-sensitive color column count debug \
                 files-with-matches files-without-matches filename fixed-strings follow group heading hidden ignore-case invert-match \
                 literal list-file-types nobreak nocolor nofilename nogroup nonumbers null numbers one-device only-matching passthrough \
                 print-long-lines search-binary search-files search-zip silent skip-vcs-ignores smart-case stats unrestricted version help vimgrep word-regexp py go js"
            ),
            &[],
        ),
        Does::Look,
    )
};

/// The grammar of a program that searches.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "grep" | "egrep" | "fgrep" | "rgrep" | "zgrep" | "zegrep" | "zfgrep" | "bzgrep"
        | "xzgrep" | "zstdgrep" | "pcregrep" | "pcre2grep" => grep,
        "rg" => rg,
        "ag" | "ack" => ag,
        _ => return None,
    })
}

fn grep(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&GREP, call.arguments);
    found.line(&parsed, |_| false);
    search(&parsed, call, found);
}

fn rg(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&RG, call.arguments);
    found.line(&parsed, |_| false);
    for word in parsed.values(&["pre", "hostname-bin"]) {
        found.unknown_code(
            &call.setting.place,
            word.text(),
            format!("`--pre {}` runs a program for every file", word.text()),
        );
    }
    search(&parsed, call, found);
}

fn ag(call: &Call<'_>, found: &mut Found) {
    let parsed = AG.parse(call.arguments);
    AG.decide(&parsed, call, found);
    let names = parsed.has(&[
        "c",
        "count",
        "l",
        "files-with-matches",
        "L",
        "files-without-matches",
    ]);
    let (Some((pattern, files)), false) = (parsed.words.split_first(), names) else {
        return;
    };
    let all = shows_all(&parsed, &[pattern]);
    for file in files {
        searched(file, &[pattern], true, all, call, found);
        searched_whole(file, call, found);
    }
}

/// Folders below which secrets stand beside everything else, so that a search of all of it shows them, whatever it looks for.
const WHOLE: &str = "/etc /root /home /var /var/lib /opt /srv ~ $HOME /usr/local/etc /run /var/run /mnt /media /data";

/// A search of a whole folder of the system.
fn searched_whole(folder: &Word, call: &Call<'_>, found: &mut Found) {
    let path = pattern::plain(folder.text());
    let path = path.trim_end_matches(['*', '/', '.']);
    let whole = path.is_empty() && folder.text().starts_with('/');
    let home = path.strip_prefix("/home/");
    if whole || has_word(WHOLE, path) || home.is_some_and(|user| !user.contains('/')) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(
                Verb::FileRead,
                object(&call.setting.place, "file", folder.text()),
            )
        });
    }
}

/// Whether a search is limited to files in which no secrets stand: `--include='*.md'`.
fn limited(parsed: &Parsed) -> bool {
    let kinds = || parsed.values(&["include", "g", "glob"]);
    kinds().next().is_some() && kinds().all(|kind| is_public_kind(kind.text()))
}

fn search(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    if asks_for_help(parsed) {
        return;
    }
    if !parsed.unknown.is_empty() {
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
        // grep writes nothing, but what it reads is then not known.
        for word in call
            .arguments
            .iter()
            .filter(|word| sight(word) >= Sight::Possible)
        {
            printed(word, place, found);
        }
        return;
    }
    let Some((patterns, files)) = operands(parsed, call.program) else {
        return;
    };
    for file in parsed.values(&["f", "file"]) {
        printed(file, place, found);
    }
    if parsed.has(&[
        "c",
        "count",
        "count-matches",
        "l",
        "files-with-matches",
        "L",
        "files-without-match",
        "q",
        "quiet",
        "silent",
        "files",
    ]) {
        return hazy(files, found);
    }
    let directories = parsed.value(&["d", "directories"]).map_or("", Word::text);
    let asked = parsed.has(&["r", "R", "recursive", "dereference-recursive"])
        || !directories.is_empty() && "recurse".starts_with(directories);
    let deep = matches!(call.program, "rg" | "rgrep") || asked;
    let all = shows_all(parsed, &patterns);
    let here = call.setting.folder.known.clone().map(Word::Known);
    let here = here.iter().filter(|_| deep && files.is_empty());
    for file in files.iter().chain(here) {
        let file = &file.with_text(&call.setting.resolve(file.text()));
        let deep = deep && !limited(parsed);
        searched(file, &patterns, deep, all, call, found);
        if deep {
            searched_whole(file, call, found);
        }
        if deep && all && of_system(file.text()) {
            found.opaque("it shows every file of the system");
        }
    }
    from_stdin(call, found);
    let picks = |asks: Asks| patterns.iter().any(|word| picks(word, asks));
    if picked(&picks, call, found) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, object(place, "file", "standard input"))
        });
    }
}

/// The patterns and the files.
fn operands<'p>(parsed: &'p Parsed, program: &str) -> Option<(Vec<&'p Word>, &'p [Word])> {
    let given: Vec<&Word> = parsed.values(&["e", "regexp"]).collect();
    let files_only = program == "rg" && parsed.has(&["files", "type-list"]);
    if !given.is_empty() || files_only || parsed.values(&["f", "file"]).next().is_some() {
        return Some((given, &parsed.words));
    }
    let (first, rest) = parsed.words.split_first()?;
    Some((vec![first], rest))
}

fn hazy(words: &[Word], found: &mut Found) {
    if let Some(word) = words.iter().find(|word| matches!(word, Word::Unknown(_))) {
        found.bounded(format!(
            "`{}`: which files are searched is not known",
            word.text()
        ));
    }
}

/// Whether a search shows nearly every line: its pattern says nothing, or lines that do not match are shown.
fn shows_all(parsed: &Parsed, patterns: &[&Word]) -> bool {
    parsed.has(&["v", "invert-match", "passthru"])
        || patterns.iter().any(|word| fits_all(word.text()))
}

/// `.`, `''`, `.*`, `\S`, `e`: what nearly every line has.
pub(in crate::commands::programs) fn fits_all(pattern: &str) -> bool {
    let classes = ["\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "\\d", "\\D"];
    let mut text = pattern.to_owned();
    for class in classes {
        text = text.replace(class, "");
    }
    text.split(['|', '\n']).any(|piece| {
        piece.bytes().filter(u8::is_ascii_alphanumeric).count() <= 1
            && !piece.contains(|letter: char| !letter.is_ascii())
    })
}

fn searched(
    file: &Word,
    patterns: &[&Word],
    deep: bool,
    all: bool,
    call: &Call<'_>,
    found: &mut Found,
) {
    let place = &call.setting.place;
    let reveals = |found: &mut Found| {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::FileRead, object(place, "file", file.text()))
        });
    };
    let asks = patterns.iter().any(|word| asks_for_secret(word));
    let settings = patterns.iter().all(|word| names_setting(word.text()));
    match sight(file) {
        // A word that is looked for in a history shows lines with that word alone.
        Sight::Secret if !all && !asks && file.text().ends_with("_history") => {
            found.effect(Effect::read(
                Verb::FileRead,
                object(place, "file", file.text()),
            ));
        }
        Sight::Secret => reveals(found),
        Sight::Possible if all_of_a_folder(file) && !settings && holds_secrets(file.text()) => {
            reveals(found);
        }
        Sight::Possible if begins_unknown(file) || all_of_a_folder(file) => {
            found.bounded(format!(
                "`{}`: which files are searched is not known",
                file.text()
            ));
        }
        Sight::Possible => {
            reveals(found);
            found.opaque(format!("`{}` may name a secret", file.text()));
        }
        Sight::Blind if sight_in_line(file, found) == Sight::Possible => {
            reveals(found);
            found.opaque(format!("`{}` may name a secret", file.text()));
        }
        Sight::Hazy | Sight::Blind => hazy(std::slice::from_ref(file), found),
        Sight::Plain if asks && is_settings(file.text()) => reveals(found),
        Sight::Plain if deep && (all || !settings) && holds_secrets(file.text()) => reveals(found),
        Sight::Plain => {}
    }
    if deep && asks && of_system(file.text()) {
        found.opaque("it looks for secrets in every file of the system");
    }
}

/// `PermitRootLogin`, `listen`: a plain long word finds lines that set something, and none that is a key or a hash.
fn names_setting(pattern: &str) -> bool {
    let small = pattern.to_ascii_lowercase();
    let saying = ["priv", "pass", "secret", "cred", "token", "key", "auth"];
    small.len() >= 6
        && small.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !saying.iter().any(|piece| small.contains(piece))
}

fn all_of_a_folder(file: &Word) -> bool {
    let text = file.text();
    text.ends_with("/*") || text.ends_with("/**")
}

fn of_system(path: &str) -> bool {
    let path = pattern::plain(path);
    let path = path.trim_end_matches(['*', '/']);
    path.is_empty()
        || path.starts_with("/proc/") && !path.starts_with("/proc/sys")
        || has_word(
            "/etc /root /home /var /opt /srv ~ ~/.config /var/lib /proc",
            path,
        )
}

/// Files of settings that are installed somewhere, where passwords stand beside other things.
fn is_settings(path: &str) -> bool {
    let end = path.rsplit_once('.').map_or("", |(_, end)| end);
    let installed = path.starts_with(['/', '~']);
    installed
        && has_word(
            "yaml yml conf ini toml properties cfg cnf json xml php env",
            end,
        )
}

/// Whether a pattern asks for the line on which a secret stands: `api_key`, `password:`, `secret|token`.
pub(super) fn asks_for_secret(word: &Word) -> bool {
    let text = word.text().to_ascii_lowercase();
    text.split(['|', '\\', '(', ')']).any(|piece| {
        let piece = piece.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
        let saying = "password passwd passphrase secret token api_key apikey api-key private_key client_secret secret_key access_key credential credentials";
        let ends = ["_password", "_passwd", "_secret", "_token", "_api_key", "_secret_key", "_private_key", "private key"];
        has_word(saying, piece) || ends.iter().any(|end| piece.ends_with(end))
    })
}
