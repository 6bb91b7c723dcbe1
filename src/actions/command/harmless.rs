//! Programs that only look, with the arguments with which they only look.
//!
//! The list is short on purpose: what prints files (`cat`) may disclose secrets, what takes a path of a device or a pattern may do more
//! than it seems. Everything that is not here is opaque. Arguments are matched whole, never by what they lack.

use crate::actions::command::{inputs::Inputs, words::Word};

/// Where the programs of this list live, when they are named by their path.
const FOLDERS: [&str; 2] = ["/usr/bin/", "/bin/"];

/// The name of the program, if it only looks.
pub(super) fn name(inputs: &Inputs) -> Option<String> {
    let mut words = inputs.argv.as_ref()?.iter().map(Word::to_string);
    let program = words.next()?;
    let name = FOLDERS
        .iter()
        .find_map(|folder| program.strip_prefix(folder))
        .unwrap_or(&program);
    let is_plain = inputs.stdin.is_none()
        && inputs
            .env
            .iter()
            .all(|(name, value)| only_language(name, &value.to_string()));
    let words: Vec<_> = words.collect();
    (is_plain && only_looks(name, &words)).then(|| name.to_owned())
}

/// Most variables can make a program load code (`LD_PRELOAD`) or read a file; these, with such values, cannot.
fn only_language(name: &str, value: &str) -> bool {
    let is_language = name == "LANG" || name.starts_with("LC_");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
    is_language && value.chars().all(is_plain) || name == "TZ" && matches!(value, "UTC" | "UTC0")
}

fn only_looks(name: &str, words: &[String]) -> bool {
    let all = |known: fn(&str) -> bool| words.iter().all(|word| known(word));
    match name {
        "true" | "false" | "echo" | "printf" => true,
        "sleep" => !words.is_empty() && all(is_duration),
        "date" => all(is_date_word),
        "df" => all(|word| flags(word, "ahHiklmPT") || is_plain_path(word)),
        "free" => all(|word| flags(word, "bkmghlt")),
        "hostname" => all(|word| flags(word, "fs")),
        "id" => all(|word| flags(word, "ugGnr")),
        "nproc" => all(|word| word == "--all"),
        "uname" => all(|word| flags(word, "asnrvmpio")),
        "uptime" => all(|word| flags(word, "ps")),
        "whoami" => words.is_empty(),
        _ => false,
    }
}

/// `-h`, `-hT`
fn flags(word: &str, known: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|flags| !flags.is_empty() && flags.chars().all(|flag| known.contains(flag)))
}

/// `1.5s`
fn is_duration(word: &str) -> bool {
    let number = word.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or(word);
    number.starts_with(|c: char| c.is_ascii_digit())
        && number.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// `date` sets the clock with `-s`, and with a bare number.
fn is_date_word(word: &str) -> bool {
    matches!(word, "-u" | "--utc" | "-R" | "-I" | "-Iseconds" | "-Ins") || word.starts_with('+')
}

fn is_plain_path(word: &str) -> bool {
    word.starts_with('/') && !word.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::actions::command::inputs::Inputs;
    use serde_json::{Value, json};

    fn is_harmless(with: Value) -> bool {
        name(&serde_json::from_value::<Inputs>(with).unwrap()).is_some()
    }

    #[test]
    fn a_short_list_only_looks() {
        for argv in [
            json!(["true"]),
            json!(["/usr/bin/echo", "hello; rm -rf /", "$(x)"]),
            json!(["printf", "%s\n", "x"]),
            json!(["sleep", 5]),
            json!(["sleep", "1.5s"]),
            json!(["df", "-hT", "/", "/var/lib"]),
            json!(["date", "-u", "+%F"]),
            json!(["date"]),
            json!(["uname", "-a"]),
            json!(["hostname"]),
            json!(["id", "-un"]),
            json!(["/bin/nproc", "--all"]),
            json!(["whoami"]),
        ] {
            assert!(is_harmless(json!({ "argv": argv })), "{argv}");
        }
    }

    #[test]
    fn the_same_programs_can_do_more_with_other_arguments() {
        for argv in [
            json!(["date", "-s", "2020-01-01"]),
            json!(["date", "--set=2020-01-01"]),
            json!(["date", "010100002020"]),
            json!(["date", "-f", "/etc/shadow"]),
            json!(["hostname", "other"]),
            json!(["hostname", "-F", "/etc/shadow"]),
            json!(["df", "--sync"]),
            json!(["df", "/var/../x"]),
            json!(["sleep", "infinity"]),
            json!(["sleep"]),
            json!(["free", "-s", "1"]),
            json!(["uname", "-"]),
            json!(["whoami", "x"]),
        ] {
            assert!(!is_harmless(json!({ "argv": argv })), "{argv}");
        }
    }

    #[test]
    fn other_programs_and_other_places_are_not_on_the_list() {
        for argv in [
            json!(["cat", "/etc/hostname"]),
            json!(["sh", "-c", "true"]),
            json!(["env", "true"]),
            json!(["sudo", "true"]),
            json!(["/tmp/true"]),
            json!(["/usr/bin/../../tmp/true"]),
            json!(["/usr/bin//true"]),
            json!(["TRUE"]),
        ] {
            assert!(!is_harmless(json!({ "argv": argv })), "{argv}");
        }
    }

    #[test]
    fn an_environment_can_make_any_program_do_anything() {
        let with = |env: Value| json!({ "argv": ["echo"], "env": env });
        assert!(is_harmless(with(
            json!({ "LANG": "de_DE.UTF-8", "TZ": "UTC" })
        )));
        for env in [
            json!({ "LD_PRELOAD": "/tmp/x.so" }),
            json!({ "LANG": "/tmp/x" }),
            json!({ "TZ": ":/etc/shadow" }),
            json!({ "GCONV_PATH": "x" }),
        ] {
            assert!(!is_harmless(with(env.clone())), "{env}");
        }
        assert!(!is_harmless(json!({ "argv": ["echo"], "stdin": "x" })));
    }

    #[test]
    fn a_script_is_never_on_the_list() {
        assert!(!is_harmless(json!({ "script": "true" })));
    }
}
