//! Volumes: LVM, RAID, ZFS, btrfs, encrypted devices.

use super::looks::looker;
use super::paths::unsure;
use crate::commands::flags::Table;
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{
    Sheet, asks_for_help, has_word, object_of, parse, program, reach, says, table, words,
};
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// The grammar of a program for volumes.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "lvs" | "vgs" | "pvs" | "lvdisplay" | "vgdisplay" | "pvdisplay" | "lvscan"
        | "lvmdiskscan" | "lvmconfig" | "zdb" => looker,
        "lvm" => lvm,
        "mdadm" => mdadm,
        "zfs" => zfs,
        "zpool" => |call, found| ZPOOL.judge(call, found),
        "btrfs" => |call, found| BTRFS.judge(call, found),
        "cryptsetup" => |call, found| CRYPTSETUP.judge(call, found),
        "dmsetup" => |call, found| DMSETUP.judge(call, found),
        _ if lvm_does(program).is_some() => logical,
        _ => return None,
    })
}

fn lvm_does(program: &str) -> Option<Does> {
    Some(match program {
        "lvextend" | "lvresize" | "lvchange" | "vgchange" | "pvresize" | "pvchange" | "pvmove"
        | "vgcreate" | "vgcfgbackup" | "vgimport" | "vgmknodes" | "vgimportdevices"
        | "lvmdevices" => Does::Alter,
        "lvrename" | "vgrename" => Does::Undo("rename {} back"),
        "lvcreate" => Does::Undo("lvremove what was made in {}"),
        "vgextend" => Does::Undo("vgreduce {}"),
        "vgscan" | "pvscan" => Does::Look,
        "lvremove" | "lvreduce" | "vgremove" | "vgreduce" | "pvremove" | "pvcreate"
        | "lvconvert" | "vgsplit" | "vgmerge" | "vgcfgrestore" | "vgexport" | "pvck" => {
            Does::Remove
        }
        _ => return None,
    })
}

const LVM: Table = table(
    words!(
        "A a c C d e g i I k l L M m n o O p P S x Z W size extents name type config devices devicesfile addtag deltag activate autobackup \
         stripes stripesize mirrors permission persistent poolmetadata poolmetadatasize thinpool virtualsize V chunksize cachepool cachevol \
         cachemode select units options sort separator alloc contiguous minor major metadatasize dataalignment profile \
         commandprofile physicalextentsize maxlogicalvolumes maxphysicalvolumes reportformat zero wipesignatures setactivationskip \
         setautoactivation uuid labelsector metadatacopies pvmetadatacopies vgmetadatacopies restorefile setphysicalvolumesize file lockopt logonly"
    ),
    words!(
        "b D f h H K q r R s t T u v y yes force test verbose quiet resizefs nofsck snapshot thin debug version help longhelp noudevsync nolocking \
         ignoreactivationskip ignoremonitoring nohistory removemissing all cache aay refresh background abort reportonly noheadings partial mknodes readonly"
    ),
    words!("fs"),
);

/// The commands of LVM that change something.
fn logical(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&LVM, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let value = |names: &[&str]| parsed.value(names).map_or("", Word::text).to_owned();
    if parsed.unknown.is_empty() && parsed.shows(&["t", "test"]) || asks_for_help(&parsed) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let mut does = lvm_does(call.program).unwrap_or(Does::Remove);
    let size = value(&["L", "size", "l", "extents"]);
    if call.program == "lvresize" && !size.starts_with('+')
        || value(&["a", "activate"]).contains('n')
    {
        does = if call.program == "lvresize" {
            Does::Remove
        } else {
            Does::Cut
        };
    }
    if does == Does::Look && parsed.has(&["cache", "aay", "mknodes", "a", "activate"]) {
        does = Does::Renew;
    }
    if parsed.has(&["removemissing", "wipesignatures"]) {
        does = Does::Remove;
    }
    if !parsed.unknown.is_empty() {
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    act(
        does,
        object_of("volume", &parsed.words, place, call),
        reach(&parsed.words),
        found,
    );
    parsed.words.iter().for_each(|word| unsure(word, found));
}

/// `lvm lvs`: the first word is the command.
fn lvm(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    match call.arguments.split_first() {
        None => act(Does::Ask, program(place, call), Reach::Exactly(1), found),
        Some((word, _)) if has_word("version help fullreport", word.text()) => {
            act(Does::Look, program(place, call), Reach::Exactly(1), found);
        }
        Some(_) => match call.setting.deeper() {
            Some(setting) => {
                crate::commands::programs::judge(call.arguments, call.stdin, &setting, found);
            }
            None => found.unknown_code(place, "lvm", "commands stand too deep in each other"),
        },
    }
}

/// mdadm: its first flag is what it does.
fn mdadm(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let looks = "-D --detail -E --examine -Q --query -X --examine-bitmap --detail-platform --version -V --help -h --examine-badblocks -Ds -Es";
    let grave = "-S --stop --zero-superblock -f --fail --set-faulty -r --remove -C --create -B --build --kill-subarray -o --readonly -G --grow --replace -K --update";
    let does = match () {
        () if has(looks) && !has(grave) && !has("--add -a --assemble -A --run -R") => Does::Look,
        () if has(grave) => Does::Remove,
        () if has(
            "-a --add --re-add --add-spare -A --assemble -R --run -w --readwrite -I --incremental -F --monitor --follow --wait -W --misc",
        ) =>
        {
            Does::Alter
        }
        () => Does::Remove,
    };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    call.arguments.iter().for_each(|word| unsure(word, found));
}

const ZFS: Sheet = Sheet {
    dry: words!("n"),
    dry_verbs: words!("destroy send receive recv"),
    flags: &[("F", Does::Remove)],
    ..Sheet::with_verbs(
        "dataset",
        table(
            words!("o t d V i I x b"),
            words!(
                "a c C D e f F g h H j k l L m n N O p P q r R s S u U v w A B E K M T W z json parsable version help"
            ),
            &[],
        ),
        &[
            (
                "list get diff userspace groupspace projectspace holds version help send wait",
                Does::Look,
            ),
            (
                "snapshot snap create clone bookmark",
                Does::Undo("zfs destroy {}"),
            ),
            (
                "mount load-key",
                Does::Sets(0, &Does::Undo("zfs unmount {}")),
            ),
            (
                "set inherit",
                Does::Undo("set what `zfs get` shows before: {}"),
            ),
            (
                "rename promote receive recv hold release upgrade project redact",
                Does::Alter,
            ),
            ("destroy rollback", Does::Remove),
            ("unmount umount unload-key", Does::Cut),
            (
                "share unshare allow unallow change-key jail unjail zone unzone",
                Does::Grant,
            ),
            ("program", Does::Run),
        ],
    )
};

/// zfs: properties say who may mount a dataset over the network, and whether it may be written.
fn zfs(call: &Call<'_>, found: &mut Found) {
    ZFS.judge(call, found);
    let sets = |list: &[&str]| {
        let mut words = call.arguments.iter().map(Word::text);
        says(call, "set") && words.any(|word| list.iter().any(|start| word.starts_with(start)))
    };
    for (does, list) in [
        (Does::Grant, &["sharenfs=", "sharesmb="][..]),
        (
            Does::Cut,
            &["readonly=on", "canmount=off", "mountpoint=none"],
        ),
    ] {
        if sets(list) {
            act(
                does,
                program(&call.setting.place, call),
                Reach::Exactly(1),
                found,
            );
        }
    }
}

const ZPOOL: Sheet = Sheet {
    dry: words!("n"),
    dry_verbs: words!("add create split remove"),
    flags: &[("F", Does::Remove)],
    ..Sheet::with_verbs(
        "pool",
        table(
            words!("o O t d c T R m a w"),
            words!(
                "b D e f F g G h H i I j k l L M n N p P q r s S u v V x X y C E z help version"
            ),
            &[],
        ),
        &[
            (
                "status list get iostat history events version help wait prefetch",
                Does::Look,
            ),
            ("import upgrade", Does::Sets(0, &Does::Alter)),
            ("scrub trim sync reopen", Does::Renew),
            (
                "clear online set add attach replace reguid checkpoint resilver initialize",
                Does::Alter,
            ),
            ("offline export", Does::Cut),
            (
                "detach remove destroy create split labelclear",
                Does::Remove,
            ),
        ],
    )
};
const BTRFS: Sheet = Sheet {
    short_verbs: true,
    flags: &[("repair init-csum-tree init-extent-tree", Does::Remove)],
    ..Sheet::with_verbs(
        "volume",
        table(
            words!("t d m s o c i p e format log sort"),
            words!(
                "a b B g h H k l L n q R r S u v x A C D E F T f repair init-csum-tree init-extent-tree raw human-readable iec si kbytes mbytes gbytes tbytes mounted all-devices help version force readonly check-data-csum progress"
            ),
            &[],
        ),
        &[
            (
                "filesystem+usage filesystem+show filesystem+df filesystem+du filesystem+commit-stats subvolume+list subvolume+show subvolume+get-default \
                 subvolume+find-new subvolume+sync device+stats device+usage device+scan device+ready scrub+status scrub+limit balance+status \
                 property+get property+list inspect-internal+dump-super inspect-internal+dump-tree inspect-internal+inode-resolve \
                 inspect-internal+logical-resolve inspect-internal+subvolid-resolve inspect-internal+rootid inspect-internal+tree-stats \
                 inspect-internal+min-dev-size qgroup+show replace+status check version help send",
                Does::Look,
            ),
            ("filesystem+label", Does::Sets(1, &Does::Alter)),
            (
                "subvolume+create subvolume+snapshot",
                Does::Undo("btrfs subvolume delete the new subvolume"),
            ),
            ("filesystem+sync scrub+start", Does::Renew),
            (
                "filesystem+defragment subvolume+set-default device+add replace+start scrub+cancel scrub+resume balance+start \
                 balance+pause balance+cancel balance+resume quota+enable quota+disable quota+rescan qgroup+create qgroup+assign qgroup+limit \
                 property+set receive filesystem+mkswapfile restore",
                Does::Alter,
            ),
            (
                "filesystem+resize subvolume+delete device+delete device+remove qgroup+destroy qgroup+remove rescue replace+cancel",
                Does::Remove,
            ),
        ],
    )
};
const CRYPTSETUP: Sheet = Sheet {
    flags: &[("dump-volume-key dump-master-key", Does::Reveal)],
    ..Sheet::with_verbs(
        "device",
        table(
            words!(
                "c d h i l o p s S t T b M key-file keyfile-size keyfile-offset key-size key-slot cipher hash type header header-backup-file size offset tries timeout label subsystem uuid sector-size pbkdf pbkdf-memory volume-key-file master-key-file new-keyfile-size token-id priority iter-time"
            ),
            words!(
                "q r v y readonly verbose debug batch-mode verify-passphrase allow-discards test-passphrase dump-volume-key dump-master-key force-password shared persistent help version usage dump-json-metadata"
            ),
            &[],
        ),
        &[
            (
                "status luksDump isLuks luksUUID benchmark tcryptDump bitlkDump",
                Does::Look,
            ),
            (
                "open luksOpen create plainOpen tcryptOpen loopaesOpen bitlkOpen",
                Does::Undo("cryptsetup close the device"),
            ),
            ("resize luksResume luksHeaderBackup refresh", Does::Alter),
            (
                "close luksClose remove plainClose tcryptClose luksSuspend",
                Does::Cut,
            ),
            (
                "luksAddKey luksRemoveKey luksKillSlot luksChangeKey luksConvertKey token config",
                Does::Grant,
            ),
            (
                "luksFormat erase luksErase reencrypt luksHeaderRestore repair convert",
                Does::Remove,
            ),
        ],
    )
};
const DMSETUP: Sheet = Sheet {
    flags: &[("showkeys", Does::Reveal)],
    ..Sheet::with_verbs(
        "device",
        table(
            words!("c o O S u uuid target columns options sort separator concise minor major"),
            words!(
                "f h j m v y C force help version tree showkeys noheadings noflush inactive readonly"
            ),
            &[],
        ),
        &[
            (
                "ls info status table deps targets version splitname udevcookies udevflags help stats+list",
                Does::Look,
            ),
            (
                "create load reload rename resume message mknodes setgeometry udevcomplete udevcreatecookie",
                Does::Alter,
            ),
            ("suspend remove remove_all clear wipe_table", Does::Cut),
        ],
    )
};
