//! The machine and its kernel: the programs that a table describes.

use super::{
    does::Does,
    sheet::{Sheet, table, words},
};

const DMESG: Sheet = Sheet {
    flags: &[
        ("C clear c read-clear", Does::Remove),
        (
            "n console-level D console-off E console-on",
            Does::Undo("set the level of the console back"),
        ),
    ],
    ..Sheet::of(
        "journal",
        table(
            words!(
                "F K f l n s buffer-size console-level facility file kmsg-file level since time-format until"
            ),
            words!(
                "C D E H J P S T V W a c d e h k p r t u w x clear console-off console-on ctime decode follow follow-new force-prefix help human json kernel \
                    noescape nopager notime raw read-clear reltime show-delta syslog userspace version"
            ),
            words!("L color"),
        ),
        Does::Look,
    )
};
const LASTLOG: Sheet = Sheet {
    flags: &[("C clear S set", Does::Remove)],
    ..Sheet::of(
        "log",
        table(
            words!("b t u R before time user root"),
            words!("C S h clear set help"),
            &[],
        ),
        Does::Look,
    )
};
const RMMOD: Sheet = Sheet::of(
    "module",
    table(
        &[],
        words!("f s v w V h force syslog verbose wait help version"),
        &[],
    ),
    Does::Cut,
);
const INSMOD: Sheet = Sheet::of(
    "module",
    table(
        &[],
        words!("f s v V h force syslog verbose help version"),
        &[],
    ),
    Does::Run,
);
const TMPFILES: Sheet = Sheet {
    flags: &[
        ("clean remove purge", Does::Remove),
        ("create", Does::Alter),
    ],
    ..Sheet::of(
        "file",
        table(
            words!("prefix exclude-prefix root image replace"),
            words!(
                "create clean remove purge boot user cat-config tldr dry-run graceful no-pager help version E"
            ),
            &[],
        ),
        Does::Look,
    )
};
const NOTIFY: Sheet = Sheet::of(
    "service",
    table(
        words!("status pid uid fd fdname"),
        words!("ready reloading stopping booted no-block exec help version"),
        words!("pid"),
    ),
    Does::Alter,
);
const DEPMOD: Sheet = Sheet {
    dry: words!("n show dry-run"),
    ..Sheet::of(
        "module",
        table(
            words!("b C E F o basedir config filesyms symvers outdir"),
            words!("a A e n P u v V w h all quick errsyms show dry-run warn verbose help version"),
            &[],
        ),
        Does::Renew,
    )
};
const HWCLOCK: Sheet = Sheet {
    flags: &[(
        "s hctosys w systohc a adjust set setepoch param-set vl-clear",
        Does::Alter,
    )],
    ..Sheet::of(
        "clock",
        table(
            words!("f date rtc delay epoch adjfile param-get param-set"),
            words!(
                "D a c h l r s t u v V w hctosys systohc systz adjust set show get getepoch setepoch predict test localtime utc noadjfile debug verbose directisa update-drift vl-read vl-clear help version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const CHRONYC: Sheet = Sheet::with_verbs(
    "clock",
    table(
        words!("h p f  "),
        words!("4 6 a c d e m n N v help version"),
        &[],
    ),
    &[
        (
            "tracking sources sourcestats sourcename activity ntpdata serverstats authdata clients rtcdata smoothing selectdata manual+list waitsync help accheck dns keygen retries timeout ",
            Does::Look,
        ),
        ("makestep burst", Does::Renew),
        (
            "online refresh reselect maxupdateskew rekey cyclelogs dump trimrtc writertc reload reset manual settime smoothtime local add maxdelay maxpoll minpoll polltarget minstratum dfreq doffset",
            Does::Alter,
        ),
        ("offline shutdown delete", Does::Cut),
        ("allow deny cmdallow cmddeny", Does::Grant),
    ],
);
const NTPDATE: Sheet = Sheet {
    dry: words!("q"),
    ..Sheet::of(
        "clock",
        table(words!("a e k o p t"), words!("4 6 b B d q s u v"), &[]),
        Does::Alter,
    )
};
const ALTERNATIVES: Sheet = Sheet {
    flags: &[
        ("remove remove-all", Does::Remove),
        (
            "set auto install",
            Does::Undo("set what `update-alternatives --display` shows before: {}"),
        ),
        ("set-selections all slave force", Does::Alter),
        ("config", Does::Ask),
    ],
    ..Sheet::of(
        "alternative",
        table(
            words!("altdir admindir log root instdir"),
            words!(
                "list display query get-selections config set auto install set-selections all slave remove remove-all force skip-auto quiet verbose debug help version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const LDCONFIG: Sheet = Sheet {
    dry: words!("p print-cache  V version"),
    beside: words!("C f r v verbose"),
    ..Sheet::of(
        "libraries",
        table(
            words!("C f r"),
            words!(" i l n N p v V X print-cache verbose ignore-aux-cache help usage version"),
            words!("c format"),
        ),
        Does::Renew,
    )
};
const SWAPON: Sheet = Sheet {
    dry: words!("s summary show"),
    beside: words!("noheadings raw bytes v verbose output-all"),
    flags: &[("a all", Does::Undo("swapoff what it switched on"))],
    ..Sheet::of(
        "swap",
        table(
            words!("L U p T o priority options "),
            words!(
                "a  e f h s v V all ifexists fixpgsz summary noheadings raw bytes verbose help version"
            ),
            words!("show d discard output-all"),
        ),
        Does::Sets(0, &Does::Undo("swapoff {}")),
    )
};
const SWAPOFF: Sheet = Sheet::of(
    "swap",
    table(
        words!("L U"),
        words!("a h v V all verbose help version"),
        &[],
    ),
    Does::Undo("swapon {}"),
);
const LOGROTATE: Sheet = Sheet {
    dry: words!("d debug"),
    ..Sheet::of(
        "log",
        table(
            words!("m s l mail state log"),
            words!("d f v ? debug force verbose usage version help skip-state-lock"),
            &[],
        ),
        Does::Alter,
    )
};
const CPUPOWER: Sheet = Sheet::with_verbs(
    "processor",
    table(
        words!("c d u f g b cpu"),
        words!("h v e p s n o m l r version help"),
        &[],
    ),
    &[
        (
            "frequency-info idle-info info monitor help powercap-info",
            Does::Look,
        ),
        (
            "frequency-set idle-set set",
            Does::Undo("cpupower sets what it shows before"),
        ),
    ],
);
const IPCRM: Sheet = Sheet::of(
    "memory",
    table(
        words!("M m Q q S s"),
        words!("a v h V all verbose help version"),
        &[],
    ),
    Does::Remove,
);
const IPMITOOL: Sheet = Sheet::with_verbs(
    "machine",
    table(
        words!("I H U P p f k y Y e C L l o d N R S t b T B S A m z"),
        words!("h V v c E K a"),
        &[],
    ),
    &[
        (
            "sensor sdr sel+list sel+elist sel+info sel+time fru chassis+status chassis+power+status power+status mc+info bmc+info lan+print user+list user+summary \
             session dcmi sensor+list sensor+get chassis+selftest chassis+poh channel+info  sel chassis+restart_cause",
            Does::Look,
        ),
        (
            "chassis+identify chassis+bootdev chassis+bootparam chassis+power+on power+on sol",
            Does::Alter,
        ),
        (
            "chassis+power chassis+policy power mc+reset bmc+reset",
            Does::Cut,
        ),
        ("sel+clear", Does::Remove),
        ("user lan+set channel", Does::Grant),
    ],
);
const LOGGER: Sheet = Sheet::of(
    "journal",
    table(
        words!("f n P p S  t u file server port priority size tag socket  msgid sd-id sd-param"),
        words!(
            "A d e i s T h V udp tcp skip-empty stderr no-act octet-count prio-prefix help version"
        ),
        words!("id journald rfc5424 rfc3164 socket-errors"),
    ),
    Does::Undo("nothing is to be taken back: one line more stands in the journal"),
);
const WALL: Sheet = Sheet::of(
    "terminal",
    table(
        words!("g t group timeout"),
        words!("n h V nobanner help version"),
        &[],
    ),
    Does::Undo("nothing is to be taken back: a message was shown"),
);
const BOOTCTL: Sheet = Sheet::with_verbs(
    "loader",
    table(
        words!("p esp-path boot-path root image json install-source"),
        words!(
            "h x R no-pager print-esp-path print-boot-path no-variables graceful quiet help version"
        ),
        &[],
    ),
    &[(
        "status list is-installed  kernel-identify kernel-inspect",
        Does::Look,
    )],
);
const COREDUMPCTL: Sheet = Sheet {
    outputs: words!("o output"),
    ..Sheet::with_verbs(
        "dump",
        table(
            words!(
                "D F  S U n o field file since until output debugger directory root image json debugger-arguments A"
            ),
            words!("1 q r a N no-pager no-legend quiet reverse all help version"),
            &[],
        ),
        &[
            ("list info", Does::Look),
            ("dump", Does::Alter),
            ("debug gdb", Does::Run),
        ],
    )
};
const FIRMWARE: Sheet = Sheet::with_verbs(
    "firmware",
    table(
        words!("filter"),
        words!(
            "v y help version json assume-yes no-unreported-check no-metadata-check no-remote-check force"
        ),
        &[],
    ),
    &[
        (
            "get-devices get-updates get-upgrades get-history get-details get-remotes get-releases get-topology security get-results",
            Does::Look,
        ),
        ("refresh", Does::Renew),
        ("update upgrade install downgrade reinstall", Does::Alter),
    ],
);

/// The sheet of a program for the kernel.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "dmesg" => &DMESG,
        "lastlog" | "faillog" => &LASTLOG,
        "rmmod" => &RMMOD,
        "insmod" => &INSMOD,
        "systemd-tmpfiles" => &TMPFILES,
        "systemd-notify" => &NOTIFY,
        "depmod" => &DEPMOD,
        "hwclock" => &HWCLOCK,
        "chronyc" => &CHRONYC,
        "ntpdate" | "sntp" | "rdate" => &NTPDATE,
        "update-alternatives" | "alternatives" => &ALTERNATIVES,
        "ldconfig" => &LDCONFIG,
        "swapon" => &SWAPON,
        "swapoff" => &SWAPOFF,
        "logrotate" => &LOGROTATE,
        "cpupower" => &CPUPOWER,
        "ipcrm" => &IPCRM,
        "ipmitool" => &IPMITOOL,
        "logger" => &LOGGER,
        "wall" | "write" => &WALL,
        "bootctl" => &BOOTCTL,
        "coredumpctl" => &COREDUMPCTL,
        "fwupdmgr" => &FIRMWARE,
        _ => return None,
    })
}
