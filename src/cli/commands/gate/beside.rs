//! What stands beside a runbook in its repository and decides with it: environments and policies, and the runbooks that it runs.

use crate::{
    cli::{
        commands::validate::find::{Found, find},
        context::Context,
        exit::CliError,
    },
    daemon::wiring,
    domain::active::ActiveSet,
    http::visible,
    runbooks::{FileContent, Loader, Problem, Severity},
};
use std::path::{Path, PathBuf};

/// Where a runbook lies.
pub(in crate::cli::commands) struct Around {
    /// The repository's top; where there is none, the file's own folder.
    pub(in crate::cli::commands) top: PathBuf,
    /// The folder that the agent would follow.
    pub(in crate::cli::commands) followed: PathBuf,
}

/// Looks around a file. Followed is what the configuration names, if the file lies there; else the file's own folder: what lies elsewhere
/// in the repository is no agent's.
pub(in crate::cli::commands) fn around(file: &Path, followed: &str) -> Around {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let own = whole.parent().unwrap_or(Path::new("/")).to_owned();
    let mut folders = own.ancestors();
    let top = folders.find(|folder| folder.join(".git").exists());
    let top = top.map_or_else(|| own.clone(), Path::to_owned);
    let named = top.join(followed.trim_matches('/'));
    Around {
        followed: if own.starts_with(&named) { named } else { own },
        top,
    }
}

/// Its environments, calendars, policies and runbooks. A file with errors is told and not used, as the agent would keep what it had before.
pub(super) fn set(root: &Path, context: &Context) -> Result<ActiveSet, CliError> {
    let catalogue = wiring::catalogue();
    let loader = Loader::new(&catalogue);
    let Found { files, .. } = find(&[root.to_owned()])?;
    let mut documents = Vec::new();
    for (path, kind) in files {
        let FileContent::Whole(bytes) = kind.read(&path) else {
            continue;
        };
        let loaded = loader.load(&path.to_string_lossy(), &bytes);
        if let Some(problem) = loaded.problems.iter().find(|problem| is_error(problem)) {
            let (line, column) = (problem.line, problem.column);
            let text = format!(
                "warning: {}:{line}:{column}: {}; what it says beside is not considered",
                path.display(),
                problem.what
            );
            context.terminal.say(&visible::line(&text));
        }
        documents.extend(loaded.documents.into_iter().map(|document| document.value));
    }
    Ok(ActiveSet::of_documents(documents))
}

/// Whether a problem keeps a document from being used.
pub(in crate::cli::commands) fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}
