//! A real PostgreSQL of a test's own, in a folder that goes with it.

#![expect(
    clippy::disallowed_methods,
    reason = "the server is a process of its own"
)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A server that listens on a socket in its folder, and trusts who reaches that.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _best_effort = self
            .command("pg_ctl", &["stop", "-m", "immediate"])
            .output();
    }
}

impl Postgres {
    /// Nothing where its programs are not installed, which is said aloud.
    pub(crate) fn start() -> Option<Self> {
        let postgres = Self::made()?;
        postgres.listen("");
        Some(postgres)
    }

    /// The same, where everybody but `admin` needs a password.
    pub(crate) fn with_passwords() -> Option<Self> {
        let postgres = Self::made()?;
        postgres.ask_for_passwords("local");
        postgres.listen("");
        Some(postgres)
    }

    /// The same over TLS on this port of this host alone, with this certificate and key.
    pub(crate) fn with_tls(port: u16, certificate: &str, key: &str) -> Option<Self> {
        let postgres = Self::made()?;
        postgres.ask_for_passwords("hostssl");
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = postgres.folder.path().join("data").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if rustix::process::geteuid().is_root() {
                let data = fs::metadata(postgres.folder.path().join("data")).unwrap();
                std::os::unix::fs::chown(&path, Some(data.uid()), Some(data.gid())).unwrap();
            }
        }
        let tls = format!("-c ssl=on -c listen_addresses=127.0.0.1 -p {port}");
        postgres.listen(&tls);
        Some(postgres)
    }

    fn ask_for_passwords(&self, connection: &str) {
        let address = if connection == "local" {
            ""
        } else {
            "127.0.0.1/32"
        };
        let rules =
            format!("local all admin trust\n{connection} all all {address} scram-sha-256\n");
        fs::write(self.folder.path().join("data/pg_hba.conf"), rules).unwrap();
    }

    /// What it has written into its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn made() -> Option<Self> {
        let Some(programs) = programs() else {
            let aloud =
                b"!! LEFT OUT: the tests on a PostgreSQL, whose programs are not installed\n";
            std::io::stderr().write_all(aloud).unwrap();
            assert!(std::env::var("ORDERLY_CI").is_err(), "no PostgreSQL");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let postgres = Self { folder, programs };
        postgres.run(
            "initdb",
            &[
                "--auth=trust",
                "--username=admin",
                "--no-sync",
                "--encoding=UTF8",
            ],
        );
        Some(postgres)
    }

    fn listen(&self, more: &str) {
        let options = format!(
            "-c listen_addresses= -c fsync=off -k {} {more}",
            self.socket().display()
        );
        let log = self.folder.path().join("log");
        self.run(
            "pg_ctl",
            &[
                "start",
                "--wait",
                "--silent",
                "--log",
                log.to_str().unwrap(),
                "-o",
                &options,
            ],
        );
    }

    /// The folder of its socket, which programs take for a host.
    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }

    /// What a statement answers.
    pub(crate) fn query(&self, statement: &str) -> String {
        self.query_in("postgres", statement)
    }

    /// The same, in another database.
    pub(crate) fn query_in(&self, database: &str, statement: &str) -> String {
        let host = self.socket().to_str().unwrap();
        self.run(
            "psql",
            &[
                "-h", host, "-U", "admin", "-d", database, "-qtAc", statement,
            ],
        )
    }

    /// A session that takes statements from its input until that ends.
    pub(crate) fn session(&self, database: &str) -> Child {
        let host = self.socket().to_str().unwrap();
        let words = ["-h", host, "-U", "admin", "-d", database, "-qtA"];
        let mut psql = self.command("psql", &words);
        psql.stdin(Stdio::piped()).stdout(Stdio::null());
        psql.spawn().unwrap()
    }

    /// What a program of its says.
    pub(crate) fn run(&self, name: &str, words: &[&str]) -> String {
        let done = self.command(name, words).output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name} {words:?}: {errors}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// The server does not run as root.
    fn command(&self, name: &str, words: &[&str]) -> Command {
        let program = self.programs.join(name);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
            command.arg(program);
            command
        } else {
            Command::new(program)
        };
        command.env("PGDATA", self.folder.path().join("data"));
        command.current_dir(self.folder.path()).args(words);
        command
    }
}

/// The folder of its programs: Debian keeps them apart by version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let versions = versions.map(|version| version.unwrap().path().join("bin"));
    let others = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    versions
        .chain(others)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_dump").exists())
}
