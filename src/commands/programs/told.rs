//! Files that a program is told to read beside what it works on: lists of names, scripts, settings.
//!
//! A line of them that means nothing to the program is shown in its complaint (`nmap -iL /etc/shadow`), so that naming a file of secrets
//! there prints it, whatever else the program does. [`TABLE`] says which flags name such files. Of programs that only look, and that
//! nobody asked what they do with files, any word counts that names a file of secrets.

use super::{
    files::{
        paths::printed,
        secrets::{Sight, sight},
    },
    host::sheet::has_word,
};
use crate::commands::{
    found::Found,
    word::{Call, Stdin, Word},
};
use crate::domain::effect::{Class, Effect};
use std::{collections::BTreeMap, sync::LazyLock};

/// Names of programs | their flags. `*` is every program. A flag with `!` before it makes every word a file that is read so.
const TABLE: &str = include_str!("told.table");

/// Parts of names of flags whose value is a file that the program uses and does not show.
const USED: &str = "key cert ident pass pwd secret token cred auth netrc env-file private vault ssl tls pem keystore var-file";

/// Programs that show nothing of what stands in the files that their words name, or are asked by themselves what they show; some of
/// their short flags name keys.
const SILENT: &str = "date git ssh scp sftp autossh slogin ssh-add ssh-keygen ssh-copy-id ssh-keyscan test [ [[ echo printf cd pushd popd dirs ls \
    lsof fuser inotifywait inotifywatch chmod chown chgrp chattr touch mkdir rmdir rm unlink ln readlink install stat command type hash \
    which whereis fatrace auditctl ausearch restorecon chcon matchpathcon getcap setcap debsums rpm dpkg dpkg-query dpkg-divert apt-file \
    tripwire aide rkhunter semanage curl wget http https xh openssl exit return kill wait logger systemd-notify sleep true false : \
    basename dirname realpath locate mlocate plocate updatedb export unset declare local readonly typeset read set shift source .";

type Flags = BTreeMap<&'static str, Vec<&'static str>>;

static FLAGS: LazyLock<Flags> = LazyLock::new(|| {
    let mut flags = Flags::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let Some((programs, names)) = line.split_once('|') else {
            continue;
        };
        for program in programs.split_whitespace() {
            flags
                .entry(program)
                .or_default()
                .extend(names.split_whitespace());
        }
    }
    flags
});

/// Files whose names flags tell the program, whatever it does.
pub(super) fn lists(call: &Call<'_>, found: &mut Found) {
    let own = FLAGS.get(call.program).map_or(&[][..], Vec::as_slice);
    let any = FLAGS.get("*").map_or(&[][..], Vec::as_slice);
    let dashed = |place: usize, text: &str| {
        let old = place == 0 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        let old = old && matches!(call.program, "tar" | "gtar" | "bsdtar");
        if old {
            format!("-{text}")
        } else {
            text.to_owned()
        }
    };
    for (place, word) in call.arguments.iter().enumerate() {
        let text = &*dashed(place, word.text());
        if text == "--" {
            break;
        }
        for flag in own.iter().chain(any).filter(|_| text.starts_with('-')) {
            let (flag, all) = match flag.strip_prefix('!') {
                Some(flag) => (flag, true),
                None => (*flag, false),
            };
            let Some(rest) = given(flag, text) else {
                continue;
            };
            if all {
                call.arguments
                    .iter()
                    .for_each(|word| shown(word, call, found));
                stdin(call, found);
            } else {
                shown(&word.with_text(rest), call, found);
                // Several flags in one word take the next words in turn.
                let others = if text.starts_with("--") { 1 } else { 2 };
                let next = call.arguments.iter().skip(place + 1).take(others);
                next.for_each(|next| shown(next, call, found));
            }
        }
    }
}

/// What is glued to a flag, if it is given in this word: `-T`, `-Tx`, `-cT`, `--files-from=x`, `--files=x` cut short.
pub(super) fn given<'t>(flag: &str, text: &'t str) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix(flag) {
        return Some(rest.trim_start_matches('='));
    }
    if let Some(long) = text.strip_prefix("--") {
        let (name, rest) = long.split_once('=').unwrap_or((long, ""));
        let short_for = name.len() > 2 && flag.strip_prefix("--")?.starts_with(name);
        return short_for.then_some(rest);
    }
    let mut letters = flag.strip_prefix('-')?.chars();
    let letter = letters.next().filter(|letter| *letter != '-')?;
    if letters.next().is_some() {
        return None;
    }
    let place = text.find(letter)?;
    let cluster = text.get(1..place)?;
    let plain = cluster.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain
        .then(|| text.get(place + letter.len_utf8()..))
        .flatten()
}

/// Of a program that only looked: words that name files of secrets.
pub(super) fn words(call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    let looks = seen.iter().all(|effect| effect.class() == Class::Read);
    if !looks || has_word(SILENT, call.program) {
        return;
    }
    let mut before = "";
    for word in call.arguments {
        let text = word.text();
        let flag = match text.split_once('=') {
            Some((flag, _)) if flag.starts_with('-') => flag,
            _ => before,
        };
        let used = flag.starts_with('-') && USED.split(' ').any(|part| flag.contains(part));
        if !used && !text.contains(char::is_whitespace) {
            let value = text.split_once('=').map_or(text, |(_, value)| value);
            shown(&word.with_text(value), call, found);
        }
        before = text;
    }
    stdin(call, found);
}

fn stdin(call: &Call<'_>, found: &mut Found) {
    if let Stdin::File(file) = call.stdin {
        shown(file, call, found);
    }
}

/// A file that may be shown counts only if it holds secrets: what else is read is the grammar's matter.
fn shown(word: &Word, call: &Call<'_>, found: &mut Found) {
    // `sshd -o Include=/etc/x`
    let setting = word.text().rsplit(['=', ' ']).next();
    let setting = setting.filter(|_| call.program == "sshd");
    let word = &setting.map_or_else(|| word.clone(), |value| word.with_text(value));
    let sight = sight(word);
    let meant = match word {
        Word::Known(text) | Word::Glob(text) => {
            sight >= Sight::Possible
                && is_path(text)
                && (call.program == "svn" || !text.contains("://"))
        }
        Word::Unknown(_) => sight == Sight::Secret,
    };
    if meant {
        printed(word, &call.setting.place, found);
    }
}

/// Whether a word names a file, and not something else that is called so: `token`, `db-password`.
fn is_path(text: &str) -> bool {
    !text.starts_with('-') && (text.contains(['/', '.']) || has_word("shadow gshadow", text))
}

#[cfg(test)]
mod tests {
    use super::given;

    #[test]
    fn a_flag_is_found_however_it_is_written() {
        assert_eq!(given("-T", "-T"), Some(""));
        assert_eq!(given("-T", "-T/x"), Some("/x"));
        assert_eq!(given("-T", "-cT"), Some(""));
        assert_eq!(given("--files-from", "--files-from=/x"), Some("/x"));
        assert_eq!(given("--files-from", "--files-f=/x"), Some("/x"));
        assert_eq!(given("-iL", "-iL"), Some(""));
        assert_eq!(given("-T", "-cf"), None);
        assert_eq!(given("-T", "-f/T"), None);
        assert_eq!(given("--files-from", "--format=x"), None);
    }
}
