//! systemd's own programs, as tables.

use super::{
    does::Does,
    sheet::{Sheet, table, words},
};

pub(super) const SYSTEMCTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "unit",
        table(
            words!(
                "H M P n o p s t host machine type state property job-mode kill-whom kill-who kill-value signal lines output root image preset-mode \
                 check-inhibitors what boot-loader-menu boot-loader-entry reboot-argument timestamp message image-policy drop-in when legend kill-subgroup"
            ),
            words!(
                "0 T a f h i l q r v after all before dry-run fail failed firmware-setup force full global help ignore-dependencies ignore-inhibitors marked mkdir \
                 no-ask-password no-block no-legend no-pager no-reload no-wall no-warn now plain quiet read-only recursive reverse runtime \
                 show-transaction show-types stdin system user value version wait with-dependencies verbose"
            ),
            words!("firmware-setup"),
        ),
        &[
            (
                "status show cat help list-units list-sockets list-timers list-paths list-automounts list-unit-files list-dependencies list-machines \
                 list-jobs is-active is-failed is-enabled is-system-running get-default show-environment whoami list-automount",
                Does::Look,
            ),
            (
                "log-level log-target service-log-level service-log-target service-watchdogs",
                Does::Sets(0, &Does::Alter),
            ),
            ("start", Does::Start("systemctl stop {}")),
            (
                "restart reload try-restart reload-or-restart try-reload-or-restart condrestart force-reload reload-or-try-restart condreload",
                Does::Restart,
            ),
            ("enable reenable link", Does::Undo("systemctl disable {}")),
            ("unmask", Does::Undo("systemctl mask {}")),
            ("thaw", Does::Undo("systemctl freeze {}")),
            ("daemon-reload daemon-reexec reset-failed", Does::Renew),
            (
                "set-environment",
                Does::Undo("systemctl unset-environment {}"),
            ),
            (
                "set-property preset add-wants add-requires unset-environment import-environment cancel bind mount-image",
                Does::Alter,
            ),
            ("edit", Does::Ask),
            (
                "stop disable mask kill isolate poweroff reboot halt kexec soft-reboot emergency rescue exit switch-root default suspend hibernate \
                 hybrid-sleep suspend-then-hibernate sleep set-default preset-all freeze condstop",
                Does::Cut,
            ),
            ("clean revert", Does::Remove),
        ],
    )
};

const JOURNALCTL: Sheet = Sheet {
    flags: &[
        ("vacuum-size vacuum-files vacuum-time", Does::Remove),
        (
            "rotate sync flush relinquish-var smart-relinquish-var",
            Does::Renew,
        ),
        ("setup-keys update-catalog force", Does::Alter),
    ],
    outputs: words!("cursor-file"),
    ..Sheet::of(
        "journal",
        table(
            words!(
                "D F M S T U c g i o p t u cursor cursor-file after-cursor directory facility field file grep identifier image image-policy interval \
                 machine namespace output output-fields priority root since unit until user-unit vacuum-files vacuum-size vacuum-time verify-key \
                 exclude-identifier invocation"
            ),
            words!(
                "0 1 2 3 4 5 6 7 8 9 I N W a e f h k l m q r x all catalog disk-usage dmesg dump-catalog fields flush follow force full header help list-boots \
                 list-catalog list-namespaces merge no-full no-hostname no-pager no-tail pager-end quiet relinquish-var reverse rotate setup-keys \
                 show-cursor smart-relinquish-var sync system this-boot update-catalog user utc verify version truncate-newline new-id128 list-invocations"
            ),
            words!("b n boot lines case-sensitive"),
        ),
        Does::Look,
    )
};

const LOGINCTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "session",
        table(
            words!(
                "H M P n o p s host machine property lines output signal kill-whom kill-who json"
            ),
            words!("a l q h all full value no-pager no-legend no-ask-password help version"),
            &[],
        ),
        &[
            (
                "list-sessions session-status show-session list-users user-status show-user list-seats seat-status show-seat",
                Does::Look,
            ),
            ("enable-linger", Does::Undo("loginctl disable-linger {}")),
            (
                "activate lock-session unlock-session lock-sessions unlock-sessions attach flush-devices disable-linger",
                Does::Alter,
            ),
            (
                "terminate-session kill-session terminate-user kill-user terminate-seat",
                Does::Cut,
            ),
        ],
    )
};

const HOSTNAMECTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "setting",
        table(
            words!("H M host machine json"),
            words!("h j static transient pretty no-ask-password help version"),
            &[],
        ),
        &[
            ("status", Does::Look),
            (
                "hostname icon-name chassis deployment location",
                Does::Sets(
                    0,
                    &Does::Undo("hostnamectl sets what it shows before instead of {}"),
                ),
            ),
            (
                "set-hostname set-icon-name set-chassis set-deployment set-location",
                Does::Undo("hostnamectl sets what it shows before instead of {}"),
            ),
        ],
    )
};

const TIMEDATECTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "setting",
        table(
            words!("H M P p host machine property"),
            words!(
                "a h l no-pager no-ask-password adjust-system-clock monitor all value help version"
            ),
            &[],
        ),
        &[
            (
                "status show list-timezones timesync-status show-timesync",
                Does::Look,
            ),
            (
                "set-timezone",
                Does::Undo("timedatectl set-timezone to what `timedatectl show` shows before"),
            ),
            (
                "set-ntp+true set-ntp+yes set-ntp+1 set-ntp+on",
                Does::Undo("timedatectl set-ntp false"),
            ),
            ("set-ntp", Does::Cut),
            ("set-time set-local-rtc ntp-servers revert", Does::Alter),
        ],
    )
};

const LOCALECTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "setting",
        table(
            words!("H M host machine"),
            words!("h l no-pager no-ask-password no-convert full help version"),
            &[],
        ),
        &[
            (
                "status list-locales list-keymaps list-x11-keymap-models list-x11-keymap-layouts list-x11-keymap-variants list-x11-keymap-options",
                Does::Look,
            ),
            (
                "set-locale set-keymap set-x11-keymap",
                Does::Undo("localectl sets what it shows before instead of {}"),
            ),
        ],
    )
};

const RESOLVECTL: Sheet = Sheet::with_verbs(
    "resolver",
    table(
        words!("c i p t class interface protocol type json"),
        words!("4 6 h l j raw legend no-pager help version relax-single-label"),
        words!(
            "raw cache cname search validate synthesize network service-address service-txt trust-anchor zone legend stale-data"
        ),
    ),
    &[
        (
            "query service openpgp tlsa status statistics monitor show-cache show-server-state",
            Does::Look,
        ),
        (
            "flush-caches reset-statistics reset-server-features",
            Does::Renew,
        ),
        (
            "dns domain default-route llmnr mdns dnsovertls dnssec nta",
            Does::Sets(1, &Does::Alter),
        ),
        ("log-level", Does::Sets(0, &Does::Alter)),
        ("revert", Does::Alter),
    ],
);

const RESOLVE: Sheet = Sheet {
    flags: &[
        (
            "flush-caches reset-statistics reset-server-features",
            Does::Renew,
        ),
        (
            "set-dns set-domain set-llmnr set-mdns set-dnssec set-dnsovertls set-nta revert",
            Does::Alter,
        ),
    ],
    ..Sheet::of(
        "resolver",
        table(
            words!(
                "c i p t u class interface protocol type set-dns set-domain set-llmnr set-mdns set-dnssec set-dnsovertls set-nta"
            ),
            words!(
                "4 6 h service openpgp tlsa status statistics flush-caches reset-statistics reset-server-features revert no-pager help version"
            ),
            words!("tlsa raw cname search legend service-address service-txt"),
        ),
        Does::Look,
    )
};

const NETWORKCTL: Sheet = Sheet::with_verbs(
    "link",
    table(
        words!("n json lines drop-in"),
        words!(
            "a h l s all stats full no-pager no-legend no-ask-password runtime no-reload help version"
        ),
        &[],
    ),
    &[
        ("list status lldp label cat", Does::Look),
        ("up", Does::Undo("networkctl down {}")),
        ("reload", Does::Renew),
        (
            "reconfigure renew forcerenew unmask mask persistent-storage",
            Does::Alter,
        ),
        ("edit", Does::Ask),
        ("down", Does::Cut),
        ("delete", Does::Remove),
    ],
);

const MACHINECTL: Sheet = Sheet::with_verbs(
    "machine",
    table(
        words!(
            "E H M P n o p s host machine property lines output signal kill-whom setenv uid max-addresses verify format runner"
        ),
        words!(
            "a h l q V all full quiet no-pager no-legend no-ask-password read-only mkdir force now value help version"
        ),
        &[],
    ),
    &[
        (
            "list status show list-images image-status show-image cat",
            Does::Look,
        ),
        ("start", Does::Start("machinectl poweroff {}")),
        ("enable", Does::Undo("machinectl disable {}")),
        (
            "clone bind copy-to copy-from rename read-only set-limit pull-tar pull-raw import-tar import-raw import-fs export-tar export-raw",
            Does::Alter,
        ),
        ("login shell edit", Does::Ask),
        ("poweroff reboot terminate kill stop disable", Does::Cut),
        ("remove clean cancel-transfer", Does::Remove),
    ],
);

const ANALYZE: Sheet = Sheet::with_verbs(
    "system",
    table(
        words!(
            "H M base-time fuzz from-pattern host image iterations json machine offline profile recursive-errors root security-policy threshold to-pattern unit image-policy scale-svg instance"
        ),
        words!(
            "h q m user system global order require quiet no-pager help version generators mask tldr table no-legend detailed"
        ),
        words!("man generators"),
    ),
    &[
        (
            "time blame critical-chain plot dot dump unit-paths exit-status capability cat-config compare-versions verify calendar timestamp timespan \
             security inspect-elf condition syscall-filter filesystems unit-files malloc fdstore image-policy has-tpm2 pcrs srk architectures smbios11",
            Does::Look,
        ),
        (
            "log-level log-target service-watchdogs get-log-level get-log-target",
            Does::Sets(0, &Does::Alter),
        ),
        ("set-log-level set-log-target", Does::Alter),
        ("unit-shell unit-gdb", Does::Run),
    ],
);

const BUSCTL: Sheet = Sheet {
    host: words!("H host M machine"),
    ..Sheet::with_verbs(
        "service",
        table(
            words!(
                "H M P host machine address match size json timeout watch-bind destination limit-messages N"
            ),
            words!(
                "h j l q a user system show-machine unique acquired activatable list no-pager no-legend quiet verbose xml-interface full help version"
            ),
            words!("expect-reply auto-start allow-interactive-authorization augment-creds"),
        ),
        &[(
            "list status monitor capture tree introspect get-property wait",
            Does::Look,
        )],
    )
};

const CGTOP: Sheet = Sheet::of(
    "group",
    table(
        words!("d n M depth iterations delay machine order unit user-unit"),
        words!(
            "a b c i k l m p r t P u x 1 h batch raw cpu recursive all xattr no-pager full help version"
        ),
        words!("cpu recursive xattr cgroup-id"),
    ),
    Does::Look,
);

/// The sheet of a program of systemd.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "journalctl" => &JOURNALCTL,
        "loginctl" => &LOGINCTL,
        "hostnamectl" => &HOSTNAMECTL,
        "timedatectl" => &TIMEDATECTL,
        "localectl" => &LOCALECTL,
        "resolvectl" => &RESOLVECTL,
        "systemd-resolve" => &RESOLVE,
        "networkctl" => &NETWORKCTL,
        "machinectl" => &MACHINECTL,
        "systemd-analyze" => &ANALYZE,
        "busctl" => &BUSCTL,
        "systemd-cgtop"
        | "systemd-cgls"
        | "systemd-delta"
        | "systemd-detect-virt"
        | "systemd-path"
        | "systemd-id128" => &CGTOP,
        _ => return None,
    })
}
