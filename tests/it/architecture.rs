//! The rooms of `src/`: who may import whom, and which room a foreign crate may enter.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr as _,
};

/// Lowest first. A room may import itself and any room on a lower line.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &[
        "ports",
        "runbooks",
        "config",
        "history",
        "telemetry",
        "commands",
    ],
    &["gate", "actions", "adapters"],
    &["flow"],
    &["http"],
    &["daemon"],
    &["cli"],
];

/// Rooms that only the named rooms may enter, whatever the layers say.
const ONLY_FROM: &[(&str, &[&str])] = &[("adapters", &["daemon"])];

/// Rooms of layer two that others of the same layer may use: `history`, `runbooks` and `config` speak through ports' types.
const SIBLINGS: &[(&str, &str)] = &[("runbooks", "ports")];

/// Foreign crates and the rooms behind whose door they live.
const DOORS: &[(&str, &[&str])] = &[
    ("rusqlite", &["history"]),
    ("git2", &["adapters"]),
    ("kube", &["adapters"]),
    ("k8s_openapi", &["adapters"]),
    ("reqwest", &["adapters"]),
    ("tokio_rustls", &["adapters"]),
    ("tokio_tungstenite", &["adapters"]),
    ("rustls", &["adapters"]),
    ("x509_parser", &["adapters"]),
    ("age", &["adapters"]),
    ("object_store", &["adapters"]),
    ("rcgen", &["adapters"]),
    ("tokio_postgres", &["adapters"]),
    ("tokio_postgres_rustls", &["adapters"]),
    ("postgres_protocol", &["adapters"]),
    ("axum", &["http"]),
    ("maud", &["http"]),
    ("hyper", &["http", "adapters"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("prometheus", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("serde_yaml", &["runbooks", "config", "cli"]),
    ("granit_parser", &["runbooks"]),
    ("jsonschema", &["runbooks", "config"]),
    ("minijinja", &["domain"]),
    ("brush_parser", &["commands"]),
    ("tree_sitter", &["commands"]),
    ("tree_sitter_bash", &["commands"]),
    ("sqlparser", &["commands"]),
    ("sd_notify", &["daemon"]),
];

fn rank(room: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&room))
}

fn forbidden(room: &str, target: &str) -> bool {
    let (Some(here), Some(there)) = (rank(room), rank(target)) else {
        return false;
    };
    let fenced = ONLY_FROM
        .iter()
        .any(|(fenced, from)| *fenced == target && !from.contains(&room));
    let siblings = SIBLINGS.contains(&(room, target));
    target != room && !siblings && (there >= here || fenced)
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What a file names, and where.
#[derive(Default)]
struct Named {
    rooms: Vec<(usize, String)>,
    crates: Vec<(usize, String)>,
    twice_up: Vec<usize>,
}

impl Named {
    /// Finds `crate::room`, `crate::{room, …}`, `foreign::…` and `super::super` at any depth, macros included.
    fn collect(&mut self, tokens: TokenStream) {
        self.collect_in(tokens, false);
    }

    fn collect_in(&mut self, tokens: TokenStream, inside_path: bool) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (index, tree) in trees.iter().enumerate() {
            match tree {
                // What stands in the braces of `a::{…}` begins at `a`.
                TokenTree::Group(group) => {
                    self.collect_in(group.stream(), follows_path(&trees, index));
                }
                TokenTree::Ident(ident) if is_path(&trees, index) => {
                    self.path(&trees, index, &ident.to_string(), inside_path);
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn path(&mut self, trees: &[TokenTree], index: usize, word: &str, inside_path: bool) {
        let line = trees[index].span().start().line;
        let first = index < 2
            || !matches!(&trees[index - 1], TokenTree::Punct(punct) if punct.as_char() == ':');
        match (word, trees.get(index + 3)) {
            ("crate", Some(TokenTree::Ident(room))) => self.rooms.push((line, room.to_string())),
            ("crate", Some(TokenTree::Group(group))) if group.delimiter() == Delimiter::Brace => {
                self.rooms.extend(heads(group.stream()));
            }
            ("super", Some(TokenTree::Ident(next))) if next == "super" => self.twice_up.push(line),
            (foreign, _)
                if first && !inside_path && DOORS.iter().any(|(name, _)| *name == foreign) =>
            {
                self.crates.push((line, foreign.to_owned()));
            }
            _ => {}
        }
    }
}

fn follows_path(trees: &[TokenTree], index: usize) -> bool {
    index > 0 && matches!(&trees[index - 1], TokenTree::Punct(punct) if punct.as_char() == ':')
}

fn is_path(trees: &[TokenTree], index: usize) -> bool {
    let colon = |at: usize| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(index + 1) && colon(index + 2)
}

/// The first words of a braced list of paths.
fn heads(stream: TokenStream) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at_start = true;
    for tree in stream {
        match tree {
            TokenTree::Ident(room) if at_start => {
                found.push((room.span().start().line, room.to_string()));
                at_start = false;
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' => at_start = true,
            _ => {}
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn imports_point_down_and_foreign_crates_stay_behind_their_doors() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    assert!(files.len() > 50, "the walk finds the tree");
    let mut faults = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(source()).unwrap();
        let room = relative.iter().next().unwrap().to_str().unwrap();
        if matches!(room, "lib.rs" | "main.rs") {
            continue;
        }
        let place = |line: usize| format!("src/{}:{line}", relative.display());
        if rank(room).is_none() {
            faults.push(format!("{}: there is no room `{room}`", place(1)));
            continue;
        }
        let mut named = Named::default();
        named.collect(TokenStream::from_str(&fs::read_to_string(file).unwrap()).unwrap());
        for (line, target) in named.rooms {
            if forbidden(room, &target) {
                faults.push(format!("{}: {room} may not import {target}", place(line)));
            }
        }
        for (line, name) in named.crates {
            let door = DOORS.iter().find(|(known, _)| *known == name).unwrap().1;
            if !door.contains(&room) {
                faults.push(format!(
                    "{}: {name} belongs in {}, not in {room}",
                    place(line),
                    door.join(" or ")
                ));
            }
        }
        for line in named.twice_up {
            faults.push(format!(
                "{}: write `crate::…` instead of `super::super`",
                place(line)
            ));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Every file under `tests/it` is declared, so none is silently not compiled.
/// Who asks for objects whole, and who passes the question on.
const ASK_FOR_SECRETS: &[&str] = &[
    "actions/backup/kubernetes/make.rs",
    "actions/kubernetes/touched.rs",
    "actions/rotate/delivery/standing.rs",
];

#[test]
fn values_of_secrets_come_in_by_one_door() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    let asks = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains(".kept_whole(");
    let mut found: Vec<_> = files
        .iter()
        .filter(asks)
        .map(|file| file.strip_prefix(source()).unwrap().to_str().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, ASK_FOR_SECRETS, "who asks for values of Secrets?");
}

#[test]
fn no_test_file_is_forgotten() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(dir.join("main.rs")).unwrap();
    for entry in fs::read_dir(&dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        if module == "main" || module == "snapshots" {
            continue;
        }
        assert!(
            main.contains(&format!("mod {module};")),
            "tests/it/main.rs does not declare `mod {module};`"
        );
    }
}
