//! jq and yq.

use super::looks::from_stdin;
use super::paths::{Write, printed, written};
use super::pattern;
use super::picked::{path_picks, picked};
use crate::commands::flags::{Parsed, Table};
use crate::commands::found::Found;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{
    asks_for_help, has_word, parse, program, table, words,
};
use crate::commands::programs::object;
use crate::commands::word::{Call, Word};
use crate::domain::effect::{Effect, Reach, Secrets, Verb};

const YQ: Table = table(
    words!(
        "I f o p s expression from-file front-matter header-preprocess indent input-format lua-prefix lua-suffix output-format split-exp \
         split-exp-file xml-attribute-prefix xml-content-name xml-directive-name w width arg argjson properties-separator d doc"
    ),
    words!(
        "0 C M N P V Y c e h i j n r t v x y S colors csv-auto-parse debug-node-info exit-status help in-place inplace no-colors no-doc nul-output \
         null-input prettyPrint string-interpolation tojson unwrapScalar verbose version yaml-output yml-output xml-output toml-output \
         raw-output yaml-roundtrip security-disable-env-ops security-disable-file-ops"
    ),
    &[],
);

/// jq: it writes nothing and runs nothing, but its programs read the environment, and its flags files.
pub(super) fn jq(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    from_stdin(call, found);
    let picks = |asks| {
        call.arguments
            .iter()
            .any(|word| path_picks(word.text(), asks))
    };
    if picked(&picks, call, found) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, program(place, call))
        });
    }
    let mut rest = call.arguments.iter();
    let (mut filter, mut values, mut flags) = (false, false, true);
    while let Some(word) = rest.next() {
        match word.text() {
            "--" if flags => flags = false,
            "--arg" | "--argjson" if flags => drop((rest.next(), rest.next())),
            "--indent" | "-L" | "--library-path" if flags => drop(rest.next()),
            "--args" | "--jsonargs" if flags => values = true,
            "--slurpfile" | "--rawfile" if flags => {
                rest.next();
                read(rest.next(), call, found);
            }
            "-f" | "--from-file" if flags => {
                filter = true;
                found.bounded("the filter stands in a file");
                read(rest.next(), call, found);
            }
            // `-nf FILE`: letters may stand together.
            text if flags
                && text.starts_with('-')
                && !text.starts_with("--")
                && text.contains('f') =>
            {
                filter = true;
                found.bounded("the filter stands in a file");
                read(rest.next(), call, found);
            }
            text if flags && text.starts_with('-') && text.len() > 1 => {}
            _ if !filter => {
                filter = true;
                filtered(word, call, found);
            }
            _ if values => {}
            _ => printed(word, place, found),
        }
    }
}

fn read(file: Option<&Word>, call: &Call<'_>, found: &mut Found) {
    if let Some(file) = file {
        printed(file, &call.setting.place, found);
    }
}

fn filtered(filter: &Word, call: &Call<'_>, found: &mut Found) {
    if matches!(filter, Word::Unknown(_)) {
        found.bounded(format!(
            "`{}`: the filter is not known before it runs",
            filter.text()
        ));
    }
    loaded(filter, call, found);
    takes_in(filter, found);
    if reads_environment(filter.text()) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(
                Verb::Read,
                object(&call.setting.place, "environment", filter.text()),
            )
        });
    }
}

/// `import "x" as $x {search: "/etc"};`: the filter goes on in files that nobody names on the line.
fn takes_in(filter: &Word, found: &mut Found) {
    let mut parts = filter.text().split(';').map(str::trim_start);
    let takes = |part: &str| {
        ["import", "include"].iter().any(|start| {
            let rest = part.strip_prefix(start).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with('"'))
        })
    };
    if parts.any(takes) {
        found.opaque(format!("`{}` goes on in other files", filter.text()));
    }
}

/// `load("file")` and its kin in the filters of yq: what stands in the file is printed with the rest.
fn loaded(filter: &Word, call: &Call<'_>, found: &mut Found) {
    for rest in filter.text().split("load").skip(1) {
        let kind =
            rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        let Some(inside) = kind.trim_start().strip_prefix('(') else {
            continue;
        };
        let quoted = inside
            .trim_start()
            .strip_prefix('"')
            .and_then(|text| text.split_once('"'));
        match quoted
            .filter(|(path, rest)| rest.trim_start().starts_with(')') && !path.contains('\\'))
        {
            Some((path, _)) => printed(&filter.with_text(path), &call.setting.place, found),
            None => found.opaque("which file the filter loads is not known"),
        }
    }
}

/// What yq puts in from the environment: `strenv(NAME)`, and `envsubst`, which takes any name from the text before it.
fn puts_in(filter: &str) -> bool {
    let named = |rest: &str| {
        let inside = rest.trim_start().strip_prefix('(').unwrap_or_default();
        let name = inside.split(')').next().unwrap_or_default().trim();
        name.is_empty() || pattern::is_secret_variable(name)
    };
    filter.contains("envsubst") || filter.split("strenv").skip(1).any(named)
}

/// Whether a filter reads the environment: `env`, `$ENV`; `.env` is a field, and `env.PATH` one plain variable.
fn reads_environment(filter: &str) -> bool {
    if puts_in(filter) {
        return true;
    }
    let mut from = 0;
    while let Some(place) = filter
        .get(from..)
        .and_then(|rest| rest.to_ascii_lowercase().find("env"))
    {
        let start = from + place;
        let before = filter.get(..start).and_then(|text| text.chars().last());
        let after = filter.get(start + 3..).unwrap_or_default();
        let word = filter.get(start..start + 3).unwrap_or_default();
        let field = |letter: char| {
            letter.is_alphanumeric() || matches!(letter, '.' | '_' | '"' | '-' | '/')
        };
        let alone = !after.chars().next().is_some_and(|letter| {
            letter.is_alphanumeric() || letter == '_' || letter == '"' || letter == ':'
        });
        let reads = match word {
            "ENV" => before == Some('$'),
            "env" => before.is_none_or(|letter| !field(letter) && letter != '$'),
            _ => false,
        };
        let named: String = after
            .trim_start_matches('.')
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        let one =
            after.starts_with('.') && !named.is_empty() && !pattern::is_secret_variable(&named);
        if reads && alone && !one {
            return true;
        }
        from = start + 3;
    }
    false
}

/// yq: prints, or writes the file in place.
pub(super) fn yq(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&YQ, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    from_stdin(call, found);
    if asks_for_help(&parsed) {
        return;
    }
    unknown(&parsed, call, found);
    for file in parsed.values(&["from-file", "split-exp-file"]) {
        printed(file, place, found);
    }
    for filter in parsed.values(&["expression"]) {
        filtered(filter, call, found);
    }
    let mut words = parsed.words.as_slice();
    let mut file_first = false;
    if let Some((first, rest)) = words.split_first()
        && first.known().is_some_and(|verb| {
            has_word(
                "eval e eval-all ea r read w write d delete m merge v validate p n new",
                verb,
            )
        })
    {
        // The verbs of version 3 name the file before the path in it.
        file_first = !first.text().starts_with('e');
        words = rest;
    }
    if parsed.has(&["s", "split-exp", "split-exp-file"]) {
        act(
            Does::Alter,
            object(place, "file", "the parts it is split into"),
            Reach::Unknown,
            found,
        );
    }
    let writes = parsed.has(&["i", "inplace", "in-place"]);
    for (number, word) in words.iter().enumerate() {
        if number == 0
            && !file_first
            && !parsed.has(&["expression", "from-file"])
            && (words.len() > 1
                || parsed.has(&["n", "null-input"])
                || ["load", "env(", "envsubst"]
                    .iter()
                    .any(|part| word.text().contains(part)))
        {
            filtered(word, call, found);
        } else if writes {
            written(word, Write::Replace, place, found);
        } else {
            printed(word, place, found);
        }
    }
}

fn unknown(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    if !parsed.unknown.is_empty() {
        act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
}
