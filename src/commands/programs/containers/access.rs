//! What of the host a container may touch.

use crate::commands::programs::files::secrets;
use crate::commands::{flags::Parsed, word::Word};

/// Folders of the host that give whoever has them the host itself.
const GRAVE_FOLDERS: [&str; 30] = [
    "/",
    "/etc",
    "/root",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/home",
    "/opt",
    "/var",
    "/run",
    "/var/run",
    "/var/lib",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/etcd",
    "/etc/kubernetes",
    "/etc/ssh",
    "/var/spool/cron",
    "/run/containerd",
    "/var/log",
    "/mnt",
];
/// Parts of a path behind which an engine or keys stand.
const GRAVE_PARTS: [&str; 11] = [
    "docker.sock",
    "containerd.sock",
    "podman.sock",
    "crio.sock",
    "dockershim.sock",
    "/.ssh",
    "/.kube",
    "/.aws",
    "/.gnupg",
    "/.docker",
    "/etc/ssh/",
];
/// Files of `/etc` that hold nothing to hide.
const HARMLESS: [&str; 9] = [
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/hostname",
    "/etc/os-release",
    "/etc/ssl/certs",
    "/etc/machine-id",
    "/etc/ca-certificates",
];
/// Capabilities that are nearly root on the host.
const CAPABILITIES: [&str; 9] = [
    "ALL",
    "SYS_ADMIN",
    "SYS_PTRACE",
    "SYS_MODULE",
    "SYS_RAWIO",
    "DAC_READ_SEARCH",
    "DAC_OVERRIDE",
    "BPF",
    "SYS_BOOT",
];
/// Devices that only show, sound or count.
const DEVICES: [&str; 7] = [
    "/dev/dri",
    "/dev/snd",
    "/dev/video",
    "/dev/null",
    "/dev/kvm",
    "/dev/net/tun",
    "nvidia.com/",
];

/// What of the host a container gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// Its own files, and folders of the host that hold data alone.
    None,
    /// The host's network.
    Network,
    /// A folder whose name is not known yet.
    Unknown,
    /// Enough to become root on the host.
    Host,
}

/// What the flags of `run` and `create` give a container.
pub(super) fn of(parsed: &Parsed) -> Access {
    let mut access = Access::None;
    if parsed.has(&[
        "privileged",
        "use-api-socket",
        "privileged-without-host-devices",
        "rootfs",
        "allow-new-privs",
    ]) {
        access = Access::Host;
    }
    for flag in &parsed.flags {
        let Some(value) = &flag.value else {
            continue;
        };
        access = access.max(of_flag(&flag.name, value));
    }
    access.max(if parsed.has(&["net-host"]) {
        Access::Network
    } else {
        Access::None
    })
}

fn of_flag(name: &str, value: &Word) -> Access {
    let text = value.text();
    let host = |grave: bool| if grave { Access::Host } else { Access::None };
    match name {
        "pid" | "ipc" | "uts" | "userns" | "cgroupns" => host(text == "host"),
        "network" | "net" if text == "host" => Access::Network,
        "cap-add" => host(text.split(',').any(is_strong)),
        "security-opt" => host(
            ["unconfined", "disable", "unmask", "no-new-privileges=false"]
                .iter()
                .any(|bad| text.contains(bad)),
        ),
        "device" => host(!DEVICES.iter().any(|device| text.starts_with(device))),
        "device-cgroup-rule" => Access::Host,
        "v" | "volume" => of_mount(
            value,
            text.split(':').next().unwrap_or(""),
            text.contains(":ro"),
        ),
        "mount" | "mount-add" => of_mount_words(value, text),
        _ => Access::None,
    }
}

/// What a folder of the host gives to whoever mounts it.
pub(super) fn of_folder(path: &Word) -> Access {
    of_mount(path, path.text(), false)
}

fn is_strong(capability: &str) -> bool {
    let upper = capability.to_ascii_uppercase();
    CAPABILITIES.contains(&upper.strip_prefix("CAP_").unwrap_or(&upper))
}

/// `type=bind,source=/etc,target=/x,readonly`.
fn of_mount_words(value: &Word, text: &str) -> Access {
    let words = text.split(',').filter_map(|word| word.split_once('='));
    let source = words
        .clone()
        .find(|(name, _)| matches!(*name, "source" | "src"));
    let is_volume = words
        .clone()
        .any(|(name, kind)| name == "type" && kind == "volume");
    match source {
        Some((_, source)) if !is_volume => of_mount(
            value,
            source,
            text.contains("readonly") || text.contains(",ro"),
        ),
        _ => Access::None,
    }
}

fn of_mount(value: &Word, source: &str, read_only: bool) -> Access {
    if value.known().is_none() && source.starts_with(['$', '`']) {
        return if is_here(value) {
            Access::None
        } else {
            Access::Unknown
        };
    }
    let path = normal(source);
    let path = path.as_str();
    if HARMLESS.iter().any(|harmless| path.starts_with(harmless)) {
        return Access::None;
    }
    // Counters of the kernel, only to be read, are what monitors need.
    if read_only
        && ["/proc", "/sys"]
            .iter()
            .any(|folder| path.starts_with(folder))
    {
        return Access::None;
    }
    let grave = GRAVE_FOLDERS.contains(&path)
        || GRAVE_PARTS.iter().any(|part| path.contains(part))
        || !read_only && path.starts_with("/etc/")
        || ["/dev/", "/proc/", "/sys/", "/boot/"]
            .iter()
            .any(|folder| path.starts_with(folder))
        || secrets::discloses(path)
        || matches!(path, "~" | "$HOME")
        || source.contains("..");
    if grave { Access::Host } else { Access::None }
}

/// Whether a word begins with the folder that the command runs in.
pub(super) fn is_here(word: &Word) -> bool {
    let here = ["$PWD", "${PWD}", "$(pwd)", "`pwd`"];
    word.known().is_none() && here.iter().any(|here| word.text().starts_with(here))
}

/// Without doubled and trailing slashes, and without `.`.
fn normal(path: &str) -> String {
    if !path.starts_with('/') {
        return path.trim_end_matches('/').to_owned();
    }
    let parts: Vec<_> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Access, of_flag};
    use crate::commands::word::Word;

    fn access(name: &str, value: &str) -> Access {
        of_flag(name, &Word::Known(value.to_owned()))
    }

    #[test]
    fn folders_of_the_host_itself_give_the_host() {
        for value in [
            "/:/host",
            "//:/host",
            "/etc:/x",
            "/./root/:/x:ro",
            "/var/run/docker.sock:/var/run/docker.sock",
            "/srv/../etc:/x",
            "~/.ssh:/x",
        ] {
            assert_eq!(access("v", value), Access::Host, "{value}");
        }
        assert_eq!(access("mount", "type=bind,src=/,dst=/x,ro"), Access::Host);
    }

    #[test]
    fn folders_of_data_give_nothing() {
        for value in [
            "data:/var/lib/x",
            "/srv/data:/data",
            "./conf:/etc/x:ro",
            "/etc/localtime:/etc/localtime:ro",
            "/proc:/host/proc:ro",
        ] {
            assert_eq!(access("v", value), Access::None, "{value}");
        }
        assert_eq!(
            access("mount", "type=volume,source=data,target=/x"),
            Access::None
        );
    }
}
