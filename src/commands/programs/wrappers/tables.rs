//! The flags of the wrappers, from their manuals: those that take the next word, those that take none, those whose value is glued to them.

use crate::commands::flags::{Style, Table};

/// Flags that stand before a command, as getopt(3) reads them with `+`.
const fn before(
    valued: &'static [&'static str],
    plain: &'static [&'static str],
    glued: &'static [&'static str],
) -> Table {
    Table {
        style: Style::Clusters,
        valued,
        plain,
        glued,
        until_word: true,
    }
}

/// Flags that stand anywhere among the words.
const fn among(
    valued: &'static [&'static str],
    plain: &'static [&'static str],
    glued: &'static [&'static str],
) -> Table {
    Table {
        until_word: false,
        ..before(valued, plain, glued)
    }
}

#[rustfmt::skip]
pub(super) const AT: Table = among(
    &["f", "q", "t"],
    &["V", "l", "r", "d", "m", "M", "v", "b", "c", "help"],
    &[],
);

#[rustfmt::skip]
pub(super) const AWK: Table = before(
    &[
        "F", "field-separator", "v", "assign", "f", "file", "e", "source", "E", "exec", "i", "include", "l", "load",
    ],
    &[
        "b", "characters-as-bytes", "c", "traditional", "C", "copyright", "g", "gen-pot", "h", "help", "k", "csv", "M", "bignum",
        "n", "non-decimal-data", "N", "use-lc-numeric", "O", "optimize", "P", "posix", "r", "re-interval", "s", "no-optimize", "S",
        "sandbox", "t", "lint-old", "V", "version", "I", "trace",
    ],
    &["L", "lint", "W"],
);

#[rustfmt::skip]
pub(super) const CHROOT: Table = before(
    &["userspec", "groups"],
    &["skip-chdir", "help", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const CHRT: Table = before(
    &["T", "sched-runtime", "P", "sched-period", "D", "sched-deadline"],
    &[
        "a", "all-tasks", "b", "batch", "d", "deadline", "e", "ext", "f", "fifo", "i", "idle", "m", "max", "o", "other", "p",
        "pid", "r", "rr", "R", "reset-on-fork", "v", "verbose", "h", "help", "V", "version",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const CRONTAB: Table = among(
    &["u"],
    &["l", "r", "e", "i", "s", "V", "T", "n"],
    &[],
);

#[rustfmt::skip]
pub(super) const DOAS: Table = before(
    &["u", "C", "a"],
    &["n", "s", "L"],
    &[],
);

#[rustfmt::skip]
pub(super) const ENV: Table = before(
    &["u", "unset", "C", "chdir", "S", "split-string", "a", "argv0"],
    &["i", "ignore-environment", "0", "null", "v", "debug", "list-signal-handling", "help", "version"],
    &["block-signal", "default-signal", "ignore-signal"],
);

#[rustfmt::skip]
pub(super) const FLOCK: Table = before(
    &["w", "wait", "timeout", "E", "conflict-exit-code"],
    &[
        "s", "shared", "x", "e", "exclusive", "u", "unlock", "n", "nb", "nonblock", "F", "no-fork", "o", "close", "fcntl",
        "verbose", "h", "help", "V", "version",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const IONICE: Table = before(
    &["c", "class", "n", "classdata", "p", "pid", "P", "pgid", "u", "uid"],
    &["t", "ignore", "h", "help", "V", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const LTRACE: Table = before(
    &[
        "a", "A", "align", "D", "debug", "e", "F", "config", "l", "library", "n", "indent", "o", "output", "p", "s", "u", "w",
        "where", "x",
    ],
    &["b", "no-signals", "c", "C", "demangle", "f", "h", "help", "i", "L", "r", "S", "t", "T", "V", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const NICE: Table = before(
    &["n", "adjustment"],
    &["help", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const NOHUP: Table = before(
    &[],
    &["help", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const NSENTER: Table = before(
    &["t", "target", "S", "setuid", "G", "setgid", "N", "net-socket", "W", "wdns"],
    &[
        "a", "all", "F", "no-fork", "e", "env", "Z", "follow-context", "c", "join-cgroup", "user-parent", "preserve-credentials",
        "h", "help", "V", "version",
    ],
    &[
        "m", "mount", "u", "uts", "i", "ipc", "n", "net", "p", "pid", "C", "cgroup", "U", "user", "T", "time", "r", "root", "w",
        "wd",
    ],
);

#[rustfmt::skip]
pub(super) const NUMACTL: Table = before(
    &[
        "i", "interleave", "N", "cpunodebind", "m", "membind", "C", "physcpubind", "P", "preferred-many", "p", "preferred", "w",
        "weighted-interleave",
    ],
    &["a", "all", "b", "balancing", "l", "localalloc", "s", "show", "H", "hardware"],
    &[],
);

#[rustfmt::skip]
pub(super) const PARALLEL: Table = before(
    &[
        "j", "jobs", "P", "max-procs", "a", "arg-file", "n", "N", "max-args", "max-replace-args", "L", "I", "d", "delimiter",
        "delay", "timeout", "joblog", "results", "C", "colsep", "retries", "halt", "nice", "load", "memfree", "tmpdir",
        "tagstring", "S", "sshlogin", "wd", "workdir", "block", "recstart", "recend", "s", "max-chars", "E", "termseq", "W",
    ],
    &[
        "k", "keep-order", "v", "verbose", "t", "0", "null", "r", "no-run-if-empty", "u", "ungroup", "line-buffer", "lb", "bar",
        "eta", "progress", "dry-run", "dryrun", "tag", "X", "m", "xapply", "link", "will-cite", "no-notice", "q", "quote", "group",
        "plus", "pipe", "version", "help", "citation", "files", "shuf", "trim",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const PKEXEC: Table = before(
    &["user"],
    &["version", "disable-internal-agent", "help"],
    &[],
);

#[rustfmt::skip]
pub(super) const RUNUSER: Table = before(
    &["u", "user", "g", "group", "G", "supp-group", "w", "whitelist-environment"],
    &["m", "p", "preserve-environment", "f", "fast", "P", "pty", "T", "no-pty", "h", "help", "V", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const SCREEN: Table = before(
    &["c", "e", "h", "p", "s", "S", "t", "T", "Logfile"],
    &["a", "A", "d", "D", "f", "i", "l", "L", "m", "n", "O", "q", "Q", "R", "U", "w", "x", "r"],
    &[],
);

#[rustfmt::skip]
pub(super) const SCRIPT: Table = among(
    &[
        "c", "command", "E", "echo", "I", "log-in", "O", "log-out", "B", "log-io", "T", "log-timing", "m", "logging-format", "o",
        "output-limit",
    ],
    &["a", "append", "e", "return", "f", "flush", "force", "q", "quiet", "h", "help", "V", "version"],
    &["t", "timing"],
);

#[rustfmt::skip]
pub(super) const SED: Table = among(
    &["e", "expression", "f", "file", "l", "line-length"],
    &[
        "n", "quiet", "silent", "r", "E", "regexp-extended", "s", "separate", "u", "unbuffered", "z", "null-data", "posix",
        "debug", "follow-symlinks", "sandbox", "b", "binary", "help", "version",
    ],
    &["i", "in-place"],
);

#[rustfmt::skip]
pub(super) const SETARCH: Table = before(
    &[],
    &[
        "B", "32bit", "F", "fdpic-funcptrs", "I", "short-inode", "L", "addr-compat-layout", "R", "addr-no-randomize", "S",
        "whole-seconds", "T", "sticky-timeouts", "X", "read-implies-exec", "Z", "mmap-page-zero", "3", "3gb", "4gb", "uname-2.6",
        "v", "verbose", "show",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const SETPRIV: Table = before(
    &[
        "reuid", "regid", "ruid", "rgid", "euid", "egid", "groups", "inh-caps", "ambient-caps", "bounding-set", "securebits",
        "pdeathsig", "selinux-label", "apparmor-profile", "landlock-access", "landlock-rule", "seccomp-filter",
    ],
    &[
        "d", "dump", "list-caps", "nnp", "no-new-privs", "clear-groups", "keep-groups", "init-groups", "reset-env", "h", "help",
        "V", "version",
    ],
    &["ptracer"],
);

#[rustfmt::skip]
pub(super) const SETSID: Table = before(
    &[],
    &["c", "ctty", "f", "fork", "w", "wait", "h", "help", "V", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const SSH: Table = before(
    &[
        "B", "b", "c", "D", "E", "e", "F", "I", "i", "J", "L", "l", "m", "O", "o", "P", "p", "Q", "R", "S", "W", "w",
    ],
    &[
        "4", "6", "A", "a", "C", "f", "G", "g", "K", "k", "M", "N", "n", "q", "s", "T", "t", "V", "v", "X", "x", "Y", "y",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const SSHPASS: Table = before(
    &["f", "d", "p", "P"],
    &["h", "V", "v"],
    &["e"],
);

#[rustfmt::skip]
pub(super) const STDBUF: Table = before(
    &["i", "input", "o", "output", "e", "error"],
    &["help", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const STRACE: Table = before(
    &[
        "a", "b", "e", "E", "I", "o", "O", "p", "P", "s", "S", "u", "U", "X", "attach", "columns", "detach-on", "env",
        "interruptible", "output", "string-limit", "summary-columns", "summary-sort-by", "summary-syscall-overhead", "trace",
        "trace-path", "user",
    ],
    &[
        "A", "c", "C", "d", "D", "f", "F", "h", "i", "k", "n", "N", "q", "r", "t", "T", "v", "V", "w", "x", "y", "z", "Z",
        "follow-forks", "output-append-mode", "output-separately", "summary", "summary-only", "summary-wall-clock",
        "syscall-times", "decode-fds", "no-abbrev", "successful-only", "failed-only", "stack-traces", "instruction-pointer",
        "help", "version", "debug",
    ],
    &[
        "absolute-timestamps", "relative-timestamps", "quiet", "daemonize", "strings-in-hex", "kill-on-exit", "seccomp-bpf",
        "tips", "abbrev", "inject", "fault", "raw", "read", "write", "signal", "status", "verbose", "kvm",
    ],
);

#[rustfmt::skip]
pub(super) const SU: Table = among(
    &[
        "c", "command", "session-command", "g", "group", "G", "supp-group", "s", "shell", "w", "whitelist-environment",
    ],
    &[
        "l", "login", "m", "p", "preserve-environment", "f", "fast", "P", "pty", "T", "no-pty", "h", "help", "V", "version",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const SUDO: Table = before(
    &[
        "u", "user", "g", "group", "h", "host", "p", "prompt", "C", "close-from", "D", "chdir", "R", "chroot", "T",
        "command-timeout", "U", "other-user", "r", "role", "t", "type", "a", "auth-type", "c", "login-class",
    ],
    &[
        "A", "askpass", "b", "background", "B", "bell", "E", "H", "set-home", "i", "login", "k", "reset-timestamp", "K",
        "remove-timestamp", "l", "list", "n", "non-interactive", "N", "no-update", "P", "preserve-groups", "S", "stdin", "s",
        "shell", "V", "version", "v", "validate", "e", "edit", "help",
    ],
    &["preserve-env"],
);

#[rustfmt::skip]
pub(super) const SYSTEMD_RUN: Table = before(
    &[
        "unit", "u", "p", "property", "description", "slice", "E", "setenv", "service-type", "uid", "gid", "nice",
        "working-directory", "on-active", "on-boot", "on-startup", "on-unit-active", "on-unit-inactive", "on-calendar",
        "timer-property", "path-property", "socket-property", "M", "machine", "H", "host", "background", "job-mode",
    ],
    &[
        "user", "system", "scope", "r", "remain-after-exit", "send-sighup", "no-block", "wait", "P", "pipe", "t", "pty", "q",
        "quiet", "G", "collect", "S", "shell", "d", "same-dir", "no-ask-password", "slice-inherit", "on-clock-change",
        "on-timezone-change", "ignore-failure", "v", "verbose", "h", "help", "version",
    ],
    &["expand-environment"],
);

#[rustfmt::skip]
pub(super) const TASKSET: Table = before(
    &[],
    &["a", "all-tasks", "c", "cpu-list", "p", "pid", "h", "help", "V", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const TIME: Table = before(
    &["f", "format", "o", "output"],
    &["a", "append", "p", "portability", "q", "quiet", "v", "verbose", "V", "version", "help"],
    &[],
);

#[rustfmt::skip]
pub(super) const TIMEOUT: Table = before(
    &["k", "kill-after", "s", "signal"],
    &["f", "foreground", "p", "preserve-status", "v", "verbose", "help", "version"],
    &[],
);

#[rustfmt::skip]
pub(super) const TMUX_GLOBAL: Table = before(
    &["c", "f", "L", "S", "T"],
    &["2", "8", "C", "D", "l", "N", "q", "u", "U", "v", "V"],
    &[],
);

#[rustfmt::skip]
pub(super) const TMUX_VERB: Table = before(
    &["c", "e", "F", "n", "s", "t", "x", "y", "p", "l", "b", "I", "N", "S"],
    &[
        "a", "A", "d", "D", "E", "g", "G", "h", "H", "J", "k", "P", "q", "R", "v", "w", "X", "Z", "C", "M", "O", "o", "r", "T",
        "u",
    ],
    &[],
);

#[rustfmt::skip]
pub(super) const UNSHARE: Table = before(
    &[
        "S", "setuid", "G", "setgid", "R", "root", "w", "wd", "map-user", "map-group", "map-users", "map-groups", "propagation",
        "setgroups", "monotonic", "boottime", "owner",
    ],
    &[
        "f", "fork", "r", "map-root-user", "c", "map-current-user", "map-auto", "keep-caps", "forward-signals", "h", "help", "V",
        "version",
    ],
    &[
        "m", "mount", "u", "uts", "i", "ipc", "n", "net", "p", "pid", "C", "cgroup", "U", "user", "T", "time", "kill-child",
        "mount-proc", "mount-binfmt", "l", "load-interp",
    ],
);

#[rustfmt::skip]
pub(super) const WATCH: Table = before(
    &["n", "interval", "q", "equexit", "s", "shotsdir"],
    &[
        "b", "beep", "c", "color", "C", "no-color", "e", "errexit", "f", "follow", "g", "chgexit", "p", "precise", "r", "no-rerun",
        "t", "no-title", "w", "no-wrap", "x", "exec", "h", "help", "v", "version",
    ],
    &["d", "differences"],
);

#[rustfmt::skip]
pub(super) const XARGS: Table = before(
    &[
        "a", "arg-file", "d", "delimiter", "E", "I", "n", "max-args", "L", "max-lines", "P", "max-procs", "s", "max-chars",
        "process-slot-var",
    ],
    &[
        "0", "null", "o", "open-tty", "p", "interactive", "r", "no-run-if-empty", "t", "verbose", "x", "exit", "show-limits",
        "help", "version",
    ],
    &["e", "eof", "i", "replace", "l"],
);

#[rustfmt::skip]
pub(super) const BARE: Table = before(&[], &["help", "version"], &[]);

#[rustfmt::skip]
pub(super) const CGEXEC: Table = before(&["g"], &["sticky", "h", "help"], &[]);

#[rustfmt::skip]
pub(super) const CPULIMIT: Table = before(&["l", "limit", "p", "pid", "e", "exe", "P", "path"], &["b", "background", "f", "foreground", "i", "include-children", "q", "quiet", "k", "kill", "m", "monitor-forks", "z", "lazy", "v", "verbose", "h", "help"], &[]);

#[rustfmt::skip]
pub(super) const PERF_STAT: Table = before(
    &["e", "event", "filter", "p", "pid", "t", "tid", "r", "repeat", "C", "cpu", "x", "field-separator", "o", "output", "log-fd", "I", "interval-print", "D", "delay", "M", "metrics", "timeout", "F", "freq", "c", "count", "m", "call-graph"],
    &["a", "all-cpus", "A", "no-aggr", "d", "detailed", "n", "null", "v", "verbose", "S", "sync", "per-core", "per-socket", "per-thread", "B", "big-num", "append", "i", "no-inherit", "no-big-num", "g", "s", "q", "N", "R", "T", "j"],
    &[],
);

#[rustfmt::skip]
pub(super) const PRLIMIT: Table = before(
    &["p", "pid", "o", "output"],
    &["noheadings", "raw", "verbose", "h", "help", "V", "version"],
    &["c", "core", "d", "data", "e", "nice", "f", "fsize", "i", "sigpending", "l", "memlock", "m", "rss", "n", "nofile", "q", "msgqueue", "r", "rtprio", "s", "stack", "t", "cpu", "u", "nproc", "v", "as", "x", "locks", "y", "rttime"],
);

#[rustfmt::skip]
pub(super) const SYSTEMD_CAT: Table = before(&["t", "identifier", "p", "priority", "stderr-priority", "level-prefix", "namespace"], &["h", "help", "version"], &[]);

#[rustfmt::skip]
pub(super) const SYSTEMD_INHIBIT: Table = before(&["what", "who", "why", "mode"], &["list", "no-pager", "no-legend", "no-ask-password", "h", "help", "version"], &[]);

#[rustfmt::skip]
pub(super) const SSH_AGENT: Table = before(
    &["a", "E", "O", "P", "t"],
    &["c", "D", "d", "k", "s", "T", "u", "U"],
    &[],
);

#[rustfmt::skip]
pub(super) const GPG_AGENT: Table = before(
    &[
        "options", "homedir", "log-file", "debug-level", "debug", "default-cache-ttl", "default-cache-ttl-ssh", "max-cache-ttl",
        "max-cache-ttl-ssh", "pinentry-program", "pinentry-timeout", "scdaemon-program", "faked-system-time", "ssh-fingerprint-digest",
        "display", "ttyname", "ttytype", "lc-ctype", "lc-messages", "extra-socket", "browser-socket",
    ],
    &[
        "daemon", "server", "supervised", "v", "verbose", "q", "quiet", "s", "sh", "c", "csh", "no-detach", "no-grab", "grab",
        "batch", "enable-ssh-support", "enable-putty-support", "use-standard-socket", "no-use-standard-socket", "allow-preset-passphrase",
        "allow-loopback-pinentry", "no-allow-loopback-pinentry", "allow-emacs-pinentry", "ignore-cache-for-signing", "keep-tty",
        "keep-display", "disable-scdaemon", "h", "help", "version", "gpgconf-list", "gpgconf-test", "dump-options",
    ],
    &[],
);
