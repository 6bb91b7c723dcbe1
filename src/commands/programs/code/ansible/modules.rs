//! What modules do.

use super::arguments::Arguments;
use crate::commands::programs::{
    files::secrets::discloses,
    manual::Does,
    names::{is_secret, listed},
};

/// Modules that only look.
const READING: &str = "ping win_ping setup gather_facts stat win_stat debug find service_facts package_facts assert fail wait_for \
    wait_for_connection getent listen_ports_facts mount_facts set_fact async_status validate_argument_spec \
    k8s_info docker_container_info docker_host_info docker_image_info postgresql_ping postgresql_info mysql_info \
    ec2_instance_info user_info pip_package_info";

/// Modules that change who may do what.
const ACCESS: &str = "user group authorized_key acl seboolean selinux sefcontext iptables ufw firewalld htpasswd pam_limits pamd \
    mysql_user postgresql_user postgresql_privs postgresql_owner postgresql_pg_hba openssh_keypair sudoers \
    win_user win_group win_acl win_firewall_rule mongodb_user rabbitmq_user ldap_entry nftables iam_user iam_role \
    iam_policy k8s_auth";

/// Modules that write.
const WRITING: &str = "apt apt_repository apt_key yum dnf dnf5 package zypper apk pacman pip npm gem snap homebrew yum_repository \
    rpm_key copy template lineinfile blockinfile replace ini_file unarchive get_url synchronize assemble fetch \
    archive git subversion cron hostname sysctl modprobe timezone known_hosts xml";

/// Modules that begin, or end, what keeps data.
const STORES: &str = "docker_container docker_image docker_volume docker_network docker_compose_v2 podman_container k8s helm \
    mysql_db postgresql_db mongodb_index lxd_container virt ec2_instance";

/// Folders whose files say who may do what.
const GUARDED: &str = "/etc/sudoers /etc/ssh /etc/pam.d /etc/passwd /etc/shadow /etc/group /etc/security /root /etc/hosts. \
    /etc/polkit-1 /etc/kubernetes /etc/nftables";

/// Whether a module only looks, whatever it is given.
pub(super) fn only_reads(name: &str) -> bool {
    listed(READING, name)
}

/// What a module does with these arguments.
pub(super) fn does(name: &str, given: &Arguments) -> Vec<Does> {
    let state = given.any(&["state"]);
    let path = given.any(&["path", "dest", "name", "destfile"]);
    let guarded = GUARDED
        .split_whitespace()
        .any(|guarded| path.starts_with(guarded))
        || path.ends_with("pg_hba.conf")
        || path.contains("/.ssh/");
    match name {
        "setup" | "gather_facts" if shows_environment(given) => vec![Does::Secrets],
        "debug" if shows_everything(&given.whole()) => vec![Does::Secrets],
        "fetch" if discloses(given.any(&["src"])) => vec![Does::Change, Does::Secrets],
        _ if only_reads(name) => vec![Does::Read],
        "slurp" if discloses(given.any(&["src", "path"])) => vec![Does::Secrets],
        "slurp" => vec![Does::Read],
        "uri" => vec![request(given)],
        "service" | "systemd" | "systemd_service" | "sysvinit" | "win_service" | "runit" => {
            service(state, given)
        }
        "file" | "win_file" => file(state, guarded, given),
        "reboot" | "win_reboot" | "shutdown" | "win_shutdown" => vec![Does::Cut],
        "mount" if matches!(state, "unmounted" | "absent" | "absent_from_fstab") => vec![Does::Cut],
        "mount" => vec![Does::Change],
        "filesystem" | "parted" | "lvol" | "lvg" | "zfs" | "zpool" | "luks_device" => {
            vec![Does::Lose]
        }
        "mysql_query" | "postgresql_query" | "postgresql_script" | "script" | "mongodb_shell"
        | "import_role" | "include_role" => vec![Does::Unknown],
        _ if listed(ACCESS, name) => vec![Does::Access],
        _ => other(name, state, guarded, given),
    }
}

/// Whether an expression names a secret, or all variables at once, passwords among them.
fn shows_everything(expression: &str) -> bool {
    let mut words =
        expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let looks_up = ["lookup(", "query("]
        .iter()
        .any(|call| expression.contains(call));
    // What `ansible-vault` keeps is called `vault_…` by custom.
    let shows =
        |word: &str| listed("hostvars vars ansible_env", word) || word.starts_with("vault_");
    is_secret(expression) || looks_up || words.any(shows)
}

/// Whether facts are asked for of which the environment is one: it is always gathered, unless the least are not, and is shown unless
/// only facts of other names are.
fn shows_environment(given: &Arguments) -> bool {
    let gathered = given.any(&["gather_subset"]);
    let left_out = gathered
        .split(',')
        .map(|subset| subset.trim_matches(['\'', '"', '[', ']', ' ']));
    let spared = left_out
        .clone()
        .any(|subset| subset == "!min" || subset == "!env")
        && !left_out
            .clone()
            .any(|subset| subset == "env" || subset == "min");
    let wanted = given.any(&["filter"]);
    let fits = |pattern: &str| {
        let start = pattern.split(['*', '?', '[']).next().unwrap_or_default();
        pattern == start && matches!(pattern, "" | "ansible_env" | "env")
            || pattern != start && ("ansible_env".starts_with(start) || "env".starts_with(start))
    };
    let mut names = wanted
        .split(',')
        .map(|name| name.trim_matches(['\'', '"', '[', ']', ' ']));
    !spared && names.any(fits)
}

fn other(name: &str, state: &str, guarded: bool, given: &Arguments) -> Vec<Does> {
    let removes = matches!(
        state,
        "absent"
            | "removed"
            | "purged"
            | "terminated"
            | "import"
            | "restore"
            | "destroyed"
            | "undefined"
    ) || ["autoremove", "purge", "delete", "force_absent"]
        .iter()
        .any(|name| given.yes(name));
    let stops = matches!(state, "stopped" | "shutdown" | "paused" | "down");
    let known = listed(WRITING, name) || listed(STORES, name);
    let mut does = vec![if known { Does::Change } else { Does::Code }];
    if removes {
        does.push(Does::Delete);
    }
    if stops {
        does.push(Does::Cut);
    }
    if guarded {
        does.push(Does::Access);
    }
    does
}

fn service(state: &str, given: &Arguments) -> Vec<Does> {
    let mut does = Vec::new();
    match state {
        "restarted" | "reloaded" => does.push(Does::Again),
        "started" => does.push(Does::Start("state=stopped")),
        "stopped" | "killed" => does.push(Does::Cut),
        "" => {}
        _ => does.push(Does::Code),
    }
    if given.yes("masked") {
        does.push(Does::Cut);
    }
    if given.yes("enabled") {
        does.push(Does::Undo("enabled=no"));
    }
    if given.no("enabled") {
        does.push(Does::Undo("enabled=yes"));
    }
    if given.yes("daemon_reload") {
        does.push(Does::Again);
    }
    if does.is_empty() {
        does.push(Does::Read);
    }
    does
}

fn file(state: &str, guarded: bool, given: &Arguments) -> Vec<Does> {
    let mut does = match state {
        "absent" => vec![Does::Delete],
        "directory" | "touch" => vec![Does::Make("remove it if it was not there")],
        "" | "file" => vec![Does::Change],
        _ => vec![Does::Change],
    };
    let rights = ["mode", "owner", "group", "attributes"]
        .iter()
        .any(|name| given.get(name).is_some());
    let path = given.any(&["path", "dest", "name"]);
    let system = ["/etc", "/usr", "/bin", "/sbin", "/lib", "/boot", "/var/lib"]
        .iter()
        .any(|folder| path.starts_with(folder))
        || path == "/";
    if guarded || rights && (system || given.yes("recurse")) {
        does.push(Does::Access);
    } else if rights {
        does.push(Does::Change);
    }
    does
}

fn request(given: &Arguments) -> Does {
    match given.any(&["method"]) {
        "" | "GET" | "HEAD" | "OPTIONS" if given.get("dest").is_none() => Does::Read,
        "DELETE" => Does::Delete,
        _ => Does::Code,
    }
}
