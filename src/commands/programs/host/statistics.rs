//! How the host is doing, and what it is made of, as tables.

use super::{
    does::Does,
    sheet::{Sheet, table, words},
};

const TOP: Sheet = Sheet::of(
    "process",
    table(
        words!(
            "d n o p u U E e delay iterations filter-only-euser filter-any-user sort-override pid"
        ),
        words!(
            "1 b c H i S s h V v O batch cmdline-toggle secure-mode idle-toggle threads-show help version apply-defaults list-fields"
        ),
        words!("w width"),
    ),
    Does::Look,
);
const SAR: Sheet = Sheet {
    flags: &[("o", Does::Alter)],
    ..Sheet::of(
        "statistics",
        table(
            words!("P I m n e s i  f iface dev fs int"),
            words!(
                "A B b C D d F H h j p R r S t u v V W w x y z pretty human help sadc version helpall"
            ),
            words!("o q u r dec"),
        ),
        Does::Look,
    )
};
const DMIDECODE: Sheet = Sheet {
    outputs: words!("dump-bin"),
    ..Sheet::of(
        "hardware",
        table(
            words!("d s t H dev-mem string type handle dump-bin from-dump oem-string"),
            words!("h q u V quiet dump no-sysfs no-quirks help version"),
            &[],
        ),
        Does::Look,
    )
};
const PIDSTAT: Sheet = Sheet {
    flags: &[("e", Does::Run)],
    ..Sheet::of(
        "process",
        table(
            words!("C G p T U e dec"),
            words!("d D h H I l r R s t u v V w human"),
            &[],
        ),
        Does::Look,
    )
};
const RECORDER: Sheet = Sheet {
    outputs: words!("w output o dump F"),
    ..Sheet::of(
        "statistics",
        table(
            words!("w output o dump F b e class C sanitize c s"),
            words!(
                "a d f g i l m n p t v x y X R A short businfo html xml json quiet numeric enable disable version help nocolor noheaders noupdate"
            ),
            words!("r"),
        ),
        Does::Look,
    )
};
const NMON: Sheet = Sheet {
    flags: &[("f F x X z m", Does::Alter)],
    ..Sheet::of(
        "statistics",
        table(
            words!("c s F m g r"),
            words!("f x X z t T b B d I N h"),
            &[],
        ),
        Does::Look,
    )
};
const GROUPS: Sheet = Sheet::of(
    "group",
    table(words!("a t g r d f s"), words!("h help sticky"), &[]),
    Does::Run,
);

/// The sheet of a program for statistics.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "top" => &TOP,
        "sar" => &SAR,
        "dmidecode" => &DMIDECODE,
        "pidstat" => &PIDSTAT,
        "atop" | "dstat" | "lshw" => &RECORDER,
        "nmon" => &NMON,
        "cgcreate" | "cgset" | "cgdelete" | "cgexec" | "cgclassify" => &GROUPS,
        _ => return None,
    })
}
