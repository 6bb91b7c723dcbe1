//! Programs that put a packed file in the place of a file, and back.

use super::guard::guard_of;
use super::looks::from_stdin;
use super::paths::{Write, printed, unsure, written};
use crate::commands::flags::{Parsed, Table};
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{asks_for_help, named, parse, program, table, words};
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// gzip, bzip2, xz and their kin replace the file; zstd, lz4 and brotli keep it.
const REPLACING: &str = "gzip gunzip bzip2 bunzip2 xz unxz lzma unlzma pigz unpigz pbzip2 lbzip2 lzip lzop compress uncompress pxz pixz";
const KEEPING: &str = "zstd unzstd zstdmt pzstd lz4 unlz4 brotli unbrotli";

const PACK: Table = table(
    words!(
        "S b F M o C T D p w q_ suffix blocksize format memlimit output threads check block-size files lzma2 memlimit-compress memlimit-decompress memory patch-from output-dir-flat output-dir-mirror filelist stream-size size-hint compression-level"
    ),
    words!(
        "0 1 2 3 4 5 6 7 8 9 a c d e f h H i J j k K L l m n N Q q R r s t u V v x X Y z Z ascii best bytes compress decompress delete-input-file extreme fast force help \
         independent keep license list long_ mmap name no-check no-name no-progress no-sparse progress quiet recursive repetitive-best repetitive-fast \
         robot rm rsyncable single-stream small stdout synchronous test time to-stdout uncompress ultra verbose version exclude-compressed no-content-size content-size"
    ),
    words!("fast adaptive long B lzma1 x86 delta"),
);

/// The grammar of a packer.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    let is = |list: &str| crate::commands::programs::host::sheet::has_word(list, program);
    (is(REPLACING) || is(KEEPING)).then_some(pack)
}

fn pack(call: &Call<'_>, found: &mut Found) {
    let table = if crate::commands::programs::host::sheet::has_word(KEEPING, call.program) {
        &KEEP
    } else {
        &PACK
    };
    let parsed = parse(table, call.arguments);
    let place = &call.setting.place;
    let shows = parsed.shows(&["l", "list", "t", "test", "b_"]) || asks_for_help(&parsed);
    let prints = parsed.has(&["c", "stdout", "to-stdout"])
        || parsed.words.is_empty()
        || parsed.words.iter().all(|word| word.text() == "-");
    if !parsed.unknown.is_empty() {
        act(Does::Alter, program(place, call), Reach::Unknown, found);
        found.opaque(format!(
            "`{}`: the flag `{}` is not known to the gate",
            call.program,
            parsed.unknown.join(" ")
        ));
    }
    if let Some(file) = parsed
        .value(&["o", "output"])
        .filter(|_| !call.program.ends_with("zip"))
    {
        return written(file, Write::Replace, place, found);
    }
    if shows || prints {
        act(Does::Look, program(place, call), Reach::Exactly(1), found);
        for file in parsed.words.iter().filter(|_| !shows) {
            printed(file, place, found);
        }
        return from_stdin(call, found);
    }
    for file in &parsed.words {
        packed(file, &parsed, call, found);
    }
}

const KEEP: Table = Table {
    glued: words!("fast adaptive long B adapt"),
    plain: PACK.plain,
    valued: words!(
        "o D M T b e output output-dir-flat output-dir-mirror filelist stream-size size-hint memory patch-from threads format block-size trace S lgwin w q quality suffix"
    ),
    ..PACK
};

fn packed(file: &Word, parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if guard_of(file).is_some() {
        return written(file, Write::Replace, place, found);
    }
    let keeps = crate::commands::programs::host::sheet::has_word(KEEPING, call.program)
        && !parsed.has(&["rm", "j"]);
    let many = parsed.has(&["r", "recursive"]);
    let does = match () {
        () if parsed.has(&["f", "force"]) || many => Does::Alter,
        () if keeps || parsed.has(&["k", "keep"]) => Does::Undo("remove the file made beside {}"),
        () => Does::Undo("make {} again from the file put in its place"),
    };
    act(
        does,
        named("file", file, place),
        if many {
            Reach::Unknown
        } else {
            Reach::Exactly(1)
        },
        found,
    );
    unsure(file, found);
}
