//! Services: systemctl where a name decides, the older ways, and turning the host off.

use super::does::{Does, act};
use super::sheet::{
    Sheet, act_on_program, asks_for_help, doubt, has_word, object_of, program, reach, says, table,
    words,
};
use super::systemd::SYSTEMCTL;
use super::units;
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::word::{Call, Word};
use crate::domain::effect::{Place, Reach};

/// The grammar of a program for services.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "systemctl" => systemctl,
        "service" | "invoke-rc.d" | "rc-service" => service,
        "rc-update" | "update-rc.d" | "chkconfig" | "rc-status" => runlevels,
        "init" | "telinit" => init,
        "shutdown" => shutdown,
        "kexec" => kexec,
        _ => return None,
    })
}

/// Units whose start ends what is running.
const ENDING: &str = "poweroff.target reboot.target halt.target shutdown.target kexec.target rescue.target emergency.target suspend.target \
    hibernate.target hybrid-sleep.target sleep.target umount.target final.target exit.target soft-reboot.target ctrl-alt-del.target runlevel0.target \
    runlevel1.target runlevel6.target systemd-poweroff.service systemd-reboot.service systemd-halt.service systemd-kexec.service \
    systemd-suspend.service systemd-hibernate.service";

fn systemctl(call: &Call<'_>, found: &mut Found) {
    let parsed = SYSTEMCTL.parse(call.arguments);
    SYSTEMCTL.decide(&parsed, call, found);
    if asks_for_help(&parsed) {
        return;
    }
    units::beyond_names(&parsed, call, found);
    let starts = parsed.verb().is_some_and(|verb| {
        let asks = verb.starts_with("is-");
        let begins = ["start", "enable", "reload"];
        let begins = begins.iter().any(|piece| verb.contains(piece));
        !asks && (begins || has_word("link unmask add-wants add-requires", verb))
    });
    let ends = parsed
        .words
        .iter()
        .skip(1)
        .any(|word| has_word(ENDING, word.text()));
    let job = parsed.value(&["job-mode"]).map_or("", Word::text);
    let flushed = has_word("isolate flush replace-irreversibly", job);
    if starts && (ends || flushed && job != "replace-irreversibly") {
        act(
            Does::Cut,
            program(&call.setting.place, call),
            Reach::Unknown,
            found,
        );
    }
    if starts
        && parsed
            .words
            .iter()
            .skip(1)
            .any(|word| word.text() == "debug-shell" || word.text() == "debug-shell.service")
    {
        act(
            Does::Grant,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
}

fn verb_of_service(verb: &str) -> Does {
    match verb {
        "status" | "configtest" | "describe" | "ineed" | "iuse" | "needsme" | "usesme"
        | "broken" | "checkconfig" | "version" => Does::Look,
        "start" => Does::Start("service {} stop"),
        "restart" | "reload" | "force-reload" | "try-restart" | "condrestart"
        | "reload-or-restart" | "zap" | "force-restart" => Does::Restart,
        _ => Does::Cut,
    }
}

/// `service NAME VERB`: the script of that name decides; only the usual verbs are known.
pub(super) fn service(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let flags = "--status-all --help -h --version -l --list -e --exists -r --resolve --full-restart -q --quiet -C --nocolor -v --verbose -i --ifexists -s --ifstarted -N --ifstopped";
    let is_flag = |word: &&Word| has_word(flags, word.text());
    let mut words = call.arguments.iter().filter(|word| !is_flag(word));
    if call
        .arguments
        .iter()
        .any(|word| word.text() == "--full-restart")
    {
        return act(
            Does::Restart,
            program(place, call),
            Reach::Exactly(1),
            found,
        );
    }
    let Some(name) = words.next() else {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    };
    let names = std::slice::from_ref(name);
    let Some(verb) = words.next() else {
        return act(
            Does::Look,
            object_of("service", names, place, call),
            Reach::Exactly(1),
            found,
        );
    };
    let does = verb.known().map_or(Does::Cut, verb_of_service);
    act(
        does,
        object_of("service", names, place, call),
        reach(names),
        found,
    );
    let usual = verb
        .known()
        .is_some_and(|verb| verb == "stop" || verb_of_service(verb) != Does::Cut);
    if !usual {
        found.opaque(format!(
            "`{} {}`: what that does is up to the service",
            call.program,
            verb.text()
        ));
    }
    doubt(names, does != Does::Look, true, found);
}

/// Which services start with the host.
fn runlevels(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let looks = call.program == "rc-status"
        || call.arguments.is_empty()
        || has("--list show -l --help -h -n") && !has("add del delete remove on off reset");
    let does = match () {
        () if looks => Does::Look,
        () if has("del delete remove off disable --del stop") => Does::Cut,
        () if has("add on defaults enable --add default") => {
            Does::Undo("take it out of the start again")
        }
        () => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// init and telinit: every run level ends what is running; `q` reads the settings again.
fn init(call: &Call<'_>, found: &mut Found) {
    let place: &Place = &call.setting.place;
    let does = match call.arguments.first().map(Word::text) {
        Some("q" | "Q" | "u" | "U") => Does::Renew,
        Some("--help" | "--version") => Does::Look,
        None | Some(_) => Does::Cut,
    };
    act(does, program(place, call), Reach::Exactly(1), found);
}

/// kexec: another kernel is loaded, or started at once.
fn kexec(call: &Call<'_>, found: &mut Found) {
    let has = |list: &str| says(call, list);
    let does = match () {
        () if has("-e --exec -f --force") => Does::Cut,
        () if has("-l --load -p --load-panic -u --unload -s") => Does::Alter,
        () if has("-h --help -v --version -S --status") => Does::Look,
        () => Does::Cut,
    };
    act_on_program(does, call, found);
}

/// shutdown: `-c` takes back what was planned, `-k` only warns.
fn shutdown(call: &Call<'_>, found: &mut Found) {
    let parsed = SHUTDOWN.parse(call.arguments);
    if parsed.unknown.is_empty() && parsed.has(&["c", "k"]) {
        return act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    SHUTDOWN.decide(&parsed, call, found);
}

const SUPERVISORCTL: Sheet = Sheet {
    bare: Does::Ask,
    ..Sheet::with_verbs(
        "service",
        table(
            words!("c s u p r configuration serverurl username password history-file"),
            words!("f i h help interactive"),
            &[],
        ),
        &[
            ("status avail tail maintail pid version help", Does::Look),
            ("start add", Does::Start("supervisorctl stop {}")),
            ("restart reload", Does::Restart),
            ("reread", Does::Renew),
            ("update open", Does::Alter),
            ("fg", Does::Ask),
            ("stop shutdown signal", Does::Cut),
            ("clear remove", Does::Remove),
        ],
    )
};
const SHUTDOWN: Sheet = Sheet {
    dry: words!("show"),
    ..Sheet::of(
        "host",
        table(
            words!("t T"),
            words!(
                "H P a c d f F h i k n p r w halt poweroff reboot no-wall force wtmp-only no-wtmp show help version firmware-setup"
            ),
            &[],
        ),
        Does::Cut,
    )
};
const TUNED: Sheet = Sheet::with_verbs(
    "profile",
    table(
        words!("L"),
        words!("d D h v help version async timeout loglevel"),
        &[],
    ),
    &[
        (
            "active list recommend verify profile_info profile_mode get_instances instance_get_devices",
            Does::Look,
        ),
        (
            "profile auto_profile",
            Does::Undo("tuned-adm profile with what `tuned-adm active` shows before"),
        ),
        ("off", Does::Cut),
    ],
);
const MONIT: Sheet = Sheet::with_verbs(
    "service",
    table(words!("c d g l p s"), words!("h H I t v V vv B i"), &[]),
    &[
        ("status summary report procmatch validate", Does::Look),
        ("start", Does::Start("monit stop {}")),
        ("restart reload", Does::Restart),
        ("monitor", Does::Undo("monit unmonitor {}")),
        ("stop quit unmonitor", Does::Cut),
    ],
);
const PM2: Sheet = Sheet::with_verbs(
    "process",
    table(
        words!("i n name lines instances env"),
        words!("h v f raw nostream json help version update-env no-daemon silent s"),
        &[],
    ),
    &[
        (
            "list ls l status show describe info logs log jlist prettylist monit id pid report env",
            Does::Look,
        ),
        ("start", Does::Run),
        ("restart reload gracefulReload reset", Does::Restart),
        (
            "save resurrect startup update set conf install",
            Does::Alter,
        ),
        ("scale", Does::Alter),
        ("stop kill", Does::Cut),
        ("delete del flush unstartup", Does::Remove),
    ],
);

/// The sheet of a program for services.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "supervisorctl" => &SUPERVISORCTL,
        "reboot" | "poweroff" | "halt" | "pm-suspend" => &SHUTDOWN,
        "tuned-adm" => &TUNED,
        "monit" => &MONIT,
        "pm2" => &PM2,
        _ => return None,
    })
}
