//! A planned step as people read it: what it is told, as one line or as many. What would hide on a screen is made visible.

use crate::{
    domain::{
        name::ActionName,
        pinned::{FileOf, Pinned},
    },
    http::visible,
};
use serde_json::{Map, Value};

/// The arguments that say what is carried out, and so are read first.
const FIRST: [&str; 2] = ["argv", "script"];

/// The longest line that tells a whole step, in characters.
const LONGEST: usize = 300;

/// Every argument on a line of its own; a text of several lines is indented below its name.
pub(super) fn lines(arguments: &Value) -> Vec<String> {
    let Value::Object(map) = arguments else {
        return Vec::new();
    };
    ordered(map)
        .flat_map(|(name, value)| named(name, value))
        .map(|line| visible::unmistakable(&visible::output(&line)))
        .collect()
}

/// What was judged with the step, each on a line of its own: files by their content, objects of a cluster by their state.
pub(super) fn files(pinned: &Pinned) -> impl Iterator<Item = String> {
    let objects = pinned.objects.iter().map(|object| {
        let state = match &object.seen {
            Some(seen) => format!("generation {}, uid {}", seen.generation, seen.uid),
            None if object.absent => "not there yet".to_owned(),
            None => "could not be looked at".to_owned(),
        };
        visible::line(&format!("{object}: {state}"))
    });
    let files = pinned.files.iter().map(|file| {
        let of = match file.of {
            FileOf::Host => "of the host",
            FileOf::Repository => "of the repository",
        };
        visible::unmistakable(&visible::line(&format!(
            "file {} {of}: sha256 {}",
            file.path, file.sha256
        )))
    });
    objects.chain(files)
}

fn ordered(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let is_first = |name: &str| FIRST.contains(&name);
    let first = map.iter().filter(move |(name, _)| is_first(name));
    first.chain(map.iter().filter(move |(name, _)| !is_first(name)))
}

/// Where values among the arguments were taken from: every text of the runbook that holds an expression, with its place.
pub(super) fn sources(written: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(written, "", &mut found);
    found
}

fn collect(written: &Value, place: &str, found: &mut Vec<String>) {
    let below = |key: &str| match place {
        "" => key.to_owned(),
        place => format!("{place}.{key}"),
    };
    match written {
        Value::String(text) if text.contains("${{") => {
            let of = |line: &str| visible::line(&format!("{place}: {}", line.trim()));
            found.extend(text.split('\n').filter(|line| line.contains("${{")).map(of));
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                collect(item, &below(&number.to_string()), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                collect(item, &below(key), found);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn named(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.contains('\n') => std::iter::once(format!("{name}: |"))
            .chain(split(text).map(|line| format!("  {line}")))
            .collect(),
        other => vec![format!("{name}: {}", plain(other))],
    }
}

/// Lines, where a carriage return is no part of their end: it is a character that hides others.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

/// All of it on one line, cut with a mark where it is long: a command as somebody would type it, a script with its lines behind each
/// other, anything else by its arguments.
pub(super) fn brief(uses: &ActionName, arguments: &Value) -> String {
    let Value::Object(map) = arguments else {
        return uses.to_string();
    };
    let text = match (map.get("argv"), map.get("script")) {
        (Some(Value::Array(words)), _) => typed(words),
        (_, Some(Value::String(script))) => joined(script),
        (_, _) => std::iter::once(uses.to_string())
            .chain(
                map.iter()
                    .map(|(name, value)| format!("{name}={}", plain(value))),
            )
            .collect::<Vec<_>>()
            .join(" "),
    };
    visible::shortened(&visible::unmistakable(&visible::line(&text)), LONGEST)
}

fn typed(words: &[Value]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(&plain(word))).collect();
    words.join(" ")
}

/// A word in quotes where a shell would need them, so that one word looks like one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Every line that is not empty, so that none hides behind the first.
fn joined(script: &str) -> String {
    let lines = split(script).map(|line| line.trim_matches([' ', '\t']));
    let said: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    said.join(" ⏎ ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{brief, lines};
    use crate::domain::name::ActionName;
    use serde_json::{Value, json};

    fn of(uses: &str, arguments: &Value) -> (String, Vec<String>) {
        let uses = ActionName::new(uses).unwrap();
        (brief(&uses, arguments), lines(arguments))
    }

    #[test]
    fn a_command_is_read_as_it_would_be_typed() {
        let (brief, lines) = of(
            "command",
            &json!({"grace": "10s", "argv": ["rm", "-f", "a file", "it's", "x\u{1b}[2K", ""]}),
        );
        assert_eq!(brief, r"rm -f 'a file' 'it'\''s' 'x\u{1b}[2K' ''");
        assert_eq!(
            lines,
            [
                r#"argv: ["rm","-f","a file","it's","x\u001b[2K",""]"#,
                "grace: 10s"
            ]
        );
    }

    #[test]
    fn a_script_is_read_whole_and_no_line_hides_behind_the_first() {
        let script = "# why\n\nset -u\nrm -rf \"$DIR\"\u{202e}\n";
        let (brief, lines) = of("command", &json!({"env": {"DIR": "/x"}, "script": script}));
        assert_eq!(brief, "# why ⏎ set -u ⏎ rm -rf \"$DIR\"\\u{202e}");
        assert_eq!(
            lines,
            [
                "script: |",
                "  # why",
                "  ",
                "  set -u",
                "  rm -rf \"$DIR\"\\u{202e}",
                r#"env: {"DIR":"/x"}"#
            ]
        );
    }

    #[test]
    fn any_other_step_is_named_by_its_arguments() {
        let (brief, lines) = of(
            "kubernetes/scale",
            &json!({"deployment": "web", "replicas": 0}),
        );
        assert_eq!(brief, "kubernetes/scale deployment=web replicas=0");
        assert_eq!(lines, ["deployment: web", "replicas: 0"]);
        assert_eq!(
            of("approval", &Value::Null),
            ("approval".to_owned(), vec![])
        );
    }
}
