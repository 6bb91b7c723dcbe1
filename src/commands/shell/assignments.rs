//! Variables that programs obey: what setting them does.

use super::state::Value;
use super::walk::Walker;
use crate::commands::What;
use crate::commands::found::{Found, object};
use crate::commands::word::{Setting, Stdin, Word};
use crate::domain::effect::{Effect, Verb};

/// What programs make of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing that matters: language, time zone, colours, versions of interfaces, passwords and hosts of clients.
    Harmless,
    /// A command line that programs run.
    Command,
    /// What is shown before each command, with the commands in it run first.
    Prompt,
    /// Where programs are looked for.
    Path,
    /// Code that is loaded into programs.
    Code,
    /// Which cluster, account or machine is meant, or as whom.
    Target,
    /// Nobody described it.
    Unknown,
}

#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "ANSIBLE_FORCE_COLOR", "ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_NOCOWS", "ANSIBLE_STDOUT_CALLBACK", "APP_ENV",
    "APT_LISTCHANGES_FRONTEND", "AWS_CA_BUNDLE", "AWS_DEFAULT_OUTPUT", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED",
    "AWS_MAX_ATTEMPTS", "AWS_PAGER", "AWS_REGION", "AWS_SDK_LOAD_CONFIG", "BLOCKSIZE", "BLOCK_SIZE", "BORG_PASSPHRASE",
    "BORG_REPO", "CHECKPOINT_DISABLE", "CI", "CLICKHOUSE_PASSWORD", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS",
    "COMPOSE_HTTP_TIMEOUT", "COMPOSE_PROJECT_NAME", "CONSUL_CACERT", "CONTAINER_RUNTIME_ENDPOINT", "CURL_CA_BUNDLE",
    "DBUS_SESSION_BUS_ADDRESS", "DEBCONF_NONINTERACTIVE_SEEN", "DEBIAN_FRONTEND", "DEBUG", "DISPLAY", "DOCKER_BUILDKIT",
    "DOCKER_CLI_HINTS", "ENVIRONMENT", "ETCDCTL_API", "ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_COMMAND_TIMEOUT",
    "ETCDCTL_DIAL_TIMEOUT", "ETCDCTL_ENDPOINTS", "ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "ETCDCTL_INSECURE_TRANSPORT",
    "ETCDCTL_KEEPALIVE_TIME", "ETCDCTL_KEY", "ETCDCTL_USER", "ETCDCTL_WRITE_OUT", "EXA_COLORS", "FORCE_COLOR",
    "GIT_TERMINAL_PROMPT", "GODEBUG", "GREP_COLOR", "GREP_COLORS", "HELM_DEBUG", "HISTCONTROL", "HISTFILESIZE", "HISTSIZE",
    "HISTTIMEFORMAT", "IFS", "IMAGE_SERVICE_ENDPOINT", "INFLUX_HOST", "JQ_COLORS", "KUBECTL_COMMAND_HEADERS", "KUBE_PS1_ENABLED",
    "LANG", "LANGUAGE", "LESS", "LESSCHARSET", "LESSSECURE", "LINES", "LOGLEVEL", "LOG_LEVEL", "LS_COLORS", "MANWIDTH",
    "MYSQL_HOST", "MYSQL_PWD", "MYSQL_TCP_PORT", "NCURSES_NO_UTF8_ACS", "NEEDRESTART_MODE", "NLSPATH", "NODE_ENV", "NOMAD_CACERT",
    "NO_AT_BRIDGE", "NO_COLOR", "NO_PROXY", "OLDPWD", "PERL_BADLANG", "PGAPPNAME", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT",
    "PGDATABASE", "PGHOST", "PGPASSFILE", "PGPASSWORD", "PGPORT", "PGSSLMODE", "PGTZ", "PGUSER", "PIP_DISABLE_PIP_VERSION_CHECK",
    "POSIXLY_CORRECT", "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "RACK_ENV", "RAILS_ENV",
    "REDISCLI_AUTH", "REQUESTS_CA_BUNDLE", "RESTIC_PASSWORD", "RSYNC_PASSWORD", "RESTIC_PASSWORD_FILE", "RESTIC_REPOSITORY", "RUST_BACKTRACE",
    "RUST_LOG", "SHLVL", "SSH_AUTH_SOCK", "SSL_CERT_DIR", "SSL_CERT_FILE", "STERN_COLOR", "SYSTEMD_COLORS", "SYSTEMD_LESS",
    "SYSTEMD_LOG_LEVEL", "SYSTEMD_URLIFY", "TEMP", "TERM", "TF_CLI_ARGS_plan", "TF_INPUT", "TF_IN_AUTOMATION", "TF_LOG",
    "TIMEFORMAT", "TIME_STYLE", "TMOUT", "TMPDIR", "TZ", "UCF_FORCE_CONFFOLD", "USE_GKE_GCLOUD_AUTH_PLUGIN", "VAULT_ADDR",
    "VAULT_CACERT", "VAULT_CLIENT_TIMEOUT", "VAULT_FORMAT", "VAULT_NAMESPACE", "VAULT_SKIP_VERIFY", "VERBOSE", "WATCH_INTERVAL",
    "XDG_RUNTIME_DIR", "no_proxy",
];

#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "BAT_PAGER", "BORG_RSH", "BROWSER", "DIFFPROG", "EDITOR", "FCEDIT", "GH_EDITOR", "GH_PAGER", "GIT_ASKPASS", "GIT_EDITOR", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND", "KUBECTL_EXTERNAL_DIFF", "KUBE_EDITOR", "LESSCLOSE", "LESSOPEN",
    "MANPAGER", "PAGER", "PROMPT_COMMAND", "PSQL_EDITOR", "PSQL_PAGER", "RSYNC_RSH", "SSH_ASKPASS", "SUDO_ASKPASS", "SUDO_EDITOR",
    "SVN_SSH", "SYSTEMD_EDITOR", "SYSTEMD_PAGER", "VISUAL",
];

#[rustfmt::skip]
const CODE: &[&str] = &[
    "APT_CONFIG", "BASHOPTS", "BASH_ALIASES", "BASH_CMDS", "BASH_ENV", "BASH_LOADABLES_PATH", "BAT_CONFIG_PATH", "BAT_OPTS",
    "BZIP", "BZIP2", "CLASSPATH", "CMAKE_TOOLCHAIN_FILE", "CURL_HOME", "DELTA_PAGER", "DOTNET_STARTUP_HOOKS", "ENV", "EXINIT",
    "FZF_DEFAULT_COMMAND", "FZF_DEFAULT_OPTS", "GCONV_PATH", "GEM_HOME", "GEM_PATH", "GNUMAKEFLAGS", "GOFLAGS", "GRADLE_OPTS",
    "GZIP", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "HELM_REPOSITORY_CONFIG", "INPUTRC", "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JQ_LIBRARY_PATH", "KREW_ROOT", "KUBECTL_PLUGINS_PATH", "LESSKEY", "LESSKEYIN",
    "LESSKEY_SYSTEM", "LOCPATH", "LUA_CPATH", "LUA_INIT", "LUA_PATH", "MAKEFILES", "MAKEFLAGS", "MALLOC_CHECK_", "MAVEN_OPTS",
    "MFLAGS", "MYSQL_HOME", "MYVIMRC", "NANORC", "NODE_OPTIONS", "NODE_PATH", "OPENSSL_CONF", "OPENSSL_ENGINES",
    "OPENSSL_MODULES", "PACKER_CONFIG", "PERL5DB", "PERL5LIB", "PERL5OPT", "PERLLIB", "PGOPTIONS", "PGSERVICEFILE",
    "PGSYSCONFDIR", "PHPRC", "PHP_INI_SCAN_DIR", "PIP_CONFIG_FILE", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PSQLRC",
    "PYTHONBREAKPOINT", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONWARNINGS", "RIPGREP_CONFIG_PATH",
    "RPM_CONFIGDIR", "RUBYLIB", "RUBYOPT", "RUSTC_WRAPPER", "R_ENVIRON", "R_PROFILE", "SCREENRC", "SHELLOPTS", "SSLKEYLOGFILE",
    "SYSTEM_WGETRC", "TAR_OPTIONS", "TCLLIBPATH", "TERMINFO", "TF_CLI_ARGS", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "UNZIP",
    "UNZIPOPT", "VIMINIT", "WGETRC", "XZ_DEFAULTS", "XZ_OPT", "ZDOTDIR", "ZIPINFO", "ZIPOPT", "_JAVA_OPTIONS",
];

#[rustfmt::skip]
const TARGETS: &[&str] = &[
    "ARGOCD_AUTH_TOKEN", "ARGOCD_SERVER", "ARM_CLIENT_ID", "ARM_SUBSCRIPTION_ID", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CONFIG_DIR", "CLOUDSDK_CONFIG", "CLOUDSDK_CORE_ACCOUNT", "CLOUDSDK_CORE_PROJECT",
    "CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONTAINER_HOST", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT",
    "DOCKER_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "HELM_KUBEAPISERVER", "HELM_KUBEASGROUPS",
    "HELM_KUBEASUSER", "HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_NAMESPACE", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "KUBECONFIG",
    "NOMAD_ADDR", "NOMAD_TOKEN", "TALOSCONFIG", "TF_WORKSPACE", "VAULT_TOKEN", "XDG_CONFIG_HOME", "http_proxy", "https_proxy",
];

/// Folders of programs, besides those in the home folder.
const FOLDERS: &[&str] = &[
    "/bin",
    "/sbin",
    "/usr",
    "/opt",
    "/snap",
    "/nix",
    "/home/linuxbrew",
];

/// Editors and pagers that only show and edit.
#[rustfmt::skip]
const TAME: &[&str] = &[
    "", "cat", "less", "more", "most", "bat", "nano", "vi", "vim", "nvim", "emacs", "code", "true", "less -R", "less -FRX",
    "code --wait",
];

fn meaning(name: &str) -> Meaning {
    let listed = |list: &[&str]| list.contains(&name);
    if name == "PATH" {
        Meaning::Path
    } else if name.starts_with("LC_") || name.starts_with("TF_VAR_") || listed(HARMLESS) {
        Meaning::Harmless
    } else if matches!(name, "PS0" | "PS1" | "PS2" | "PS3" | "PS4") {
        Meaning::Prompt
    } else if listed(COMMANDS) {
        Meaning::Command
    } else if name.starts_with("LD_")
        || name.starts_with("DYLD_")
        || name.starts_with("GIT_")
        || name.starts_with("npm_config_")
        || name.starts_with("ANSIBLE_")
        || name.starts_with("RSYNC_")
        || name.starts_with("BASH_FUNC_")
        || name.starts_with("GLIBC_")
        || name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        || listed(CODE)
    {
        Meaning::Code
    } else if name.starts_with("CLOUDSDK_") || listed(TARGETS) {
        Meaning::Target
    } else {
        Meaning::Unknown
    }
}

/// Words in the names of variables that programs take orders from.
#[rustfmt::skip]
const STEERING: &[&str] = &[
    "ARGS", "ASKPASS", "CMD", "COMMAND", "EDITOR", "EXEC", "FLAGS", "HOOK", "HOOKS", "INIT", "INJECT", "LAUNCHER", "LOADER", "OPT", "OPTIONS",
    "OPTS", "PAGER", "PLUGIN", "PLUGINS", "PRELOAD", "PROXY", "RC", "RSH", "SHELL", "STARTUP", "TUNABLES", "WRAPPER",
];

/// Whether a name that nobody described says that it steers programs: `FOO_OPTIONS`, `BAR_PRELOAD`, `GOPATH`, `X_LIBRARY_PATH`. A single
/// word such as `ARGS` is what texts call their own things.
fn steers(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let path = name.ends_with("PATH") && !name.ends_with("_PATH") || name.ends_with("LIBRARY_PATH");
    let glued = ["OPTIONS", "OPTS", "FLAGS", "PRELOAD"];
    let glued = glued
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len());
    let mut words = name.split('_');
    path || glued || name.contains('_') && words.any(|word| STEERING.contains(&word))
}

impl Walker<'_, '_> {
    /// `NAME=value command`
    pub(super) fn environment(&mut self, name: &str, value: &Value) {
        match value {
            Value::One(word) => environment(name, word, self.setting, self.found),
            Value::Many(_) => self
                .found
                .opaque(format!("`{name}` is set to a list for one command")),
        }
    }

    /// `export NAME=value`: for every command that follows.
    pub(super) fn exported(&mut self, name: &str, value: &Value) {
        match meaning(name) {
            Meaning::Unknown if steers(name) => self.found.opaque(format!(
                "`{name}` is nowhere described, and programs may do other things because of it"
            )),
            // What a text calls its own things: programs that know the name are rare, and those that obey it are described above.
            Meaning::Unknown => {}
            _ => self.environment(name, value),
        }
    }

    /// `NAME=value` alone: the shell itself obeys some variables, and others are exported already.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match meaning(name) {
            Meaning::Path | Meaning::Code | Meaning::Command | Meaning::Prompt => {
                self.environment(name, &value);
            }
            _ => {}
        }
        self.state.assign(name, value);
    }
}

/// What a variable does to the commands that get it.
pub(in crate::commands) fn environment(
    name: &str,
    value: &Word,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    match meaning(name) {
        Meaning::Harmless => {}
        Meaning::Command if TAME.contains(&value.text()) => {}
        Meaning::Command => match (value.known(), setting.deeper()) {
            (Some(text), Some(setting)) => super::judge(text, &Stdin::Nothing, &setting, found),
            _ => found.unknown_code(
                &setting.place,
                name,
                format!("`{name}` names a command that is not known"),
            ),
        },
        Meaning::Path if harmless_path(value) => {}
        Meaning::Code if only_says_how_hard(name, value) => {}
        Meaning::Prompt if !value.text().contains("$(") && !value.text().contains('`') => {}
        Meaning::Path | Meaning::Code | Meaning::Prompt => {
            found.unknown_code(
                &setting.place,
                name,
                format!("`{name}` decides what code runs"),
            );
        }
        Meaning::Target => found.opaque(format!("`{name}` decides what is touched, and as whom")),
        Meaning::Unknown => {
            let variable = object(&setting.place, "environment", name);
            found.effect(Effect::change(
                Verb::Update,
                variable,
                "it lasts no longer than the command",
            ));
            found.bounded(format!("what programs make of `{name}` is not known"));
        }
    }
}

/// What a variable does that a step declares. One that nobody described is there for the command itself if that uses it, and if not,
/// for the programs that it runs.
pub(in crate::commands) fn declared(
    name: &str,
    value: &str,
    what: &What<'_>,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    if meaning(name) != Meaning::Unknown {
        return environment(name, &Word::Known(value.to_owned()), setting, found);
    }
    let used = match what {
        What::Text(text) => uses(text, name),
        What::Words(words) => words.iter().any(|word| {
            let text = word.text();
            text == name || uses(text, name)
        }),
    };
    let reason = format!("what programs make of `{name}` is not known");
    if steers(name) && !used {
        found.opaque(reason);
    } else if !used {
        found.bounded(reason);
    }
}

/// Whether a text uses a variable: `$NAME`, `${NAME…}`.
fn uses(text: &str, name: &str) -> bool {
    text.split('$').skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['{', '#', '!']);
        rest.strip_prefix(name).is_some_and(|after| {
            !after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
        })
    })
}

/// `GZIP=-9`, `MAKEFLAGS=-j4`: how hard and with how many hands.
fn only_says_how_hard(name: &str, value: &Word) -> bool {
    let packs = [
        "GZIP",
        "XZ_OPT",
        "XZ_DEFAULTS",
        "BZIP2",
        "BZIP",
        "ZIPOPT",
        "MAKEFLAGS",
    ];
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let tame = |word: &str| {
        let start = if name == "MAKEFLAGS" { "-j" } else { "-T" };
        let level = word.strip_prefix('-').is_some_and(number) && name != "MAKEFLAGS";
        level || word.strip_prefix(start).is_some_and(number)
    };
    let text = value.known();
    packs.contains(&name) && text.is_some_and(|text| text.split_whitespace().all(tame))
}

/// Whether every folder is one where programs live that were installed.
fn harmless_path(value: &Word) -> bool {
    value.text().split(':').all(|folder| {
        let own = ["$PATH", "${PATH}", "\"$PATH\""].contains(&folder);
        let home = ["$HOME/", "${HOME}/", "~/"]
            .iter()
            .any(|start| folder.starts_with(start));
        let installed = FOLDERS.iter().any(|start| {
            folder
                .strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        own || (home || installed)
            && !folder.contains("..")
            && !folder
                .trim_start_matches("${HOME}")
                .trim_start_matches("$HOME")
                .contains('$')
    })
}

/// Whether a variable of this name usually holds a secret.
pub(in crate::commands) fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let part = |wanted: &[&str]| upper.split('_').any(|part| wanted.contains(&part));
    let whole = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "CREDENTIAL",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "ENCRYPTION_KEY",
        "DATABASE_URL",
        "DB_URL",
        "CONNECTION_STRING",
        "MYSQL_PWD",
        "SIGNING_KEY",
        "MASTER_KEY",
    ];
    part(&["PASS", "PW", "DSN", "AUTH", "PASSPHRASE"]) && upper != "SSH_AUTH_SOCK"
        || whole.iter().any(|name| upper.contains(name))
}

/// Whether a word of which not everything is known shows a variable that usually holds a secret.
pub(super) fn shows_secret(word: &Word) -> bool {
    let Word::Unknown(text) = word else {
        return false;
    };
    // What a command substitution prints is not what its words hold.
    let mut depth = 0_usize;
    let outside = |piece: &&str| {
        let own = depth;
        let opens = piece.matches('(').count();
        depth = (depth + opens).saturating_sub(piece.matches(')').count());
        let repeats = piece.starts_with("(echo ") || piece.starts_with("(printf ");
        if repeats {
            depth = depth.saturating_sub(1);
        }
        own == 0 && (!piece.starts_with('(') || repeats)
    };
    text.split('$').skip(1).filter(outside).any(|rest| {
        // `${!name}` may be any variable; `${!list[@]}` and `${!start*}` are only names.
        if let Some(name) = rest.strip_prefix("{!") {
            let name = name.split('}').next().unwrap_or_default();
            return !name.ends_with(['@', '*', ']']);
        }
        let rest = rest.trim_start_matches(['{', '!', '#']);
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        is_secret(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
    })
}
