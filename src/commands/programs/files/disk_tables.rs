//! Disks: the programs that a table describes.

use crate::commands::flags::Table;
use crate::commands::programs::host::does::Does;
use crate::commands::programs::host::sheet::{Sheet, table, words};

const fn device(table: Table, bare: Does) -> Sheet {
    Sheet::of("device", table, bare)
}

const UMOUNT: Sheet = Sheet {
    dry: words!("fake"),
    ..device(
        table(
            words!("t types O test-opts N namespace"),
            words!(
                "A a c d f i l n q R r v all all-targets no-canonicalize detach-loop fake force internal-only no-mtab lazy quiet recursive read-only verbose help version"
            ),
            &[],
        ),
        Does::Cut,
    )
};
const FDISK: Sheet = Sheet {
    dry: words!("l list s getsz V version"),
    ..device(
        table(
            words!("b o t w W C H S L"),
            words!("l list x bytes getsz s h V help version"),
            &[],
        ),
        Does::Remove,
    )
};
const SFDISK: Sheet = Sheet {
    dry: words!(
        "l list d dump J json s show-size F list-free V verify T list-types n no-act g show-geometry v"
    ),
    ..device(
        table(
            words!("o output"),
            words!(
                "l list d dump J json s show-size F list-free V verify T list-types n no-act g show-geometry q quiet v version help h bytes no-reread no-tell-kernel"
            ),
            &[],
        ),
        Does::Remove,
    )
};
const SGDISK: Sheet = Sheet {
    dry: words!(
        "p print i info v verify P pretend L list-types f first-in-largest E end-of-largest D display-alignment l"
    ),
    ..device(
        table(
            words!("i info"),
            words!(
                "p print v verify P pretend L list-types f first-in-largest E end-of-largest D display-alignment l version V help"
            ),
            &[],
        ),
        Does::Remove,
    )
};
const WIPEFS: Sheet = Sheet {
    flags: &[("a all o offset", Does::Remove)],
    dry: words!("n no-act"),
    ..device(
        table(
            words!("o O t offset output types"),
            words!(
                "a b f i J n p q all force json no-act no-headings noheadings parsable quiet lock help version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const TUNE2FS: Sheet = Sheet {
    dry: words!("l"),
    beside: words!("f"),
    flags: &[("O E U I Q J j z o g u M T", Does::Alter)],
    ..device(
        table(
            words!("c C e E g i I J L m M o O Q r T u U z"),
            words!("l f j"),
            &[],
        ),
        Does::Undo("tune2fs with what -l shows before: {}"),
    )
};
const XFS_GROWFS: Sheet = Sheet {
    dry: words!("n"),
    ..device(
        table(words!("D e L m R t x"), words!("d i l n r V"), &[]),
        Does::Alter,
    )
};
const XFS_REPAIR: Sheet = Sheet {
    dry: words!("n"),
    ..device(
        table(words!("m t o l r c"), words!("f L n d P v V e"), &[]),
        Does::Remove,
    )
};
const XFS_ADMIN: Sheet = Sheet {
    dry: words!("l u"),
    beside: words!("f V"),
    ..device(
        table(words!("L U O c r"), words!("l u e f j p V"), &[]),
        Does::Alter,
    )
};
const XFS_DB: Sheet = Sheet {
    dry: words!("r"),
    ..device(
        table(words!("c l p"), words!("r f F i V x"), &[]),
        Does::Remove,
    )
};
const XFS_FREEZE: Sheet = Sheet {
    flags: &[("f", Does::Cut)],
    ..device(table(&[], words!("f u V"), &[]), Does::Alter)
};
const GROWPART: Sheet = Sheet {
    dry: words!("N dry-run"),
    ..device(
        table(
            words!("u update fudge free-percent"),
            words!("N v h dry-run verbose force help version"),
            &[],
        ),
        Does::Alter,
    )
};
const SYNC: Sheet = device(
    table(&[], words!("d f data file-system help version"), &[]),
    Does::Renew,
);
const FSTRIM: Sheet = Sheet {
    dry: words!("n dry-run"),
    ..device(
        table(
            words!("l o m t I listed-in offset length minimum types"),
            words!("A a n v fstab all dry-run verbose quiet-unsupported quiet help version h V"),
            &[],
        ),
        Does::Renew,
    )
};
const BLKDISCARD: Sheet = device(
    table(
        words!("o l p offset length step"),
        words!("f s v z force secure verbose zeroout quiet help version"),
        &[],
    ),
    Does::Remove,
);
const SMARTCTL: Sheet = Sheet {
    flags: &[
        ("t test", Does::Renew),
        (
            "s smart o offlineauto S saveauto set X abort C captive",
            Does::Alter,
        ),
    ],
    ..device(
        table(
            words!(
                "d T b r n q l v F P B g s t o S device tolerance badsum report nocheck quietmode log vendorattribute firmwarebug presets drivedb get set smart test offlineauto saveauto"
            ),
            words!(
                "i a x H c A f j h V C X all xall health capabilities attributes info identify scan scan-open json version license copyright help captive abort"
            ),
            words!("identify json format"),
        ),
        Does::Look,
    )
};
const NVME: Sheet = Sheet::with_verbs(
    "device",
    table(
        words!(
            "n o l i s f c d t a q r S namespace-id output-format log-id log-len feature-id transport traddr trsvcid nqn cntid sel cdw11 lid aen lsp"
        ),
        words!("H v b w human-readable verbose raw-binary vendor-specific json help version force"),
        &[],
    ),
    &[
        (
            "list list-subsys smart-log id-ctrl id-ns id-nvmset id-iocs error-log fw-log get-log get-feature get-ns-id list-ns list-ctrl list-ctrl-id \
             show-regs effects-log endurance-log self-test-log telemetry-log changed-ns-list-log supported-log-pages sanitize-log ana-log show-topology \
             version help ns-descs cmdset-ind-id-ns nvm-id-ctrl persistent-event-log get-property show-hostnqn discover get-lba-status fid-support-effects-log",
            Does::Look,
        ),
        (
            "set-feature device-self-test connect connect-all attach-ns rescan ns-rescan create-ns set-property",
            Does::Alter,
        ),
        (
            "disconnect disconnect-all detach-ns reset subsystem-reset",
            Does::Cut,
        ),
    ],
);
const BLOCKDEV: Sheet = Sheet {
    flags: &[
        ("setro", Does::Cut),
        ("setrw setra setfra setbsz flushbufs rereadpt", Does::Alter),
    ],
    ..device(
        table(
            words!("setra setfra setbsz"),
            words!(
                "q v V h getalignoff getbsz getdiscardzeroes getdiskseq getfra getiomin getioopt getmaxsect getpbsz getra getro getsize64 getsize getss getsz report zone setro setrw flushbufs rereadpt help version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const PARTPROBE: Sheet = Sheet {
    dry: words!("d dry-run"),
    ..device(
        table(&[], words!("d s h v dry-run summary help version"), &[]),
        Does::Renew,
    )
};
const BADBLOCKS: Sheet = Sheet {
    outputs: words!("o"),
    flags: &[("w n", Does::Remove)],
    ..device(
        table(words!("b c d e i o p t"), words!("f n s v w B X"), &[]),
        Does::Look,
    )
};
const LOSETUP: Sheet = Sheet {
    flags: &[("d detach D detach-all", Does::Cut)],
    dry: words!("a all l list j associated J json"),
    beside: words!("O output n noheadings raw o j v verbose"),
    ..device(
        table(
            words!("b j o O sizelimit sector-size offset output associated direct-io"),
            words!(
                "a c d D f J l n P r v L all detach detach-all find json list noheadings partscan raw read-only show verbose nooverlap set-capacity help version"
            ),
            &[],
        ),
        Does::Undo("losetup -d the device"),
    )
};
const QUOTAON: Sheet = device(
    table(words!("F x"), words!("a v u g P f p"), &[]),
    Does::Undo("quotaoff {}"),
);
const QUOTAOFF: Sheet = Sheet {
    bare: Does::Undo("quotaon {}"),
    ..QUOTAON
};
const SETQUOTA: Sheet = device(
    table(words!("F p T"), words!("u g P b c t a r m batch"), &[]),
    Does::Undo("setquota with what repquota shows before"),
);
const MULTIPATH: Sheet = Sheet {
    flags: &[("F f w W", Does::Cut), ("r a A q", Does::Alter)],
    dry: words!("l h t T C d u U"),
    beside: words!("v d b k"),
    ..device(
        table(
            words!("v b p R"),
            words!("l F f w W r a A q h t T C d i k u U B"),
            &[],
        ),
        Does::Alter,
    )
};
const EXPORTFS: Sheet = Sheet {
    flags: &[("a r u o i f", Does::Grant)],
    floor: Does::Grant,
    ..Sheet::of(
        "export",
        table(words!("o d"), words!("a r u i f v s"), &[]),
        Does::Look,
    )
};

pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "umount" => &UMOUNT,
        "fdisk" | "cfdisk" | "gdisk" | "cgdisk" => &FDISK,
        "sfdisk" => &SFDISK,
        "sgdisk" => &SGDISK,
        "wipefs" => &WIPEFS,
        "tune2fs" | "e2label" => &TUNE2FS,
        "xfs_growfs" => &XFS_GROWFS,
        "xfs_repair" => &XFS_REPAIR,
        "xfs_admin" => &XFS_ADMIN,
        "xfs_db" => &XFS_DB,
        "xfs_freeze" | "fsfreeze" => &XFS_FREEZE,
        "growpart" => &GROWPART,
        "sync" => &SYNC,
        "fstrim" => &FSTRIM,
        "blkdiscard" => &BLKDISCARD,
        "smartctl" => &SMARTCTL,
        "nvme" => &NVME,
        "blockdev" => &BLOCKDEV,
        "partprobe" | "partx" | "kpartx" => &PARTPROBE,
        "badblocks" => &BADBLOCKS,
        "losetup" => &LOSETUP,
        "quotaon" => &QUOTAON,
        "quotaoff" => &QUOTAOFF,
        "setquota" | "edquota" | "quotacheck" => &SETQUOTA,
        "multipath" => &MULTIPATH,
        "exportfs" => &EXPORTFS,
        _ => return None,
    })
}
