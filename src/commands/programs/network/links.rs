//! Links, sockets and traffic, as tables.

use crate::commands::programs::host::does::Does;
use crate::commands::programs::host::sheet::{Sheet, table, words};

const SS: Sheet = Sheet {
    flags: &[("K kill", Does::Cut)],
    outputs: words!("D diag"),
    ..Sheet::of(
        "socket",
        table(
            words!("A D F N f query socket diag filter net family"),
            words!(
                "0 1 2 4 6 B E H K M O S T V Z a b d e h i k l m n o p r s t u v w x z all bpf context contexts dccp events extended help info ipv4 ipv6 kill listening memory mptcp no-header no-queues numeric oneline options packet processes resolve sctp summary tcp tipc tos cgroup udp unix version vsock raw xdp inet-sockopt threads"
            ),
            words!("tipcinfo bpf-maps bpf-map-id"),
        ),
        Does::Look,
    )
};
const TCPDUMP: Sheet = Sheet {
    outputs: words!("w"),
    flags: &[("z", Does::Code)],
    ..Sheet::of(
        "traffic",
        table(
            words!(
                "B c C E F G i j m M r Q s T  V w W y z Z  interface snapshot-length time-stamp-type time-stamp-precision direction"
            ),
            words!(
                "A b d D e f h H I J K l L n N O p q S t u U v x X # number version help list-interfaces list-data-link-types print immediate-mode micro nano packet-buffered no-promiscuous-mode absolute-tcp-sequence-numbers lengths monitor-mode count dont-verify-checksums skip"
            ),
            &[],
        ),
        Does::Look,
    )
};
const TSHARK: Sheet = Sheet {
    outputs: words!("w export-objects export-tls-session-keys"),
    flags: &[("X", Does::Code)],
    ..Sheet::of(
        "traffic",
        table(
            words!(
                "a b B c C d e E f F G H i j J K M N o O r R s S t T u U W w X y Y z export-objects export-tls-session-keys capture-comment  log-level log-domain only-protocols enable-protocol disable-protocol"
            ),
            words!(
                "2 D g h I l L n p P q Q v V x help version print no-duplicate-keys color list-time-stamp-types"
            ),
            &[],
        ),
        Does::Look,
    )
};
pub(super) const WG_QUICK: Sheet = Sheet::with_verbs(
    "link",
    table(&[], words!("h help"), &[]),
    &[
        ("up", Does::Run),
        ("down", Does::Cut),
        ("save", Does::Alter),
        ("strip", Does::Reveal),
    ],
);
const NMCLI: Sheet = Sheet {
    short_verbs: true,
    flags: &[("s show-secrets", Does::Reveal)],
    ..Sheet::with_verbs(
        "connection",
        table(
            words!(
                "f g m w fields get-values mode wait escape e colors c ifname bssid passwd-file"
            ),
            words!(
                "t p s a o h v terse pretty ask offline show-secrets overview help version active order temporary nowait complete-args rescan"
            ),
            &[],
        ),
        &[
            (
                "general monitor networking radio connection device help",
                Does::Look,
            ),
            ("general+status general+permissions", Does::Look),
            (
                "general+hostname general+logging",
                Does::Sets(0, &Does::Alter),
            ),
            ("general+reload", Does::Alter),
            ("networking+on", Does::Undo("nmcli networking off")),
            ("networking+off", Does::Cut),
            ("networking+connectivity", Does::Look),
            ("radio+all radio+wifi radio+wwan", Does::Sets(0, &Does::Cut)),
            ("connection+show", Does::Look),
            ("connection+up", Does::Undo("nmcli connection down {}")),
            ("connection+down", Does::Cut),
            ("connection+add connection+edit", Does::Alter),
            ("connection+delete", Does::Remove),
            ("connection+reload", Does::Renew),
            ("connection+load", Does::Renew),
            (
                "connection+modify",
                Does::Undo("nmcli connection modify with what it shows before: {}"),
            ),
            (
                "connection+clone connection+import",
                Does::Undo("nmcli connection delete the new one"),
            ),
            ("connection+export", Does::Reveal),
            ("connection+monitor", Does::Look),
            ("connection+migrate", Does::Alter),
            ("device+status device+show device+wifi+list", Does::Look),
            ("device+set device+connect", Does::Alter),
            ("device+reapply device+modify", Does::Alter),
            ("device+disconnect", Does::Cut),
            ("device+delete", Does::Remove),
            ("device+monitor device+lldp", Does::Look),
            (
                "device+wifi+rescan device+wifi+connect device+wifi+hotspot",
                Does::Alter,
            ),
            ("device+wifi+show-password", Does::Reveal),
            ("device+wifi", Does::Sets(0, &Does::Alter)),
        ],
    )
};
const BRCTL: Sheet = Sheet::with_verbs(
    "bridge",
    table(&[], words!("h V help version"), &[]),
    &[
        ("show showmacs showstp", Does::Look),
        ("addbr", Does::Undo("brctl delbr {}")),
        ("addif", Does::Undo("brctl delif {}")),
        (
            "stp setageing setbridgeprio setfd sethello setmaxage setpathcost setportprio hairpin setmcsnoop",
            Does::Alter,
        ),
        ("delbr delif", Does::Cut),
    ],
);
const IFDOWN: Sheet = Sheet::of(
    "link",
    table(
        words!("i o X interfaces option exclude state-dir"),
        words!(
            "a h v n f V all help verbose no-act force allow read-environment no-mappings no-scripts no-loopback"
        ),
        words!("allow"),
    ),
    Does::Cut,
);
const IFUP: Sheet = Sheet {
    dry: words!("n no-act"),
    bare: Does::Undo("ifdown {}"),
    ..IFDOWN
};
const DHCLIENT: Sheet = Sheet {
    flags: &[("r x", Does::Cut)],
    ..Sheet::of(
        "link",
        table(
            words!("cf lf pf sf e p s g I"),
            words!("4 6 1 d n q r v w x N T P S A k U"),
            &[],
        ),
        Does::Alter,
    )
};

const SNMPSET: Sheet = Sheet::of(
    "value",
    table(
        words!("v c u l a A x X n m M t r O e E"),
        words!("d h V"),
        &[],
    ),
    Does::Alter,
);
const NETPLAN: Sheet = Sheet::with_verbs(
    "link",
    table(
        words!("root-dir timeout mapping"),
        words!("h help debug all diff f format"),
        &[],
    ),
    &[
        ("get status info ip help", Does::Look),
        ("generate set apply try rebind", Does::Alter),
    ],
);

/// The sheet of a program for links.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "ss" => &SS,
        "tcpdump" => &TCPDUMP,
        "tshark" | "dumpcap" => &TSHARK,
        "nmcli" => &NMCLI,
        "brctl" => &BRCTL,
        "ifdown" => &IFDOWN,
        "ifup" | "ifreload" => &IFUP,
        "netplan" => &NETPLAN,
        "dhclient" | "dhcpcd" => &DHCLIENT,
        "snmpset" | "snmptrap" => &SNMPSET,
        _ => return None,
    })
}
