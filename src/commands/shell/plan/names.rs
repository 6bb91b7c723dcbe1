//! Names that mean something to a shell itself, and programs whose words may be patterns.

/// Builtins that are carried out by a shell alone, because they change it, or because no program of the name is everywhere.
#[rustfmt::skip]
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "command", "compgen", "complete", "compopt", "continue",
    "coproc", "declare", "dirs", "disown", "enable", "eval", "exec", "exit", "export", "fc", "fg", "getopts", "hash", "help",
    "history", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "return", "set",
    "shift", "shopt", "source", "suspend", "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset",
    "wait",
];

/// Names that a shell knows before it looks for a program, though a program of the name is everywhere.
#[rustfmt::skip]
const TWICE: &[&str] = &[
    "!", "[", "[[", "case", "do", "done", "echo", "elif", "else", "esac", "false", "fi", "for", "function", "if", "in", "kill",
    "printf", "pwd", "select", "test", "then", "true", "until", "while", "{", "}",
];

/// Variables that a shell computes, changes or obeys itself.
#[rustfmt::skip]
const OWN: &[&str] = &[
    "CDPATH", "COLUMNS", "DIRSTACK", "ENV", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "EXECIGNORE", "FCEDIT", "FIGNORE", "FUNCNAME",
    "FUNCNEST", "GLOBIGNORE", "GLOBSORT", "GROUPS", "HISTCMD", "HOSTFILE", "HOSTNAME", "HOSTTYPE", "IFS", "IGNOREEOF", "INPUTRC",
    "INSIDE_EMACS", "LINENO", "LINES", "MACHTYPE", "MAILCHECK", "MAPFILE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND", "OSTYPE",
    "PIPESTATUS", "POSIXLY_CORRECT", "PPID", "PROMPT_COMMAND", "PROMPT_DIRTRIM", "PS0", "PS1", "PS2", "PS3", "PS4", "RANDOM",
    "REPLY", "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "SRANDOM", "TERM", "TIMEFORMAT", "TMOUT", "TMPDIR", "UID", "_",
];

/// Programs that only read the files that their words name, however many there are, whatever they are called.
#[rustfmt::skip]
const READERS: &[&str] = &[
    "b2sum", "base32", "base64", "bzcat", "cat", "cksum", "cmp", "column", "comm", "cut", "df", "diff", "du", "echo", "egrep",
    "fgrep", "file", "getfacl", "getfattr", "grep", "head", "hexdump", "ls", "lsattr", "md5sum", "nl", "od", "paste", "readlink",
    "realpath", "rg", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "sort", "stat", "strings", "sum",
    "tac", "tail", "wc", "xzcat", "zcat", "zegrep", "zfgrep", "zgrep", "zstdcat",
];

/// Programs whose first word is a script of their own language, and whose other words name files to read; and their flags that take
/// no value.
const SCRIPTED: &[(&str, &[&str])] = &[
    ("awk", &[]),
    ("gawk", &[]),
    (
        "jq",
        &["-r", "-c", "-e", "-s", "-S", "-M", "-C", "-j", "-a"],
    ),
    ("mawk", &[]),
    ("sed", &["-n", "-E", "-r", "-s", "-z", "-u"]),
];

/// Programs whose words name things elsewhere, and never several files of this host.
#[rustfmt::skip]
const DISTANT: &[&str] = &["aws", "az", "curl", "gcloud", "gh", "helm", "http", "https", "kubectl", "oc", "wget"];

pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

/// Whether only a program can be meant by this name.
pub(super) fn is_program(name: &str) -> bool {
    !name.contains('/') && !is_builtin(name) && TWICE.binary_search(&name).is_err()
}

/// Whether a variable of this name holds what somebody gave it, and nothing else.
pub(super) fn is_plain_variable(name: &str) -> bool {
    let shells = ["BASH", "COMP_", "COPROC", "HIST", "READLINE_"];
    OWN.binary_search(&name).is_err() && !shells.iter().any(|start| name.starts_with(start))
}

/// Whether a text may give a variable of this name a value without anything else coming of it.
pub(super) fn is_assignable(name: &str) -> bool {
    is_plain_variable(name) && !matches!(name, "PATH" | "HOME" | "PWD")
}

/// Whether the words that follow these may be patterns for names of files.
pub(super) fn reads_files(before: &[String]) -> bool {
    let Some((program, arguments)) = before.split_first() else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if READERS.binary_search(&name).is_ok() {
        return true;
    }
    let flags = SCRIPTED.iter().find(|(scripted, _)| *scripted == name);
    flags.is_some_and(|(_, flags)| {
        let mut rest = arguments.iter().skip_while(|word| {
            flags.contains(&word.as_str()) || word.starts_with("-F") && word.len() > 2
        });
        rest.next()
            .is_some_and(|script| !script.is_empty() && !script.starts_with('-'))
    })
}

/// Whether the words of this program name no files of this host.
pub(super) fn is_distant(program: &str) -> bool {
    DISTANT
        .binary_search(&program.rsplit('/').next().unwrap_or(program))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::{BUILTINS, DISTANT, OWN, READERS, TWICE, reads_files};
    use crate::{
        commands::{NoFiles, of_argv},
        domain::effect::Class,
    };

    #[test]
    fn the_tables_are_sorted() {
        for table in [BUILTINS, DISTANT, OWN, READERS, TWICE] {
            assert!(table.is_sorted(), "{table:?}");
        }
    }

    /// Names that somebody could give a file, so that it does something where a pattern matches it.
    const HOSTILE: &[&str] = &[
        "delete",
        "x;reboot",
        "BEGIN{system(\"reboot\")}",
        "1e reboot",
        "w /etc/passwd",
        "of=x",
        "+x",
        "@x",
        "exec",
        "env",
        "http:",
        "A=1",
        "{}",
        ";",
        "(",
        "!",
        "=",
        ",",
        "]",
        "$(reboot)",
        "`reboot`",
        "x y",
        "*",
        "|reboot",
        "\n",
        "é",
    ];

    #[test]
    fn no_name_of_a_file_makes_a_reader_do_more_than_read() {
        let mut wrong = Vec::new();
        for program in READERS {
            for first in HOSTILE {
                for words in [
                    vec![*first],
                    vec!["x", first],
                    vec![*first, "x"],
                    vec!["x", first, "x"],
                    vec!["x", "x", first],
                ] {
                    let mut argv = vec![(*program).to_owned()];
                    argv.extend(words.iter().map(|word| (*word).to_owned()));
                    let effects = of_argv(&argv, &NoFiles).effects;
                    if effects.class() != Class::Read {
                        wrong.push(argv);
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn a_pattern_is_no_script() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for fine in [
            "awk {print}",
            "awk -F: {print}",
            "sed -n 5p",
            "jq -r .a",
            "grep",
            "/bin/cat",
        ] {
            assert!(reads_files(&words(fine)), "{fine}");
        }
        for script in [
            "awk",
            "awk -F",
            "awk -F ,",
            "sed",
            "sed -n",
            "sed -e",
            "sed -i s/a/b/",
            "jq --arg a",
            "find",
            "uniq",
            "xxd",
            "sh",
        ] {
            assert!(!reads_files(&words(script)), "{script}");
        }
    }
}
