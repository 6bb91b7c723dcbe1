//! Disks: partitions, file systems, mounts.

use super::{
    super::{
        super::{
            flags::Table,
            found::Found,
            word::{Call, Word},
        },
        Grammar,
        host::{
            does::{Does, act},
            sheet::{
                asks_for_help, doubt, has_word, object_of, parse, program, reach, table, words,
            },
        },
    },
    disk_tables,
    guard::is_system_folder,
    looks::looker,
    paths::{printed, unsure},
};
use crate::domain::effect::Reach;

/// The grammar of a program for disks.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if program.starts_with("mkfs.") || program.starts_with("fsck.") {
        return Some(if program.starts_with("mkfs.") {
            mkfs
        } else {
            fsck
        });
    }
    Some(match program {
        "lsblk" | "blkid" | "findmnt" | "mountpoint" | "dumpe2fs" | "xfs_info" | "xfs_ncheck"
        | "showmount" | "nfsstat" | "quota" | "repquota" | "quotastats" | "lsscsi"
        | "e2freefrag" | "filefrag" | "isosize" | "nfsiostat" => looker,
        "mount" => mount,
        "rpcinfo" => rpcinfo,
        "mkfs" | "mke2fs" | "newfs" | "mkdosfs" | "mkntfs" => mkfs,
        "mkswap" => mkswap,
        "fsck" | "e2fsck" | "dosfsck" => fsck,
        "resize2fs" => resize2fs,
        "parted" => parted,
        "hdparm" => hdparm,
        "debugfs" => debugfs,
        "iscsiadm" => iscsiadm,
        program => return disk_tables::sheet(program).map(|_| by_sheet as Grammar),
    })
}

fn by_sheet(call: &Call<'_>, found: &mut Found) {
    if let Some(sheet) = disk_tables::sheet(call.program) {
        sheet.judge(call, found);
    }
}

/// mount: without words it lists; options may take a file system away from those who write to it.
fn mount(call: &Call<'_>, found: &mut Found) {
    const MOUNT: Table = table(
        words!(
            "L N o O T t U fstab label namespace options options-mode options-source options-source-force source target target-prefix test-opts types uuid map-groups map-users"
        ),
        words!(
            "a B c f F h i l M n r R s v V w X all bind fake fork help internal-only make-private make-rprivate make-rshared make-rslave \
             make-runbindable make-shared make-slave make-unbindable move mkdir no-canonicalize no-mtab rbind read-only read-write rw ro show-labels sloppy verbose version onlyonce"
        ),
        words!("m"),
    );
    let parsed = parse(&MOUNT, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let lists = parsed.words.is_empty()
        && !parsed.has(&["a", "all", "source", "target", "L", "U", "label", "uuid"]);
    let fake = parsed.unknown.is_empty() && parsed.shows(&["f", "fake"]);
    if asks_for_help(&parsed) || (lists && parsed.unknown.is_empty()) || fake {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let options: Vec<&str> = parsed
        .values(&["o", "options"])
        .flat_map(|word| word.text().split(','))
        .collect();
    let again = options.contains(&"remount");
    let read_only = options.contains(&"ro") || parsed.has(&["r", "read-only", "ro"]);
    let covers = parsed.words.last().is_some_and(covers_system);
    let does = match () {
        () if again && read_only => Does::Cut,
        () if again => Does::Undo("mount -o remount with the options of before: {}"),
        () if covers => Does::Grant,
        () if parsed.has(&["M", "move"]) => Does::Alter,
        () => Does::Undo("umount {}"),
    };
    let names = parsed
        .words
        .get(parsed.words.len().saturating_sub(1)..)
        .unwrap_or_default();
    act(
        does,
        object_of("mount", names, place, call),
        reach(names),
        found,
    );
    parsed.words.iter().for_each(|word| unsure(word, found));
    if !parsed.unknown.is_empty() {
        found.opaque(format!(
            "`mount`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
}

fn covers_system(word: &Word) -> bool {
    let usual = "/mnt /media /srv /opt /home /boot /tmp /run /proc /sys /dev /var/log /var/lib /mnt/ /media/";
    is_system_folder(word.text())
        && !has_word(usual, word.text())
        && !word.text().starts_with("/run/")
}

/// rpcinfo: it asks, unless it takes a registration away.
fn rpcinfo(call: &Call<'_>, found: &mut Found) {
    let removes = call.arguments.iter().any(|word| word.text() == "-d");
    act(
        if removes { Does::Cut } else { Does::Look },
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, removes, true, found);
}

/// mkfs: everything on the device is gone.
fn mkfs(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let has = |flag: &str| call.arguments.iter().any(|word| word.text() == flag);
    let family = call.program.rsplit('.').next().unwrap_or_default();
    let only_says =
        (has_word("ext2 ext3 ext4 mke2fs", family) && has("-n")) || (family == "xfs" && has("-N"));
    if only_says
        || (has("--help") || has("--version")) && call.arguments.len() == 1
        || has("-V") && call.arguments.len() == 1
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let names: Vec<Word> = call
        .arguments
        .iter()
        .filter(|word| word.text().starts_with('/'))
        .cloned()
        .collect();
    act(
        Does::Remove,
        object_of("device", &names, place, call),
        Reach::Exactly(1),
        found,
    );
    call.arguments.iter().for_each(|word| unsure(word, found));
}

fn mkswap(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let device = call
        .arguments
        .iter()
        .any(|word| word.text().starts_with("/dev/") || word.known().is_none());
    act(
        if device { Does::Remove } else { Does::Alter },
        program(place, call),
        Reach::Exactly(1),
        found,
    );
}

/// fsck: with `-n` it only looks; `-N` of the front end only shows.
fn fsck(call: &Call<'_>, found: &mut Found) {
    const FSCK: Table = table(
        words!("b B E I j l L P t z"),
        words!("A a c d D f F k M n N p r R s T v V y h help version"),
        words!("C r"),
    );
    let parsed = parse(&FSCK, call.arguments);
    found.line(&parsed, |_| false);
    let looks =
        parsed.unknown.is_empty() && parsed.has(&["n", "N"]) && !parsed.has(&["y", "a", "p"]);
    let place = &call.setting.place;
    let does = if looks || asks_for_help(&parsed) {
        Does::Look
    } else {
        Does::Remove
    };
    act(
        does,
        object_of("device", &parsed.words, place, call),
        reach(&parsed.words),
        found,
    );
    parsed.words.iter().for_each(|word| unsure(word, found));
}

/// resize2fs: without a size it grows to the size of the device.
fn resize2fs(call: &Call<'_>, found: &mut Found) {
    const RESIZE: Table = table(words!("d S z"), words!("b f F M p P s"), &[]);
    let parsed = RESIZE.parse(call.arguments);
    found.line(&parsed, |_| false);
    let does = match () {
        () if parsed.unknown.is_empty() && parsed.has(&["P"]) => Does::Look,
        () if parsed.has(&["M"]) || parsed.words.len() > 1 || !parsed.unknown.is_empty() => {
            Does::Remove
        }
        () => Does::Alter,
    };
    act(
        does,
        object_of("device", &parsed.words, &call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    parsed.words.iter().for_each(|word| unsure(word, found));
}

/// parted: every command after the device must be one that looks.
fn parted(call: &Call<'_>, found: &mut Found) {
    const PARTED: Table = table(
        words!("a align"),
        words!("f h i j l m s v fix help interactive json list machine script version"),
        &[],
    );
    let parsed = parse(&PARTED, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let mut commands = parsed.words.iter().skip(1);
    let mut looks = parsed.unknown.is_empty()
        && (parsed.words.len() > 1 || parsed.shows(&["l", "list"]) && parsed.words.is_empty());
    while let Some(word) = commands.next() {
        looks &= match word.known() {
            Some(
                "print" | "p" | "free" | "list" | "all" | "devices" | "quit" | "help" | "version",
            ) => true,
            Some("unit" | "u" | "align-check") => commands.next().is_some(),
            Some(text) => {
                text.bytes().all(|byte| byte.is_ascii_digit())
                    || has_word("opt optimal min minimal", text)
            }
            None => false,
        };
    }
    let does = if looks || asks_for_help(&parsed) {
        Does::Look
    } else {
        Does::Remove
    };
    act(
        does,
        object_of(
            "device",
            parsed.words.get(..1).unwrap_or_default(),
            place,
            call,
        ),
        Reach::Exactly(1),
        found,
    );
}

/// hdparm: asking looks, giving a value sets.
fn hdparm(call: &Call<'_>, found: &mut Found) {
    let mut does = Does::Look;
    for word in call.arguments {
        let text = word.text();
        let letters = text.trim_start_matches('-');
        let looks = !text.starts_with('-') && text.starts_with("/dev/")
            || text.starts_with('-')
                && !text.starts_with("--")
                && letters.chars().all(|letter| "IitTgCvHVq".contains(letter))
            || has_word(
                "--direct --offset --Istdout --verbose --dco-identify --fibmap",
                text,
            );
        let grave = [
            "--security",
            "--trim",
            "--write",
            "--make-bad",
            "--fw",
            "--dco-r",
            "--dco-s",
            "--repair",
            "--yes",
            "--please",
            "--sanitize",
            "--format",
        ]
        .iter()
        .any(|start| text.starts_with(start));
        if grave || has_word("-y -Y -f -F -w -U -R", text) {
            does = Does::Remove;
        } else if !looks && does == Does::Look {
            does = Does::Alter;
        }
    }
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    call.arguments.iter().for_each(|word| unsure(word, found));
}

/// debugfs: read-only unless told otherwise; it prints any file of the device.
fn debugfs(call: &Call<'_>, found: &mut Found) {
    const DEBUGFS: Table = table(words!("b d f R s z"), words!("c D i n V w"), &[]);
    let parsed = DEBUGFS.parse(call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let command = parsed
        .value(&["R"])
        .and_then(Word::known)
        .unwrap_or_default();
    let mut words = command.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let looks = "stats ls stat show_super_stats testb testi ncheck icheck blocks bmap htree logdump lsdel ex extents imap inode_dump features pwd help params dirsearch";
    let does = match () {
        () if !parsed.unknown.is_empty() || parsed.has(&["w", "f"]) => Does::Remove,
        () if has_word(looks, verb) || parsed.has(&["V"]) => Does::Look,
        () if verb == "cat" => {
            words.for_each(|file| printed(&Word::Known(file.to_owned()), place, found));
            Does::Look
        }
        () => Does::Ask,
    };
    act(
        does,
        object_of("device", &parsed.words, place, call),
        Reach::Exactly(1),
        found,
    );
}

/// iscsiadm.
fn iscsiadm(call: &Call<'_>, found: &mut Found) {
    const ISCSIADM: Table = table(
        words!(
            "m T p I P o n v r s d t H C portal targetname interface print op name value sid mode type rate"
        ),
        words!("l u R S k D V h login logout rescan show discover version logout-all login-all"),
        words!("loginall logoutall L U"),
    );
    let parsed = parse(&ISCSIADM, call.arguments);
    found.line(&parsed, |_| false);
    let op = parsed.value(&["o", "op"]).map_or("show", Word::text);
    let does = match () {
        () if parsed.has(&["u", "logout", "logoutall", "U"])
            || op == "delete"
            || !parsed.unknown.is_empty() =>
        {
            Does::Cut
        }
        () if parsed.has(&[
            "l", "login", "loginall", "L", "R", "rescan", "discover", "D",
        ]) || op != "show" =>
        {
            Does::Alter
        }
        () => Does::Look,
    };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
}
