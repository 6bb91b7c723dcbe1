//! Scripts without a shell, beside bash(1): the same texts, written by hand and made by the hundred, must do the same, and run no other
//! words than those that were judged.

#![expect(
    clippy::disallowed_methods,
    reason = "a test starts the real bash beside the agent's own program"
)]

use orderly::{
    commands::{self, Command, NoFiles, What},
    ports::processes::Pipelines,
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{self, Stdio},
};

/// A program that notes its words, prints them with its variables, reads all of its input, and ends as its name says.
const RECORDER: &str = r#"#!/bin/sh
end=$(printf '\037'); words=
for word in "${0##*/}" "$@"; do words="$words$word$end"; done
printf '%s\n' "$words" >> "$RECORD"
printf '%s' "${0##*/}"; for word; do printf '<%s>' "$word"; done
printf ' A=%s B=%s X=%s Y=%s\n' "${A-unset}" "${B-unset}" "${X-unset}" "${Y-unset}"
case $0 in *in) cat;; *) cat > /dev/null;; esac
case $0 in *err) echo "oops $*" >&2;; esac
case $0 in *3) exit 3;; *1) exit 1;; esac
"#;

/// What a script did.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    status: Option<i32>,
    output: String,
    files: BTreeMap<PathBuf, String>,
    record: String,
}

struct Bench {
    programs: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Self {
        let programs = tempfile::tempdir().unwrap();
        let recorder = programs.path().join("rec");
        fs::write(&recorder, RECORDER).unwrap();
        fs::set_permissions(&recorder, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["rec1", "rec3", "recin", "recerr"] {
            symlink("rec", programs.path().join(name)).unwrap();
        }
        let environment = [
            ("A", "one two"),
            ("B", "solid"),
            ("E", ""),
            ("W", "  lead trail  "),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            programs,
            environment: environment.into(),
        }
    }

    /// The text with the recorders' paths.
    fn text(&self, text: &str) -> String {
        text.replace('@', &format!("{}/", self.programs.path().display()))
    }

    fn plan(&self, text: &str, pipefail: bool) -> Option<Pipelines> {
        let names: Vec<&str> = self.environment.keys().map(String::as_str).collect();
        let plan = commands::plan(text, &names)?;
        Some(Pipelines { plan, pipefail })
    }

    fn run(&self, program: &str, words: &[&str]) -> Done {
        let folder = tempfile::tempdir().unwrap();
        let record = self.programs.path().join("record");
        fs::write(&record, "").unwrap();
        for name in [
            "a.log",
            "b.log",
            ".h.log",
            "sp ace.log",
            "sub/x.log",
            "sub/y",
            "B.txt",
            "é.txt",
            "f[1]",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("in {name}\n")).unwrap();
        }
        let mut command = process::Command::new(program);
        command.args(words).current_dir(folder.path()).env_clear();
        command.envs(&self.environment).env("RECORD", &record);
        command.env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        );
        let ended = command
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let mut files = BTreeMap::new();
        contents(folder.path(), folder.path(), &mut files);
        let output = String::from_utf8(ended.stdout).unwrap();
        Done {
            status: ended.status.code(),
            output: output.replace(folder.path().to_str().unwrap(), "HERE"),
            files,
            record: fs::read_to_string(record).unwrap(),
        }
    }

    /// Whether there is a plan, and it does what bash does.
    fn agrees(&self, text: &str, pipefail: bool) -> bool {
        let text = self.text(text);
        let Some(pipelines) = self.plan(&text, pipefail) else {
            return false;
        };
        let orders = serde_json::to_string(&pipelines).unwrap();
        let found = self.run(env!("CARGO_BIN_EXE_orderly"), &["__pipelines", &orders]);
        let option = if pipefail { "pipefail" } else { "errexit" };
        let bash = [
            "--noprofile",
            "--norc",
            "-e",
            "-o",
            option,
            "-c",
            &text,
            "script",
        ];
        let wanted = self.run("bash", &bash);
        let sorted = |record: &str| {
            let mut lines: Vec<String> = record.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        // What runs at the same time is noted in any order.
        assert_eq!(sorted(&found.record), sorted(&wanted.record), "{text}");
        assert_eq!(
            (found.status, &found.output, &found.files),
            (wanted.status, &wanted.output, &wanted.files),
            "{text}\nwith pipefail {pipefail}"
        );
        self.was_judged(&text, &found.record);
        true
    }

    /// Everything that ran was judged with these very words, as far as they can be known.
    fn was_judged(&self, text: &str, record: &str) {
        let command = Command {
            what: What::Text(text),
            stdin: commands::Stdin::Nothing,
            environment: &self.environment,
            folder: None,
        };
        let calls = commands::of(&command, &NoFiles).effects.calls;
        for line in record.lines() {
            let ran: Vec<&str> = line.split_terminator('\u{1f}').collect();
            let judged = calls.iter().any(|call| {
                let name = call
                    .first()
                    .map_or("", |name| name.rsplit('/').next().unwrap());
                let unknown = |word: &String| word.contains(['$', '~']);
                let rest: Vec<&str> = call.iter().skip(1).map(String::as_str).collect();
                name == ran[0] && (rest == ran[1..] || call.iter().any(unknown))
            });
            assert!(judged, "{text}\nran {ran:?}, but judged were {calls:?}");
        }
    }
}

fn contents(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_owned();
            // How a shell complains is its own affair.
            let complains = |line: &&str| {
                let words = ["No such file", "not found", "no program", "hint:"];
                words.iter().any(|word| line.contains(word))
            };
            let text = fs::read_to_string(path).unwrap();
            let lines = text.split_inclusive('\n').filter(|line| !complains(line));
            files.insert(name, lines.collect());
        }
    }
}

#[test]
fn a_plan_does_what_bash_does() {
    let bench = Bench::new();
    for text in [
        r#"@rec a 'b c' "d $A" $A "$E" $E $W "x$W"y $U "$U"z"#,
        r"ls *.log .h* sub/* */x.log 'f[1]' f[[]1]",
        r"cat *.nothing 2>/dev/null || echo none",
        r"@rec3 || @rec $?; @rec $?",
        "false && true; @rec on",
        "{ false && true; }; @rec on",
        "(false && true); @rec never",
        "(false; @rec never); @rec never",
        "{ false; @rec never; } || @rec x",
        "if @rec1; then @rec a; elif @rec; then @rec3; else @rec b; fi; @rec never",
        "if @rec1; then @rec a; fi; @rec $?",
        r#"for x in a 'b c' $A "$A" {1..3} {a,b}c; do @rec "$x" $x; done; @rec $x"#,
        "for x in a b; do @rec1; done; @rec never",
        "while @rec1; do @rec; done; @rec $?",
        "until @rec; do @rec; done; @rec $?",
        r#"X=1; Y=$X$A; @rec $Y "$Y"; X=3 @rec; Z=4; @rec; export Y=5; @rec"#,
        r#"A=new; @rec "$A"; (A=inner; @rec $A); @rec $A; A=x | @rec; @rec $A"#,
        "@recin <<E\nplain $A \"$B\" \\$x\n  'q'\nE",
        "@recin <<'E'\nplain $A `x`\nE",
        "@recin <<-E\n\tx\n\t\ty\n\tE",
        r#"@recin <<< "a $A"; @recin <<<$A; @recin <<< 'b'"#,
        "@rec > out; @recin < out; @rec x >> out; cat out; @recerr y 2> err > /dev/null; @recerr z &> both; cat both",
        "@recerr a 2>&1 | @recin",
        "@recin < missing || @rec gone",
        "@recin < missing; @rec never",
        "{ @rec a; } < missing; @rec never",
        "{ @rec a; @rec b; } > out; cat out | @recin | wc -l",
        "(@rec a; cd sub; ls; @rec1) | cat; ls",
        "cd sub && ls; cd ..; ls; cd nowhere || @rec no",
        "! @rec; @rec $?; ! @rec1; @rec $?; ! @rec | @rec1; @rec $?",
        "@rec1 | @rec3 | @rec; @rec x",
        "exit 7; @rec",
        "@rec3 || exit; @rec",
        "(exit 4) || @rec $?; @rec",
        "set +e; @rec1; @rec on; set -e; @rec1; @rec off",
        r#"set -u; @rec "$U" || @rec y; @rec x"#,
        "set -o pipefail; @rec1 | @rec; @rec x",
        "nosuch || @rec $?; /etc/passwd || @rec $?",
        "command -v ls; command -v nosuch || @rec none; command @rec x",
        ": ; @rec $?; false || :; > empty; ls",
        "[ -f a.log ] && @rec yes; [ x = y ] || @rec no; test 3 -gt 2 && @rec gt",
        r#"@rec ~ ~/x "~" a~ x:y"#,
        "@rec stash{0} HEAD^ a!=b ! {} {x} x{a,b}y {3..1} {a..c} {01..03} '{a,b}'",
        "{ @rec a; cat; } < a.log",
        "for i in 1 2; do for j in a b; do @rec $i$j; done; done | @recin | tail -n 1",
        "sh -c 'kill -9 $$' || @rec $?",
        "@rec \"a\\\nb\" c\\\nd 'x' \"\"",
        "@rec a;# comment\n@rec b # c",
        "while [ -f a.log ]; do @rec loop; rm a.log; done; @rec $?",
        "{ @rec a; exit 5; } | cat; @rec z",
        "yes | head -n 2; @rec",
        r#"@rec x-$(date +%Y).gz "$(date -u '+%G %y')" `date +%y`; D=$(date +%j); @rec $D > out-$(date +%Y); export TZ=Asia/Tokyo; @rec $(date +%Y-%m)"#,
        "for i in 1 2 3; do yes; done | head -n 1",
    ] {
        for pipefail in [false, true] {
            assert!(bench.agrees(text, pipefail), "{text} has no plan");
        }
    }
}

#[test]
fn texts_by_the_hundred_do_what_bash_does() {
    let bench = Bench::new();
    let mut planned = 0;
    for seed in 0..150 {
        let mut maker = Maker { seed, files: 0 };
        let text = format!("{}; @rec end \"$X\"", maker.list(2));
        planned += u32::from(bench.agrees(&text, seed % 3 == 0));
    }
    assert!(planned > 80, "{planned} of them have a plan");
}

#[test]
fn what_nobody_judged_stops_the_script() {
    let bench = Bench::new();
    for (text, why) in [
        ("ls *; echo on", "`*` matches `-rf`"),
        ("id -u | cat ?rf; echo on", "`?rf` matches `-rf`"),
        ("X='*.log'; ls $X || echo on", "`X` holds a pattern"),
        ("curl x/[a]y || echo on", "there are files that match it"),
        (
            "F=/dev/stdout; id > \"$F\" || exit 126",
            "names its own streams",
        ),
    ] {
        let pipelines = bench.plan(text, false).unwrap_or_else(|| panic!("{text}"));
        let orders = serde_json::to_string(&pipelines).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("-rf"), "").unwrap();
        fs::create_dir(folder.path().join("x")).unwrap();
        fs::write(folder.path().join("x/ay"), "").unwrap();
        let mut command = process::Command::new(env!("CARGO_BIN_EXE_orderly"));
        command.args(["__pipelines", &orders]);
        let ended = command.current_dir(folder.path()).output().unwrap();
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(126), "{text}: {errors}");
        assert!(errors.contains(why), "{text}: {errors}");
        assert!(ended.stdout.is_empty(), "{text}");
    }
}

/// Makes texts, the same ones each time.
struct Maker {
    seed: u64,
    files: u32,
}

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "'b c'", "\"$A\"", "$A", "$B", "\"x$A$E\"", "$W", "\"$W\"y", "x$W$B", "\"$E\"", "$E", "{1..3}", "{a,\"b c\"}$B", "a{$B,x}", "a\\ b", "\\$A",
    "'$A'", "\"\\$A \\\\ \\x\"", "$X", "\"$X\"", "$Y", "a\"b\"'c'd", "{x}", "stash{1}", "a^", "!", "x!=y", "\"\"", "''", "-n", "--flag=$B",
    "a]", "é", "\"a;b|c&d\"", "\\;", "x=y", "x=$A", "${A}", "\"${B}z\"", "a#b", "%", "x{a,b}{1,2}", "{a..e..2}", "{5..1..2}", "{08..11}",
    "{a,}", "$X$Y", "=", "$B:$A", "~", "\"~\"", "$?",
];

impl Maker {
    fn number(&mut self, below: usize) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap() % below
    }
    fn pick<'p>(&mut self, from: &[&'p str]) -> &'p str {
        from[self.number(from.len())]
    }
    fn file(&mut self) -> String {
        self.files += 1;
        format!("out{}", self.files)
    }
    fn words(&mut self, most: usize) -> String {
        let mut words = String::new();
        for _ in 0..self.number(most + 1) {
            write!(words, " {}", self.pick(WORDS)).unwrap();
        }
        words
    }
    fn recorder(&mut self) -> String {
        let name = self.pick(&[
            "@rec", "@rec", "@rec", "@rec1", "@rec3", "@recin", "@recerr",
        ]);
        let words = self.words(3);
        let file = self.file();
        let to = self.pick(&["", "", "", ">", ">>", "2>", "&>"]);
        let to = if to.is_empty() {
            String::new()
        } else {
            format!(" {to}{file}")
        };
        let more = self.pick(&[
            "",
            "",
            "",
            " 2>&1",
            " <a.log",
            " <<< \"$A x\"",
            " >/dev/null",
            " <sub/y",
        ]);
        format!("{name}{words}{to}{more}")
    }
    fn simple(&mut self) -> String {
        match self.number(12) {
            0..=5 => self.recorder(),
            6 => {
                let name = self.pick(&["X", "Y", "A", "B"]);
                let value = self.pick(&[
                    "1", "\"$A\"", "$A", "a\\ b", "'q r'", "", "\"$X$Y\"", "{a,b}", "a*b", "x=y",
                ]);
                format!("{name}={value}")
            }
            7 => format!("{}=1 {}", self.pick(&["X", "Y"]), self.recorder()),
            8 => self
                .pick(&[
                    "cd sub",
                    "cd ..",
                    "cd .",
                    "cd nowhere",
                    "cd sub/../sub",
                    "cd a.log",
                ])
                .to_owned(),
            9 => self
                .pick(&[
                    "exit",
                    "exit 3",
                    "set -e",
                    "set +e",
                    "set -o pipefail",
                    "set -u",
                    "export X=2",
                    ":",
                ])
                .to_owned(),
            10 => self
                .pick(&[
                    "[ -f a.log ]",
                    "[ \"$A\" = 'one two' ]",
                    "test -z \"$X\"",
                    "[ $? -eq 0 ]",
                    "true",
                    "false",
                ])
                .to_owned(),
            _ => self
                .pick(&[
                    "@recin <<'EOF'\n$A `x` \\y\nEOF\n",
                    "@recin <<EOF\nx $A \"$B\" \\$A \\\\ \\q\nEOF\n",
                    "nosuch x",
                    "@recin <missing",
                ])
                .to_owned(),
        }
    }
    fn compound(&mut self, depth: u32) -> String {
        let (one, two) = (self.list(depth - 1), self.list(depth - 1));
        match self.number(6) {
            0 => format!("{{ {one}; }}"),
            1 => format!("( {one} )"),
            2 => format!("if {one}; then {two}; fi"),
            3 => format!("if {one}; then {two}; else {one}; fi"),
            4 => format!("for X in x{}; do {one}; done", self.words(2)),
            _ => format!("while [ -f a.log ]; do {one}; rm -f a.log; done"),
        }
    }
    fn pipeline(&mut self, depth: u32) -> String {
        let not = self.pick(&["", "", "", "", "! "]);
        let first = if depth > 0 && self.number(3) == 0 {
            self.compound(depth)
        } else {
            self.simple()
        };
        match self.number(4) {
            // Each reads all that it gets: whether a program dies of a closed pipe is a matter of time.
            0 => format!("{not}{} | @recin{}", self.recorder(), self.words(2)),
            1 if depth > 0 => {
                let (first, rest) = (self.recorder(), self.list(depth - 1));
                format!("{not}{first} | {{ @recin; {rest}; }}")
            }
            _ => format!("{not}{first}"),
        }
    }
    fn list(&mut self, depth: u32) -> String {
        let mut list = self.pipeline(depth);
        for _ in 0..self.number(3) {
            let joint = self.pick(&[" && ", " || ", "; ", "\n"]);
            write!(list, "{joint}{}", self.pipeline(depth)).unwrap();
        }
        list
    }
}
