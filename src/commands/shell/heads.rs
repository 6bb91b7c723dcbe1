//! The commands that a parser sees: where each begins, and its first word. What stands inside `$(…)` is not listed here; it is a text of
//! its own, parsed by both in its turn.

use brush_parser::ast::{
    Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
    IoFileRedirectTarget, IoRedirect, Pipeline, Program, RedirectList, SimpleCommand,
    SourceLocation, Word,
};
use tree_sitter::{Node, Tree};

/// Where a command begins and its first word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) start: usize,
    pub(super) text: String,
}

/// The commands of a tree; none where its parts stand deeper in each other than this.
pub(super) fn of_tree(tree: &Tree, text: &str, deepest: usize) -> Option<Vec<Head>> {
    let mut heads = Vec::new();
    let mut cursor = tree.walk();
    // How deep the constructs stand, and how many command substitutions are among them.
    let (mut depth, mut hidden) = (0_usize, 0_usize);
    loop {
        let node = cursor.node();
        if hidden == 0
            && let Some(first) = head(node)
        {
            heads.push(Head {
                start: first.start_byte(),
                text: text
                    .get(first.byte_range())
                    .unwrap_or_default()
                    .replace("\\\n", ""),
            });
        }
        if depth + nests(node.kind()) > deepest {
            return None;
        }
        if cursor.goto_first_child() {
            depth += nests(node.kind());
            hidden += usize::from(node.kind() == "command_substitution");
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(heads);
            }
            let parent = cursor.node().kind();
            depth -= nests(parent);
            hidden -= usize::from(parent == "command_substitution");
        }
    }
}

/// How much a node adds to the depth. The other parser reads a branch of `case` twice at each level.
fn nests(kind: &str) -> usize {
    match kind {
        "case_statement" => 2,
        "subshell"
        | "compound_statement"
        | "if_statement"
        | "while_statement"
        | "for_statement"
        | "c_style_for_statement"
        | "function_definition"
        | "command_substitution"
        | "process_substitution"
        | "expansion"
        | "arithmetic_expansion"
        | "parenthesized_expression"
        | "unary_expression"
        | "negated_command"
        | "subscript" => 1,
        _ => 0,
    }
}

/// The node that is the first word of the command that this node is.
fn head(node: Node<'_>) -> Option<Node<'_>> {
    match node.kind() {
        "command" => node.child_by_field_name("name"),
        "declaration_command" | "unset_command" | "test_command" => node.child(0),
        "compound_statement" => node.child(0).filter(|first| first.kind() == "(("),
        _ => None,
    }
}

/// The commands of a program.
pub(super) fn of_program(program: &Program) -> Vec<Head> {
    let mut heads = Heads(Vec::new());
    for list in &program.complete_commands {
        heads.list(list);
    }
    heads.0
}

struct Heads(Vec<Head>);

impl Heads {
    fn list(&mut self, list: &CompoundList) {
        for item in &list.0 {
            for (_, pipeline) in &item.0 {
                self.pipeline(pipeline);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        // The second parser knows no `time`: for it, that is a program, and what is timed are its words.
        let timed = pipeline.timed.as_ref().and_then(SourceLocation::location);
        if let Some(timed) = &timed {
            self.push(timed.start.index, "time");
        }
        for (place, command) in pipeline.seq.iter().enumerate() {
            self.command(command, timed.is_some() && place == 0);
        }
    }

    fn push(&mut self, start: usize, text: &str) {
        self.0.push(Head {
            start,
            text: text.replace("\\\n", ""),
        });
    }

    fn command(&mut self, command: &Command, headless: bool) {
        match command {
            Command::Simple(simple) => self.simple(simple, headless),
            Command::Compound(compound, redirects) => {
                self.compound(compound);
                self.redirects(redirects.as_ref());
            }
            Command::Function(function) => {
                self.compound(&function.body.0);
                self.redirects(function.body.1.as_ref());
            }
            Command::ExtendedTest(test, redirects) => {
                self.push(test.loc.start.index, "[[");
                self.redirects(redirects.as_ref());
            }
        }
    }

    fn simple(&mut self, simple: &SimpleCommand, headless: bool) {
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item);
        }
        if let Some(Word {
            value,
            loc: Some(place),
        }) = &simple.word_or_name
            && !headless
        {
            self.push(place.start.index, value);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::ProcessSubstitution(_, subshell) => self.list(&subshell.list),
            Item::IoRedirect(redirect) => self.redirect(redirect),
            Item::Word(_) | Item::AssignmentWord(..) => {}
        }
    }

    fn redirects(&mut self, redirects: Option<&RedirectList>) {
        for redirect in redirects.iter().flat_map(|list| &list.0) {
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &IoRedirect) {
        if let IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, subshell)) =
            redirect
        {
            self.list(&subshell.list);
        }
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => {
                self.push(arithmetic.loc.start.index, "((");
            }
            CompoundCommand::ArithmeticForClause(clause) => self.list(&clause.body.list),
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list),
            CompoundCommand::ForClause(clause) => self.list(&clause.body.list),
            CompoundCommand::CaseClause(clause) => {
                for list in clause.cases.iter().filter_map(|case| case.cmd.as_ref()) {
                    self.list(list);
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition);
                self.list(&clause.then);
                for part in clause.elses.iter().flatten() {
                    if let Some(condition) = &part.condition {
                        self.list(condition);
                    }
                    self.list(&part.body);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0);
                self.list(&clause.1.list);
            }
            CompoundCommand::Coprocess(coprocess) => self.command(&coprocess.body, false),
        }
    }
}
