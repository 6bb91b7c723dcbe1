//! Which files hold secrets in readable form, by their paths.
//!
//! One predicate for everybody: where a path [`discloses`], printing the file prints a password, a token or a private key. Containers
//! that are encrypted themselves (`.gpg`, `.p12`, `.kdbx`, sealed and `sops` files) do not.

use super::{
    super::host::sheet::{has_word, words},
    defaults, pattern, stores,
};
use crate::commands::word::Word;

/// How well a word says whether it names a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands::programs) enum Sight {
    /// It names none.
    Plain,
    /// It is not fully known, but cannot name one of the usual ones.
    Hazy,
    /// Nothing of it is known: a variable of the environment alone.
    Blind,
    /// It may name one.
    Possible,
    /// It names one.
    Secret,
}

/// Names that are secret in any folder.
const NAMES: &str = "shadow gshadow opasswd .env .envrc .pgpass pgpass.conf .my.cnf .mylogin.cnf .netrc _netrc .npmrc .pypirc \
    .git-credentials .htpasswd .dockerconfigjson .dockercfg kubeconfig kubeconfig.yaml kubeconfig.yml kubeconfig.json k3s.yaml \
    rke2.yaml admin.conf super-admin.conf controller-manager.conf scheduler.conf kubelet.conf bootstrap-kubelet.conf \
    application_default_credentials.json accesstokens.json credentials.tfrc.json chap-secrets pap-secrets .vault-token .vault_pass \
    .vault_password .s3cfg .boto rclone.conf wp-config.php terraform.tfstate secring.gpg sa.key privkey.pem .smbcredentials \
    .credentials wpa_supplicant.conf .erlang.cookie auth.json kcore debian.cnf gitlab.rb ipsec.secrets terraform.tfvars terraform.tfvars.json grafana.ini \
    .bash_history .zsh_history .zhistory .sh_history .ash_history .history fish_history .python_history .mysql_history .psql_history \
    .rediscli_history .node_repl_history .sqlite_history .duckdb_history .dbshell .mongosh_repl_history";

/// Folders whose files are secret, whatever they are called.
const FOLDERS: &[&str] = &[
    "/etc/ssl/private/",
    "/etc/pki/tls/private/",
    "/etc/ipsec.d/private/",
    "/etc/swanctl/private/",
    "/var/run/secrets/",
    "/run/secrets/",
    "/etc/networkmanager/system-connections/",
    "/etc/wireguard/",
    "/private-keys-v1.d/",
    "/.aws/sso/",
    "/.aws/cli/cache/",
    "/.azure/",
    "/.config/gcloud/",
    "/.config/gh/",
    "/.config/sops/age/",
    "/server/cred/",
    "/etc/rancher/k3s/config.yaml.d/",
    "/etc/rancher/rke2/config.yaml.d/",
    "/kubernetes.io~secret/",
    "/kubernetes.io~projected/",
];

/// Ends of a path that are secret.
const ENDS: &[&str] = &[
    "/.aws/credentials",
    "/.docker/config.json",
    "/.kube/config",
    "/.m2/settings.xml",
    "/server/token",
    "/etc/rancher/k3s/config.yaml",
    "/etc/rancher/rke2/config.yaml",
    "/etc/sssd/sssd.conf",
    "/etc/postfix/sasl_passwd",
    "/etc/exim4/passwd.client",
];

/// Files beside private keys that are none.
const BESIDE_KEYS: &str =
    "authorized_keys authorized_keys2 known_hosts known_hosts2 config environment rc";

/// Ends of a name that say: text for people, code, a certificate, a form to be filled in, or encrypted.
const PUBLIC: &[&str] = words!(
    ".pub .crt .cer .csr .der .md .rst .adoc .rs .go .py .js .ts .java .rb .c .h .cpp .sh .html .log .service .timer .lock .example \
     .sample .template .dist .tpl .tmpl .j2 .enc .gpg .age .asc .sig .sha256 .md5 .pdf .crl"
);

/// Ends of a name that a copy adds.
const COPIES: &[&str] = words!("~ .bak .backup .old .orig .save .copy .tmp .new .prev -");

/// Ends of a name behind which data stands.
const DATA: &str = "yaml yml json txt env toml ini properties conf cfg cnf xml csv";

/// Words in the name of a data file that say what it holds.
const SAYING: &str = "secret secrets credential credentials password passwords passwd token tokens apikey apikeys privatekey";

/// Words that take that back: the file is sealed, or only points to the secret.
const SEALED: &str = "sealed sealedsecret sealedsecrets external externalsecret externalsecrets sops enc encrypted schema policy test";

/// Whether printing this file prints a secret.
pub(in crate::commands) fn discloses(path: &str) -> bool {
    let path = pattern::plain(path).to_lowercase();
    let mut parts = path.rsplit('/');
    let Some(name) = parts.next().map(without_copies) else {
        return false;
    };
    let folder = parts.next().unwrap_or_default();
    let public = PUBLIC
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len());
    has_word(NAMES, name)
        || !public
            && (in_secret_folder(&path, folder, name)
                || is_environment(name)
                || is_key(&path, name)
                || says_so(&path, name)
                || defaults::is_of_a_program(&path, name)
                || stores::is_store(&path, name))
}

/// Whether a pattern of names, such as `*.md`, fits only files in which no secrets stand.
pub(super) fn is_public_kind(glob: &str) -> bool {
    glob.strip_prefix('*')
        .is_some_and(|end| PUBLIC.contains(&end))
}

/// Whether a folder holds little but secrets.
pub(in crate::commands) fn discloses_folder(path: &str) -> bool {
    let path = pattern::plain(path);
    let path = path.trim_end_matches(['*', '/']);
    let name = path.rsplit('/').next().unwrap_or_default();
    let mounted = path.starts_with("/run/secrets") || path.starts_with("/var/run/secrets");
    mounted
        || has_word(".ssh .aws .gnupg .kube .azure", name)
        || path.ends_with("/etc/ssl/private")
        || path.ends_with("/kubernetes/pki")
        || has_word(
            "/var/lib/kubelet/pki /etc/wireguard /etc/NetworkManager/system-connections /etc/letsencrypt",
            path,
        )
}

/// Whether secrets stand somewhere in a folder: all that is in it is shown or taken along, they with it.
pub(in crate::commands) fn holds_secrets(path: &str) -> bool {
    let plain = pattern::plain(path);
    let folder = plain.trim_end_matches(['*', '/']);
    let homes = "/root /etc /home ~ $HOME /var/lib/kubelet /etc/kubernetes /etc/rancher /etc/ssh /etc/ssl /var/lib/rancher \
        /var/lib/rancher/k3s /var/lib/rancher/k3s/server /proc /run /var/run /var /var/lib /var/lib/kubelet/pods /var/lib/etcd \
        /var/lib/docker /var/lib/cloud";
    discloses_folder(path)
        || path.starts_with('/') && folder.is_empty()
        || has_word(homes, folder)
        || (folder.strip_prefix("/home/")).is_some_and(|user| !user.contains('/'))
}

fn without_copies(name: &str) -> &str {
    let mut name = name;
    while let Some(shorter) = COPIES
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .filter(|shorter| !shorter.is_empty())
    {
        name = shorter;
    }
    match name.rsplit_once('.') {
        Some((stem, end))
            if end.len() >= 6
                && end
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-') =>
        {
            stem
        }
        _ => name,
    }
}

fn in_secret_folder(path: &str, folder: &str, name: &str) -> bool {
    let anchored = path.starts_with('/');
    let has = |piece: &&str| {
        if anchored {
            path.contains(*piece)
        } else {
            path.contains(*piece) || path.starts_with(piece.trim_start_matches('/'))
        }
    };
    // `~/.kube/config.bak` is the same file once more.
    let copied = !path.ends_with(name);
    let ends = |end: &&str| path.ends_with(*end) || path == end.trim_start_matches('/');
    let stem = path
        .strip_suffix(path.rsplit('/').next().unwrap_or_default())
        .unwrap_or_default();
    FOLDERS.iter().any(has)
        || ENDS.iter().any(ends)
        || copied && {
            let plain = format!("{stem}{name}");
            ENDS.iter().any(|end| plain.ends_with(end))
        }
        || (folder == ".ssh" && !has_word(BESIDE_KEYS, name) && !name.is_empty())
        || (path.starts_with("/proc/") && (name == "environ" || name == "mem"))
        || is_file_of_another(path)
        || has_word("/dev/mem /dev/kmem /dev/port", path)
}

/// `/proc/1/fd/3`: what another process has open, and perhaps nobody else may open.
fn is_file_of_another(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/proc/") else {
        return false;
    };
    let (process, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let own = matches!(process, "self" | "thread-self");
    !own && rest
        .strip_prefix("fd/")
        .is_some_and(|number| !number.is_empty())
}

/// `.env.production`, `app.env`.
fn is_environment(name: &str) -> bool {
    name.starts_with(".env.")
        || name.starts_with(".env-")
        || name
            .strip_suffix(".env")
            .is_some_and(|stem| !stem.is_empty())
}

fn is_key(path: &str, name: &str) -> bool {
    let of_packages =
        path.contains("keyrings/") || path.contains("trusted.gpg.d/") || path.contains("/rpm-gpg/");
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    if stem.is_empty() {
        return false;
    }
    let private = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_xmss"];
    match end {
        "key" => {
            !of_packages
                && !["public", "pubkey", "gpg", "release", "archive"]
                    .iter()
                    .any(|word| stem.contains(word))
        }
        "pem" => {
            ["key", "priv", "kubelet-client-current"]
                .iter()
                .any(|word| stem.contains(word))
                && !stem.contains("pub")
        }
        "ppk" | "keytab" | "p8" | "agekey" | "kubeconfig" | "tfstate" | "vaultpass" | "tfvars" => {
            true
        }
        _ => {
            private.iter().any(|key| name.starts_with(key))
                || name.starts_with("kubelet-client-current")
                || (name.starts_with("ssh_host_") && name.ends_with("_key"))
                || ["_rsa", "_ed25519", "_ecdsa", "_dsa"]
                    .iter()
                    .any(|key| name.ends_with(key))
        }
    }
}

/// `db-password.txt`, `secrets.yaml`, `/run/token`.
fn says_so(path: &str, name: &str) -> bool {
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    let passwd = name == "passwd" || path.contains("/pam.d/") || path.contains("/man/");
    if passwd || !(end.is_empty() || has_word(DATA, end)) {
        return false;
    }
    let mut words = stem.split(['.', '-', '_']).peekable();
    let mut saying = false;
    let mut before = "";
    for word in words.by_ref() {
        if has_word(SEALED, word) {
            return false;
        }
        saying |= has_word(SAYING, word)
            || (word == "key" && has_word("api private access secret encryption signing", before));
        before = word;
    }
    saying
}

/// Secrets as they are usually called, for words that are not fully known.
const USUAL: &[&str] = words!(
    "/etc/shadow /etc/gshadow /etc/shadow- ~/.ssh/id_rsa ~/.ssh/id_ed25519 ~/.ssh/id_ecdsa /root/.ssh/id_rsa /root/.ssh/id_ed25519 \
     /home/user/.ssh/id_rsa /home/user/.ssh/id_ed25519 /etc/ssh/ssh_host_rsa_key /etc/ssh/ssh_host_ed25519_key ~/.aws/credentials \
     /root/.aws/credentials /home/user/.aws/credentials ~/.kube/config /root/.kube/config /home/user/.kube/config \
     /etc/kubernetes/admin.conf /etc/kubernetes/pki/sa.key /etc/kubernetes/pki/ca.key /etc/rancher/k3s/k3s.yaml \
     /var/lib/rancher/k3s/server/token /var/lib/rancher/k3s/server/node-token ~/.docker/config.json /root/.docker/config.json \
     /var/run/secrets/kubernetes.io/serviceaccount/token /run/secrets/kubernetes.io/serviceaccount/token ~/.pgpass /root/.pgpass \
     ~/.netrc ~/.my.cnf ~/.git-credentials /proc/1/environ /proc/self/environ /etc/ssl/private/server.key \
     /etc/letsencrypt/live/example.com/privkey.pem /etc/wireguard/wg0.conf /app/.env /srv/app/.env /opt/app/.env \
     /var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/db/password /var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/db/token \
     /var/lib/etcd/member/snap/db /var/lib/cloud/instance/user-data.txt /var/lib/docker/containers/c/config.v2.json \
     /var/lib/postgresql/16/main/global/1260 /var/lib/docker/volumes/v/_data/.env /root/.bash_history"
);

/// The same, as they are called from the folder that they are in.
const USUAL_NAMES: &[&str] = words!(
    "shadow gshadow id_rsa id_ed25519 id_ecdsa .env .pgpass .netrc credentials kubeconfig server.key privkey.pem environ \
     .ssh/id_rsa .aws/credentials .kube/config etc/shadow secrets.yaml"
);

/// Whether a file is one of variables, made for what is started with it: `.env`, `.env.local`, `web.env`.
pub(in crate::commands::programs) fn is_variables(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".env") || name.rsplit('.').next() == Some("env")
}

/// What a word says about the secrecy of the file that it names.
pub(in crate::commands::programs) fn sight(word: &Word) -> Sight {
    let text = word.text();
    match word {
        Word::Known(text) if discloses(text) => Sight::Secret,
        Word::Known(_) => Sight::Plain,
        Word::Glob(_) if discloses(text) => Sight::Secret,
        Word::Glob(_) if possible(text) => Sight::Possible,
        Word::Glob(_) => Sight::Plain,
        Word::Unknown(_) => hazy(text),
    }
}

fn hazy(text: &str) -> Sight {
    if text.starts_with("<(") {
        // What a command prints; the command itself is judged.
        return Sight::Plain;
    }
    if names_secret(text) {
        return Sight::Secret;
    }
    if let Some(name) = pattern::variable(text) {
        return if pattern::is_secret_variable(name) || name == "KUBECONFIG" {
            Sight::Secret
        } else {
            Sight::Blind
        };
    }
    let known = pattern::of_unknown(text);
    match known.trim_matches(['*', '/', '.']) {
        "" if lists(text) => Sight::Blind,
        "" => Sight::Possible,
        _ if discloses(&known) => Sight::Secret,
        _ if possible(&known) => Sight::Possible,
        _ => Sight::Hazy,
    }
}

/// Whether a word is put in by commands that only name files, none of them secret: `$(ls -t *.log | head -1)`.
fn lists(text: &str) -> bool {
    let text = text.trim_matches(['"', '`']);
    let Some(inside) = text
        .strip_prefix("$(")
        .and_then(|text| text.strip_suffix(')'))
        .or(Some(text).filter(|text| !text.contains('$')))
    else {
        return false;
    };
    let known = "ls which find head tail sort readlink realpath dirname basename pwd date hostname command git mktemp grep uniq cut wc";
    let heads = inside.split(['|', ';', '&']).all(|piece| {
        piece
            .split_whitespace()
            .next()
            .is_some_and(|head| has_word(known, head))
    });
    let words = inside.split(|letter: char| {
        letter.is_whitespace() || matches!(letter, '|' | ';' | '&' | '\'' | '"')
    });
    heads
        && !inside.contains(['$', '`', '('])
        && words
            .into_iter()
            .all(|word| !(discloses(word) || word.contains(['*', '?', '[']) && possible(word)))
}

fn names_secret(text: &str) -> bool {
    !text.contains(['(', '`', '{']) && discloses(text)
}

fn possible(text: &str) -> bool {
    let text = pattern::plain(text);
    if text.starts_with(['/', '~']) {
        return USUAL.iter().any(|usual| pattern::fits(&text, usual));
    }
    let literal = text
        .chars()
        .filter(|letter| !matches!(letter, '*' | '?' | '/' | '.' | '[' | ']'))
        .count();
    (literal >= 2 || text.starts_with(".e") || text.starts_with("*/."))
        && USUAL_NAMES
            .iter()
            .chain(USUAL)
            .any(|usual| pattern::fits(&text, usual))
}

#[cfg(test)]
mod tests {
    use super::{Sight, discloses, sight};
    use crate::commands::word::Word;

    #[test]
    fn private_keys_tokens_and_passwords_disclose() {
        for path in [
            "/etc/shadow",
            "etc/shadow",
            "//etc//./shadow-",
            "/proc/self/root/etc/shadow",
            "/etc/nginx/../gshadow",
            "~/.ssh/id_rsa",
            "/root/.ssh/work",
            "/etc/ssh/ssh_host_rsa_key",
            "tls.key",
            "key.pem",
            "/app/.env",
            ".env.production",
            "~/.kube/config.bak",
            "/proc/1/environ",
            "secrets.yaml",
            "/run/secrets/db",
            "/var/lib/rancher/k3s/server/node-token",
            "~/.aws/credentials",
            "db-password.txt",
            "/etc/letsencrypt/live/x/privkey.pem",
            ".docker/config.json",
            "/etc/wireguard/wg0.conf",
        ] {
            assert!(discloses(path), "{path}");
        }
    }

    #[test]
    fn certificates_code_and_forms_disclose_nothing() {
        for path in [
            "/etc/passwd",
            "~/.ssh/id_rsa.pub",
            "~/.ssh/known_hosts",
            "~/.ssh/config",
            "cert.pem",
            "fullchain.pem",
            ".env.example",
            "docs/secrets.md",
            "src/token.rs",
            "sealed-secret.yaml",
            "secrets.sops.yaml",
            "/etc/apt/keyrings/docker.key",
            "/etc/pam.d/common-password",
            "tokenizer.json",
            "/etc/ssh/sshd_config",
            "/etc/nginx/nginx.conf",
            "/var/log/auth.log",
        ] {
            assert!(!discloses(path), "{path}");
        }
    }

    #[test]
    fn a_pattern_is_seen_as_what_it_may_name() {
        let glob = |text: &str| sight(&Word::Glob(text.to_owned()));
        let unknown = |text: &str| sight(&Word::Unknown(text.to_owned()));
        for text in [
            "/etc/sh*",
            "/etc/s?adow",
            "~/.ssh/*",
            "/home/*/.ssh/id_*",
            "id_*",
            "/etc/[s]hadow",
            ".e*",
        ] {
            assert!(glob(text) >= Sight::Possible, "{text}");
        }
        for text in ["*.log", "/var/log/*", "*", "conf.d/*.conf", "/etc/nginx/*"] {
            assert_eq!(glob(text), Sight::Plain, "{text}");
        }
        for text in [
            "$HOME/.ssh/id_rsa",
            "${HOME}/.aws/credentials",
            "$(find / -name id_rsa)",
            "/etc/$X",
            "$A/$B",
            "$KUBECONFIG",
        ] {
            assert!(unknown(text) >= Sight::Possible, "{text}");
        }
        assert_eq!(unknown("$FILE"), Sight::Blind);
        for text in [
            "$DIR/app.log",
            "/var/log/$APP/error.log",
            "/var/log/app-$(date +%F).log",
        ] {
            assert_eq!(unknown(text), Sight::Hazy, "{text}");
        }
    }
}
