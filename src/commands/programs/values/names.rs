//! What the names of flags say.

/// Parts of names of flags that run or load something.
#[rustfmt::skip]
const RUNS: &[&str] = &[
    "cmd", "program", "load", "loader", "editor", "browser", "helper", "rsh", "shell", "interpreter", "lua", "python", "perl", "eval", "evaluate",
    "library", "lib", "require", "engine", "wrapper", "macro",
];

/// Parts of names of flags that may do so, or aim at something.
#[rustfmt::skip]
const SOUNDS: &[&str] = &[
    "filter", "run", "runtime", "working", "config", "conf", "cfg", "configuration", "rc", "rcfile", "settings", "defaults", "host", "server", "url", "uri", "endpoint",
    "proxy", "socket", "sock", "connect", "connection", "address", "remote", "context", "profile", "target", "key", "keyfile", "cert",
    "certificate", "ca", "cacert", "token", "password", "passphrase", "secret", "credential", "credentials", "identity", "login",
    "include", "import", "template", "expression", "extension", "ext", "driver", "provider", "callback", "handler", "transport", "tunnel", "jump", "via", "as",
];

/// Beginnings of such parts: `pluginpath`, `confdir`.
const RUN_STEMS: &[&str] = &[
    "plugin",
    "module",
    "script",
    "command",
    "exec",
    "hook",
    "pager",
    "askpass",
    "preload",
    "librar",
    "formatter",
    "deserializer",
];
const STEMS: &[&str] = &[
    "conf",
    "credential",
    "passw",
    "proxy",
    "socket",
    "endpoint",
    "builder",
    "rules",
    "init",
];

/// Parts of names of flags that write: a plain word after one is the name of a file, but for a form in which something is shown.
#[rustfmt::skip]
const WRITES: &[&str] = &[
    "output", "out", "outfile", "outdir", "log", "logfile", "logdir", "dump", "save", "export", "destination", "dest", "write", "record", "report",
];

/// Whether a flag's name says that it loads, runs or aims at something.
pub(super) fn sounds(flag: &str) -> bool {
    let stem = |part: &str| STEMS.iter().any(|stem| part.starts_with(stem));
    let meant = |part: &str| SOUNDS.contains(&part) || stem(part);
    runs(flag) || is_named(flag, &meant)
}

/// Whether it says that it runs or loads something.
pub(in crate::commands::programs) fn runs(flag: &str) -> bool {
    let stem = |part: &str| RUN_STEMS.iter().any(|stem| part.starts_with(stem));
    is_named(flag, &|part| RUNS.contains(&part) || stem(part))
}

/// Whether it says that the value is the name of a file that is written.
pub(super) fn writes(flag: &str) -> bool {
    parts(flag).any(|part| WRITES.contains(&&*part))
}

fn is_named(flag: &str, meant: &dyn Fn(&str) -> bool) -> bool {
    flag.len() > 1 && !flag.starts_with("no-") && parts(flag).any(|part| meant(&part))
}

/// The words of which the name of a flag is made.
pub(in crate::commands::programs) fn parts(flag: &str) -> impl Iterator<Item = String> {
    flag.split(['-', '_', '.', ':'])
        .map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::{runs, sounds, writes};

    #[test]
    fn names_that_load_run_or_aim_sound_so() {
        let all = |flags: &[&str], test: fn(&str) -> bool| flags.iter().all(|flag| test(flag));
        assert!(all(
            &["rsync-command", "pluginpath", "lua_path", "exec"],
            runs
        ));
        assert!(all(
            &["config", "ca-file", "ssh.key", "kubeconfig-server", "exec"],
            sounds
        ));
        assert!(all(&["log-file", "output", "dump-header"], writes));
        assert!(
            ![
                "since",
                "n",
                "max-count",
                "keyword",
                "no-plugins",
                "description"
            ]
            .iter()
            .any(|flag| sounds(flag))
        );
        assert!(!["ca-file", "context"].iter().any(|flag| runs(flag)));
    }
}
