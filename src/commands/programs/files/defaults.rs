//! `/etc/default` and `/etc/sysconfig`: a file for each program, with the variables that it is started with. Those of the system itself say
//! how it is set up; those of anybody's programs hold their passwords.

use crate::commands::programs::host::sheet::has_word;

/// Files of the system itself, and of services whose settings hold no secrets.
const OF_THE_SYSTEM: &str = "grub grub.d locale keyboard console-setup useradd cron crond anacron atd ssh sshd rsync nfs nfs-common \
    nfs-kernel-server rpcbind ntp ntpd ntpdate ntpsec chrony chronyd hwclock halt tmpfs devpts rcs dbus networking network network-scripts \
    ufw apport crda acpid smartmontools smartd_opts irqbalance cpufrequtils cpupower sysstat docker containerd crio kubelet kube-proxy \
    nginx apache2 apache-htcacheclean httpd haproxy keepalived bind9 named isc-dhcp-server dhcpd dhcrelay dnsmasq syslog syslog-ng rsyslog \
    rsyslogd logrotate avahi-daemon openvpn mdadm multipath multipathd open-iscsi apparmor motd-news amd64-microcode intel-microcode raspi-extra-cmdline \
    unattended-upgrades lm-sensors bsdmainutils zfs iscsi i18n clock selinux kernel init readonly-root authconfig prelink desktop console \
    nftables iptables ip6tables iptables-config ip6tables-config ebtables firewalld auditd sestatus modules man-db nss zramswap cachefilesd \
    prometheus prometheus-node-exporter node_exporter node-exporter blk-availability wpa_supplicant saslauthd.conf quota slapd_opts raid-check";

/// Whether a path, in small letters, is such a file of a program.
pub(super) fn is_of_a_program(path: &str, name: &str) -> bool {
    let folders = ["/etc/default/", "/etc/sysconfig/"];
    let inside = folders.iter().find_map(|folder| path.strip_prefix(folder));
    inside.is_some_and(|inside| {
        let first = inside.split('/').next().unwrap_or_default();
        !inside.is_empty() && !has_word(OF_THE_SYSTEM, first) && !has_word(OF_THE_SYSTEM, name)
    })
}

#[cfg(test)]
mod tests {
    use super::is_of_a_program;

    #[test]
    fn the_variables_of_a_program_are_its_secrets() {
        assert!(is_of_a_program("/etc/default/minio", "minio"));
        assert!(is_of_a_program("/etc/sysconfig/app", "app"));
        assert!(is_of_a_program("/etc/default/*", "*"));
        for path in [
            "/etc/default/grub",
            "/etc/default/grub.d/x.cfg",
            "/etc/sysconfig/network",
            "/etc/default/",
        ] {
            let name = path.rsplit('/').next().unwrap_or_default();
            assert!(!is_of_a_program(path, name), "{path}");
        }
    }
}
