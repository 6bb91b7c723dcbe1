//! Packages that nobody signed, or whose signature nobody looks at: whoever sends them runs code here.

use super::{
    does::{Does, act},
    package_tables::{APK, ZYPPER},
    packages::packages,
    sheet::{Sheet, asks_for_help, has_word, program},
};
use crate::{
    commands::{
        found::Found,
        word::{Call, Word},
    },
    domain::effect::Reach,
};

/// zypper.
pub(super) fn zypper(call: &Call<'_>, found: &mut Found) {
    by_sheet(&ZYPPER, call, found);
}

/// apk.
pub(super) fn apk(call: &Call<'_>, found: &mut Found) {
    by_sheet(&APK, call, found);
}

/// Whether a setting takes a check away, or says where packages come from.
pub(super) fn unchecks(option: &Word) -> bool {
    let option = option.text().to_ascii_lowercase();
    [
        "gpgcheck",
        "sslverify",
        "baseurl",
        "plugins",
        "proxy",
        "mirror",
        "metalink",
    ]
    .iter()
    .any(|part| option.contains(part))
}

/// What is installed is signed by nobody, or nobody looks whether it is.
pub(super) fn taken(call: &Call<'_>, found: &mut Found) {
    let package = program(&call.setting.place, call);
    act(Does::Fetch, package, Reach::Unknown, found);
}

/// `zypper`, `apk`: a flag takes the check of signatures away, and a word may be a file or an address.
fn by_sheet(sheet: &Sheet, call: &Call<'_>, found: &mut Found) {
    let parsed = sheet.parse(call.arguments);
    sheet.decide(&parsed, call, found);
    let verb = parsed.verb().unwrap_or_default();
    let installs = has_word(
        "install in update up patch dup dist-upgrade source-install si add upgrade fix verify ve inr",
        verb,
    );
    let dry = parsed.unknown.is_empty() && parsed.has(sheet.dry);
    if !installs || dry || asks_for_help(&parsed) {
        return;
    }
    packages(parsed.words.get(1..).unwrap_or_default(), call, found);
    let flags = [
        "no-gpg-checks",
        "allow-unsigned-rpm",
        "allow-untrusted",
        "plus-repo",
        "plus-content",
        "keys-dir",
        "repositories-file",
    ];
    let repository = ["X", "repository"];
    let unchecked = parsed
        .values(&repository)
        .any(|address| !address.text().starts_with("https://"));
    if parsed.has(&flags) || call.program == "apk" && unchecked {
        taken(call, found);
    }
}
