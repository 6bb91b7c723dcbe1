//! Programs that print what they read, in another form, and may write it too.

use super::guard::guard_of;
use super::looks::{from_stdin, print_files};
use super::paths;
use super::paths::{Write, printed, written};
use super::writers::unknown;
use crate::commands::flags::Table;
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::programs::files::pattern::is_secret_variable;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{Sheet, asks_for_help, parse, program, table, words};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// The grammar of such a program.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "sort" | "shuf" | "gsort" => sort,
        "uniq" => uniq,
        "split" | "csplit" => split,
        "xxd" => xxd,
        "iconv" => |call, found| printing(&ICONV, call, found),
        "file" => file,
        "tree" => |call, found| TREE.judge(call, found),
        "less" | "more" | "most" | "pg" => pager,
        "bat" | "batcat" => |call, found| printing(&BAT, call, found),
        "sdiff" | "diff3" => |call, found| printing(&SDIFF, call, found),
        "envsubst" => envsubst,
        _ => return None,
    })
}

/// envsubst puts in whatever variables its text asks for, unless it is told which.
fn envsubst(call: &Call<'_>, found: &mut Found) {
    from_stdin(call, found);
    let flag = |names: &[&str]| {
        call.arguments
            .iter()
            .any(|word| names.contains(&word.text()))
    };
    let told = call
        .arguments
        .iter()
        .find(|word| !word.text().starts_with('-'));
    let text = match (told, call.stdin) {
        (Some(word), _) => word.known(),
        (None, Stdin::Known(text)) => Some(text.as_str()),
        (None, _) => None,
    };
    let harmless = text.filter(|text| text.contains('$')).is_some_and(|text| {
        let names = text.split('$').skip(1);
        let mut names = names.map(|rest| rest.trim_start_matches('{'));
        !names.any(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            is_secret_variable(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
        })
    });
    let silent = flag(&["-v", "--variables", "-V", "--version", "-h", "--help"]);
    let does = if harmless || silent {
        Does::Look
    } else {
        Does::Reveal
    };
    let place = &call.setting.place;
    let program = crate::commands::programs::host::sheet::program(place, call);
    act(does, program, Reach::Exactly(1), found);
}

const ICONV: Sheet = Sheet {
    outputs: words!("o output"),
    ..Sheet::of(
        "file",
        table(
            words!("f t o from-code to-code output"),
            words!("c l s list silent verbose help version"),
            &[],
        ),
        Does::Look,
    )
};
/// file: names that stand in a file are shown where nothing is called so.
fn file(call: &Call<'_>, found: &mut Found) {
    let parsed = FILE.parse(call.arguments);
    for list in parsed.values(&["f", "files-from", "m", "magic-file"]) {
        printed(list, &call.setting.place, found);
    }
    FILE.decide(&parsed, call, found);
}

const FILE: Sheet = Sheet {
    flags: &[("C compile", Does::Alter)],
    ..Sheet::of(
        "file",
        table(
            words!("e f F m M P exclude exclude-quiet files-from separator magic-file parameter"),
            words!(
                "0 b c C d E h i I k l L n N p r s S v z Z brief checking-printout compile debug apple extension mime mime-type mime-encoding \
                 keep-going list dereference no-dereference no-buffer no-pad preserve-date raw special-files no-sandbox uncompress \
                 uncompress-noreport print0 help version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const TREE: Sheet = Sheet {
    outputs: words!("o"),
    flags: &[("R", Does::Alter)],
    ..Sheet::of(
        "folder",
        table(
            words!(
                "I L P H T o filelimit charset sort timefmt gitfile infofile hintro houtro fromfile_"
            ),
            words!(
                "a A c C d D f F g h i J l n N p q Q r R s S t U u v x X dirsfirst du device filesfirst fflinks fromfile fromtabfile gitignore \
                 help ignore-case info inodes matchdirs metafirst nolinks noreport prune si version opt-toggle compress"
            ),
            &[],
        ),
        Does::Look,
    )
};
const BAT: Sheet = Sheet {
    flags: &[("pager", Does::Code), ("diagnostic", Does::Look)],
    ..Sheet::of(
        "file",
        table(
            words!(
                "H l m r file-name highlight-line language line-range map-syntax pager style tabs terminal-width theme wrap italic-text color \
                 decorations paging diff-context ignored-suffix squeeze-limit"
            ),
            words!(
                "A P d f h n p S s u V diff force-colorization help list-languages list-themes number plain show-all squeeze-blank unbuffered version"
            ),
            &[],
        ),
        Does::Look,
    )
};
const SDIFF: Sheet = Sheet {
    outputs: words!("o output"),
    flags: &[("diff-program", Does::Code)],
    ..Sheet::of(
        "file",
        table(
            words!("I w o output ignore-matching-lines width diff-program L label"),
            words!(
                "3 A B E E H T W X Z a b d e i l m s t v x help version merge text show-all suppress-common-lines left-column"
            ),
            &[],
        ),
        Does::Look,
    )
};

/// A sheet whose words are files that are printed.
fn printing(sheet: &Sheet, call: &Call<'_>, found: &mut Found) {
    let parsed = sheet.parse(call.arguments);
    sheet.decide(&parsed, call, found);
    for word in parsed.words.iter().chain(parsed.values(&["files0-from"])) {
        printed(word, &call.setting.place, found);
    }
    from_stdin(call, found);
}

const SORT: Sheet = Sheet {
    outputs: words!("o output"),
    flags: &[("compress-program", Does::Code)],
    ..Sheet::of(
        "file",
        table(
            words!(
                "k S t T o n_ batch-size buffer-size compress-program field-separator files0-from head-count i_ input-range key output parallel random-source sort \
                 temporary-directory"
            ),
            words!(
                "b c C d e f g h i M m n R r s u V z check debug dictionary-order echo general-numeric-sort human-numeric-sort ignore-case ignore-leading-blanks \
                 ignore-nonprinting merge month-sort numeric-sort random-sort repeat reverse stable unique version version-sort zero-terminated help"
            ),
            words!("check"),
        ),
        Does::Look,
    )
};
const SHUF: Sheet = Sheet {
    table: table(
        words!("i n o head-count input-range output random-source"),
        words!("e r z echo repeat zero-terminated help version"),
        &[],
    ),
    ..SORT
};

fn sort(call: &Call<'_>, found: &mut Found) {
    printing(
        if call.program == "shuf" { &SHUF } else { &SORT },
        call,
        found,
    );
}

/// uniq: its second word is a file that it writes.
fn uniq(call: &Call<'_>, found: &mut Found) {
    const UNIQ: Table = table(
        words!("f s w skip-fields skip-chars check-chars"),
        words!(
            "c d D i u z count repeated ignore-case unique zero-terminated help version 0 1 2 3 4 5 6 7 8 9"
        ),
        words!("all-repeated group"),
    );
    let parsed = parse(&UNIQ, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    if let Some(file) = parsed.words.first() {
        printed(file, place, found);
        if matches!(file, Word::Unknown(text) if text.starts_with('$'))
            || matches!(file, Word::Glob(_))
        {
            found.opaque("a second file would be written");
        }
    }
    if let Some(file) = parsed.words.get(1) {
        written(file, Write::Replace, place, found);
    }
    from_stdin(call, found);
    unknown(&parsed.unknown, call, found);
}

/// split and csplit: they write many files, whose names begin alike; `--filter` runs a command for each.
fn split(call: &Call<'_>, found: &mut Found) {
    const SPLIT: Table = table(
        words!(
            "a b C f l n t additional-suffix bytes digits filter line-bytes lines number prefix separator suffix-format suffix-length"
        ),
        words!(
            "d e k q s u x z elide-empty-files keep-files quiet silent suppress-matched unbuffered verbose help version 0 1 2 3 4 5 6 7 8 9"
        ),
        words!("hex-suffixes numeric-suffixes"),
    );
    let parsed = parse(&SPLIT, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    if let Some(filter) = parsed.value(&["filter"]) {
        found.unknown_code(
            place,
            filter.text(),
            "`--filter` runs a command for every part",
        );
    }
    if let Some(source) = parsed.words.first() {
        paths::carried_off(source, place, found);
    }
    // The further words of csplit say where to cut.
    let cuts = call.program == "csplit";
    let named = parsed.value(&["f", "prefix"]);
    let prefix = match named {
        Some(prefix) if cuts => Some(prefix),
        _ if cuts => None,
        _ => parsed.words.get(1),
    };
    parts(prefix, if cuts { "./xx" } else { "./x" }, call, found);
    unknown(&parsed.unknown, call, found);
}

/// The files whose names begin with a prefix: what the first is called is known, and a prefix that only begins the name of a folder of
/// the system may end in it.
fn parts(prefix: Option<&Word>, default: &str, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let default = Word::Known(default.to_owned());
    let prefix = prefix.unwrap_or(&default);
    let first = prefix.with_text(&format!("{}aa", prefix.text()));
    let name = if guard_of(prefix).is_some() {
        prefix
    } else {
        &first
    };
    written(name, Write::Replace, place, found);
}

/// xxd: a second word is the file that it writes.
fn xxd(call: &Call<'_>, found: &mut Found) {
    const XXD: Table = table(
        words!("c g l n o s R cols groupsize len name seek"),
        words!(
            "a b C d e E h i p q r u v autoskip bits capitalize decimal ebcdic help include ps plain postscript revert uppercase version"
        ),
        &[],
    );
    let parsed = parse(&XXD, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    act(Does::Look, program(place, call), Reach::Exactly(1), found);
    if let Some(file) = parsed.words.first() {
        printed(file, place, found);
    }
    if let Some(file) = parsed.words.get(1) {
        written(file, Write::Replace, place, found);
    }
    from_stdin(call, found);
    unknown(&parsed.unknown, call, found);
}

/// less and more: what follows a plus is a command to them, and may run a program.
fn pager(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let harmless = |text: &str| {
        let command = text.trim_start_matches('+');
        command.is_empty()
            || command == "F"
            || command == "G"
            || command == "g"
            || command.starts_with('/')
            || command.bytes().all(|byte| byte.is_ascii_digit())
    };
    if let Some(word) = call
        .arguments
        .iter()
        .find(|word| word.text().starts_with('+') && !harmless(word.text()))
    {
        found.unknown_code(place, word.text(), "a pager's commands may run programs");
    }
    for (number, word) in call.arguments.iter().enumerate() {
        let text = word.text();
        let next = call.arguments.get(number + 1);
        let logs = ["--log-file=", "--LOG-FILE="]
            .iter()
            .find_map(|flag| text.strip_prefix(flag));
        let short = text.strip_prefix("-o").or_else(|| text.strip_prefix("-O"));
        match (logs.or(short), next) {
            (Some(""), Some(file)) => written(file, Write::Replace, place, found),
            (Some(file), _) => written(&word.with_text(file), Write::Replace, place, found),
            (None, _)
                if text.starts_with("--lesskey")
                    || text.starts_with("-k")
                    || text.starts_with("--tag")
                    || text.starts_with("--log") =>
            {
                act(Does::Alter, program(place, call), Reach::Unknown, found);
                found.opaque(format!("`{text}` reads or writes a further file"));
            }
            (None, _) => {}
        }
    }
    let files: Vec<Word> = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('+'))
        .cloned()
        .collect();
    print_files(
        &Call {
            arguments: &files,
            ..*call
        },
        "bhjpPtxyz",
        found,
    );
}
