//! `orderly completions`.

use crate::cli::{
    arguments::whole,
    context::Context,
    exit::{Answer, Exit},
};
use clap_complete::Shell;

/// Print a script that completes orderly's command line in a shell
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Which shell
    shell: Shell,
}

const LONG: &str = "\
Print a script that completes orderly's command line in a shell: commands, flags, and the words that flags take.

Example:
  orderly completions bash > ~/.local/share/bash-completion/completions/orderly
  orderly completions zsh > ~/.zfunc/_orderly
  orderly completions fish > ~/.config/fish/completions/orderly.fish";

/// Prints the script.
pub(in crate::cli) fn completions(arguments: &Arguments, context: &Context) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut whole(), "orderly", &mut script);
    context.terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
