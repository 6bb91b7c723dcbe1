//! openssl: each of its commands is a program of its own.

use super::does::{Does, act};
use super::keys::private_key;
use super::sheet::{has_word, program, words};
use crate::commands::found::{Found, object};
use crate::commands::programs::files::paths::{Write, printed, written};
use crate::commands::programs::files::secrets::{Sight, sight};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;
use std::borrow::Cow;

/// Flags whose value is a file that is written.
const WRITTEN: [&str; 14] = [
    "-out",
    "-keyout",
    "-writerand",
    "-sess_out",
    "-keylogfile",
    "-msgfile",
    "-respout",
    "-reqout",
    "-certsout",
    "-certout",
    "-chainout",
    "-cacertsout",
    "-extracertsout",
    "-rspout",
];
/// Flags of `enc` beside the ciphers.
const BESIDE_CIPHERS: &str = "-in -out -pass -e -d -p -P -v -a -base64 -A -k -kfile -K -S -iv -md -iter -pbkdf2 -nosalt -salt -saltlen -nopad -none -null \
     -debug -bufsize -z -engine -rand -writerand -provider -provider-path -propquery -list -ciphers -help -skeyopt -skeymgmt -skeyuri";

/// Flags whose next word is their value, over all commands.
const VALUED: &[&str] = words!(
    "-in -out -inform -outform -passin -passout -pass -connect -servername -CAfile -CApath -CAstore -cert -key -keyform -certform -days -subj -addext -config \
     -extensions -extfile -reqexts -newkey -keyout -pkeyopt -algorithm -inkey -certfile -name -caname -starttls -cipher -ciphersuites -alpn -tls_max \
     -engine -provider -provider-path -rand -writerand -signkey -CA -CAkey -CAserial -set_serial -checkend -checkhost -checkip \
     -nameopt -certopt -curves -groups -sigalgs -proxy -verify_hostname -crlfile -CRLfile -untrusted -trusted -policy -attime -K -iv -S -md -iter \
     -k -kfile -hmac -mac -macopt -sign -prverify -signature -sigopt -url -host -port -path -header -CAsha -bits -multi -seconds -bytes \
     -revoke -crldays -keyfile -ss_cert -spkac -infiles -section -paramfile -peerkey -kdf -kdflen -tsa_policy -queryfile -data -digest -oid -offset -length -strparse -genstr -genconf -naccept -accept -psk -psk_identity -sess_out -sess_in -keylogfile -msgfile -respout -reqin -respin -reqout -certsout -certout -chainout -cacertsout -extracertsout -rspout -bufsize -saltlen -propquery -salt -dtlsv -mtu -keymatexport -maxfraglen -split_send_frag -security_level"
);

/// Whether a flag takes the next word.
fn takes_value(flag: &str) -> bool {
    VALUED.contains(&flag)
}

/// What a call of openssl was given.
struct Given<'a> {
    verb: &'a str,
    flags: Vec<(&'a str, Option<Cow<'a, Word>>)>,
    words: Vec<&'a Word>,
}

impl<'a> Given<'a> {
    fn new(arguments: &'a [Word]) -> Option<Self> {
        let (verb, rest) = arguments.split_first()?;
        let mut rest = rest.iter();
        let (mut flags, mut words) = (Vec::new(), Vec::new());
        while let Some(word) = rest.next() {
            let text = word.text();
            let flag = text
                .strip_prefix('-')
                .filter(|rest| rest.starts_with('-'))
                .unwrap_or(text);
            let glued = flag.split_once('=');
            match (text.starts_with('-'), glued) {
                (true, Some((flag, value))) => {
                    flags.push((flag, Some(Cow::Owned(word.with_text(value)))));
                }
                (true, None) if takes_value(flag) => {
                    flags.push((flag, rest.next().map(Cow::Borrowed)));
                }
                (true, None) => flags.push((flag, None)),
                (false, _) => words.push(word),
            }
        }
        Some(Self {
            verb: verb.known()?,
            flags,
            words,
        })
    }
    fn has(&self, list: &str) -> bool {
        self.flags.iter().any(|(flag, _)| has_word(list, flag))
    }
    fn value(&self, name: &str) -> Option<&Word> {
        let mut flags = self.flags.iter().rev();
        let (_, value) = flags.find(|(flag, _)| *flag == name)?;
        value.as_deref()
    }
}

/// openssl.
pub(super) fn openssl(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let Some(given) = Given::new(call.arguments) else {
        if call.arguments.is_empty() {
            return stdin(call, found);
        }
        return found.unknown_code(
            place,
            "openssl",
            "which command of openssl is meant is not known",
        );
    };
    if given.has("-engine -provider-path -provider") {
        found.unknown_code(place, "openssl", "it loads a library that the line names");
    }
    let writes = given
        .value("-out")
        .is_some_and(|file| !has_word("/dev/null /dev/stdout -", file.text()));
    command(&given, writes, call, found);
    for file in WRITTEN {
        if let Some(file) = given.value(file) {
            written(file, Write::Product, place, found);
        }
    }
    for (flag, value) in &given.flags {
        if let Some(Word::Unknown(text)) = value.as_deref() {
            found.bounded(format!(
                "`{text}`: the value of {flag} is not known before it runs"
            ));
        }
    }
    if let Some(word) = given
        .words
        .iter()
        .find(|word| matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])))
    {
        found.opaque(format!("`{}` is not known before it runs", word.text()));
    }
}

fn command(given: &Given<'_>, writes: bool, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let look = |found: &mut Found| act(Does::Look, program(place, call), Reach::Exactly(1), found);
    match given.verb {
        "version" | "ciphers" | "speed" | "verify" | "crl" | "crl2pkcs7" | "rand" | "s_time"
        | "help" | "list" | "errstr" | "prime" | "info" | "ocsp" | "nseq" | "sess_id" | "pkcs7"
        | "ts" | "dgst" | "sha1" | "sha256" | "sha512" | "md5" | "passwd" | "asn1parse" => {
            look(found);
            if matches!(given.verb, "asn1parse" | "passwd") {
                show_input(given, call, found);
            }
        }
        "s_client" => client(given, call, found),
        "x509" | "req" => certificate(given, call, found),
        "rsa" | "pkey" | "ec" | "dsa" | "pkcs8" => key(given, writes, call, found),
        "pkcs12" => store(given, writes, call, found),
        "genrsa" | "genpkey" | "gendsa" | "ecparam" | "dhparam" | "dsaparam" => {
            generate(given, writes, call, found);
        }
        "enc" | "aes-256-cbc" | "aes-128-cbc" | "des3" | "base64" => {
            encode(given, writes, call, found);
        }
        "smime" | "cms" | "rsautl" | "pkeyutl" => {
            act(
                if given.has("-decrypt") && !writes {
                    Does::Reveal
                } else {
                    Does::Look
                },
                program(place, call),
                Reach::Exactly(1),
                found,
            );
        }
        "ca" => act(
            if given.has("-revoke -gencrl") {
                Does::Grant
            } else {
                Does::Alter
            },
            program(place, call),
            Reach::Exactly(1),
            found,
        ),
        "s_server" => act(Does::Tunnel, program(place, call), Reach::Exactly(1), found),
        "storeutl" => show(given.words.first().copied(), call, found),
        verb => {
            act(Does::Alter, program(place, call), Reach::Unknown, found);
            found.opaque(format!("`openssl {verb}` is not known to the gate"));
        }
    }
}

/// What `-in` names, or what comes in, is shown.
fn show_input(given: &Given<'_>, call: &Call<'_>, found: &mut Found) {
    match (given.value("-in"), call.stdin) {
        (None, Stdin::File(file)) => printed(file, &call.setting.place, found),
        (file, _) => show(file, call, found),
    }
}

fn show(file: Option<&Word>, call: &Call<'_>, found: &mut Found) {
    match file {
        Some(file) => printed(file, &call.setting.place, found),
        None => act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        ),
    }
}

/// s_client: what is typed or piped into it is sent.
fn client(given: &Given<'_>, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let host = given.value("-connect").map_or("", Word::text);
    let quiet = match call.stdin {
        Stdin::Nothing => true,
        Stdin::Known(text) => text.trim().is_empty() || has_word("Q q QUIT quit", text.trim()),
        Stdin::File(file) => file.text() == "/dev/null",
        Stdin::Piped | Stdin::Downloaded => false,
    };
    let does = if quiet { Does::Look } else { Does::Send };
    act(does, object(place, "host", host), Reach::Exactly(1), found);
}

/// x509 and req: certificates are public; the keys that they are signed with are not printed.
fn certificate(given: &Given<'_>, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let makes = given.has("-x509 -newkey -new -req -CA -signkey -x509toreq")
        || given.value("-keyout").is_some();
    let to_stdout = given.value("-keyout").is_none()
        && given.has("-newkey -new")
        && given.verb == "req"
        && given.value("-key").is_none();
    let sinks = "/dev/null /dev/stdout /dev/stderr -";
    let file = |flag: &str| given.value(flag).map(|file| !has_word(sinks, file.text()));
    let to_file = file("-out") == Some(true) && file("-keyout") != Some(false);
    let does = if (makes && !given.has("-noout") || to_stdout) && !to_file {
        Does::Alter
    } else {
        Does::Look
    };
    act(does, program(place, call), Reach::Exactly(1), found);
}

/// rsa, pkey, ec: without `-pubout` and `-noout` they print the private key; `-text` prints its numbers.
fn key(given: &Given<'_>, writes: bool, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let public = given.has("-pubin -pubout -RSAPublicKey_in -RSAPublicKey_out -text_pub")
        || given.verb == "pkcs8" && given.has("-topk8") && given.has("-v2");
    let numbers = given.has("-text") && !given.has("-pubin");
    if numbers && !writes || !public && !given.has("-noout") && !writes {
        private_key(call, found);
    } else {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
}

/// pkcs12: an export makes a store; without `-nokeys` it prints the keys.
fn store(given: &Given<'_>, writes: bool, call: &Call<'_>, found: &mut Found) {
    let prints = !given.has("-export -nokeys -noout") && !writes;
    if prints {
        return private_key(call, found);
    }
    let does = if given.has("-export") {
        Does::Alter
    } else {
        Does::Look
    };
    act(
        does,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
}

/// A new key: into a file, or printed.
fn generate(given: &Given<'_>, writes: bool, call: &Call<'_>, found: &mut Found) {
    let parameters =
        matches!(given.verb, "dhparam" | "dsaparam" | "ecparam") && !given.has("-genkey");
    match () {
        () if parameters && !writes => act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        ),
        () if !writes && !given.has("-noout") => private_key(call, found),
        // The file is told by itself.
        () if writes => act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        ),
        () => act(
            Does::Alter,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        ),
    }
}

/// enc: what is decrypted and printed can be read by whoever sees it.
fn encode(given: &Given<'_>, writes: bool, call: &Call<'_>, found: &mut Found) {
    let ciphers = given
        .flags
        .iter()
        .any(|(flag, _)| !has_word(BESIDE_CIPHERS, flag));
    // A key that stands in the line opens what is printed.
    let keyed = given.has("-k -K")
        || given
            .value("-pass")
            .is_some_and(|pass| pass.text().starts_with("pass:"));
    let plain = given.verb == "base64" || given.verb == "enc" && !ciphers;
    let place = &call.setting.place;
    match () {
        () if plain => show_input(given, call, found),
        () if given.has("-d") && !writes => {
            act(Does::Reveal, program(place, call), Reach::Exactly(1), found);
        }
        () => act(Does::Look, program(place, call), Reach::Exactly(1), found),
    }
    if let Some(file) = given
        .value("-in")
        .filter(|file| (plain || !writes && keyed) && sight(file) >= Sight::Possible)
    {
        printed(file, place, found);
    }
}

/// Without a command it reads commands.
fn stdin(call: &Call<'_>, found: &mut Found) {
    act(
        Does::Ask,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
}
