//! What the shell carries out itself, because it changes the shell.

use super::{super::word::Word, streams::Output, walk::Walker};

/// Builtins that calculate with what they are given, or take it for the name of a variable.
const CALCULATING: [&str; 19] = [
    "break",
    "compgen",
    "complete",
    "continue",
    "declare",
    "exit",
    "export",
    "getopts",
    "let",
    "local",
    "mapfile",
    "read",
    "readarray",
    "readonly",
    "return",
    "shift",
    "typeset",
    "unset",
    "wait",
];

impl Walker<'_, '_> {
    /// A builtin; none if the name is not one, or one that is a program too.
    pub(super) fn builtin(&mut self, name: &str, words: &[Word]) -> Option<Output> {
        let arguments = words.get(1..).unwrap_or_default();
        let silent = Some(Output::Known(String::new()));
        let tests = matches!(name, "printf" | "[" | "test");
        if CALCULATING.contains(&name)
            || tests && arguments.iter().any(|word| word.text().starts_with("-v"))
        {
            for word in arguments {
                self.subscript(word.text());
            }
        }
        match name {
            "cd" | "pushd" | "popd" => {
                self.enters(name, arguments);
                self.state.forget("PWD");
                self.state.forget("OLDPWD");
                self.note(words);
                silent
            }
            "bg" | "break" | "bind" | "caller" | "complete" | "compgen" | "compopt"
            | "continue" | "dirs" | "disown" | "exit" | "fg" | "help" | "jobs" | "logout"
            | "return" | "shopt" | "suspend" | "times" | "type" | "ulimit" | "umask" | "wait" => {
                if name == "bind" && !arguments.is_empty() {
                    self.found.opaque("`bind` may run commands");
                }
                if matches!(name, "break" | "continue" | "return") {
                    self.leave(name == "return" || !arguments.is_empty());
                }
                self.note(words);
                Some(Output::Unknown)
            }
            "read" | "mapfile" | "readarray" | "getopts" => {
                self.reads(name, words);
                silent
            }
            "let" => {
                for word in arguments {
                    self.calculation(word.text());
                }
                silent
            }
            "unset" => {
                self.unset(arguments);
                silent
            }
            "set" => {
                self.set_words(words);
                silent
            }
            "shift" => {
                self.shift(arguments);
                silent
            }
            "eval" => Some(self.eval(arguments)),
            "source" | "." => Some(self.source(words)),
            "trap" => {
                self.trap(words);
                silent
            }
            "alias" => Some(self.aliases(words)),
            "unalias" => silent,
            "exec" => Some(self.exec(words)),
            "command" => Some(self.without_functions(words)),
            "builtin" => Some(self.only_builtin(words)),
            "enable" | "hash" => {
                self.renames(name, words);
                Some(Output::Unknown)
            }
            "history" | "fc" => {
                self.history(name, words);
                Some(Output::Unknown)
            }
            "printf" => {
                self.printf(arguments);
                None
            }
            _ => None,
        }
    }

    /// `cd folder`
    fn enters(&mut self, name: &str, arguments: &[Word]) {
        let mut words = arguments
            .iter()
            .filter(|word| !matches!(word.known(), Some("--" | "-L" | "-P" | "-e" | "-@")));
        self.state.moved = true;
        let path = match (name, words.next()) {
            ("cd", None) => self.home("").map(|()| "~".to_owned()),
            ("cd" | "pushd", Some(word)) => self.target(word),
            _ => None,
        };
        self.state.folder.enter(path.as_deref());
    }

    /// Where a `cd` to this word leads, if it is known.
    fn target(&self, word: &Word) -> Option<String> {
        let text = match word {
            Word::Known(text) => text.clone(),
            Word::Unknown(text) => {
                let home = ["$HOME", "${HOME}"];
                let rest = home.iter().find_map(|name| text.strip_prefix(name))?;
                format!("~{rest}")
            }
            Word::Glob(_) => return None,
        };
        let plain = |text: &str| !text.contains(['$', '`', '*', '?', '[']);
        if text.starts_with('/') {
            return Some(text);
        }
        if let Some(rest) = text.strip_prefix('~') {
            return self.home(rest).filter(|()| plain(rest)).map(|()| text);
        }
        // `CDPATH` names other folders that they are looked for in.
        let elsewhere =
            self.state.variable("CDPATH").is_some() && !text.starts_with("./") && text != ".";
        let unknown = text.is_empty() || text.starts_with(['-', '+']);
        (!elsewhere && !unknown).then_some(text)
    }

    /// Whether `~` is the home folder itself, and this a path inside it.
    fn home(&self, rest: &str) -> Option<()> {
        let own = rest.is_empty() || rest.starts_with('/');
        let climbs = rest.split('/').any(|part| part == "..");
        (own && !climbs && self.state.variable("HOME").is_none()).then_some(())
    }

    /// Notes a builtin among the programs.
    pub(super) fn note(&mut self, words: &[Word]) {
        self.found
            .call(words.iter().map(|word| word.text().to_owned()).collect());
    }
}
