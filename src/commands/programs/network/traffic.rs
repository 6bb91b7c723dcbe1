//! Programs that send much, or are told by a script what to send.

use crate::commands::found::Found;
use crate::commands::programs::files::paths::{Write, written};
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{doubt, has_word, program};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// nmap: scans look; what it writes and what its scripts do is more.
pub(super) fn nmap(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    let mut rest = call.arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text();
        let output = text.starts_with("-o")
            && text.len() >= 3
            && text.starts_with(['-'])
            && has_word("-oN -oX -oG -oA -oS -oJ -oL", text);
        if output && let Some(file) = rest.next() {
            written(file, Write::Replace, place, found);
        } else if text.starts_with("-oN")
            || text.starts_with("-oX")
            || text.starts_with("-oG")
            || text.starts_with("-oA")
        {
            written(
                &word.with_text(text.get(3..).unwrap_or_default()),
                Write::Replace,
                place,
                found,
            );
        } else if [
            "--script",
            "--datadir",
            "--servicedb",
            "--resume",
            "--conf",
            "-c",
        ]
        .iter()
        .any(|flag| text.starts_with(flag) && !text.starts_with("--script-help"))
            || matches!(text, "-A" | "-sC")
        {
            act(Does::Run, program(place, call), Reach::Unknown, found);
        }
    }
    doubt(call.arguments, false, true, found);
}

/// Programs that make load: many requests, each of which may do something.
pub(super) fn load(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let only_help = matches!(call.arguments, [word] if has_word("--help --version -h -v -V", word.text()))
        || call.arguments.is_empty();
    let grave = call
        .arguments
        .iter()
        .any(|word| word.text().to_ascii_uppercase().ends_with("DELETE"));
    let serves = matches!(call.program, "iperf" | "iperf3" | "nuttcp" | "netperf")
        && call
            .arguments
            .iter()
            .any(|word| has_word("-s --server -sD -S", word.text()));
    let does = match () {
        () if only_help => Does::Look,
        () if grave => Does::Remove,
        () if serves => Does::Tunnel,
        () => Does::Send,
    };
    act(does, program(place, call), Reach::Unknown, found);
    if call.program == "locust"
        || call.program == "wrk" && call.arguments.iter().any(|word| word.text() == "-s")
    {
        act(Does::Run, program(place, call), Reach::Unknown, found);
    }
    doubt(call.arguments, does != Does::Look, true, found);
}

/// ftp and lftp: what they are told decides.
pub(super) fn ftp(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let told = call
        .arguments
        .iter()
        .any(|word| ["-c", "-e", "-f"].contains(&word.text()))
        && call.program != "ftp";
    let text: String = match call.stdin {
        Stdin::Known(text) => text.clone(),
        _ => String::new(),
    };
    let script: String = call
        .arguments
        .iter()
        .map(Word::text)
        .collect::<Vec<_>>()
        .join(" ");
    let script = if told {
        format!("{script};{text}")
    } else {
        text
    };
    if script.is_empty() {
        let does = if matches!(call.stdin, Stdin::Nothing) {
            Does::Ask
        } else {
            Does::Remove
        };
        act(does, program(place, call), Reach::Unknown, found);
        if does == Does::Remove {
            found.opaque("what it is told is not known");
        }
        return;
    }
    let grave = script.split([';', '\n', ' ', '"', '\'']).any(|word| {
        has_word("rm mrm rmdir rd del delete mdelete deltree -delete --delete --delete-first --Remove-source-files --Remove-source-dirs erase glob ! shell source chmod", word)
    });
    act(
        if grave { Does::Remove } else { Does::Send },
        program(place, call),
        Reach::Unknown,
        found,
    );
    found.opaque("what the other side does with it is not known");
}
