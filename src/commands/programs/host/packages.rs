//! Packages of the distribution.

use super::does::{Does, act};
use super::package_tables::{APT, DNF, SNAP};
use super::sheet::{act_on_program, asks_for_help, doubt, has_word, object_of, program, reach};
use super::unsigned;
use crate::commands::found::{Found, object};
use crate::commands::programs::Grammar;
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// The grammar of a program for packages.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "apt" | "apt-get" | "aptitude" | "nala" => apt,
        "dpkg" => dpkg,
        "rpm" | "rpmdb" | "rpmkeys" => rpm,
        "pacman" | "yay" | "paru" => pacman,
        "apt-key" => apt_key,
        "dpkg-deb" => dpkg_deb,
        "dnf" | "dnf5" | "yum" | "microdnf" | "tdnf" => dnf,
        "snap" => snap,
        "zypper" => unsigned::zypper,
        "apk" => unsigned::apk,
        _ => return None,
    })
}

/// apt and apt-get: options can name programs to run, and a dash behind a package removes it.
fn apt(call: &Call<'_>, found: &mut Found) {
    let parsed = APT.parse(call.arguments);
    APT.decide(&parsed, call, found);
    let place = &call.setting.place;
    for option in parsed.values(&["o", "option"]) {
        if !option.known().is_some_and(is_plain_option) {
            found.unknown_code(
                place,
                option.text(),
                format!(
                    "`-o {}` may run a program or turn a check off",
                    option.text()
                ),
            );
        }
    }
    if parsed.value(&["c", "config-file"]).is_some() {
        found.unknown_code(place, "apt", "its settings may name programs to run");
    }
    let verb = parsed.verb().unwrap_or_default();
    let installs = has_word(
        "install satisfy reinstall upgrade full-upgrade dist-upgrade build-dep",
        verb,
    );
    let dry = parsed.unknown.is_empty() && parsed.has(APT.dry);
    if installs && !dry && !asks_for_help(&parsed) {
        packages(parsed.words.get(1..).unwrap_or_default(), call, found);
    }
}

/// Packages that are given with something about them: `nginx-` removes, `./x.deb` is a file that nobody signed.
pub(super) fn packages(names: &[Word], call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for name in names {
        let text = name.text();
        if text.len() > 1 && (text.ends_with('-') || text.ends_with('_')) {
            act(
                Does::Remove,
                object(place, "package", text),
                Reach::Exactly(1),
                found,
            );
        }
        if text.contains("://") {
            act(
                Does::Fetch,
                object(place, "package", text),
                Reach::Exactly(1),
                found,
            );
        } else if text.contains('/')
            && [".deb", ".rpm", ".snap", ".apk"]
                .iter()
                .any(|end| text.ends_with(end))
            || text.starts_with("./")
        {
            act(
                Does::Install(""),
                object(place, "package", text),
                Reach::Exactly(1),
                found,
            );
        }
    }
}

fn is_plain_option(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    let harmless = [
        "dpkg::options::=--force-conf",
        "dpkg::use-pty",
        "dpkg::progress",
        "dpkg::lock::timeout",
        "debug::",
        "apt::acquire::retries",
        "apt::get::assume-yes=",
        "apt::color",
    ];
    let acquiring = option.starts_with("acquire::")
        && !option.contains("proxy-auto")
        && !option.contains("allowinsecure")
        && !option.contains("verify");
    harmless.iter().any(|start| option.starts_with(start)) || acquiring
}

/// dpkg: its actions are flags.
fn dpkg(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let has = |list: &str| {
        call.arguments
            .iter()
            .any(|word| has_word(list, word.text().split('=').next().unwrap_or_default()))
    };
    let dry = has("--dry-run --no-act --simulate");
    let removes =
        has("-r --remove -P --purge --clear-selections --forget-old-unavail --clear-avail");
    let changes = has(
        "-i --install --unpack --configure --triggers-only --set-selections --add-architecture --remove-architecture --update-avail --merge-avail -A --record-avail -x --extract -X --vextract -e --control -R -b --build",
    );
    let looks = has(
        "-l --list -L --listfiles -S --search -s --status -p --print-avail -V --verify -C --audit -I --info -c --contents -f --field -W --show \
         --get-selections --print-architecture --print-foreign-architectures --compare-versions --help --version -? --yet-to-unpack --predep-package --fsys-tarfile --ctrl-tarfile --validate-pkgname --assert-multi-arch --force-help",
    ) || call.arguments.is_empty();
    let runs = call.arguments.iter().any(|word| {
        ["--pre-invoke", "--post-invoke", "--status-logger"]
            .iter()
            .any(|flag| word.text().starts_with(flag))
    });
    let does = match () {
        () if dry => Does::Look,
        () if removes => Does::Remove,
        () if changes => Does::Install(""),
        () if looks => Does::Look,
        () => {
            found.opaque("what dpkg is to do is not known");
            Does::Remove
        }
    };
    let names: Vec<Word> = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'))
        .cloned()
        .collect();
    act(
        does,
        object_of("package", &names, place, call),
        reach(&names),
        found,
    );
    if !dry && has("-i --install --unpack --configure") {
        found.opaque("what the scripts of a package do is not read");
    }
    if runs {
        found.unknown_code(place, "dpkg", "it runs a command before or after");
    }
    doubt(&names, does != Does::Look, true, found);
}

/// dpkg-deb: what stands in a package, and taking it apart.
fn dpkg_deb(call: &Call<'_>, found: &mut Found) {
    let looks = call.arguments.first().is_some_and(|word| {
        has_word(
            "-I --info -c --contents -f --field -W --show --help --version",
            word.text(),
        )
    });
    let does = if looks { Does::Look } else { Does::Alter };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
    doubt(call.arguments, !looks, true, found);
}

/// apt-key: whose packages are trusted.
fn apt_key(call: &Call<'_>, found: &mut Found) {
    let looks = call.arguments.first().is_some_and(|word| {
        has_word(
            "list finger fingerprint export exportall --help",
            word.text(),
        )
    });
    let does = match call.arguments.first().map(Word::text) {
        _ if looks => Does::Look,
        Some("del" | "remove") => Does::Remove,
        _ => Does::Alter,
    };
    act_on_program(does, call, found);
}

/// rpm: one of its letters says what it does.
fn rpm(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut letters = String::new();
    let mut longs = Vec::new();
    let mut names = Vec::new();
    for word in call.arguments {
        let text = word.text();
        match text.strip_prefix("--") {
            Some(long) => longs.push(long.split('=').next().unwrap_or_default()),
            None if text.starts_with('-') => letters.push_str(text.trim_start_matches('-')),
            None => names.push(word.clone()),
        }
    }
    let long = |list: &str| longs.iter().any(|name| has_word(list, name));
    let runs = long("eval define pipe load macros rcfile undefine predefine")
        || letters.contains(['E', 'D']);
    let queries = letters.contains(['q', 'V', 'K'])
        || long("query verify checksig querytags showrc version help");
    let does = match () {
        () if queries => Does::Look,
        () if long("test") => Does::Look,
        () if letters.contains('e') || long("erase") => Does::Remove,
        () if letters.contains(['i', 'U', 'F']) || long("install upgrade freshen reinstall") => {
            Does::Install("")
        }
        () if long("import rebuilddb initdb restore setperms setugids") => Does::Alter,
        () if call.arguments.is_empty() => Does::Look,
        () => {
            found.opaque("what rpm is to do is not known");
            Does::Remove
        }
    };
    act(
        does,
        object_of("package", &names, place, call),
        reach(&names),
        found,
    );
    if matches!(does, Does::Install(_)) {
        packages(&names, call, found);
    }
    if runs {
        found.unknown_code(place, "rpm", "a macro may run a command");
    }
    doubt(&names, does != Does::Look, true, found);
}

/// pacman: the capital letter is the operation.
fn pacman(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut flags = String::new();
    let mut names = Vec::new();
    for word in call.arguments {
        let text = word.text();
        let long = match text {
            "--sync" => "S",
            "--query" => "Q",
            "--remove" => "R",
            "--upgrade" => "U",
            "--database" => "D",
            "--files" => "F",
            "--deptest" => "T",
            "--version" => "V",
            "--search" => "s",
            "--info" => "i",
            "--list" => "l",
            "--print" => "p",
            "--clean" => "c",
            "--refresh" => "y",
            "--groups" => "g",
            "--sysupgrade" => "u",
            _ => "",
        };
        match text.strip_prefix('-') {
            Some(_) if text.starts_with("--") => flags.push_str(long),
            Some(short) => flags.push_str(short),
            None => names.push(word.clone()),
        }
    }
    let does = match flags.chars().find(char::is_ascii_uppercase) {
        Some('Q' | 'T' | 'V') | None => Does::Look,
        Some('F') if !flags.contains('y') => Does::Look,
        Some('S')
            if flags.contains(['s', 'i', 'l', 'g', 'p']) && !flags.contains(['y', 'u', 'c']) =>
        {
            Does::Look
        }
        Some('S') if flags.contains('c') => Does::Remove,
        Some('S') if flags.contains(['y', 'u']) => Does::Install(""),
        Some('S') => Does::Install("pacman -R {}"),
        Some('R') if flags.contains('p') => Does::Look,
        Some('R') => Does::Remove,
        Some('F') => Does::Renew,
        Some('U' | 'D') => Does::Install(""),
        Some(_) => Does::Remove,
    };
    act(
        does,
        object_of("package", &names, place, call),
        reach(&names),
        found,
    );
    if matches!(does, Does::Install(_)) {
        packages(&names, call, found);
    }
    doubt(&names, does != Does::Look, true, found);
}

fn dnf(call: &Call<'_>, found: &mut Found) {
    let parsed = DNF.parse(call.arguments);
    DNF.decide(&parsed, call, found);
    let verb = parsed.verb().unwrap_or_default();
    if has_word("install in localinstall reinstall update upgrade", verb) && !asks_for_help(&parsed)
    {
        packages(parsed.words.get(1..).unwrap_or_default(), call, found);
    }
    let unchecked = parsed.values(&["setopt"]).any(unsigned::unchecks);
    if unchecked && !asks_for_help(&parsed) {
        unsigned::taken(call, found);
    }
    if parsed.has(&["nogpgcheck", "repofrompath"]) && !asks_for_help(&parsed) {
        act(
            Does::Install(""),
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
    }
}

fn snap(call: &Call<'_>, found: &mut Found) {
    let parsed = SNAP.parse(call.arguments);
    let looks = parsed.verb() == Some("refresh")
        && parsed.unknown.is_empty()
        && parsed.has(&["list", "time"]);
    if looks {
        return act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    SNAP.decide(&parsed, call, found);
    if parsed.has(&["dangerous", "devmode", "hold", "unhold"]) {
        act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
}
