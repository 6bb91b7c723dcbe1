//! One text, two parsers: brush gives the tree that is walked, tree-sitter must see the same commands in it.
//!
//! The first keeps the last texts and words that it read in memory for ever. None of them holds a secret: steps are judged with markers in
//! place of secrets, values with markers are not known to the walk, and what is carried out is planned from the names of variables alone.

use super::heads::{self, Head};
use brush_parser::{Parser, ParserOptions, ast::Program, word::WordPieceWithSource};
use std::{
    cell::RefCell,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};
use tree_sitter::{ParseOptions, Tree};

thread_local! {
    /// Making one costs more than a parse.
    static SECOND: RefCell<tree_sitter::Parser> = RefCell::new(tree_sitter::Parser::new());
}

/// How often the second parser may ask whether to go on; a text that needs more of it is not one that an operator types.
const PATIENCE: u32 = 2_000;

/// How many here-documents and here-strings a text may hold: the second parser carries all of them along.
const MOST_DOCUMENTS: usize = 32;

/// How many functions and redirections a text may hold: the parsers look back at all of them each time.
const MOST_FUNCTIONS: usize = 128;
const MOST_REDIRECTIONS: usize = 400;

/// How deep constructs may stand in each other before the first parser, which backtracks, may see them.
const DEEPEST: usize = 10;

/// Parses a text with both; an error says why the result cannot be relied on.
pub(super) fn both(text: &str) -> Result<Program, &'static str> {
    if text.matches("<<").count() > MOST_DOCUMENTS {
        return Err("it holds more here-documents than anybody writes");
    }
    let brackets = text.matches("()").count();
    if brackets > MOST_FUNCTIONS || text.matches(['<', '>']).count() > MOST_REDIRECTIONS {
        return Err("it holds more functions or redirections than anybody writes");
    }
    let text = format!("{text}\n");
    let tree =
        second(&text).ok_or("it is not the shell's language as far as one parser knows it")?;
    if tree.root_node().has_error() {
        return Err("it is not the shell's language as far as one parser knows it");
    }
    let mut seen =
        heads::of_tree(&tree, &text, DEEPEST).ok_or("its parts stand too deep in each other")?;
    // The first parser goes deeper with each of these, and the second does not know them at all.
    if seen.iter().any(|head| head.text == "coproc") {
        return Err("a coprocess");
    }
    if overflows(&text) {
        return Err("it holds numbers that are no descriptors");
    }
    let program =
        first(&text).ok_or("it is not the shell's language as far as one parser knows it")?;
    let mut wanted = heads::of_program(&program);
    seen.sort();
    wanted.sort();
    if same(&seen, &wanted, &text) {
        Ok(program)
    } else {
        Err("two parsers of the shell's language see different commands in it")
    }
}

/// The second parser counts bytes, the first counts characters.
fn same(seen: &[Head], wanted: &[Head], text: &str) -> bool {
    if seen.len() != wanted.len() {
        return false;
    }
    let ascii = text.is_ascii();
    seen.iter().zip(wanted).all(|(one, other)| {
        one.text == other.text
            && (ascii && one.start == other.start
                || !ascii
                    && text.get(..one.start).map(|text| text.chars().count()) == Some(other.start))
    })
}

/// Parses with the first parser, whose panics are its own affair.
fn first(text: &str) -> Option<Program> {
    let parse = || Parser::new(text.as_bytes(), &ParserOptions::default()).parse_program();
    catch_unwind(AssertUnwindSafe(parse)).ok()?.ok()
}

/// Parses one word with the first parser.
pub(super) fn word(text: &str) -> Option<Vec<WordPieceWithSource>> {
    let parse = || brush_parser::word::parse(text, &ParserOptions::default());
    catch_unwind(AssertUnwindSafe(parse)).ok()?.ok()
}

/// Parses the lines of a here-document with the first parser.
pub(super) fn document(text: &str) -> Option<Vec<WordPieceWithSource>> {
    let parse = || brush_parser::word::parse_heredoc(text, &ParserOptions::default());
    catch_unwind(AssertUnwindSafe(parse)).ok()?.ok()
}

/// Whether it holds numbers that the first parser reads as descriptors or places on a stack without looking at their size.
fn overflows(text: &str) -> bool {
    let mut digits = 0;
    let mut after_tilde = false;
    for byte in text.bytes() {
        match byte {
            b'~' => (digits, after_tilde) = (0, true),
            b'+' | b'-' if after_tilde && digits == 0 => {}
            b'0'..=b'9' => digits += 1,
            b'<' | b'>' if digits > 9 => return true,
            _ => (digits, after_tilde) = (0, false),
        }
        if after_tilde && digits > 9 {
            return true;
        }
    }
    false
}

fn second(text: &str) -> Option<Tree> {
    SECOND.with_borrow_mut(|parser| {
        if parser.language().is_none() {
            parser
                .set_language(&tree_sitter_bash::LANGUAGE.into())
                .ok()?;
        }
        let mut asked = 0;
        // Once every way of reading it holds an error, none will lose it again.
        let mut go_on = |state: &tree_sitter::ParseState| {
            asked += 1;
            if asked > PATIENCE || state.has_error() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let options = ParseOptions::new().progress_callback(&mut go_on);
        let bytes = text.as_bytes();
        let tree = parser.parse_with_options(
            &mut |start, _| bytes.get(start..).unwrap_or_default(),
            None,
            Some(options),
        );
        if tree.is_none() {
            parser.reset();
        }
        tree
    })
}
