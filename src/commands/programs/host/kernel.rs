//! The kernel and the machine: its values, modules, messages and clock; and programs that show how it is doing.

use super::does::{Does, act};
use super::sheet::{asks_for_help, begins_unknown, doubt, has_word, parse, program, table, words};
use crate::commands::flags::Table;
use crate::commands::found::{Found, object};
use crate::commands::programs::Grammar;
use crate::commands::programs::files::guard::{Guard, guard};
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// Show how the host is doing; none of their flags changes anything.
const LOOKERS: &[&str] = words!(
    "uptime free vmstat iostat mpstat arch uname lscpu lsmem lsmod lspci lsusb lsns lslocks lsipc lsof lslogins pstree pidof pgrep who w \
     last lastb whoami id groups logname users runlevel ntpq ntpstat ldd slabtop numastat ipcs modinfo getconf locale sensors acpi htop btop \
     iotop pmap pwdx tload screenfetch neofetch fastfetch systool uuidgen finger pinky hostid lsinitramfs lsinitrd smem biosdecode ntptrace \
     lsirq irqtop checkrestart lsb_release cpuid jps needs-restarting ipcalc sipcalc lsgpio sadf tzselect lscgroup lssubsys cgget systemd-escape lsscsi"
);

/// The grammar of a program for the kernel.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if LOOKERS.contains(&program) {
        return Some(crate::commands::programs::files::looks::looker);
    }
    Some(match program {
        "sysctl" => sysctl,
        "date" | "gdate" => date,
        "getent" => getent,
        "hostname" | "domainname" | "dnsdomainname" | "nisdomainname" => hostname,
        "modprobe" => modprobe,
        "nvidia-smi" => nvidia,
        "man" => man,
        _ => return None,
    })
}

/// sysctl: a word with `=` sets a value.
fn sysctl(call: &Call<'_>, found: &mut Found) {
    const SYSCTL: Table = table(
        words!("r pattern"),
        words!(
            "A N P X a b d e  h n o q w x V all binary deprecated dry-run help ignore names quiet values version write system"
        ),
        words!("p f load"),
    );
    let parsed = parse(&SYSCTL, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`sysctl`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    let dry = parsed.unknown.is_empty() && parsed.shows(&["dry-run"]);
    if parsed.has(&["p", "f", "load", "system"]) && !dry {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        return found.bounded("the values stand in files");
    }
    for word in &parsed.words {
        let text = word.text();
        match text.split_once('=') {
            Some((key, _)) if !dry => set(key, word, call, found),
            _ => act(
                Does::Look,
                object(place, "value", text),
                Reach::Exactly(1),
                found,
            ),
        }
    }
    if parsed.words.is_empty() {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    doubt(&parsed.words, false, true, found);
}

/// Values whose change is felt at once and taken back by setting the former one.
const TUNING: &[&str] = words!(
    "vm.swappiness vm.max_map_count vm.dirty_ vm.overcommit_ vm.vfs_cache_pressure vm.nr_hugepages vm.min_free_kbytes net.core. net.ipv4.tcp_ \
     net.ipv4.ip_local_port_range net.ipv4.neigh. net.netfilter.nf_conntrack_ net.ipv4.udp_ fs.file-max fs.nr_open fs.inotify. fs.aio-max-nr \
     kernel.pid_max kernel.threads-max kernel.shm kernel.sem kernel.msg net.bridge.bridge-nf-call- kernel.sched_ kernel.numa_balancing"
);

/// Values without which a host passes nothing on.
const FORWARDS: &[&str] = words!("ip_forward .forwarding");

/// Limits under which a host no longer starts, opens or accepts anything, with the least that is left of them.
const LEAST: &[(&str, u64)] = &[
    ("kernel.pid_max kernel.threads-max", 8192),
    ("fs.file-max fs.nr_open", 65_536),
    ("fs.aio-max-nr", 1024),
    (
        "fs.inotify.max_user_watches fs.inotify.max_queued_events",
        1024,
    ),
    ("fs.inotify.max_user_instances user.max_user_namespaces", 64),
    ("net.netfilter.nf_conntrack_max net.nf_conntrack_max", 8192),
    ("net.core.somaxconn net.ipv4.tcp_max_syn_backlog", 16),
    ("net.core.netdev_max_backlog", 16),
    ("net.core.rmem_max net.core.wmem_max", 65_536),
    (
        "net.ipv4.neigh.default.gc_thresh3 net.ipv6.neigh.default.gc_thresh3",
        128,
    ),
    ("vm.max_map_count", 4096),
    (
        "net.ipv4.tcp_max_orphans net.ipv4.tcp_max_tw_buckets kernel.shmmni",
        16,
    ),
    ("kernel.shmmax kernel.shmall", 4096),
];
/// Values of which only somebody who knows the host can say how much is enough, or too much.
const DELICATE: &[&str] = words!(
    "net.ipv4.tcp_mem net.ipv4.udp_mem net.ipv4.tcp_rmem net.ipv4.tcp_wmem net.ipv4.ip_local_port_range vm.min_free_kbytes vm.nr_hugepages \
     vm.overcommit_ kernel.sem kernel.msg net.netfilter.nf_conntrack_tcp_timeout net.netfilter.nf_conntrack_buckets"
);

/// Whether a value is so small that it cuts what the host does.
fn starves(key: &str, word: &Word) -> bool {
    let value = word.text().split_once('=').map_or("", |(_, value)| value);
    let value = value.trim().parse::<i64>();
    LEAST.iter().any(|(names, least)| {
        let least = i64::try_from(*least).unwrap_or(i64::MAX);
        has_word(names, key) && value.as_ref().is_ok_and(|value| *value < least)
    })
}

fn text_ends_in_zero(word: &Word) -> bool {
    let value = word.text().split_once('=').map(|(_, value)| value.trim());
    value == Some("0")
}

fn set(key: &str, word: &Word, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let key = key.trim().trim_start_matches('-').replace('/', ".");
    let thing = object(place, "value", &key);
    let path = format!("/proc/sys/{}", key.replace('.', "/"));
    let does = match guard(&path) {
        Some(Guard::Access) => Does::Grant,
        Some(Guard::Breaks) if key.ends_with("core_pattern") || key.ends_with("modprobe") => {
            Does::Run
        }
        Some(Guard::Breaks) => Does::Alter,
        // A host that forwards for others, as every node of a cluster does, cuts them off.
        _ if FORWARDS.iter().any(|end| key.ends_with(end)) && text_ends_in_zero(word) => Does::Cut,
        _ if starves(&key, word) => Does::Cut,
        _ if DELICATE.iter().any(|start| key.starts_with(start)) => Does::Alter,
        _ if TUNING.iter().any(|start| key.starts_with(start)) => {
            Does::Undo("set {} to the value that sysctl shows before")
        }
        _ => Does::Alter,
    };
    act(does, thing, Reach::Exactly(1), found);
    if does == Does::Alter {
        found.bounded(format!(
            "what `{key}` means for others is not known to the gate"
        ));
    }
    if matches!(word, Word::Unknown(_)) && !begins_unknown(word) {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
}

/// date: a word without a plus, or `-s`, sets the clock.
fn date(call: &Call<'_>, found: &mut Found) {
    const DATE: Table = table(
        words!("d f r s date file reference rfc-3339 set"),
        words!("R u debug help resolution rfc-email rfc-822 universal utc uct version n j"),
        words!("I iso-8601 v"),
    );
    let parsed = parse(&DATE, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let sets = parsed.has(&["s", "set"])
        || parsed
            .words
            .iter()
            .any(|word| word.known().is_some() && !word.text().starts_with('+'));
    let does = if sets && !asks_for_help(&parsed) {
        Does::Alter
    } else {
        Does::Look
    };
    act(does, program(place, call), Reach::Exactly(1), found);
    if let Some(file) = parsed.value(&["f", "file"]) {
        crate::commands::programs::files::paths::printed(file, place, found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`date`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    doubt(&parsed.words, sets, true, found);
    for flag in &parsed.flags {
        if let Some(Word::Unknown(text)) = &flag.value {
            found.bounded(format!("`{text}` is not known before it runs"));
        }
    }
}

/// getent: the data bases of passwords are secret.
fn getent(call: &Call<'_>, found: &mut Found) {
    let secret = call
        .arguments
        .iter()
        .any(|word| has_word("shadow gshadow", word.text()));
    let unknown = call
        .arguments
        .iter()
        .find(|word| !word.text().starts_with('-'))
        .is_some_and(|word| word.known().is_none());
    let does = if secret || unknown {
        Does::Reveal
    } else {
        Does::Look
    };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, false, unknown, found);
}

/// hostname: with a name, or a file that holds it, it sets it.
fn hostname(call: &Call<'_>, found: &mut Found) {
    let sets = call.arguments.iter().any(|word| {
        let text = word.text();
        !text.starts_with('-')
            || text.starts_with("-F")
            || text.starts_with("--file")
            || text == "-b"
            || text == "--boot"
    });
    act(
        if sets { Does::Alter } else { Does::Look },
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, sets, true, found);
}

/// modprobe.
fn modprobe(call: &Call<'_>, found: &mut Found) {
    const MODPROBE: Table = table(
        words!("C d S w config dirname set-version wait"),
        words!(
            "D R V a b c f h i n q r s v all dry-run dump-modversions first-time force force-modversion force-vermagic help ignore-install \
                ignore-remove quiet remove  remove-holders resolve-alias show show-config showconfig show-depends show-exports show-modversions syslog use-blacklist verbose version"
        ),
        &[],
    );
    let parsed = parse(&MODPROBE, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let looks = parsed.unknown.is_empty()
        && parsed.has(&[
            "n",
            "dry-run",
            "show",
            "D",
            "show-depends",
            "c",
            "showconfig",
            "show-config",
            "R",
            "resolve-alias",
            "dump-modversions",
            "show-modversions",
            "show-exports",
        ]);
    let does = match () {
        () if looks || asks_for_help(&parsed) => Does::Look,
        () if parsed.has(&["r", "remove", "remove-holders"]) || !parsed.unknown.is_empty() => {
            Does::Cut
        }
        () => Does::Start("modprobe -r {}"),
    };
    let names: Vec<&str> = parsed.words.iter().map(Word::text).collect();
    act(
        does,
        object(place, "module", &names.join(" ")),
        Reach::Exactly(1),
        found,
    );
    if parsed
        .values(&["C", "config", "d", "dirname"])
        .next()
        .is_some()
    {
        found.unknown_code(place, "modprobe", "its settings may run commands");
    }
    doubt(&parsed.words, does != Does::Look, true, found);
}

/// nvidia-smi: asking looks.
fn nvidia(call: &Call<'_>, found: &mut Found) {
    let looks = call.arguments.iter().all(|word| {
        let text = word.text();
        !text.starts_with('-') || has_word("-L -q -l -lms -i -d -x -a --list-gpus --query --loop --id --display --help -h --version", text) || text.starts_with("--query") || text.starts_with("--format") || text.starts_with("--loop") || text.starts_with("--id")
    }) && !call.arguments.iter().any(|word| has_word("drain mig", word.text()));
    act(
        if looks { Does::Look } else { Does::Cut },
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, false, true, found);
}

/// man: its pager is a program.
fn man(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    let runs = |text: &str| {
        text.starts_with("-P")
            || text.starts_with("--pag")
            || text.starts_with("-H")
            || text.starts_with("--html")
            || text.starts_with("-p")
            || text.starts_with("--prep")
            || text.starts_with("-C")
            || text.starts_with("-X")
            || text.starts_with("-T")
    };
    let shows = |at: usize| {
        let next = call.arguments.get(at + 1).and_then(Word::known);
        matches!(next, Some("cat" | "less" | "more"))
    };
    let mut words = call.arguments.iter().enumerate();
    let code = words.find(|(at, word)| runs(word.text()) && !(word.text() == "-P" && shows(*at)));
    if let Some((_, word)) = code {
        found.unknown_code(place, word.text(), "its pager runs as a program");
    }
    doubt(call.arguments, false, true, found);
}
