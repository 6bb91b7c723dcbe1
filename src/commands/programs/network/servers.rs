//! Servers and what commands them, as tables.

use crate::commands::programs::host::does::Does;
use crate::commands::programs::host::sheet::{Sheet, table, words};

pub(super) const NGINX: Sheet = Sheet {
    dry: words!("t T v V h ?"),
    ..Sheet::of(
        "server",
        table(words!("c e g p s"), words!("t T q v V h ?"), &[]),
        Does::Start("nginx -s quit"),
    )
};
pub(super) const APACHE: Sheet = Sheet {
    dry: words!("t S M l L V v "),
    ..Sheet::with_verbs(
        "server",
        table(words!("k f d D e C c E"), words!("t S M l L V v h X"), &[]),
        &[
            ("configtest status fullstatus help", Does::Look),
            ("start", Does::Start("apachectl stop")),
            ("restart graceful", Does::Restart),
            ("stop graceful-stop", Does::Cut),
        ],
    )
};
const HAPROXY: Sheet = Sheet {
    dry: words!("c v vv"),
    ..Sheet::of(
        "server",
        table(
            words!("f L p n N C m S"),
            words!("c v d q V D W db de ds dp dk dM"),
            &[],
        ),
        Does::Start("stop haproxy"),
    )
};
const SSHD: Sheet = Sheet {
    dry: words!("t T V G"),
    ..Sheet::of(
        "server",
        table(
            words!("b C c E f g h o p u"),
            words!("4 6 d D e i q t T V G"),
            &[],
        ),
        Does::Tunnel,
    )
};
pub(super) const DAEMON: Sheet = Sheet {
    dry: words!("t test v version V i h help m configtest validate n"),
    ..Sheet::of(
        "server",
        table(
            words!("c y p d g e f k"),
            words!("t test v version V i h help m configtest validate n R D F O q"),
            &[],
        ),
        Does::Run,
    )
};
const POSTFIX: Sheet = Sheet::with_verbs(
    "server",
    table(words!("c"), words!("v D"), &[]),
    &[
        ("status check", Does::Look),
        ("start", Does::Start("postfix stop")),
        ("reload", Does::Restart),
        ("flush set-permissions upgrade-configuration", Does::Alter),
        ("stop abort drain", Does::Cut),
    ],
);
const POSTQUEUE: Sheet = Sheet {
    flags: &[("f i s", Does::Alter)],
    ..Sheet::of(
        "mail",
        table(words!("c i s"), words!("f j p v"), &[]),
        Does::Look,
    )
};
pub(super) const POSTCONF: Sheet = Sheet {
    flags: &[("e X  #", Does::Alter)],
    ..Sheet::of(
        "setting",
        table(
            words!("c "),
            words!("a A C d e f F h H l m M n o p P q t T v x X #"),
            &[],
        ),
        Does::Look,
    )
};
const POSTSUPER: Sheet = Sheet::of(
    "mail",
    table(words!("c d h H r"), words!("e p s S v"), &[]),
    Does::Remove,
);
const RNDC: Sheet = Sheet::with_verbs(
    "resolver",
    table(words!("b c k s p y t"), words!("q r V v 4 6 h"), &[]),
    &[
        (
            "status zonestatus showzone dnssec+-status managed-keys+status testgen serve-stale+status",
            Does::Look,
        ),
        ("reload reconfig refresh retransfer", Does::Restart),
        (
            "flush flushname flushtree stats dumpdb sync notify recursing secroots",
            Does::Renew,
        ),
        (
            "querylog trace notrace loadkeys sign modzone addzone thaw serve-stale dnstap nta validation",
            Does::Alter,
        ),
        ("stop halt freeze", Does::Cut),
        ("delzone", Does::Remove),
    ],
);
const PCS: Sheet = Sheet::with_verbs(
    "cluster",
    table(
        &[],
        words!("full debug help version force wait hide-inactive"),
        &[],
    ),
    &[
        (
            "status config constraint resource+status resource+config resource+show stonith+status stonith+config cluster+status property+show property+config quorum+status node+attribute host",
            Does::Look,
        ),
        ("resource+cleanup resource+refresh", Does::Renew),
        (
            "resource+create resource+update resource+enable resource+move resource+manage resource+clear cluster+start node+unstandby property+set constraint+location",
            Does::Alter,
        ),
        ("resource+restart", Does::Restart),
        (
            "resource+disable resource+ban cluster+stop cluster+kill node+standby node+maintenance stonith+fence resource+unmanage",
            Does::Cut,
        ),
    ],
);
const NSUPDATE: Sheet = Sheet::of(
    "zone",
    table(
        words!("y k p t u r L R"),
        words!("d D M g o l v V T P C i"),
        &[],
    ),
    Does::Run,
);
const LDAP: Sheet = Sheet::of(
    "entry",
    table(
        words!("H D w y f b h p s o e Y U X R  "),
        words!("x W a c n v r M I Q Z ZZ"),
        &[],
    ),
    Does::Grant,
);

pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "haproxy" => &HAPROXY,
        "sshd" => &SSHD,
        "postfix" => &POSTFIX,
        "postqueue" => &POSTQUEUE,
        "postsuper" => &POSTSUPER,
        "rndc" | "unbound-control" => &RNDC,
        "pcs" => &PCS,
        "nsupdate" => &NSUPDATE,
        "ldapadd" | "ldapmodify" | "ldapdelete" | "ldapmodrdn" => &LDAP,
        "caddy" => &CADDY,
        "crm_mon" => &CRM_MON,
        "ipvsadm" => &IPVSADM,
        _ => return None,
    })
}
const CADDY: Sheet = Sheet::with_verbs(
    "server",
    table(
        words!("config adapter address pidfile envfile c a"),
        words!("pretty validate environ w watch force f overwrite diff h help resume"),
        &[],
    ),
    &[
        (
            "version list-modules validate adapt build-info help  manpage",
            Does::Look,
        ),
        (
            "fmt hash-password trust untrust upgrade add-package",
            Does::Alter,
        ),
        ("start run", Does::Start("caddy stop")),
        ("reload", Does::Restart),
        ("stop", Does::Cut),
        ("environ", Does::Reveal),
    ],
);
const CRM_MON: Sheet = Sheet {
    flags: &[("E external-agent", Does::Code)],
    ..Sheet::of(
        "cluster",
        table(
            words!("E e i  U output-as output-to interval"),
            words!(
                "1 A a c D f G h L N n o q R r t V X Z w one-shot inactive group-by-node show-detail as-xml help version simple-status"
            ),
            &[],
        ),
        Does::Look,
    )
};
const IPVSADM: Sheet = Sheet {
    dry: words!("L l list S save Ln ln n stats rate c connection numeric"),
    ..Sheet::of(
        "service",
        table(
            &[],
            words!(
                "L l list n c S save stats rate numeric connection thresholds timeout exact help h v"
            ),
            &[],
        ),
        Does::Cut,
    )
};

/// What a signal given by name does to a server: `nginx -s reload`, `httpd -k stop`, `squid -k shutdown`.
pub(super) fn signal(name: Option<&str>) -> Does {
    match name {
        Some("reload" | "reopen" | "graceful" | "restart" | "reconfigure" | "rotate") => {
            Does::Restart
        }
        Some("start") => Does::Start("stop the server"),
        Some("check" | "parse") => Does::Look,
        _ => Does::Cut,
    }
}
