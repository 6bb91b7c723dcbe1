//! Flags that aim a program at another server or account than the usual one: what it does is done there, by whoever that is.
//!
//! Also who only looks is told other things there. So a profile, another endpoint, a server's certificate that nobody checks ask people,
//! as do curl's proxies and resolvers, sockets of engines, and repositories where everybody may write. A host that is named where the
//! program always names one (`ssh web1`, `psql -h db`, `curl http://x`) is what the line says it is.

use super::told::given;
use crate::commands::{
    found::Found,
    word::{Call, Word},
};

/// Names of programs, and their flags of any place on the line.
#[rustfmt::skip]
const AIMS: &[(&str, &[&str])] = &[
    ("stern", &["--kubeconfig", "--context"]),
    ("aws", &["--profile", "--endpoint-url", "--ca-bundle", "--no-verify-ssl"]),
    ("gcloud", &["--flags-file", "--configuration", "--impersonate-service-account", "--access-token-file", "--account"]),
    ("argocd", &["--server", "--config", "--core", "--argocd-context", "--auth-token", "--kube-context"]),
    ("istioctl", &["-c", "--kubeconfig", "--context", "--xds-address"]),
    ("gh", &["--hostname"]),
    ("glab", &["--hostname"]),
    ("mysql", &["--login-path", "--defaults-group-suffix"]),
];

/// Programs whose words may be connection strings.
const CONNECTS: &[&str] = &["psql", "pg_dump", "pg_isready", "pg_restore", "pg_dumpall"];

/// Says that a call aims elsewhere.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let aims = AIMS.iter().find(|(program, _)| *program == call.program);
    let aims = aims.map_or(&[][..], |(_, flags)| flags);
    let connects = CONNECTS.contains(&call.program);
    let words = call.arguments.iter().map(Word::text);
    for text in words.take_while(|text| *text != "--") {
        let flag = text.split_once('=').map_or(text, |(flag, _)| flag);
        let service = connects
            && text
                .split(|letter: char| letter.is_whitespace() || "?&=".contains(letter))
                .any(|word| word.trim_start_matches("-d") == "service")
            && text.contains('=');
        let aimed = aims.iter().any(|aim| aims_at(aim, text, flag));
        if aimed || service {
            found.opaque(format!("`{flag}` decides what is touched, and as whom"));
        }
    }
}

/// Whether a word gives this flag: a long one by its name, also cut short where the program takes that, a short one among others too.
fn aims_at(aim: &str, text: &str, flag: &str) -> bool {
    let short = aim.len() == 2;
    let letters = text.starts_with('-') && !text.starts_with("--");
    flag == aim
        || short && letters && given(aim, text).is_some()
        || !short && flag.len() > 4 && flag.starts_with("--") && aim.starts_with(flag)
}
