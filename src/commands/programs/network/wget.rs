//! wget: it writes a file unless it is told to print.

use super::{
    super::{
        super::{
            flags::{Parsed, Table},
            found::Found,
            word::{Call, Word},
        },
        files::paths::{Write, carried_off, printed, written},
        host::{
            does::{Does, act},
            sheet::{parse, program, table, words},
        },
    },
    http::{Request, overrides_method, request},
};
use crate::domain::effect::Reach;

const WGET: Table = table(
    words!(
        "A B D I O P Q R T U X a e i l o t w accept accept-regex append-output base bind-address bind-dns-address body-data body-file \
         ca-certificate ca-directory certificate certificate-type ciphers compression config connect-timeout crl-file cut-dirs default-page directory-prefix \
         dns-servers dns-timeout domains egd-file exclude-directories exclude-domains execute follow-tags ftp-password ftp-user header hsts-file \
         http-password http-user http-passwd ignore-tags include-directories input-file input-metalink level limit-rate load-cookies local-encoding max-redirect \
         metalink-index method output-document output-file password pinnedpubkey post-data post-file prefer-family preferred-location private-key \
         private-key-type progress proxy-password proxy-user quota random-file read-timeout referer regex-type reject reject-regex rejected-log \
         remote-encoding report-speed restrict-file-names retry-on-http-error save-cookies secure-protocol start-pos timeout tries use-askpass user \
         user-agent wait waitretry warc-file warc-header warc-max-size warc-tempdir"
    ),
    words!(
        "4 6 E F H K L N S V b c d h k m n p q r v x adjust-extension ask-password auth-no-challenge background backup-converted \
         content-disposition content-on-error continue convert-file-only convert-links debug delete-after follow-ftp force-directories force-html \
         ftps-implicit help html-extension https-only ignore-case ignore-length inet4-only inet6-only keep-badhash keep-session-cookies metalink-over-http mirror \
         no-cache no-check-certificate no-clobber no-config no-cookies no-directories no-dns-cache no-glob no-host-directories no-hsts \
         no-http-keep-alive no-if-modified-since no-iri no-netrc no-parent no-passive-ftp no-proxy no-remove-listing no-use-server-timestamps no-verbose no-warc-compression \
         no-warc-digests no-warc-keep-log page-requisites preserve-permissions protocol-directories quiet random-wait recursive relative retr-symlinks retry-connrefused \
         retry-on-host-error save-headers server-response show-progress span-hosts spider strict-comments timestamping trust-server-names unlink \
         verbose version warc-cdx xattr"
    ),
    words!("backups"),
);

/// wget.
pub(super) fn wget(call: &Call<'_>, found: &mut Found) {
    // `-nv`, `-nc`, `-np`, `-nH`, `-nd` are two letters each, of which the table knows the first and the second as plain ones.
    let parsed = parse(&WGET, &without_pairs(call.arguments));
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if parsed.shows(&["V", "version", "h", "help"]) && parsed.unknown.is_empty()
        || call.arguments.is_empty()
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Send, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`wget`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    settings(&parsed, call, found);
    let method = match parsed.value(&["method"]) {
        Some(word) => word.known().map(str::to_owned),
        None if parsed
            .values(&["post-data", "post-file", "body-data", "body-file"])
            .next()
            .is_some() =>
        {
            Some("POST".to_owned())
        }
        None => Some("GET".to_owned()),
    };
    let bodies: Vec<&str> = parsed
        .values(&["post-data", "body-data"])
        .filter_map(Word::known)
        .collect();
    for address in &parsed.words {
        request(
            &Request {
                method: method.clone(),
                address,
                bodies: bodies.clone(),
                daemon: false,
            },
            call,
            found,
        );
    }
    outputs(&parsed, call, found);
    for flag in &parsed.flags {
        if let Some(Word::Unknown(text)) = &flag.value {
            found.bounded(format!("`{text}` is not known before it runs"));
        }
    }
}

fn without_pairs(arguments: &[Word]) -> Vec<Word> {
    let pair = |text: &str| ["-nv", "-nc", "-np", "-nH", "-nd"].contains(&text);
    arguments
        .iter()
        .map(|word| match word.text() {
            "-nc" => Word::Known("--no-clobber".to_owned()),
            text if pair(text) => Word::Known("--no-verbose".to_owned()),
            _ => word.clone(),
        })
        .collect()
}

fn settings(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for word in parsed.values(&["use-askpass", "e", "execute", "config"]) {
        let harmless = word.known().is_some_and(|text| {
            text.starts_with("robots")
                || text.starts_with("use_proxy")
                || text.starts_with("http_proxy")
                || text.starts_with("https_proxy")
        });
        if !harmless {
            found.unknown_code(
                place,
                word.text(),
                format!("`{}` names a program or more settings", word.text()),
            );
        }
    }
    for file in parsed.values(&["post-file", "body-file", "load-cookies"]) {
        carried_off(file, place, found);
    }
    for file in parsed.values(&["i", "input-file"]) {
        printed(file, place, found);
        found.bounded("the addresses stand in a file");
    }
    for header in parsed.values(&["header"]) {
        if overrides_method(header.text()) {
            act(Does::Remove, program(place, call), Reach::Exactly(1), found);
        }
    }
}

fn outputs(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for file in parsed.values(&[
        "o",
        "output-file",
        "a",
        "append-output",
        "save-cookies",
        "rejected-log",
        "warc-file",
        "hsts-file",
    ]) {
        written(
            file,
            if file.text().is_empty() {
                Write::Replace
            } else {
                Write::Append
            },
            place,
            found,
        );
    }
    if parsed.has(&["spider"]) && parsed.unknown.is_empty() {
        return;
    }
    if let Some(file) = parsed.value(&["O", "output-document"]) {
        return written(file, Write::Replace, place, found);
    }
    if parsed.has(&["delete-after"]) {
        return act(Does::Alter, program(place, call), Reach::Unknown, found);
    }
    let folder = parsed.value(&["P", "directory-prefix"]);
    let deep = parsed.has(&["r", "recursive", "m", "mirror", "p", "page-requisites"])
        || parsed.has(&["i", "input-file", "c", "continue", "N", "timestamping"]);
    for address in &parsed.words {
        let name = address
            .text()
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let name = if name.is_empty() { "index.html" } else { name };
        let folder_text = folder.map_or(".", Word::text).trim_end_matches('/');
        let file = match folder {
            Some(folder) if folder.known().is_none() => {
                folder.with_text(&format!("{folder_text}/{name}"))
            }
            _ => address.with_text(&format!("{folder_text}/{name}")),
        };
        // Where a file of that name is, wget makes another beside it.
        written(
            &file,
            if deep { Write::Replace } else { Write::Create },
            place,
            found,
        );
    }
    if parsed.value(&["i", "input-file"]).is_some() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
    }
    if parsed.has(&["content-disposition", "trust-server-names"]) {
        found.opaque("the other side says what the file is called");
    }
}
