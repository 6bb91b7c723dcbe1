//! `orderly`: hands over to the command line and returns its exit code, unless it was started to become another program.

/// An agent lives long, and each load of runbooks leaves much to be reused: this one gives it back, and leaves few holes.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    orderly::daemon::become_program().unwrap_or_else(orderly::cli::main)
}
