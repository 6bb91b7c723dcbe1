//! Flags of curl that lead to another server than the address says.

use crate::commands::{flags::Parsed, found::Found, programs::host::sheet::words, word::Word};

/// Flags by which another server is asked than the address says, or with what somebody signed in.
const AIMING: &[&str] = words!(
    "n netrc netrc-optional netrc-file connect-to resolve x proxy proxy1.0 preproxy socks4 socks4a socks5 socks5-hostname doh-url dns-servers"
);

/// Parts of names of sockets behind which containers or machines are run, or whoever answers may do everything on the host.
const ENGINES: &[&str] = words!(
    "docker podman containerd crio cri-o buildkit lxd incus libvirt snapd dbus systemd kubelet tailscale firecracker"
);

/// Says that a call leads elsewhere.
pub(super) fn aims(parsed: &Parsed, found: &mut Found) {
    let mut flags = parsed.flags.iter().map(|flag| flag.name.as_str());
    if let Some(flag) = flags.find(|name| AIMING.contains(name)) {
        found.opaque(format!(
            "`{flag}` decides which server is asked, and as whom"
        ));
    }
    let sockets = parsed.values(&["unix-socket", "abstract-unix-socket"]);
    for socket in sockets.map(Word::text).filter(|path| is_of_an_engine(path)) {
        found.opaque(format!(
            "`{socket}`: who answers there runs containers or machines"
        ));
    }
}

fn is_of_an_engine(path: &str) -> bool {
    !path.starts_with('/') || ENGINES.iter().any(|name| path.contains(name))
}
