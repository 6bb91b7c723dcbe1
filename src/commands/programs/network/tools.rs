//! The other programs of the network: most of them ask, some change links, some listen.

use super::{
    super::{
        super::{
            found::{Found, object},
            word::{Call, Word},
        },
        Grammar,
        files::looks::looker,
        host::{
            does::{Does, act},
            sheet::{Sheet, act_on_program, doubt, has_word, program, says, words},
        },
    },
    ip, links, servers, traffic,
};
use crate::domain::effect::{Effect, Reach, Verb};

/// Ask; none of their flags changes anything.
const LOOKERS: &[&str] = words!(
    "ping ping6 fping traceroute traceroute6 tracepath tracepath6 mtr dig host nslookup whois delv drill kdig netstat nstat ifstat rtacct routel \
     iftop nethogs nload bmon iptraf-ng iwlist nbtscan avahi-browse avahi-resolve smbstatus snmpget snmpwalk snmpbulkget snmpbulkwalk snmpgetnext \
     snmptable snmpstatus snmpdf snmptranslate named-checkzone named-checkconf mailq ldapsearch ldapwhoami dnstop lft tcptraceroute \
     tcping httping ipcount  arp-scan p0f   speedtest speedtest-cli klist nmblookup testssl.sh sslscan \
     dnstracer  mii-diag wavemon     dog doggo"
);

/// The grammar of another program of the network.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if LOOKERS.contains(&program) {
        return Some(ask);
    }
    Some(match program {
        "tc" => ip::tc,
        "bridge" => ip::bridge,
        "ifconfig" => ip::ifconfig,
        "route" => ip::route,
        "arp" => ip::arp,
        "nmap" | "masscan" | "rustscan" => traffic::nmap,
        "ethtool" | "mii-tool" => ethtool,
        "iw" | "iwconfig" => wireless,
        "wg" => wg,
        "wg-quick" => |call, found| links::WG_QUICK.judge(call, found),
        "openvpn" => openvpn,
        "ab" | "wrk" | "wrk2" | "hey" | "siege" | "vegeta" | "bombardier" | "oha" | "locust"
        | "hping3" | "iperf" | "iperf3" | "nuttcp" | "netperf" => traffic::load,
        "ftp" | "lftp" | "tnftp" | "ncftp" | "tftp" | "smbclient" => traffic::ftp,
        "nginx" | "openresty" => |call, found| signalled(&servers::NGINX, call, found),
        "apachectl" | "apache2ctl" | "httpd" | "apache2" => {
            |call, found| signalled(&servers::APACHE, call, found)
        }
        "php-fpm" | "squid" | "keepalived" | "varnishd" | "dnsmasq" | "unbound" | "rsyslogd" => {
            |call, found| signalled(&servers::DAEMON, call, found)
        }
        "postconf" => postconf,
        "vnstat" => vnstat,
        "conntrack" => conntrack,
        "arping" => arping,
        _ => return servers(program),
    })
}

fn sheet(program: &str) -> Option<&'static Sheet> {
    links::sheet(program).or_else(|| servers::sheet(program))
}

fn by_sheet(call: &Call<'_>, found: &mut Found) {
    if let Some(sheet) = sheet(call.program) {
        sheet.judge(call, found);
    }
}

fn servers(program: &str) -> Option<Grammar> {
    sheet(program).map(|_| by_sheet as Grammar)
}

fn ask(call: &Call<'_>, found: &mut Found) {
    looker(call, found);
}

/// ethtool: small letters mostly ask, capitals set.
fn ethtool(call: &Call<'_>, found: &mut Found) {
    let flag = call
        .arguments
        .iter()
        .map(Word::text)
        .find(|text| text.starts_with('-'))
        .unwrap_or_default();
    let asks = "-a -c -g -i -d -e -k -n -u -P -S -T -l -x -m  -h -j --json --show-pause --show-coalesce --show-ring --driver --register-dump --eeprom-dump \
        --show-features --show-offload --show-ntuple --show-nfc --show-permaddr --statistics --show-time-stamping --show-channels --show-rxfh-indir --show-rxfh --module-info \
        --dump-module-eeprom --show-priv-flags --show-eee --show-fec --show-tunables --get-phy-tunable --get-tunable --show-module --get-plca-cfg --phy-statistics --version --help --show-mm";
    let does = match flag {
        "" if call.program == "ethtool" || call.arguments.len() <= 1 => Does::Look,
        "-v" | "--verbose" if call.program == "mii-tool" => Does::Look,
        _ if has_word(asks, flag) => Does::Look,
        "-f" | "--flash" | "-E" | "--change-eeprom" => Does::Remove,
        "--reset" | "-R" | "-r" | "--negotiate" | "-t" | "--test" => Does::Cut,
        _ => Does::Undo("set what ethtool shows before"),
    };
    act_on_program(does, call, found);
}

/// iw and iwconfig.
fn wireless(call: &Call<'_>, found: &mut Found) {
    let words: Vec<&str> = call
        .arguments
        .iter()
        .map(Word::text)
        .filter(|text| !text.starts_with('-'))
        .collect();
    let looks = match words.as_slice() {
        [] | ["dev" | "list" | "phy" | "help" | "commands" | "event"] | ["reg", "get"] => true,
        [_] if call.program == "iwconfig" => true,
        ["phy", _, "info" | "channels"] | ["dev", _] => true,
        [first, .., last] => {
            call.program == "iw"
                && has_word("dev phy", first)
                && has_word("link info scan dump get_power_save survey", last)
                && !words.contains(&"set")
        }
        _ => false,
    };
    act(
        if looks { Does::Look } else { Does::Alter },
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, !looks, true, found);
}

/// wg.
fn wg(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let verb = call.arguments.first().map_or("show", Word::text);
    let does = match verb {
        _ if has("private-key dump preshared-keys showconf") => Does::Reveal,
        "show" | "help" | "--help" | "--version" | "-h" | "-v" | "pubkey" | "genpsk" | "genkey" => {
            Does::Look
        }
        _ => Does::Grant,
    };
    act_on_program(does, call, found);
}

/// openvpn: it opens a tunnel; its scripts are programs.
fn openvpn(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let scripts = "--up --down --route-up --route-pre-down --ipchange --client-connect --client-disconnect --learn-address --tls-verify --auth-user-pass-verify --plugin --script-security --iproute";
    let runs = call
        .arguments
        .iter()
        .any(|word| has_word(scripts, word.text()));
    let looks =
        call.arguments.iter().all(|word| {
            word.text().starts_with("--show") || has_word("--version --help", word.text())
        }) && !call.arguments.is_empty();
    if runs {
        found.unknown_code(place, "openvpn", "its scripts are programs");
    }
    act(
        if looks { Does::Look } else { Does::Tunnel },
        program(place, call),
        Reach::Exactly(1),
        found,
    );
    if !looks {
        found.opaque("its settings stand in a file");
    }
}

/// Servers that are told by a flag what to do: `nginx -s reload`, `httpd -k stop`.
fn signalled(sheet: &Sheet, call: &Call<'_>, found: &mut Found) {
    let parsed = sheet.parse(call.arguments);
    let told = if call.program == "nginx" || call.program == "openresty" {
        "s"
    } else {
        "k"
    };
    match parsed.value(&[told]) {
        Some(word) => {
            let does = servers::signal(word.known());
            act(
                does,
                program(&call.setting.place, call),
                Reach::Exactly(1),
                found,
            );
            if !parsed.unknown.is_empty() {
                found.opaque(format!(
                    "`{}`: the flag `{}` is not known to the gate",
                    call.program,
                    parsed.unknown.join(" ")
                ));
            }
        }
        None => sheet.decide(&parsed, call, found),
    }
}

/// postconf: `name=value` sets, whether `-e` is given or not.
fn postconf(call: &Call<'_>, found: &mut Found) {
    servers::POSTCONF.judge(call, found);
    if call
        .arguments
        .iter()
        .any(|word| !word.text().starts_with('-') && word.text().contains('='))
    {
        act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
}

/// vnstat.
fn vnstat(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let does = match () {
        () if has("--remove --delete --cleartop --reset") => Does::Remove,
        () if has("--add --create --rename --setalias --update -u --enable --disable") => {
            Does::Alter
        }
        () => Does::Look,
    };
    act_on_program(does, call, found);
}

/// conntrack.
fn conntrack(call: &Call<'_>, found: &mut Found) {
    let flag = |list: &str| says(call, list);
    let does = match () {
        () if flag("-D --delete -F --flush") => Does::Cut,
        () if flag("-I --create -U --update -A --add") => Does::Alter,
        () if flag(
            "-L --dump -G --get -C --count -S --stats -E --event -V --version -h --help",
        ) =>
        {
            Does::Look
        }
        () => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// arping: `-U` and `-A` tell the others of a new owner of an address.
fn arping(call: &Call<'_>, found: &mut Found) {
    let tells = call.arguments.iter().any(|word| {
        word.text().starts_with('-') && word.text().contains(['U', 'A']) && word.text().len() <= 3
    });
    let place = &call.setting.place;
    if tells {
        found.effect(Effect {
            verb: Verb::NetworkSend,
            ..Effect::read(Verb::Read, object(place, "address", "announced"))
        });
    }
    act(
        if tells { Does::Send } else { Does::Look },
        program(place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, tells, true, found);
}
