//! redis-cli: a command of the server in its words, or on its standard input.

use crate::commands::{
    found::Found,
    programs::{
        files::pattern,
        manual::{Does, Form},
    },
    word::{Call, Stdin, Word},
};

/// Flags that make redis-cli look by itself.
const MODES: &str = "bigkeys memkeys keystats hotkeys scan stat latency latency-history latency-dist intrinsic-latency replica \
    slave rdb functions-rdb eval lru-test pipe cluster pattern";

/// Says what a call of redis-cli would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let mut form = program.form(call.arguments);
    let words = std::mem::take(&mut form.parsed.words);
    form.effects(call, found);
    if form.is_dry() {
        return;
    }
    if form.parsed.has(&["cluster"]) {
        return cluster(&words, call, found);
    }
    if form.parsed.has(&["pipe"]) {
        return form.effects_of(Does::Unknown, call, found);
    }
    if !words.is_empty() {
        return command(&words, call, found);
    }
    if !MODES
        .split_whitespace()
        .any(|mode| form.parsed.has(&[mode]))
    {
        stdin(&form, call, found);
    }
}

fn cluster(words: &[Word], call: &Call<'_>, found: &mut Found) {
    if let Some(program) = super::MANUAL.program("redis-cluster") {
        program.form(words).effects(call, found);
    }
}

/// Judges one command of the server. Its name is read in any case.
fn command(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program("redis-command") else {
        return;
    };
    // A number before the command repeats it.
    let repeated = words
        .first()
        .and_then(Word::known)
        .is_some_and(|word| word.parse::<u32>().is_ok());
    let words = words.get(usize::from(repeated)..).unwrap_or_default();
    let mut lowered = Vec::with_capacity(words.len() + 1);
    for (place, word) in words.iter().enumerate() {
        let text = word.text().to_ascii_lowercase();
        let named = place < 2
            || words
                .first()
                .is_some_and(|first| first.text().eq_ignore_ascii_case("config"));
        // `redis-cli "SET a b"` is one word to the server, and unknown to it; judged as if it were three.
        if place == 0 && text.contains(char::is_whitespace) {
            lowered.extend(
                text.split_whitespace()
                    .map(|part| Word::Known(part.to_owned())),
            );
        } else {
            lowered.push(if named && word.known().is_some() {
                word.with_text(&text)
            } else {
                word.clone()
            });
        }
    }
    let form = program.form(&lowered);
    form.effects(call, found);
    if form.is(&["config", "get"]) && form.parsed.words.iter().any(fits_password) {
        form.effects_of(Does::Secrets, call, found);
    }
    if form.path.is_empty() {
        form.effects_of(Does::Unknown, call, found);
    }
}

/// Whether a pattern of settings may fit one that is a password.
fn fits_password(word: &Word) -> bool {
    let passwords = [
        "requirepass",
        "masterauth",
        "primaryauth",
        "masteruser",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
        "user",
    ];
    // A bracket may say more there than in a shell: it is any letter.
    let mut pattern = String::new();
    let mut inside = false;
    for letter in word.text().to_ascii_lowercase().chars() {
        match letter {
            '[' if !inside => {
                inside = true;
                pattern.push('?');
            }
            ']' => inside = false,
            _ if inside || letter == '\\' => {}
            letter => pattern.push(letter),
        }
    }
    let open = inside || word.known().is_none() || word.text().contains("\\x");
    open || passwords.iter().any(|name| pattern::fits(&pattern, name))
}

/// Commands on the standard input, one a line.
fn stdin(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    match call.stdin {
        Stdin::Known(text) => {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let words: Vec<Word> = line
                    .split_whitespace()
                    .map(|word| Word::Known(word.trim_matches('"').to_owned()))
                    .collect();
                command(&words, call, found);
            }
        }
        Stdin::Nothing | Stdin::File(_) => form.effects_of(Does::Code, call, found),
        Stdin::Piped | Stdin::Downloaded => form.effects_of(Does::Unknown, call, found),
    }
}
