//! Keys and certificates: ssh keys, keystores, certbot, the trust store.

use super::does::{Does, act};
use super::sheet::{Sheet, asks_for_help, parse, program, table, words};
use crate::commands::found::{Found, object};
use crate::commands::programs::Grammar;
use crate::commands::programs::files::paths::{Write, looked_at, printed, written};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// The grammar of a program for keys.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "openssl" => super::openssl::openssl,
        "ssh-keygen" => ssh_keygen,
        "keytool" => keytool,
        "certbot" | "certbot-auto" | "letsencrypt" => certbot,
        _ => return None,
    })
}

/// ssh-keygen: its flags say what is done with the key.
fn ssh_keygen(call: &Call<'_>, found: &mut Found) {
    const KEYGEN: crate::commands::flags::Table = table(
        words!("a b C D E f F I J j K M m N n O P r R S s t V w W Y z Z"),
        words!("A B c e g H h i k L l p Q q U u v X x y"),
        &[],
    );
    let parsed = KEYGEN.parse(call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let looks = parsed.unknown.is_empty()
        && parsed.has(&["l", "F", "y", "L", "B", "e", "Q", "r"])
        && !parsed.has(&["D", "R", "A", "s", "p", "t", "H", "Y", "k"]);
    if parsed.value(&["D", "w"]).is_some() {
        found.unknown_code(
            place,
            "ssh-keygen",
            "it loads a library that the line names",
        );
    }
    if looks {
        for file in parsed.values(&["f"]) {
            looked_at(file, place, found);
        }
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let does = match () {
        () if parsed.has(&["s", "h", "k", "I"]) => Does::Grant,
        () if parsed.has(&["Y"]) => match parsed.value(&["Y"]).map_or("", Word::text) {
            "verify" | "check-novalidate" | "find-principals" | "match-principals" => Does::Look,
            _ => Does::Alter,
        },
        () if parsed.has(&["R", "H"]) => {
            Does::Undo("put back the former file, which ssh-keygen keeps as .old")
        }
        () if parsed.has(&["p", "c"]) => Does::Alter,
        () => Does::Undo("remove the new key and its .pub"),
    };
    act(does, program(place, call), Reach::Exactly(1), found);
    if let Some(file) = parsed.value(&["f"]) {
        // Where a key of that name is, it asks before it writes another; of what it changes, it keeps the former file.
        written(
            file,
            if parsed.has(&["R", "H"]) {
                Write::Keep
            } else {
                Write::Create
            },
            place,
            found,
        );
    }
    if !parsed.unknown.is_empty() {
        found.opaque(format!(
            "`ssh-keygen`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
}

/// keytool: the first flag is the command.
fn keytool(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let verb = call.arguments.first().map_or("-help", Word::text);
    let does = match verb {
        "-list" | "-printcert" | "-printcertreq" | "-printcrl" | "-showinfo" | "-help"
        | "-version" => Does::Look,
        "-exportcert" | "-export" | "-certreq" => Does::Look,
        "-delete" => Does::Remove,
        "-genkeypair" | "-genkey" | "-importcert" | "-import" | "-genseckey" => {
            Does::Undo("keytool -delete the alias")
        }
        "-importkeystore" | "-storepasswd" | "-keypasswd" | "-changealias" | "-gencert"
        | "-importpass" | "-gencrl" => Does::Alter,
        _ => {
            found.opaque(format!("`keytool {verb}` is not known to the gate"));
            Does::Remove
        }
    };
    act(does, program(place, call), Reach::Exactly(1), found);
    let mut rest = call.arguments.iter();
    while let Some(word) = rest.next() {
        if word.text() == "-file"
            && matches!(verb, "-exportcert" | "-export" | "-certreq")
            && let Some(file) = rest.next()
        {
            written(file, Write::Replace, place, found);
        }
        if ["-providerpath", "-providerclass", "-addprovider", "-J"]
            .iter()
            .any(|flag| word.text().starts_with(flag))
        {
            found.unknown_code(place, word.text(), "it loads code that the line names");
        }
        if does == Does::Look && matches!(word, Word::Unknown(_)) {
            found.bounded(format!("`{}` is not known before it runs", word.text()));
        }
    }
}

const CERTBOT: Sheet = Sheet {
    dry: words!("dry-run"),
    ..Sheet::with_verbs(
        "certificate",
        table(
            words!(
                "a c d i m w cert-name cert-path chain-path config config-dir dns-cloudflare-credentials domain domains eab-hmac-key eab-kid deploy-hook email \
                 fullchain-path key-path key-type logs-dir manual-auth-hook manual-cleanup-hook max-log-backups post-hook pre-hook preferred-challenges \
                 preferred-chain reason renew-hook rsa-key-size elliptic-curve server webroot-path work-dir user-agent authenticator installer csr http-01-port http-01-address issuance-timeout"
            ),
            words!(
                "h n q t v agree-tos all allow-subset-of-names apache debug debug-challenges directory-hooks dry-run duplicate expand force-renewal help hsts \
                 keep keep-until-expiring manual nginx no-directory-hooks no-eff-email eff-email no-hsts no-random-sleep-on-renew no-redirect non-interactive noninteractive quiet redirect \
                 register-unsafely-without-email renew-by-default renew-with-new-domains reuse-key standalone staging test-cert update-registration uir \
                 verbose version webroot dns-route53 dns-cloudflare dns-google break-my-certs no-verify-ssl delete-after-revoke no-delete-after-revoke must-staple no-autorenew new-key"
            ),
            &[],
        ),
        &[
            ("certificates plugins show_account help", Does::Look),
            (
                "renew",
                Does::Undo("point live/ at the version before, which archive/ keeps"),
            ),
            ("certonly", Does::Undo("certbot delete the new certificate")),
            (
                "run install register update_account enhance reconfigure",
                Does::Alter,
            ),
            ("delete revoke unregister rollback", Does::Remove),
        ],
    )
};

/// certbot: its hooks are shell text.
fn certbot(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&CERTBOT.table, call.arguments);
    if parsed.words.is_empty() && !asks_for_help(&parsed) {
        act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    CERTBOT.decide(&parsed, call, found);
    for hook in parsed.values(&[
        "pre-hook",
        "post-hook",
        "deploy-hook",
        "renew-hook",
        "manual-auth-hook",
        "manual-cleanup-hook",
    ]) {
        match (hook.known(), call.setting.deeper()) {
            (Some(text), Some(setting)) => {
                crate::commands::shell::judge(text, &Stdin::Nothing, &setting, found);
            }
            _ => found.unknown_code(
                &call.setting.place,
                hook.text(),
                "a hook is not known before it runs",
            ),
        }
    }
    if let Some(file) = parsed.value(&["config", "c"]) {
        printed(file, &call.setting.place, found);
        found.opaque("its settings stand in a file");
    }
}

const SSH_ADD: Sheet = Sheet {
    dry: words!("l L T"),
    beside: words!("E q v"),
    flags: &[("s S", Does::Run), ("D d x X e", Does::Alter)],
    ..Sheet::of(
        "key",
        table(
            words!("E e H h S s t T"),
            words!("C c D d K k L l q v X x"),
            &[],
        ),
        Does::Undo("ssh-add -d {}"),
    )
};
const COPY_ID: Sheet = Sheet {
    dry: words!("n"),
    ..Sheet::of(
        "key",
        table(words!("F i o p t"), words!("f h n s x ?"), &[]),
        Does::Grant,
    )
};
const KEYSCAN: Sheet = Sheet::of(
    "host",
    table(words!("f O p T t"), words!("4 6 c D H q v"), &[]),
    Does::Look,
);
const TRUST: Sheet = Sheet::of(
    "certificate",
    table(
        words!("certsconf certsdir localcertsdir etccertsdir hooksdir"),
        words!("f v h fresh verbose default help"),
        &[],
    ),
    Does::Renew,
);
const STEP: Sheet = Sheet {
    outputs: words!("output-file"),
    ..Sheet::with_verbs(
        "certificate",
        table(
            words!(
                "roots format ca-url root servername not-after key issuer provisioner output-file"
            ),
            words!("short insecure bundle help version no-password force f h v"),
            &[],
        ),
        &[
            (
                "certificate+inspect certificate+verify certificate+fingerprint certificate+lint ca+health ca+roots version help certificate+needs-renewal",
                Does::Look,
            ),
            (
                "certificate+create certificate+sign ca+certificate ca+renew ca+bootstrap certificate+bundle",
                Does::Alter,
            ),
        ],
    )
};
const TRUST_LIST: Sheet = Sheet::with_verbs(
    "certificate",
    table(
        words!("filter purpose"),
        words!("v q help verbose quiet"),
        &[],
    ),
    &[
        ("list dump check-format", Does::Look),
        ("anchor extract extract-compat", Does::Alter),
    ],
);

/// The sheet of a program for keys.
pub(super) fn sheet(program: &str) -> Option<&'static Sheet> {
    Some(match program {
        "ssh-add" => &SSH_ADD,
        "ssh-copy-id" => &COPY_ID,
        "ssh-keyscan" => &KEYSCAN,
        "update-ca-certificates" | "update-ca-trust" => &TRUST,
        "step" => &STEP,
        "trust" => &TRUST_LIST,
        _ => return None,
    })
}

/// A private key, for the report.
pub(super) fn private_key(call: &Call<'_>, found: &mut Found) {
    act(
        Does::Reveal,
        object(&call.setting.place, "private key", call.program),
        Reach::Exactly(1),
        found,
    );
}
