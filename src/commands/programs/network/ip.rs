//! ip, tc and bridge of iproute2: every word may be cut short, the first that fits is meant.

use crate::commands::found::{Found, object};
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{act_on_program, doubt, has_word, program, says};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// Kinds of things, in the order in which ip looks for them, each with its verbs in theirs.
const OBJECTS: &[(&str, &str)] = &[
    (
        "address",
        "add change chg replace delete show lst list flush save showdump restore help",
    ),
    ("addrlabel", "list add delete flush"),
    ("maddress", "add delete show list lst"),
    (
        "route",
        "list show lst get add change chg replace prepend append test delete flush save restore showdump help",
    ),
    ("rule", "list lst show save restore add delete flush help"),
    (
        "neighbor",
        "add change chg replace delete get show lst list flush help",
    ),
    (
        "neighbour",
        "add change chg replace delete get show lst list flush help",
    ),
    (
        "neigh",
        "add change chg replace delete get show lst list flush help",
    ),
    ("ntable", "change show lst list help"),
    (
        "link",
        "add set change replace delete show lst list xstats afstats property help",
    ),
    ("l2tp", "add delete show lst list help"),
    ("macsec", "add set delete show offload help"),
    ("tunnel", "add change delete show lst list prl 6rd help"),
    ("tuntap", "add delete show lst list help"),
    ("token", "list set get delete help"),
    ("tcpmetrics", "show get delete flush help"),
    ("tcp_metrics", "show get delete flush help"),
    ("monitor", ""),
    ("xfrm", "state policy monitor help"),
    ("mroute", "show lst list help"),
    (
        "netns",
        "list show lst list-id help add set delete identify pids exec monitor attach",
    ),
    ("netconf", "show lst list help"),
    ("vrf", "show list exec identify pids help"),
    (
        "nexthop",
        "add replace get delete list show lst flush bucket help",
    ),
    ("mptcp", "endpoint limits monitor help"),
    ("stats", "show set help"),
    ("help", ""),
];

const LOOKING: &str =
    "show lst list get xstats afstats save showdump identify pids list-id monitor test help";

/// Flags of ip that take a word.
const VALUED: &str = "-n -net -netns -f -family -l -loops -rc -rcvbuf";

/// The first of the names that a word begins.
fn meant<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut names = names.filter(|name| !name.is_empty());
    names.find(|name| !word.is_empty() && name.starts_with(word))
}

/// ip.
pub(super) fn ip(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut words = call.arguments;
    while let Some((word, after)) = words
        .split_first()
        .filter(|(word, _)| word.text().starts_with('-'))
    {
        let text = word.text();
        if text.starts_with("-b") && !text.starts_with("-br")
            || text.starts_with("--b") && !text.starts_with("--br")
            || text == "-force"
        {
            found.unknown_code(place, "ip", "the commands stand in a file");
        }
        words = if has_word(VALUED, text) {
            after.get(1..).unwrap_or_default()
        } else {
            after
        };
    }
    let Some((kind, rest)) = words.split_first() else {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    };
    let kind = kind
        .known()
        .and_then(|word| meant(word, OBJECTS.iter().map(|(name, _)| *name)));
    let Some((name, verbs)) = OBJECTS.iter().find(|(name, _)| Some(*name) == kind) else {
        act(Does::Cut, program(place, call), Reach::Unknown, found);
        return found.opaque("which part of the network is meant is not known");
    };
    let verb = match rest.first() {
        None => Some("show"),
        Some(word) => word
            .known()
            .and_then(|word| meant(word, verbs.split(' ').chain(["del"]))),
    };
    let arguments = rest.get(1..).unwrap_or_default();
    if verb == Some("exec") {
        return inside(arguments, call, found);
    }
    let does = effect(name, verb, arguments, rest);
    let names: Vec<&str> = arguments.iter().map(Word::text).collect();
    act(
        does,
        object(place, name, &names.join(" ")),
        Reach::Exactly(1),
        found,
    );
    doubt(arguments, does != Does::Look, does != Does::Look, found);
    if verb.is_none() && !matches!(*name, "monitor" | "help") {
        found.opaque(format!("`ip {name}`: what is done is not known"));
    }
}

/// `ip netns exec NAME COMMAND`.
fn inside(arguments: &[Word], call: &Call<'_>, found: &mut Found) {
    let command = arguments.get(1..).unwrap_or_default();
    match call.setting.deeper() {
        Some(setting) => crate::commands::programs::judge(command, call.stdin, &setting, found),
        None => found.unknown_code(
            &call.setting.place,
            "ip",
            "commands stand too deep in each other",
        ),
    }
}

fn effect(kind: &str, verb: Option<&str>, arguments: &[Word], rest: &[Word]) -> Does {
    let has = |list: &str| arguments.iter().any(|word| has_word(list, word.text()));
    match (kind, verb) {
        ("monitor" | "help", _) => Does::Look,
        ("xfrm", Some("state")) if has("list show get count") || arguments.is_empty() => {
            Does::Reveal
        }
        ("xfrm", Some("policy")) if has("list show get count") || arguments.is_empty() => {
            Does::Look
        }
        ("xfrm", Some("monitor" | "help")) => Does::Look,
        ("xfrm", _) => Does::Grant,
        ("mptcp", Some(_)) => {
            if has("show") || rest.len() < 2 {
                Does::Look
            } else {
                Does::Alter
            }
        }
        (_, Some(verb)) if has_word(LOOKING, verb) => Does::Look,
        (_, Some("delete" | "del" | "flush") | None) => Does::Cut,
        ("link", Some("set" | "change")) if has("down dow do") => Does::Cut,
        ("link", Some("set" | "change")) if has("up") && arguments.len() <= 3 => {
            Does::Undo("ip link set {} down")
        }
        ("route", Some(_)) if has("blackhole unreachable prohibit throw") => Does::Cut,
        ("rule", Some("add")) if has("blackhole unreachable prohibit") => Does::Cut,
        // Who can still be reached over it, nobody knows here.
        ("route", Some(_)) if wide(arguments) => Does::Alter,
        ("rule", Some("add")) if wide(arguments) || !has("from fr to iif oif fwmark") => {
            Does::Alter
        }
        ("link", Some("set" | "change")) if cuts_link(arguments) => Does::Cut,
        // What its own addresses serve may be cut off.
        ("link", Some("set" | "change")) if has("master") => Does::Alter,
        // An address that is no longer valid goes.
        ("address", Some(_)) if has("valid_lft preferred_lft") && !has("forever") => Does::Cut,
        (_, Some("set" | "change" | "chg" | "replace")) => {
            Does::Undo("set what `ip show` shows before: {}")
        }
        (
            "address" | "route" | "rule" | "neigh" | "neighbor" | "neighbour" | "netns" | "link",
            Some("add"),
        ) => Does::Undo("delete {} again"),
        _ => Does::Alter,
    }
}

/// Whether a route or a rule is for most of the world.
fn wide(arguments: &[Word]) -> bool {
    let most = |text: &str| {
        let (address, length) = text.split_once('/').unwrap_or((text, ""));
        let short = length.parse::<u8>().is_ok_and(|length| length < 4);
        short
            || matches!(address, "0" | "any" | "all" | "default")
            || text.len() > 2 && "default".starts_with(text)
    };
    arguments
        .iter()
        .any(|word| word.known().is_none() || most(word.text()))
}

/// Whether what is set takes a link out of its network: another address, another namespace, packets too small for IPv6.
fn cuts_link(arguments: &[Word]) -> bool {
    let value = |name: &str| {
        let at = arguments.iter().position(|word| word.text() == name)?;
        arguments.get(at + 1).map(Word::text)
    };
    let off = |name: &str| value(name) == Some("off");
    let small = value("mtu").is_some_and(|mtu| !mtu.parse().is_ok_and(|mtu: u32| mtu >= 1280));
    let moved = arguments.iter().any(|word| {
        has_word(
            "address addr lladdr netns xdp xdpgeneric xdpdrv xdpoffload nomaster",
            word.text(),
        )
    });
    let disabled = value("state") == Some("disable");
    small || moved || disabled || off("arp") || off("carrier")
}

/// tc: what shapes the traffic.
pub(super) fn tc(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let mut words = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'));
    let kind = words.next().map_or("qdisc", Word::text);
    let verb = words
        .next()
        .map_or("show", |word| word.known().unwrap_or("?"));
    let verbs = [
        "show", "list", "lst", "ls", "get", "add", "change", "replace", "link", "delete", "del",
        "flush", "help", "monitor",
    ];
    let does = match meant(verb, verbs.into_iter()) {
        _ if has("-b -batch") => Does::Cut,
        _ if "monitor".starts_with(kind) || "help".starts_with(kind) => Does::Look,
        Some("show" | "list" | "lst" | "ls" | "get" | "help" | "monitor") => Does::Look,
        Some("add") if has("netem drop police block tbf action") => Does::Cut,
        Some("add") => Does::Undo("tc delete what was added"),
        Some("change" | "replace" | "link") if has("netem drop") => Does::Cut,
        Some("change" | "replace" | "link") => Does::Alter,
        _ => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// bridge.
pub(super) fn bridge(call: &Call<'_>, found: &mut Found) {
    let batch = call
        .arguments
        .iter()
        .any(|word| word.text().starts_with("-b"));
    let mut words = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'));
    let kind = words.next().map_or("link", Word::text);
    let verb = words
        .next()
        .map_or("show", |word| word.known().unwrap_or("?"));
    let verbs = [
        "show",
        "list",
        "lst",
        "get",
        "add",
        "append",
        "replace",
        "set",
        "delete",
        "del",
        "flush",
        "help",
        "tunnelshow",
        "global",
    ];
    let does = match meant(verb, verbs.into_iter()) {
        _ if batch => Does::Cut,
        _ if "monitor".starts_with(kind) => Does::Look,
        Some("show" | "list" | "lst" | "get" | "help" | "tunnelshow") => Does::Look,
        Some("add" | "append") => Does::Undo("bridge del what was added"),
        Some("replace" | "set" | "global") => Does::Alter,
        _ => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// ifconfig: a name alone is shown.
pub(super) fn ifconfig(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let words = call
        .arguments
        .iter()
        .filter(|word| !has_word("-a -s -v --help -V", word.text()))
        .count();
    let does = match () {
        () if words <= 1 => Does::Look,
        () if has("down del delete -alias destroy -arp") => Does::Cut,
        () => Does::Undo("set what ifconfig shows before"),
    };
    act_on_program(does, call, found);
}

/// route.
pub(super) fn route(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let does = match () {
        () if has("del delete flush reject") => Does::Cut,
        () if has("add") => Does::Undo("route del what was added"),
        () if has("change") => Does::Alter,
        () if call.arguments.iter().all(|word| {
            word.text().starts_with('-') || has_word("get show print", word.text())
        }) || has("get") =>
        {
            Does::Look
        }
        () => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// arp.
pub(super) fn arp(call: &Call<'_>, found: &mut Found) {
    let flag = |letters: &[char]| {
        call.arguments.iter().any(|word| {
            word.text().starts_with('-')
                && !word.text().starts_with("--")
                && word.text().contains(letters)
        })
    };
    let has = |list: &str| says(call, list);
    let does = match () {
        () if flag(&['d']) || has("--delete") => Does::Cut,
        () if flag(&['f']) || has("--file") => Does::Alter,
        () if flag(&['s']) || has("--set") => Does::Undo("arp -d what was set"),
        () => Does::Look,
    };
    act_on_program(does, call, found);
    if matches!(call.stdin, Stdin::Downloaded) {
        found.bounded("its input comes from elsewhere");
    }
}
