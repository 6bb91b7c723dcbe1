//! `orderly schema`.

use crate::{
    actions::framework::markdown,
    cli::{
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    daemon::wiring,
    ports::executor::ActionCatalogue as _,
    runbooks::schemas,
};
use std::path::{Path, PathBuf};

/// Print the JSON Schema of runbooks, or the documentation of actions
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Of what; `all` is one schema for every kind and every action, the one for editors
    #[arg(value_enum, default_value_t)]
    what: What,
    /// Write files into this folder instead: every schema for `all`
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum What {
    /// Every kind, with the inputs of every action
    #[default]
    All,
    /// `kind: Runbook`
    Runbook,
    /// `kind: Environment`
    Environment,
    /// `kind: Calendar`
    Calendar,
    /// `kind: Policy`
    Policy,
    /// Every action's inputs and outputs, as Markdown
    Actions,
}

impl What {
    /// The file it is written to.
    fn file(self) -> &'static str {
        match self {
            Self::All => "orderly.schema.json",
            Self::Runbook => "runbook.schema.json",
            Self::Environment => "environment.schema.json",
            Self::Calendar => "calendar.schema.json",
            Self::Policy => "policy.schema.json",
            Self::Actions => "actions.md",
        }
    }
}

const LONG: &str = "\
Print the JSON Schema (draft 2020-12) of runbooks, environments, calendars and policies, made from the types that read them; or the \
documentation of actions as Markdown. Editors with yaml-language-server take the schema from a first line as

  # yaml-language-server: $schema=../schemas/orderly.schema.json

Example:
  orderly schema runbook
  orderly schema --write schemas
  orderly schema actions > docs/actions.md";

/// Prints or writes schemas.
pub(in crate::cli) fn schema(arguments: &Arguments, context: &Context) -> Answer {
    let files = files(arguments.what);
    if let Some(folder) = &arguments.write {
        write(context, folder, &files)?;
        return Ok(Exit::Done);
    }
    let wanted = arguments.what.file();
    let found = files.iter().find(|(name, _)| *name == wanted);
    let (_, text) = found.ok_or_else(|| CliError::Internal(format!("there is no {wanted}")))?;
    context.terminal.data(text)?;
    Ok(Exit::Done)
}

fn files(what: What) -> Vec<(&'static str, String)> {
    let catalogue = wiring::catalogue();
    if what == What::Actions {
        return vec![(what.file(), markdown(catalogue.specs()))];
    }
    let mut files = schemas(&catalogue);
    files.retain(|(name, _)| what == What::All || *name == what.file());
    files
}

fn write(context: &Context, folder: &Path, files: &[(&str, String)]) -> Result<(), CliError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| CliError::File {
            doing: "writing",
            path,
            source,
        }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(failed(&path))?;
        context.terminal.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
