//! Access to the host from outside and inside: firewalls, mandatory access control, audit.

use super::does::{Does, act};
use super::sheet::{Sheet, doubt, has_word, program, says, table, words};
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

const LOOKERS: &[&str] = words!(
    "getenforce sestatus getsebool matchpathcon seinfo sesearch aa-status apparmor_status aa-enabled aa-unconfined aa-features-abi ausearch aureport aulast aulastlog auvirt \
     iptables-save ip6tables-save iptables-legacy-save iptables-nft-save ebtables-save arptables-save selinuxenabled avcstat audit2why getcap getpcaps"
);

/// The grammar of a program for access.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if LOOKERS.contains(&program) {
        return Some(looker);
    }
    Some(match program {
        "iptables" | "ip6tables" | "iptables-legacy" | "iptables-nft" | "ip6tables-legacy"
        | "ip6tables-nft" | "ebtables" | "arptables" => iptables,
        "nft" => nft,
        "ufw" => ufw,
        "ipset" => ipset,
        "firewall-cmd" | "firewall-offline-cmd" => firewalld,
        "semanage" => semanage,
        "fail2ban-client" => fail2ban,
        "iptables-restore"
        | "ip6tables-restore"
        | "setenforce"
        | "setsebool"
        | "semodule"
        | "chcon"
        | "apparmor_parser"
        | "aa-disable"
        | "aa-enforce"
        | "aa-complain"
        | "aa-teardown"
        | "aa-remove-unknown"
        | "aa-audit"
        | "aa-genprof"
        | "aa-logprof"
        | "aa-autodep"
        | "netfilter-persistent"
        | "setcap"
        | "iptables-apply"
        | "shorewall"
        | "csf"
        | "ebtables-restore"
        | "tcpdmatch"
        | "load_policy"
        | "firewall-config" => grant,
        _ => return None,
    })
}

/// They write nothing; `-w`-like flags of the audit tools only filter.
fn looker(call: &Call<'_>, found: &mut Found) {
    act(
        Does::Look,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, false, false, found);
}

fn grant(call: &Call<'_>, found: &mut Found) {
    let looks = match call.program {
        "semodule" => {
            call.arguments.iter().all(|word| {
                has_word(
                    "-l --list-modules -lfull --list-modules=full -v --list=full",
                    word.text(),
                )
            }) && !call.arguments.is_empty()
        }
        "setcap" => call
            .arguments
            .first()
            .is_some_and(|word| word.text() == "-v"),
        _ => false,
    };
    decide(looks || only_help(call), call, found);
}

fn only_help(call: &Call<'_>) -> bool {
    matches!(call.arguments, [word] if has_word("--help -h --version -V", word.text()))
}

fn decide(looks: bool, call: &Call<'_>, found: &mut Found) {
    let does = if looks { Does::Look } else { Does::Grant };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, !looks, true, found);
}

/// iptables: it looks where it is told to list or check, and nothing else.
fn iptables(call: &Call<'_>, found: &mut Found) {
    let mut lists = false;
    let mut other = false;
    let mut checks = false;
    for word in call
        .arguments
        .iter()
        .filter(|word| word.text().starts_with('-'))
    {
        let text = word.text();
        if let Some(long) = text.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or_default();
            lists |= has_word("list list-rules version help", name);
            checks |= name == "check";
            other |= has_word(
                "append delete insert replace flush zero new-chain delete-chain policy rename-chain set-counters init-table atomic-init atomic-commit",
                name,
            ) || word.known().is_none();
            other |= lists
                && !has_word(
                    "list list-rules version help numeric verbose exact line-numbers table wait wait-interval check ipv4 ipv6 Lc Ln Lmac2",
                    name,
                );
        } else {
            let letters = text.trim_start_matches('-');
            lists |= letters.contains(['L', 'S', 'V', 'h']);
            checks |= letters == "C";
            other |= letters.contains(['A', 'D', 'I', 'R', 'F', 'Z', 'N', 'X', 'P', 'E'])
                || word.known().is_none();
        }
    }
    let unknown = call
        .arguments
        .iter()
        .any(|word| matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])));
    decide((lists || checks) && !other && !unknown, call, found);
}

/// nft: its words are joined to commands, which `;` separates.
fn nft(call: &Call<'_>, found: &mut Found) {
    let mut commands: Vec<String> = vec![String::new()];
    let mut check = false;
    let mut file = false;
    for word in call.arguments {
        let text = word.text();
        if text.starts_with('-') && commands.iter().all(String::is_empty) {
            let letters = text.trim_start_matches('-');
            check |= text == "--check" || !text.starts_with("--") && letters.contains('c');
            file |= text == "--file"
                || text == "--interactive"
                || !text.starts_with("--") && letters.contains(['f', 'i', 'D', 'I']);
            continue;
        }
        for (number, piece) in text.split([';', '\n']).enumerate() {
            if number > 0 {
                commands.push(String::new());
            }
            if let Some(last) = commands.last_mut() {
                last.push_str(piece);
                last.push(' ');
            }
        }
    }
    let looks = |command: &String| {
        let first = command.split_whitespace().next().unwrap_or_default();
        has_word("list describe monitor export", first) || first.is_empty()
    };
    let hazy = call.arguments.iter().any(|word| word.known().is_none());
    let listing = !file && commands.iter().all(looks) && !hazy;
    decide(check && !hazy || listing || only_help(call), call, found);
}

/// ipset: sets of addresses that a firewall looks into.
fn ipset(call: &Call<'_>, found: &mut Found) {
    let options = "-o -output -q -quiet -r -resolve -s -sorted -n -name -t -terse -! -exist plain save xml json";
    let verb = call
        .arguments
        .iter()
        .find(|word| !has_word(options, word.text()) || word.text() == "save");
    let looks = "list -L --list -list save -S --save -save test -T --test -test version -v --version help -h --help";
    let plain = call
        .arguments
        .iter()
        .all(|word| !matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])));
    decide(
        plain && verb.is_some_and(|word| has_word(looks, word.text())),
        call,
        found,
    );
}

fn ufw(call: &Call<'_>, found: &mut Found) {
    let words: Vec<&str> = call.arguments.iter().map(Word::text).collect();
    let looks = match words.as_slice() {
        ["--dry-run" | "status" | "show" | "version" | "help", ..] => true,
        ["app", "list" | "info", ..] => true,
        [] => true,
        _ => only_help(call),
    };
    decide(
        looks
            && call
                .arguments
                .first()
                .is_none_or(|word| word.known().is_some()),
        call,
        found,
    );
}

/// firewall-cmd: everything is a flag.
fn firewalld(call: &Call<'_>, found: &mut Found) {
    let starts = [
        "--list",
        "--get",
        "--query",
        "--info",
        "--path",
        "--zone",
        "--policy",
        "--state",
        "--permanent",
        "--check-config",
        "--version",
        "--help",
        "--quiet",
        "--verbose",
    ];
    let asks = [
        "--list",
        "--get",
        "--query",
        "--info",
        "--path",
        "--state",
        "--check-config",
        "--version",
        "--help",
    ];
    let is = |list: &[&str], text: &str| {
        list.iter().any(|start| text.starts_with(start)) || has_word("-h -V -q", text)
    };
    let only = call.arguments.iter().all(|word| {
        is(&starts, word.text()) || !word.text().starts_with('-') && word.known().is_some()
    });
    let looks = only
        && call.arguments.iter().any(|word| is(&asks, word.text()))
        && !call
            .arguments
            .iter()
            .any(|word| word.text() == "--get-default-zone-set");
    decide(looks, call, found);
}

fn semanage(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let looks = has("-l --list -E --extract -h --help -lC -ln")
        && !has("-a --add -d --delete -m --modify -D --deleteall -i -f");
    decide(
        looks
            || call
                .arguments
                .first()
                .is_some_and(|word| word.text() == "export")
                && call.arguments.len() == 1,
        call,
        found,
    );
}

fn fail2ban(call: &Call<'_>, found: &mut Found) {
    let verb = call
        .arguments
        .iter()
        .find(|word| !word.text().starts_with('-'));
    let place = &call.setting.place;
    let runs = call
        .arguments
        .iter()
        .any(|word| matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])));
    let does = match verb.map(|word| word.known().unwrap_or_default()) {
        Some("status" | "ping" | "get" | "banned" | "version" | "help" | "echo" | "statistics") => {
            Does::Look
        }
        None if call.arguments.iter().all(|word| {
            has_word(
                "-h --help -V --version -d --dump -t --test --dp -v",
                word.text(),
            )
        }) && !call.arguments.is_empty() =>
        {
            Does::Look
        }
        Some("start") => Does::Start("fail2ban-client stop"),
        Some("reload" | "restart") => Does::Restart,
        _ => Does::Grant,
    };
    act(
        if runs { Does::Grant } else { does },
        program(place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, does != Does::Look, true, found);
    if matches!(
        call.stdin,
        Stdin::Known(_) | Stdin::Piped | Stdin::Downloaded
    ) && verb.is_none()
    {
        act(Does::Grant, program(place, call), Reach::Unknown, found);
    }
}

const AUDITCTL: Sheet = Sheet {
    flags: &[
        ("w a A k p F S C", Does::Alter),
        ("D d W e f b r reset-lost R i c", Does::Cut),
    ],
    ..Sheet::of(
        "audit",
        table(
            words!(
                "a A b d e f F S C k p w W r m R q t backlog_wait_time backlog_wait_time_actual"
            ),
            words!(
                "c D h i l s v loginuid-immutable reset-lost reset_backlog_wait_time_actual signal"
            ),
            &[],
        ),
        Does::Look,
    )
};
const RESTORECON: Sheet = Sheet {
    dry: words!("n"),
    ..Sheet::of(
        "label",
        table(
            words!("e f o T"),
            words!("d D F h i I m n N p q r R u U v W x 0"),
            &[],
        ),
        Does::Alter,
    )
};
/// The sheet of a program for access.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "auditctl" => &AUDITCTL,
        "restorecon" | "fixfiles" => &RESTORECON,
        _ => return None,
    })
}
