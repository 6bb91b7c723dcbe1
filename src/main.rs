//! `orderly`: hands over to the command line and returns its exit code, unless it was started to become another program.

fn main() -> std::process::ExitCode {
    orderly::daemon::become_program().unwrap_or_else(orderly::cli::main)
}
