//! curl.

use super::{
    super::{
        super::{
            flags::{Parsed, Table},
            found::Found,
            word::{Call, Stdin, Word},
        },
        files::{
            paths::{Write, carried_off, printed, written},
            secrets::{Sight, sight},
        },
        host::{
            does::{Does, act},
            sheet::{begins_unknown, parse, program, table, words},
        },
    },
    aims::aims,
    http::{Request, only_asks, overrides_method, request},
};
use crate::domain::effect::Reach;

const CURL: Table = table(
    words!(
        "A C D E F H K P Q T U X Y b c d e m o r t u w x y z abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config \
         connect-timeout connect-to continue-at cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode \
         delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine etag-compare etag-save expand-data \
         expand-url expect100-timeout form form-string ftp-account ftp-alternative-to-user ftp-method ftp-port ftp-ssl-ccc-mode \
         happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hostpubsha256 hsts interface ip-tos ipfs-gateway json keepalive-cnt \
         keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth mail-from mail-rcpt max-filesize max-redirs max-time \
         netrc-file noproxy oauth2-bearer output output-dir parallel-max pass pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert \
         proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey \
         proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file range \
         rate referer request request-target resolve retry retry-delay retry-max-time sasl-authzid service-name socks4 socks4a socks5 socks5-gssapi-service \
         socks5-hostname speed-limit speed-time stderr telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace \
         trace-ascii trace-config unix-socket upload-file url url-query user user-agent variable vlan-priority write-out"
    ),
    words!(
        "# 0 1 2 3 4 6 : B G I J L M N O R S V Z a f g h i j k l n p q s v anyauth append basic ca-native cert-status compressed compressed-ssh \
         create-dirs crlf digest disable disable-eprt disable-epsv disallow-username-in-url doh-cert-status doh-insecure fail fail-early fail-with-body \
         false-start form-escape ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-control get globoff haproxy-protocol head help \
         http0.9 http1.0 http1.1 http2 http2-prior-knowledge http3 http3-only ignore-content-length include insecure ipv4 ipv6 junk-session-cookies \
         list-only location location-trusted mail-rcpt-allowfails manual metalink mptcp negotiate netrc netrc-optional next no-alpn no-buffer no-clobber \
         no-compressed no-fail no-insecure no-keepalive no-location no-npn no-progress-meter no-sessionid no-silent no-verbose ntlm ntlm-wb parallel parallel-immediate path-as-is \
         post301 post302 post303 progress-bar progress-meter proxy-anyauth proxy-basic proxy-ca-native proxy-digest proxy-insecure proxy-negotiate proxy-ntlm \
         proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tlsv1 proxytunnel raw remote-header-name remote-name remote-name-all remote-time \
         remove-on-error retry-all-errors retry-connrefused sasl-ir show-error show-headers silent skip-existing socks5-basic socks5-gssapi socks5-gssapi-nec ssl \
         ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-reqd ssl-revoke-best-effort sslv2 sslv3 styled-output suppress-connect-headers \
         tcp-fastopen tcp-nodelay tftp-no-options tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tr-encoding trace-ids trace-time use-ascii verbose version xattr"
    ),
    &[],
);

const BODY: &[&str] = words!(
    "d data data-ascii data-binary data-raw data-urlencode json F form form-string expand-data"
);

/// curl.
pub(super) fn curl(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&CURL, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let addresses: Vec<&Word> = parsed
        .words
        .iter()
        .chain(parsed.values(&["url", "expand-url"]))
        .collect();
    if parsed.shows(&["V", "version", "h", "help", "M", "manual"]) && parsed.unknown.is_empty()
        || call.arguments.is_empty()
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if !parsed.unknown.is_empty() {
        act(Does::Send, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`curl`: the flag `{}` is not known to the gate",
            parsed.unknown.join(" ")
        ));
    }
    settings(&parsed, call, found);
    sent(&parsed, call, found);
    let scheme = parsed.value(&["proto-default"]);
    for address in &addresses {
        let full = with_scheme(address, scheme);
        requests(&parsed, full.as_ref().unwrap_or(address), call, found);
    }
    if addresses.is_empty() {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    outputs(&parsed, &addresses, call, found);
    forms(&parsed, call, found);
    hazy(&parsed, found);
}

/// An address without a scheme, with the one that flags give it.
fn with_scheme(address: &Word, scheme: Option<&Word>) -> Option<Word> {
    let scheme = scheme?.text();
    let text = address.text();
    (!text.contains("://")).then(|| address.with_text(&format!("{scheme}://{text}")))
}

/// Files that say more of what curl does, and programs that it loads.
fn settings(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for file in parsed.values(&["K", "config"]) {
        found.unknown_code(
            place,
            file.text(),
            format!("`-K {}`: more flags stand in that file", file.text()),
        );
    }
    aims(parsed, found);
    for name in parsed.values(&["engine", "variable"]) {
        found.unknown_code(
            place,
            name.text(),
            format!("`{}` is loaded or read by curl", name.text()),
        );
    }
    for command in parsed.values(&["Q", "quote"]) {
        let verb = command
            .known()
            .and_then(|text| text.trim_start_matches(['-', '+', '*']).split(' ').next())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let does = match verb.as_str() {
            "pwd" | "noop" | "stat" | "syst" | "feat" => Does::Look,
            "mkdir" | "mkd" => Does::Send,
            _ => Does::Remove,
        };
        act(does, program(place, call), Reach::Exactly(1), found);
    }
    for header in parsed.values(&["H", "header"]) {
        if overrides_method(header.text()) {
            act(Does::Remove, program(place, call), Reach::Exactly(1), found);
            found.opaque("a header changes the method of the request");
        }
    }
    if parsed.values(&["mail-from", "mail-rcpt"]).next().is_some() {
        act(Does::Send, program(place, call), Reach::Exactly(1), found);
    }
}

/// Files that are sent.
fn sent(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for file in parsed.values(&["T", "upload-file"]) {
        file_or_stdin(file, call, found);
    }
    for body in parsed.values(&[
        "d",
        "data",
        "data-ascii",
        "data-binary",
        "json",
        "H",
        "header",
        "proxy-header",
    ]) {
        if let Some(file) = body.text().strip_prefix('@') {
            file_or_stdin(&body.with_text(file), call, found);
        }
    }
    for body in parsed.values(&["data-urlencode", "url-query"]) {
        if let Some((_, file)) = body
            .text()
            .split_once('@')
            .filter(|(name, _)| !name.contains('='))
        {
            file_or_stdin(&body.with_text(file), call, found);
        }
    }
    for body in parsed.values(&["F", "form"]) {
        let file = body
            .text()
            .split_once('=')
            .and_then(|(_, value)| value.strip_prefix(['@', '<']));
        if let Some(file) = file {
            let file = file.split(';').next().unwrap_or_default().trim_matches('"');
            file_or_stdin(&body.with_text(file), call, found);
        }
    }
    for file in parsed
        .values(&["b", "cookie", "etag-compare"])
        .filter(|word| !word.text().contains('='))
    {
        carried_off(file, place, found);
    }
}

fn file_or_stdin(file: &Word, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    match (file.text(), call.stdin) {
        ("-" | ".", Stdin::File(file)) => carried_off(file, place, found),
        _ => carried_off(file, place, found),
    }
    if sight(file) == Sight::Blind {
        found.opaque(format!(
            "`{}`: which file is sent is not known",
            file.text()
        ));
    }
}

fn requests(parsed: &Parsed, address: &Word, call: &Call<'_>, found: &mut Found) {
    let has_body = parsed
        .flags
        .iter()
        .any(|flag| BODY.contains(&flag.name.as_str()));
    let uploads =
        parsed.has(&["T", "upload-file"]) || parsed.values(&["T", "upload-file"]).next().is_some();
    let implied = match () {
        () if parsed.has(&["I", "head"]) => "HEAD",
        () if uploads => "PUT",
        () if has_body && !parsed.has(&["G", "get"]) => "POST",
        () => "GET",
    };
    let mut methods: Vec<Option<String>> = if parsed.has(&["next", ":"]) {
        parsed
            .values(&["X", "request"])
            .map(|word| word.known().map(str::to_owned))
            .collect()
    } else {
        parsed
            .value(&["X", "request"])
            .map(|word| word.known().map(str::to_owned))
            .into_iter()
            .collect()
    };
    // A method that only asks does not hide a file that is sent.
    let hides = methods
        .iter()
        .any(|method| method.as_deref().is_some_and(only_asks))
        && uploads;
    if methods.is_empty() || hides || parsed.has(&["next", ":"]) {
        methods.push(Some(implied.to_owned()));
    }
    let daemon = parsed
        .values(&["unix-socket", "abstract-unix-socket"])
        .next()
        .is_some();
    let bodies: Vec<&str> = parsed
        .flags
        .iter()
        .filter(|flag| BODY.contains(&flag.name.as_str()))
        .filter_map(|flag| flag.value.as_ref()?.known())
        .collect();
    let talks = address.text().starts_with("telnet://") && !matches!(call.stdin, Stdin::Nothing);
    if talks {
        act(
            Does::Send,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    for method in methods {
        request(
            &Request {
                method,
                address,
                bodies: bodies.clone(),
                daemon,
            },
            call,
            found,
        );
    }
    if let Some(target) = parsed.value(&["request-target"]) {
        found.opaque(format!(
            "`{}` is asked for instead of the path of the address",
            target.text()
        ));
    }
}

/// Files that are written.
fn outputs(parsed: &Parsed, addresses: &[&Word], call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let how = if parsed.has(&["no-clobber", "skip-existing"]) {
        Write::Create
    } else {
        Write::Replace
    };
    let folder = parsed.value(&["output-dir"]);
    let inside = |file: &Word| match folder {
        Some(folder) => {
            let path = format!("{}/{}", folder.text().trim_end_matches('/'), file.text());
            if folder.known().is_some() {
                file.with_text(&path)
            } else {
                folder.with_text(&path)
            }
        }
        None => file.clone(),
    };
    for file in parsed.values(&["o", "output"]) {
        let file = inside(file);
        if file.text() != "-" {
            written(&file, how, place, found);
        }
    }
    for file in parsed.values(&[
        "D",
        "dump-header",
        "c",
        "cookie-jar",
        "trace",
        "trace-ascii",
        "stderr",
        "etag-save",
        "hsts",
        "alt-svc",
        "libcurl",
    ]) {
        if !["-", "%"].contains(&file.text()) {
            written(file, Write::Replace, place, found);
        }
    }
    if parsed.has(&["O", "remote-name", "remote-name-all"]) {
        for address in addresses {
            let name = address
                .text()
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let file = if name.is_empty() {
                Word::Known("./download".to_owned())
            } else {
                address.with_text(&format!("./{name}"))
            };
            written(&inside(&file), how, place, found);
        }
    }
    if parsed.has(&["J", "remote-header-name"]) {
        found.opaque("the other side says what the file is called");
    }
}

/// What is printed after each transfer: a form, which may stand in a file and may go on into files.
fn forms(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for form in parsed.values(&["w", "write-out"]) {
        if let Some(file) = form.text().strip_prefix('@') {
            printed(&form.with_text(file), place, found);
            found.opaque("a form that stands elsewhere may name files to write");
        }
        if begins_unknown(form) {
            found.opaque("a form that is not known may name files to write");
        }
        for rest in form.text().split("%output{").skip(1) {
            let (path, append) = match rest.strip_prefix(">>") {
                Some(path) => (path, Write::Append),
                None => (rest, Write::Replace),
            };
            match path.split_once('}') {
                Some((path, _)) => written(&form.with_text(path), append, place, found),
                None => found.opaque("which file the form is written to is not known"),
            }
        }
    }
    for file in parsed
        .values(&["url", "expand-url"])
        .filter_map(|word| Some(word.with_text(word.text().strip_prefix('@')?)))
    {
        printed(&file, place, found);
        found.opaque("the addresses stand in a file");
    }
}

/// Values that are not known before it runs.
fn hazy(parsed: &Parsed, found: &mut Found) {
    for flag in &parsed.flags {
        if let Some(Word::Unknown(text)) = &flag.value {
            found.bounded(format!("`{text}` is not known before it runs"));
        }
    }
}
