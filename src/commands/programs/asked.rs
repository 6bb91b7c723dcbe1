//! Secrets that a call asks for: one property of many, one key of a store, a thing in which they stand as a rule.
//!
//! To look at a unit, a container or a set of settings is a look, though by bad practice a password may stand there. To pick the
//! environment or the password from it is to show a secret, and so is to show what holds secrets as a rule:
//!
//! | a look | shows secrets |
//! |---|---|
//! | one container, unit or service as it runs: `docker inspect`, `systemctl show UNIT`, `systemctl cat`, `kubectl describe` | its environment by itself, or that of all: a format, `grep pass`, `systemctl show-environment`, `ps e`, `systemd-analyze dump` |
//! | `kubectl get … -o yaml` of what is no Secret; a dry run without `-o`, or of a kind that is named | Secrets, tokens of users, files nobody read, `create secret`, with `--dry-run -o yaml` |
//! | `helm get values`, `list`, `status`, `history`; charts as they are rendered | `helm get manifest`, `hooks`, `all`: the release's Secrets are in it |
//! | one key of a store whose name says nothing | all keys: `consul kv get -recurse`, `etcdctl get --prefix`, `redis-cli monitor`, `mysqlbinlog`, `bsondump` |
//! | a plan, a list, an output by its name: `terraform plan`, `state list` | a state: `terraform show`, `state show`, `output -json`, `pulumi config get` |
//! | lists of a cloud, and fields that a query picks | whole functions, tasks, start scripts, machines' metadata, application settings, keys |
//! | ordinary settings below `/etc`; `grep -r x /etc/nginx` | known stores, `/etc/default/APP`, searches of all of `/etc`, `/root`, `/srv` … that show lines |
//! | names, counts, logs, messages, histories of versions | whole rows of people, sessions and credentials; histories of shells; what memory held |
//!
//! [`TABLE`] says which words do so, program by program; unless it says otherwise it counts for what only looks. Files are known by their
//! paths ([`super::files::secrets`]), rows by their tables, and what a later program picks by what came before it.

use super::{
    files::secrets::{Sight, sight},
    host::sheet::has_word,
    names::is_secret,
};
use crate::commands::{
    found::{Found, object},
    word::{Call, Word},
};
use crate::domain::effect::{Class, Effect, Secrets, Verb};
use std::{collections::BTreeMap, sync::LazyLock};

const TABLE: &str = include_str!("asked.table");

/// Fields of answers of clouds in which the secret stands, or all the rest.
const WHOLES: &str = "Configuration taskDefinition containerDefinitions Service service app branch Connection UserPoolClient IdentityProvider LaunchTemplateData \
    spec template metadata items containers container containerProperties environment env envVariables config value values Value connectionString \
    SourceConfiguration ImageRepository ImageConfiguration OptionSettings PrimaryContainer Content";

/// One line of the table, without its programs.
struct Line {
    verbs: &'static str,
    asking: &'static str,
}

static LINES: LazyLock<BTreeMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut lines = BTreeMap::<_, Vec<Line>>::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('|');
        if let (Some(programs), Some(verbs), Some(asking)) =
            (columns.next(), columns.next(), columns.next())
        {
            for program in programs.split_whitespace() {
                let line = Line { verbs, asking };
                lines.entry(program).or_default().push(line);
            }
        }
    }
    lines
});

/// Puts in what a call asks for.
pub(super) fn judge(call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    let Some(lines) = LINES.get(call.program) else {
        return;
    };
    let looks = seen.iter().all(|effect| effect.class() == Class::Read);
    for line in lines {
        let asks = |asked: &str| match asked.strip_prefix('!') {
            Some(asked) => asks(asked, call.arguments),
            None => looks && asks(asked, call.arguments),
        };
        if stand(line.verbs, call.arguments) && line.asking.split_whitespace().any(asks) {
            let secret = object(&call.setting.place, "secret", call.program);
            return found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(Verb::Read, secret)
            });
        }
    }
}

/// Whether the words of a line stand in the call: each of them, one of several with commas between, one
/// that begins so after `^`, and none after `!`.
fn stand(verbs: &str, words: &[Word]) -> bool {
    let stands = |wanted: &str| {
        let mut texts = words.iter().map(Word::text);
        match wanted.strip_prefix('^') {
            Some(start) => texts.any(|text| text.starts_with(start)),
            None => texts.any(|text| text == wanted),
        }
    };
    verbs
        .split_whitespace()
        .all(|verb| match verb.strip_prefix('!') {
            Some(unwanted) => !unwanted.split(',').any(stands),
            None => verb.split(',').any(stands),
        })
}

fn asks(asked: &str, words: &[Word]) -> bool {
    let own = |word: &&Word| !word.text().starts_with('-');
    if let Some(start) = asked.strip_prefix('^') {
        return words.iter().any(|word| word.text().starts_with(start));
    }
    match asked.split_once(':') {
        Some((flag, wanted)) => values(flag, words).any(|value| names(value, wanted)),
        None if asked == "~" => words.iter().filter(own).any(|word| is_secret(word.text())),
        None if asked == "*" => !picks(words),
        None if asked == "=" => !for_help(words),
        None if asked == "+" => in_full(words),
        // The name of a flag is no file: `--hide-secret`.
        None if asked == "@" => words
            .iter()
            .filter(|word| !word.text().starts_with("--") || word.text().contains(['=', '/']))
            .any(|word| sight(word) == Sight::Secret),
        None if asked.len() == 2 && asked.starts_with('-') => {
            words.iter().any(|word| clusters(word.text(), asked))
        }
        None => words.iter().any(|word| {
            let text = word.text();
            let glued = text
                .strip_prefix(asked)
                .is_some_and(|rest| rest.starts_with('='));
            let part = !asked.starts_with('-') && text.split(['.', '/']).any(|part| part == asked);
            text == asked || glued || part
        }),
    }
}

/// Whether a flag picks something from what is shown.
fn picks(words: &[Word]) -> bool {
    for_help(words)
        || values("--query", words).any(query_picks)
        || ["--format", "--template", "--jsonpath"]
            .iter()
            .any(|flag| values(flag, words).any(format_picks))
}

/// `-h` is help where nothing follows: elsewhere it names a host.
fn for_help(words: &[Word]) -> bool {
    let last = words.last().map_or("", Word::text);
    last == "-h"
        || words
            .iter()
            .any(|word| matches!(word.text(), "--help" | "-help"))
}

/// Whether a query of a cloud goes into a thing: `Functions[].FunctionName`, `length(Functions)`, but not `Functions[?Name=='a.b']`.
fn query_picks(query: &str) -> bool {
    let mut depth = 0_u32;
    let mut outside = String::new();
    for (place, letter) in query.char_indices() {
        let opens = query
            .get(place..)
            .is_some_and(|rest| rest.starts_with("[?"));
        if opens || depth > 0 && letter == '[' {
            depth += 1;
        } else if depth > 0 && letter == ']' {
            depth -= 1;
        } else if depth == 0 {
            outside.push(letter);
        }
    }
    let into = |rest: &str| {
        rest.starts_with(|letter: char| letter.is_alphanumeric() || "[{\"".contains(letter))
    };
    let named = outside == query && query.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let picks = outside.split('.').skip(1).any(into) || named && !query.ends_with('s');
    outside.starts_with("length(") || picks && !names_whole(&outside)
}

/// Whether one of the paths of a query or a form ends in a field that holds all the rest.
fn names_whole(paths: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut ends = paths.split([',', '|', ' ', ')', '}']).map(|path| {
        let path = path.trim_end_matches(|letter: char| !letter.is_ascii_alphabetic());
        path.rsplit(|letter| !word(letter))
            .next()
            .unwrap_or_default()
    });
    ends.any(|end| has_word(WHOLES, end))
}

/// Whether a form shows some fields alone: `value(status)`, `{{.State.Status}}`, but not `json`, `yaml(.)`, `{{json .}}`.
fn format_picks(form: &str) -> bool {
    let named = |letter: char| letter.is_ascii_alphabetic();
    let projected = |rest: &str| rest.trim_start_matches('.').starts_with(named);
    match form.split_once('(') {
        Some((_, keys)) if !form.contains("{{") => projected(keys) && !names_whole(keys),
        _ => [" .", "{{."]
            .iter()
            .any(|dot| form.split(dot).skip(1).any(|rest| rest.starts_with(named))),
    }
}

/// Whether a flag asks for every field of what is listed.
fn in_full(words: &[Word]) -> bool {
    let full = |form: &str| {
        matches!(
            form,
            "json" | "yaml" | "yml" | "export" | "text" | "flattened" | "config" | "list"
        )
    };
    let flags = ["--format", "--output", "-o"];
    !picks(words) && flags.iter().any(|flag| values(flag, words).any(full))
}

/// `-A` in `-nnA`.
fn clusters(text: &str, flag: &str) -> bool {
    let letters = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let short = |letters: &str| letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    flag.strip_prefix('-')
        .is_some_and(|flag| letters.is_some_and(|letters| short(letters) && letters.contains(flag)))
}

/// The values of a flag: glued, after `=`, or the next word.
fn values<'w>(flag: &'w str, words: &'w [Word]) -> impl Iterator<Item = &'w str> {
    words.iter().enumerate().filter_map(move |(place, word)| {
        let rest = word.text().strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.get(place + 1).map(Word::text),
            None if flag.starts_with("--") => None,
            None => Some(rest),
        }
    })
}

/// Whether a value names this, but for what stands in it as a text: ``Tags[?Key==`Environment`]``.
fn names(value: &str, wanted: &str) -> bool {
    let texts = value.split('`').step_by(2);
    let word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    texts
        .flat_map(|text| text.split(move |letter| !word(letter)))
        .any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::{LINES, format_picks, names, query_picks};

    #[test]
    fn every_line_has_three_columns() {
        let mut lines = super::TABLE.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.all(|line| line.split('|').count() == 3));
        assert!(!LINES.is_empty());
    }

    #[test]
    fn a_text_in_a_query_names_nothing() {
        assert!(names("Environment.Variables", "Environment"));
        assert!(names("-", "-"));
        assert!(!names("Tags[?Key==`Environment`].Value", "Environment"));
        assert!(!names("Environments[].Status", "Environment"));
    }

    #[test]
    fn what_goes_into_a_thing_picks_from_it() {
        for query in [
            "Functions[].FunctionName",
            "Functions[*].[FunctionName]",
            "length(Functions)",
            "a.{b: c}",
        ] {
            assert!(query_picks(query), "{query}");
        }
        for query in [
            "Functions",
            "Functions[]",
            "Functions[?Name=='a.b']",
            "@",
            "*.*",
            "Functions[0]",
        ] {
            assert!(!query_picks(query), "{query}");
        }
        for form in [
            "value(status)",
            "json(name)",
            "{{.State.Status}}",
            "{{json .State}}",
        ] {
            assert!(format_picks(form), "{form}");
        }
        for form in ["json", "yaml(.)", "{{json .}}", "value()"] {
            assert!(!format_picks(form), "{form}");
        }
    }
}
