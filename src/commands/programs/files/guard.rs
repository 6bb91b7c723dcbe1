//! Which files of a system decide who may do what, keep it running, or are run by it.

use super::{
    super::host::sheet::{has_word, words},
    pattern,
};
use crate::commands::word::Word;

/// What writing a file of the system does beyond the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum Guard {
    /// It sets a value of the running kernel.
    Tunes,
    /// What stands in it is run later, by the system or by whoever logs in.
    Runs,
    /// The system may not come up again, or data on a device is lost.
    Breaks,
    /// It changes who may do what.
    Access,
}

const ACCESS_FOLDERS: &[&str] = words!(
    "/etc/sudoers.d/ /etc/pam.d/ /etc/security/ /etc/ssh/ /etc/ufw/ /etc/firewalld/ /etc/iptables/ /etc/nftables.d/ /etc/selinux/ \
     /etc/apparmor.d/ /etc/apparmor/ /etc/polkit-1/ /usr/share/polkit-1/ /etc/kubernetes/pki/ /etc/kubernetes/manifests/ \
     /var/lib/rancher/k3s/server/tls/ /var/lib/rancher/k3s/server/manifests/ /etc/audit/ /etc/fail2ban/ /etc/openvpn/ /etc/wireguard/ \
     /etc/dbus-1/ /etc/sssd/ /etc/krb5.conf.d/ /etc/ssl/private/ /etc/rancher/ /usr/lib/pam.d/ /lib/security/"
);
const ACCESS_FILES: &[&str] = words!(
    "/etc/passwd /etc/passwd- /etc/shadow /etc/shadow- /etc/group /etc/group- /etc/gshadow /etc/gshadow- /etc/sudoers /etc/hosts.allow \
     /etc/hosts.deny /etc/nftables.conf /etc/krb5.conf /etc/krb5.keytab /etc/securetty /etc/login.defs /etc/subuid /etc/subgid \
     /etc/doas.conf /etc/exports /etc/nologin /etc/cron.allow /etc/cron.deny /etc/at.allow /etc/at.deny /etc/shells /etc/ld.so.preload \
     /etc/netgroup /etc/sysconfig/iptables /etc/sysconfig/selinux /etc/nslcd.conf /etc/ldap.conf /usr/bin/sudo /usr/bin/su /bin/su /usr/bin/passwd /bin/login /usr/sbin/sshd /bin/sh /bin/bash /usr/bin/bash"
);
/// Names that decide on access in any folder.
const ACCESS_NAMES: &str = "authorized_keys authorized_keys2 sshd_config sudoers pg_hba.conf pg_ident.conf .rhosts .shosts shadow gshadow \
    .k5login users.acl hosts.equiv";

const BREAKS_FOLDERS: &[&str] = words!(
    "/boot/ /efi/ /lib/modules/ /usr/lib/modules/ /sys/power/ /etc/initramfs-tools/ /etc/grub.d/ /etc/lvm/"
);
/// Where databases and the cluster keep what they hold; a file written there by another hand spoils it.
const DATA_FOLDERS: &[&str] = words!(
    "/var/lib/postgresql/ /var/lib/pgsql/ /var/lib/mysql/ /var/lib/etcd/ /var/lib/rancher/k3s/server/db/ /var/lib/rancher/rke2/server/db/ \
     /var/lib/kubelet/"
);
const BREAKS_FILES: &[&str] = words!(
    "/etc/fstab /etc/crypttab /etc/nsswitch.conf /etc/default/grub /etc/inittab /etc/ld.so.conf /etc/ld.so.cache /etc/machine-id \
     /proc/sysrq-trigger /etc/mdadm/mdadm.conf /etc/multipath.conf"
);

const RUNS_FOLDERS: &[&str] = words!(
    "/etc/systemd/ /lib/systemd/ /usr/lib/systemd/ /run/systemd/ /usr/local/lib/systemd/ /etc/cron.d/ /etc/cron.hourly/ /etc/cron.daily/ \
     /etc/cron.weekly/ /etc/cron.monthly/ /var/spool/cron/ /etc/init.d/ /etc/rc.d/ /etc/profile.d/ /etc/udev/ /etc/modprobe.d/ \
     /etc/modules-load.d/ /etc/ld.so.conf.d/ /etc/apt/apt.conf.d/ /etc/network/if-up.d/ /etc/network/if-down.d/ /etc/NetworkManager/dispatcher.d/ \
     /etc/logrotate.d/ /etc/update-motd.d/ /etc/X11/xinit/ /.config/systemd/ /.config/autostart/ /var/spool/at/ /etc/xinetd.d/ \
     /etc/sysctl.d/ /etc/tmpfiles.d/ /etc/kernel/ /etc/dpkg/ /etc/yum.repos.d/ /etc/apt/sources.list.d/ /.git/hooks/"
);
/// Folders in which programs are looked for by their names.
const PROGRAMS: &[&str] = words!(
    "/bin/ /sbin/ /usr/bin/ /usr/sbin/ /usr/local/bin/ /usr/local/sbin/ /usr/games/ /usr/libexec/ /snap/bin/ /.local/bin/"
);
/// What every program loads.
const LIBRARIES: &[&str] = words!("/lib/ /lib64/ /lib32/ /usr/lib/ /usr/lib64/ /usr/local/lib/");
const RUNS_FILES: &[&str] = words!(
    "/etc/crontab /etc/anacrontab /etc/profile /etc/bash.bashrc /etc/bashrc /etc/environment /etc/rc.local /etc/zshrc /etc/aliases \
     /etc/modules /etc/inetd.conf /etc/sysctl.conf /etc/apt/sources.list"
);
const RUNS_NAMES: &str = ".bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .vimrc .exrc .inputrc .gitconfig \
    .forward .xinitrc .xsession .gdbinit .psqlrc .curlrc .wgetrc";

/// Devices that are no disks.
const HARMLESS: &[&str] = words!(
    "/dev/null /dev/zero /dev/full /dev/stdout /dev/stderr /dev/stdin /dev/tty /dev/random /dev/urandom /dev/console /dev/ptmx"
);

/// What writing this file does beyond the file, if it is one of the system's.
pub(in crate::commands) fn guard(path: &str) -> Option<Guard> {
    let path = pattern::plain(path);
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let inside = |folders: &[&str]| folders.iter().any(|folder| under(&path, folder));
    if ACCESS_FILES.contains(&&*path)
        || has_word(ACCESS_NAMES, name)
        || inside(ACCESS_FOLDERS)
        || is_key_folder(&path)
    {
        return Some(Guard::Access);
    }
    if BREAKS_FILES.contains(&&*path)
        || is_device(&path)
        || inside(BREAKS_FOLDERS)
        || inside(DATA_FOLDERS)
    {
        return Some(Guard::Breaks);
    }
    if path.starts_with("/sys/") {
        return Some(of_sys(&path));
    }
    if path.starts_with("/proc/") {
        return Some(if path.starts_with("/proc/sys/") {
            tuned(&path)
        } else {
            Guard::Breaks
        });
    }
    let runs = path.ends_with(".ssh/config")
        || RUNS_FILES.contains(&&*path)
        || has_word(RUNS_NAMES, name)
        || inside(RUNS_FOLDERS)
        || inside(LIBRARIES)
        || is_program(&path);
    runs.then_some(Guard::Runs)
}

/// Whether a path is this folder of the system or stands in it; folders that begin with a dot may stand anywhere.
fn under(path: &str, folder: &str) -> bool {
    if folder.starts_with("/.") {
        return path.contains(folder);
    }
    path.starts_with(folder) || path == folder.trim_end_matches('/')
}

/// Whether a path is where programs are looked for by their names, or were installed: `/usr/local/bin/x`, `/opt/app/bin/x`.
pub(in crate::commands) fn is_program(path: &str) -> bool {
    let path = pattern::plain(path);
    let installed = path.strip_prefix("/opt/").is_some_and(|rest| {
        rest.split('/')
            .any(|folder| folder == "bin" || folder == "sbin")
    });
    installed || PROGRAMS.iter().any(|folder| under(&path, folder))
}

/// The folder of ssh keys itself, and the files in it that are run; a key beside them lets nobody in.
fn is_key_folder(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let inside = path.rsplit_once(".ssh/").map(|(_, name)| name);
    path.ends_with("/.ssh")
        || path == ".ssh"
        || inside.is_some_and(|name| has_word("rc environment", name))
}

/// Most files in `/sys` set a value; some take a device away, or decide what may run.
fn of_sys(path: &str) -> Guard {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        _ if path.starts_with("/sys/fs/selinux/") || path.starts_with("/sys/kernel/security/") => {
            Guard::Access
        }
        "delete" | "remove" | "online" | "unbind" | "reset" | "state" | "driver_override" => {
            Guard::Breaks
        }
        _ => Guard::Tunes,
    }
}

fn tuned(path: &str) -> Guard {
    let security = [
        "randomize_va_space",
        "ptrace_scope",
        "kptr_restrict",
        "modules_disabled",
        "suid_dumpable",
        "protected_",
        "unprivileged_",
    ];
    if security.iter().any(|word| path.contains(word)) {
        return Guard::Access;
    }
    if path.ends_with("core_pattern") || path.ends_with("/modprobe") || path.ends_with("/sysrq") {
        return Guard::Breaks;
    }
    Guard::Tunes
}

/// Whether a path names a disk or another device whose contents are lost when it is written.
pub(in crate::commands::programs) fn is_device(path: &str) -> bool {
    let harmless = [
        "/dev/fd/",
        "/dev/shm/",
        "/dev/pts/",
        "/dev/tcp/",
        "/dev/udp/",
        "/dev/log",
        "/dev/tty",
    ];
    path.starts_with("/dev/")
        && !HARMLESS.contains(&path)
        && !harmless.iter().any(|start| path.starts_with(start))
}

/// Whether a path names a disk or a part of one: printing it prints every file on it.
pub(in crate::commands::programs) fn is_disk(path: &str) -> bool {
    let path = pattern::plain(path);
    let kinds = words!("sd hd vd xvd nvme mmcblk dm- mapper/ md disk/ zd drbd rbd nbd root");
    path.strip_prefix("/dev/")
        .is_some_and(|name| kinds.iter().any(|kind| name.starts_with(kind)))
}

/// Whether a folder is one of the system's: what changes the rights or the owner of all in it breaks the host.
pub(in crate::commands::programs) fn is_system_folder(path: &str) -> bool {
    let path = pattern::plain(path);
    if !path.starts_with('/') {
        return false;
    }
    let path = path.trim_end_matches(['*', '/']);
    let whole = words!(
        " / /bin /boot /dev /etc /home /lib /lib32 /lib64 /opt /proc /root /run /sbin /srv /sys /usr /usr/bin /usr/lib /usr/sbin /usr/share \
         /usr/local /usr/local/bin /var /var/lib /var/log /var/spool /var/run /mnt /media"
    );
    path.is_empty() || whole.contains(&path) || is_system_path(path)
}

/// Whether a path belongs to the system rather than to an application.
pub(in crate::commands::programs) fn is_system_path(path: &str) -> bool {
    let path = pattern::plain(path);
    let folders = words!(
        "/bin/ /boot/ /dev/ /etc/ /lib/ /lib32/ /lib64/ /proc/ /root/.ssh/ /run/ /sbin/ /sys/ /usr/bin/ /usr/sbin/ /usr/lib/ /usr/lib64/ \
         /usr/libexec/ /usr/share/ /usr/include/ /var/lib/dpkg/ /var/lib/rpm/ /var/spool/cron/ /var/run/"
    );
    folders.iter().any(|folder| under(&path, folder))
}

/// Files of the system as they are usually called, for words that are not fully known.
const USUAL: &[&str] = words!(
    "/etc/passwd /etc/shadow /etc/sudoers /etc/sudoers.d/x /etc/ssh/sshd_config ~/.ssh/authorized_keys /root/.ssh/authorized_keys \
     /home/user/.ssh/authorized_keys /etc/fstab /etc/pam.d/sshd /boot/vmlinuz /dev/sda /dev/nvme0n1 /etc/group /proc/sysrq-trigger"
);

/// The same for a word, whatever is known of it.
pub(in crate::commands::programs) fn guard_of(word: &Word) -> Option<Guard> {
    let text = word.text();
    match word {
        Word::Known(text) => guard(text),
        Word::Glob(_) | Word::Unknown(_) => {
            let known = pattern::of_unknown(text);
            let known = pattern::plain(&known);
            let literal = known.trim_matches(['*', '/', '.']);
            let thinkable = || USUAL.iter().any(|usual| pattern::fits(&known, usual));
            guard(&known).or_else(|| (!literal.is_empty() && thinkable()).then_some(Guard::Access))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Guard, guard, guard_of};
    use crate::commands::word::Word;

    #[test]
    fn files_that_decide_on_access_are_guarded() {
        for path in [
            "/etc/passwd",
            "/etc//sudoers",
            "/etc/sudoers.d/app",
            "~/.ssh/authorized_keys",
            "/etc/pam.d/sshd",
            "/root/.ssh",
            "/data/pg_hba.conf",
        ] {
            assert_eq!(guard(path), Some(Guard::Access), "{path}");
        }
    }

    #[test]
    fn devices_and_what_a_start_needs_break_the_host() {
        for path in [
            "/dev/sda",
            "/dev/mapper/vg-x",
            "/boot/grub/grub.cfg",
            "/etc/fstab",
            "/proc/sysrq-trigger",
        ] {
            assert_eq!(guard(path), Some(Guard::Breaks), "{path}");
        }
    }

    #[test]
    fn data_is_not_guarded() {
        for path in [
            "/dev/null",
            "/tmp/x",
            "app.conf",
            "/etc/nginx/nginx.conf",
            "/opt/app/x",
            "~/.ssh/known_hosts",
            "/dev/shm/x",
        ] {
            assert_eq!(guard(path), None, "{path}");
        }
        assert_eq!(guard("/proc/sys/vm/swappiness"), Some(Guard::Tunes));
        assert_eq!(guard("/etc/cron.d/x"), Some(Guard::Runs));
    }

    #[test]
    fn a_word_that_may_name_one_is_guarded() {
        assert_eq!(
            guard_of(&Word::Unknown("$ROOT/etc/passwd".to_owned())),
            Some(Guard::Access)
        );
        assert_eq!(
            guard_of(&Word::Glob("/etc/pass*".to_owned())),
            Some(Guard::Access)
        );
        assert_eq!(guard_of(&Word::Unknown("$DIR/backup.tar".to_owned())), None);
        assert_eq!(guard_of(&Word::Unknown("$FILE".to_owned())), None);
    }
}
