//! The agent's binary as helper, which a hidden subcommand asks for: it sets limits and user for itself, asks to be killed when the
//! agent dies, then becomes the program.
//!
//! It gets its [`Orders`] as its first argument and the program's words after it. The program's environment comes with each name
//! prefixed, so that nothing in it (`LD_PRELOAD`) acts on the helper while it may still be root.

use crate::{
    adapters::process::{pipelines, user::User},
    ports::processes::Limits,
};
use rustix::{
    process::{
        Gid, Resource, Rlimit, Signal, Uid, getppid, set_parent_process_death_signal, setrlimit,
    },
    thread::{set_thread_gid, set_thread_groups, set_thread_uid},
};
use serde::{Deserialize, Serialize};
use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    path::PathBuf,
    process::ExitCode,
};

/// The hidden subcommand.
pub(super) const SUBCOMMAND: &str = "__exec";
/// Before each name of the program's environment.
pub(super) const PREFIX: &str = "ORDERLY_EXEC_";
/// How the helper ends when it did not become the program.
pub(super) const FAILED: i32 = 125;

/// What the helper does before it becomes the program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Opens the line by which the helper says why it failed; the program cannot know it.
    pub(super) nonce: String,
    pub(super) user: Option<User>,
    pub(super) memory: Option<u64>,
    pub(super) cpu_seconds: Option<u64>,
    pub(super) open_files: Option<u64>,
    /// The agent.
    pub(super) parent: u32,
    /// The file to become.
    pub(super) file: PathBuf,
}

impl Orders {
    pub(super) fn limited(
        nonce: String,
        limits: Limits,
        user: Option<User>,
        file: PathBuf,
    ) -> Self {
        Self {
            nonce,
            user,
            memory: limits.memory,
            cpu_seconds: limits.cpu_seconds,
            open_files: limits.open_files,
            parent: std::process::id(),
            file,
        }
    }
}

/// Where this process was started as a helper, it becomes the program; the code with which to exit where that failed. `None` where
/// it was not. To be asked before anything else, while the process has one thread.
pub fn become_program() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let subcommand = arguments.next()?;
    if subcommand == SUBCOMMAND {
        return Some(main(arguments));
    }
    (subcommand == pipelines::SUBCOMMAND).then(|| pipelines::main(arguments))
}

fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let orders = arguments.next().unwrap_or_default();
    let (nonce, reason) = match serde_json::from_slice::<Orders>(orders.as_bytes()) {
        Ok(orders) => {
            let reason = obey(&orders, arguments);
            (orders.nonce, reason)
        }
        Err(error) => ("orderly".to_owned(), error.to_string()),
    };
    // There is nobody else to tell.
    let _told = writeln!(std::io::stderr(), "{nonce}: {reason}");
    ExitCode::from(u8::try_from(FAILED).unwrap_or(1))
}

/// Returns why it could not become the program.
fn obey(orders: &Orders, words: impl Iterator<Item = OsString>) -> String {
    let obeyed = limit(orders)
        .and_then(|()| switch(orders.user.as_ref()))
        .and_then(|()| die_with(orders.parent));
    match obeyed {
        Ok(()) => execute(orders, words).to_string(),
        Err(error) => error,
    }
}

/// Asks the kernel for SIGKILL at the agent's end. Last: a change of the user takes it back (PR_SET_PDEATHSIG(2const)). The kernel
/// counts the end of the thread that started us as the agent's; the runtime's threads live as long as it does.
fn die_with(parent: u32) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("the agent's end cannot be watched: {error}"))?;
    let now = getppid().map(|parent| parent.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) {
        Ok(())
    } else {
        Err("the agent has ended already".to_owned())
    }
}

fn limit(orders: &Orders) -> Result<(), String> {
    let limits = [
        ("memory", Resource::As, orders.memory),
        ("cpu", Resource::Cpu, orders.cpu_seconds),
        ("openFiles", Resource::Nofile, orders.open_files),
    ];
    for (name, resource, limit) in limits {
        if limit.is_some() {
            let limit = Rlimit {
                current: limit,
                maximum: limit,
            };
            setrlimit(resource, limit)
                .map_err(|error| format!("the limit `{name}` cannot be set: {error}"))?;
        }
    }
    Ok(())
}

/// Groups first: afterwards the right to change them is gone.
fn switch(user: Option<&User>) -> Result<(), String> {
    let Some(user) = user else {
        return Ok(());
    };
    let groups: Vec<_> = user.groups.iter().copied().map(Gid::from_raw).collect();
    let switched = set_thread_groups(&groups)
        .and_then(|()| set_thread_gid(Gid::from_raw(user.gid)))
        .and_then(|()| set_thread_uid(Uid::from_raw(user.uid)));
    switched.map_err(|error| {
        format!(
            "the user cannot be switched to {}:{}: {error}\nhint: only an agent that runs as root may run programs as other users",
            user.uid, user.gid
        )
    })
}

/// Only returns on failure.
fn execute(orders: &Orders, mut words: impl Iterator<Item = OsString>) -> std::io::Error {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.as_bytes().strip_prefix(PREFIX.as_bytes())?;
        Some((OsStr::from_bytes(name).to_owned(), value))
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the room that starts processes"
    )]
    let mut command = std::process::Command::new(&orders.file);
    command
        .arg0(words.next().unwrap_or_default())
        .args(words)
        .env_clear()
        .envs(environment)
        .exec()
}
