//! Variables that programs obey, by name.

/// What programs make of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing that matters: language, colours, versions of interfaces, passwords of clients.
    Harmless,
    /// A command line that programs run.
    Command,
    /// Flags of the pager `less`, which writes files and runs commands if it is told to.
    Pager,
    /// The time zone: the name of one, or a file that is read.
    Zone,
    /// Where a server is that is asked.
    Address,
    /// Files by which a server is known.
    Trust,
    /// How Ansible shows results: code of this name.
    Callback,
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
    "ANSIBLE_FORCE_COLOR", "ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_NOCOWS", "APP_ENV",
    "APT_LISTCHANGES_FRONTEND", "AWS_DEFAULT_OUTPUT", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED",
    "AWS_MAX_ATTEMPTS", "AWS_REGION", "AWS_SDK_LOAD_CONFIG", "BLOCKSIZE", "BLOCK_SIZE", "BORG_PASSPHRASE", "BORG_REPO",
    "CHECKPOINT_DISABLE", "CI", "CLICKHOUSE_PASSWORD", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "COMPOSE_HTTP_TIMEOUT",
    "COMPOSE_PROJECT_NAME", "DEBCONF_NONINTERACTIVE_SEEN", "DEBIAN_FRONTEND", "DEBUG", "DISPLAY",
    "DOCKER_BUILDKIT", "DOCKER_CLI_HINTS", "ENVIRONMENT", "ETCDCTL_API", "ETCDCTL_CERT", "ETCDCTL_COMMAND_TIMEOUT",
    "ETCDCTL_DIAL_TIMEOUT", "ETCDCTL_INSECURE_TRANSPORT", "ETCDCTL_KEEPALIVE_TIME", "ETCDCTL_KEY",
    "ETCDCTL_USER", "ETCDCTL_WRITE_OUT", "EXA_COLORS", "FORCE_COLOR", "GIT_TERMINAL_PROMPT", "GODEBUG", "GREP_COLOR", "GREP_COLORS",
    "HELM_DEBUG", "HISTCONTROL", "HISTFILESIZE", "HISTSIZE", "HISTTIMEFORMAT", "IFS", "JQ_COLORS", 
    "KUBE_PS1_ENABLED", "LANG", "LANGUAGE", "LESSCHARSET", "LESSSECURE", "LINES", "LOGLEVEL", "LOG_LEVEL", "LS_COLORS", "MANWIDTH",
    "MYSQL_PWD", "MYSQL_TCP_PORT", "NCURSES_NO_UTF8_ACS", "NEEDRESTART_MODE", "NODE_ENV", "NO_AT_BRIDGE", "NO_COLOR",
    "NO_PROXY", "OLDPWD", "PERL_BADLANG", "PGAPPNAME", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT", "PGDATABASE", "PGPASSFILE",
    "PGPASSWORD", "PGPORT", "PGSSLMODE", "PGUSER", "PIP_DISABLE_PIP_VERSION_CHECK", "POSIXLY_CORRECT", "PWD", "PYTHONDONTWRITEBYTECODE",
    "PYTHONIOENCODING", "PYTHONUNBUFFERED", "RACK_ENV", "RAILS_ENV", "REDISCLI_AUTH", "RESTIC_PASSWORD",
    "RSYNC_PASSWORD", "RESTIC_PASSWORD_FILE", "RESTIC_REPOSITORY", "RUST_BACKTRACE", "RUST_LOG", "SHLVL", 
    "STERN_COLOR", "SYSTEMD_COLORS", "SYSTEMD_LOG_LEVEL", "SYSTEMD_URLIFY", "TEMP", "TERM", "TF_INPUT",
    "TF_IN_AUTOMATION", "TF_LOG", "TIMEFORMAT", "TIME_STYLE", "TMOUT", "TMPDIR", "UCF_FORCE_CONFFOLD", "USE_GKE_GCLOUD_AUTH_PLUGIN",
    "VAULT_CLIENT_TIMEOUT", "VAULT_FORMAT", "VAULT_NAMESPACE", "VERBOSE", "WATCH_INTERVAL",
    "no_proxy", "PROMPT_DIRTRIM", "TERM_PROGRAM",
];

#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "BAT_PAGER", "BORG_RSH", "BROWSER", "DIFFPROG", "EDITOR", "FCEDIT", "GH_EDITOR", "GH_PAGER", "GIT_ASKPASS", "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_PROXY_COMMAND", "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND", "KUBECTL_EXTERNAL_DIFF",
    "KUBE_EDITOR", "LESSCLOSE", "LESSOPEN", "MANPAGER", "PAGER", "PROMPT_COMMAND", "PSQL_EDITOR", "PSQL_PAGER", "RSYNC_RSH",
    "SSH_ASKPASS", "SUDO_ASKPASS", "SUDO_EDITOR", "SVN_SSH", "SYSTEMD_EDITOR", "SYSTEMD_PAGER", "VISUAL", "ACK_PAGER", "AWS_PAGER",
    "DPKG_PAGER", "GLAB_PAGER",
];

#[rustfmt::skip]
const CODE: &[&str] = &[
    "APT_CONFIG", "BASHOPTS", "BASH_ALIASES", "BASH_CMDS", "BASH_ENV", "BASH_LOADABLES_PATH", "BAT_CONFIG_PATH", "BAT_OPTS", "BZIP",
    "BZIP2", "CLASSPATH", "CMAKE_TOOLCHAIN_FILE", "CURL_HOME", "DELTA_PAGER", "DOTNET_STARTUP_HOOKS", "ENV", "EXINIT",
    "FZF_DEFAULT_COMMAND", "FZF_DEFAULT_OPTS", "GCONV_PATH", "GEM_HOME", "GEM_PATH", "GNUMAKEFLAGS", "GOFLAGS", "GRADLE_OPTS", "GZIP",
    "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "HELM_REPOSITORY_CONFIG", "INPUTRC", "JAVA_OPTS", "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS", "JQ_LIBRARY_PATH", "KREW_ROOT", "KUBECTL_PLUGINS_PATH", "LESSKEY", "LESSKEYIN", "LESSKEY_SYSTEM", "LOCPATH",
    "LUA_CPATH", "LUA_INIT", "LUA_PATH", "MAKEFILES", "MAKEFLAGS", "MALLOC_CHECK_", "MAVEN_OPTS", "MFLAGS", "MYSQL_HOME", "MYVIMRC",
    "NANORC", "NODE_OPTIONS", "NODE_PATH", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "PACKER_CONFIG", "PERL5DB", "PERL5LIB",
    "PERL5OPT", "PERLLIB", "PGOPTIONS", "PGSERVICEFILE", "PGSYSCONFDIR", "PHPRC", "PHP_INI_SCAN_DIR", "PIP_CONFIG_FILE",
    "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PSQLRC", "PYTHONBREAKPOINT", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE",
    "PYTHONWARNINGS", "RIPGREP_CONFIG_PATH", "RPM_CONFIGDIR", "RUBYLIB", "RUBYOPT", "RUSTC_WRAPPER", "R_ENVIRON", "R_PROFILE",
    "SCREENRC", "SHELLOPTS", "SSLKEYLOGFILE", "SYSTEM_WGETRC", "TAR_OPTIONS", "TCLLIBPATH", "TERMINFO", "TF_CLI_ARGS",
    "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "UNZIP", "UNZIPOPT", "VIMINIT", "WGETRC", "XZ_DEFAULTS", "XZ_OPT", "ZDOTDIR", "ZIPINFO",
    "ZIPOPT", "_JAVA_OPTIONS", "CARGO_HOME", "CEPH_ARGS", "CRI_CONFIG_FILE", "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "DPKG_ROOT", "ERL_FLAGS",
    "GOENV", "GREP_OPTIONS", "HGRCPATH", "JVM_OPTS", "KUBERC", "LESSEDIT", "LIBMYSQL_PLUGIN_DIR", "MALLOC_TRACE", "MANOPT",
    "MONGOSH_RC", "NLSPATH", "PYTHONINSPECT", "REDISCLI_RCFILE", "TF_LOG_PATH", "TF_PLUGIN_CACHE_DIR",
];

#[rustfmt::skip]
const TARGETS: &[&str] = &[
    "ARGOCD_AUTH_TOKEN", "ARGOCD_SERVER", "ARM_CLIENT_ID", "ARM_SUBSCRIPTION_ID", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE",
    "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CONFIG_DIR", "CLOUDSDK_CONFIG", "CLOUDSDK_CORE_ACCOUNT", "CLOUDSDK_CORE_PROJECT",
    "CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONTAINER_HOST", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "HELM_KUBEAPISERVER", "HELM_KUBEASGROUPS", "HELM_KUBEASUSER",
    "HELM_KUBECONTEXT", "HELM_KUBETOKEN", "HELM_NAMESPACE", "HOME", "HTTPS_PROXY", "HTTP_PROXY", "KUBECONFIG", "NOMAD_ADDR",
    "NOMAD_TOKEN", "TALOSCONFIG", "TF_WORKSPACE", "VAULT_TOKEN", "XDG_CONFIG_HOME", "http_proxy", "https_proxy",
    "DBUS_SYSTEM_BUS_ADDRESS", "GH_HOST", "LIBVIRT_DEFAULT_URI", "PGHOSTADDR", "XDG_RUNTIME_DIR",
    "ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "KUBECTL_COMMAND_HEADERS", "VAULT_SKIP_VERIFY",
];

/// Whose word is taken for who a server is: files of this host's own settings are the usual ones.
#[rustfmt::skip]
const TRUST: &[&str] = &[
    "AWS_CA_BUNDLE", "CONSUL_CACERT", "CURL_CA_BUNDLE", "ETCDCTL_CACERT", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "NOMAD_CACERT",
    "PGSSLROOTCERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE", "VAULT_CACERT",
];

/// Ways to show results that come with Ansible.
#[rustfmt::skip]
const CALLBACKS: &[&str] = &[
    "ansible.posix.debug", "ansible.posix.json", "community.general.yaml", "debug", "default", "dense", "json", "minimal", "null", "oneline",
    "tree", "unixy", "yaml",
];

/// Where a server is that is asked; one on this host is the usual one.
#[rustfmt::skip]
const ADDRESSES: &[&str] = &[
    "CONTAINER_RUNTIME_ENDPOINT", "ETCDCTL_ENDPOINTS", "IMAGE_SERVICE_ENDPOINT", "INFLUX_HOST", "MYSQL_HOST", "PGHOST", "SSH_AUTH_SOCK",
    "VAULT_ADDR",
];

/// Ends of names, whatever stands before them, of variables whose value is a command line.
const COMMAND_ENDS: &[&str] = &[
    "_PAGER",
    "_PASSWORD_COMMAND",
    "_PASSCOMMAND",
    "COMMAND_PREFIX",
];

/// Starts of names of variables that stand for flags of a program.
const CODE_STARTS: &[&str] = &[
    "LD_",
    "DYLD_",
    "GIT_",
    "npm_config_",
    "ANSIBLE_",
    "RSYNC_",
    "BASH_FUNC_",
    "GLIBC_",
    "RCLONE_",
    "TF_CLI_ARGS",
];

/// Folders of programs, besides those in the home folder.
pub(super) const FOLDERS: &[&str] = &[
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
pub(super) const TAME: &[&str] = &[
    "", "cat", "less", "more", "most", "bat", "nano", "vi", "vim", "nvim", "emacs", "code", "true", "less -R", "less -FRX",
    "code --wait",
];

/// What programs make of a variable of this name.
pub(super) fn meaning(name: &str) -> Meaning {
    let listed = |list: &[&str]| list.contains(&name);
    if name == "PATH" {
        Meaning::Path
    } else if matches!(name, "LESS" | "SYSTEMD_LESS") {
        Meaning::Pager
    } else if matches!(name, "TZ" | "PGTZ") {
        Meaning::Zone
    } else if listed(ADDRESSES) {
        Meaning::Address
    } else if listed(TRUST) {
        Meaning::Trust
    } else if name == "ANSIBLE_STDOUT_CALLBACK" {
        Meaning::Callback
    } else if name.starts_with("LC_") || name.starts_with("TF_VAR_") || listed(HARMLESS) {
        Meaning::Harmless
    } else if matches!(name, "PS0" | "PS1" | "PS2" | "PS3" | "PS4") {
        Meaning::Prompt
    } else if listed(COMMANDS) || COMMAND_ENDS.iter().any(|end| name.ends_with(end)) {
        Meaning::Command
    } else if CODE_STARTS.iter().any(|start| name.starts_with(start))
        || name.ends_with("_OPTS")
        || name.len() > "HISTFILE".len() && name.ends_with("HISTFILE")
        || name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        || listed(CODE)
    {
        Meaning::Code
    } else if name.starts_with("CLOUDSDK_")
        || name.starts_with("DBUS_") && name.ends_with("_BUS_ADDRESS")
        || listed(TARGETS)
    {
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
pub(super) fn steers(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let path = name.ends_with("PATH") && !name.ends_with("_PATH") || name.ends_with("LIBRARY_PATH");
    let glued = ["OPTIONS", "OPTS", "FLAGS", "PRELOAD"];
    let glued = glued
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len());
    let mut words = name.split('_');
    path || glued || name.contains('_') && words.any(|word| STEERING.contains(&word))
}

/// Whether a file or a folder is of the settings that the host has anyway.
pub(super) fn is_installed(text: &str) -> bool {
    let installed = ["/etc/", "/usr/"];
    !text.contains("..") && installed.iter().any(|start| text.starts_with(start))
}

/// Whether Ansible brings this way to show results.
pub(super) fn is_callback(text: &str) -> bool {
    CALLBACKS.contains(&text)
}

/// `-FRX`, `FRSXMK`: how the pager shows. Letters that take a word, or a file, are none of them.
pub(super) fn only_shows(flags: &str) -> bool {
    let plain = |letter: char| "aceEfFgGiIJKLmMnNqQrRsSuUwWX-".contains(letter);
    flags.split_whitespace().all(|word| {
        let clear = word.strip_prefix("--").is_some_and(|long| {
            [
                "RAW-CONTROL-CHARS",
                "chop-long-lines",
                "quit-if-one-screen",
                "no-init",
                "LINE-NUMBERS",
                "quit-on-intr",
            ]
            .contains(&long)
        });
        clear || !word.starts_with("--") && word.chars().all(plain)
    })
}

/// `UTC`, `Europe/Berlin`, `EST5EDT`: the name of a time zone, or a rule, and no file.
pub(super) fn is_zone(text: &str) -> bool {
    let name = |letter: char| letter.is_ascii_alphanumeric() || "_+-/,.<>".contains(letter);
    !text.starts_with([':', '/', '.']) && !text.contains("..") && text.chars().all(name)
}

/// Whether this is a server on this host.
pub(super) fn is_here(text: &str) -> bool {
    let one = |address: &str| {
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        if scheme == "unix" || rest.starts_with('/') {
            let system = ["/run/", "/var/run/"]
                .iter()
                .any(|folder| rest.starts_with(folder));
            return system && !rest.contains("..");
        }
        let host = rest.trim_end_matches('/');
        let (host, port) = host.rsplit_once(':').unwrap_or((host, ""));
        port.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    text.is_empty() || text.split(',').all(one)
}
