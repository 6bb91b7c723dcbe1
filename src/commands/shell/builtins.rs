//! What the shell carries out itself, because it changes the shell.

use super::{super::word::Word, streams::Output, walk::Walker};

impl Walker<'_, '_> {
    /// A builtin; none if the name is not one, or one that is a program too.
    pub(super) fn builtin(&mut self, name: &str, words: &[Word]) -> Option<Output> {
        let arguments = words.get(1..).unwrap_or_default();
        let silent = Some(Output::Known(String::new()));
        if !matches!(name, "echo" | "printf" | "[" | "test")
            || arguments.first().and_then(Word::known) == Some("-v")
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
        self.state.folder = match (name, words.next()) {
            ("cd", None) => Some("~".to_owned()),
            ("cd" | "pushd", Some(Word::Known(path)))
                if path.starts_with(['/', '~'])
                    || self.state.folder.is_some() && !path.starts_with('-') =>
            {
                let folder = self.state.folder.clone();
                Some(
                    self.setting
                        .seeing(self.setting.files, folder)
                        .resolve(path),
                )
            }
            _ => None,
        };
    }

    /// Notes a builtin among the programs.
    pub(super) fn note(&mut self, words: &[Word]) {
        self.found
            .call(words.iter().map(|word| word.text().to_owned()).collect());
    }
}
