//! What every command is given: the options that all share, the terminal, the clock, and ways to the configuration and the agent.

use crate::{
    cli::{
        client::Client,
        exit::CliError,
        terminal::{Colour, Output, Terminal},
        values::key_and_value,
    },
    config::{Flag, Inputs, Judges, Loaded, Origin, load},
    daemon::{address, state, wiring},
    domain::secret::SecretValue,
    ports::clock::Clock,
};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use url::{Host, Url};

/// Where a configuration file is looked for when none is named.
const USUAL_FILES: [&str; 2] = ["orderly.yaml", "/etc/orderly/orderly.yaml"];
/// The longest token file that is read, in bytes.
const LONGEST_TOKEN: u64 = 1024;

/// Options that every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Globals {
    /// Configuration file; ./orderly.yaml or /etc/orderly/orderly.yaml where none is named
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "FILE",
        env = "ORDERLY_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,
    /// Folder of the agent's state (`stateDir`)
    #[arg(long, global = true, hide_short_help = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Set any single setting; `orderly config` lists them
    #[arg(long, global = true,
        hide_short_help = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(super) set: Vec<(String, String)>,
    /// Address of the agent; where none is named, that of the one in the state folder, else `http.listen`
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "URL",
        env = "ORDERLY_SERVER",
        hide_env_values = true
    )]
    pub(super) server: Option<String>,
    /// File that holds the token; else ORDERLY_TOKEN, else, unless --server names an address, `admin.token` in the state folder
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        value_name = "FILE",
        env = "ORDERLY_TOKEN_FILE",
        hide_env_values = true
    )]
    pub(super) token_file: Option<PathBuf>,
    /// `text` for people, which is the default, or `json` for machines
    #[arg(
        long,
        short,
        global = true,
        hide_short_help = true,
        hide_possible_values = true,
        hide_default_value = true,
        value_enum,
        default_value_t,
        value_name = "FORM"
    )]
    pub(super) output: Output,
    /// When to use colour: `auto` (on a terminal, unless NO_COLOR is set), `always` or `never`
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        hide_possible_values = true,
        hide_default_value = true,
        value_enum,
        default_value_t,
        value_name = "WHEN"
    )]
    pub(super) color: Colour,
}

/// What every command is given.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) globals: Globals,
    pub(super) terminal: Terminal,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) environment: BTreeMap<String, String>,
    /// The clock on the wall of this place.
    pub(super) zone: TimeZone,
}

impl Context {
    pub(super) fn new(
        globals: Globals,
        terminal: Terminal,
        environment: BTreeMap<String, String>,
    ) -> Self {
        Self {
            globals,
            terminal,
            clock: wiring::clock(),
            environment,
            zone: TimeZone::system(),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A time as people read it: when, and how far away.
    pub(super) fn told(&self, at: Timestamp) -> String {
        crate::cli::times::relative(at, self.now())
    }

    /// The configuration file: the one that is named, else the first usual one that is there.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let usual = || {
            USUAL_FILES
                .map(PathBuf::from)
                .into_iter()
                .find(|path| path.is_file())
        };
        self.globals.config.clone().or_else(usual)
    }

    /// Whether the file was found rather than named.
    pub(super) fn file_was_found(&self) -> bool {
        self.globals.config.is_none()
    }

    /// All layers of the configuration; `flags` are the command's own.
    pub(super) fn inputs(&self, flags: Vec<Flag>) -> Inputs {
        let state_dir = self.globals.state_dir.as_ref().map(|path| Flag {
            flag: "--state-dir".to_owned(),
            path: "stateDir".to_owned(),
            value: path.display().to_string(),
        });
        let set = self.globals.set.iter().map(|(path, value)| Flag {
            flag: "--set".to_owned(),
            path: path.clone(),
            value: value.clone(),
        });
        Inputs {
            file: self.file(),
            environment: self.environment.clone(),
            flags: set.chain(state_dir).chain(flags).collect(),
            judges: Judges {
                examples: Some(crate::gate::examples::failed),
                actions: Some(wiring::actions),
            },
        }
    }

    /// The configuration.
    pub(super) fn config(&self) -> Result<Loaded, CliError> {
        Ok(load(&self.inputs(Vec::new()))?)
    }

    /// Where the configuration cannot be used: a context that goes by the state folder alone, and why. The folder is the one that is
    /// named, or that the file plainly names.
    ///
    /// # Errors
    /// The configuration's, where nothing names the folder, or where it is not the file that is wrong.
    pub(super) fn without_file(&self) -> Result<Option<(Self, CliError)>, CliError> {
        let Err(wrong) = self.config() else {
            return Ok(None);
        };
        let named = || self.globals.state_dir.clone();
        let variable = || self.environment.get("ORDERLY_STATE_DIR").map(PathBuf::from);
        let written = || {
            let text = std::fs::read_to_string(self.file()?).ok()?;
            state_dir_in(&text)
        };
        let Some(state) = named().or_else(variable).or_else(written) else {
            return Err(wrong);
        };
        let globals = Globals {
            config: Some(PathBuf::from("/dev/null")),
            state_dir: Some(state),
            ..self.globals.clone()
        };
        let context = Self {
            globals,
            clock: Arc::clone(&self.clock),
            environment: self.environment.clone(),
            zone: self.zone.clone(),
            terminal: self.terminal,
        };
        match context.config() {
            Ok(_) => Ok(Some((context, wrong))),
            Err(_) => Err(wrong),
        }
    }

    /// A way to the agent. The configuration is read only where it is needed.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        let loaded = match self.globals.server {
            Some(_) => self.config().ok(),
            None => Some(self.config()?),
        };
        let server = match (&self.globals.server, &loaded) {
            (Some(server), _) => read_server(server)?,
            (None, Some(loaded)) => read_server(&address_in(loaded)?)?,
            (None, None) => return Err(CliError::Internal("no server".to_owned())),
        };
        let state = loaded.as_ref().map(|it| it.config.state_dir.as_path());
        let token = self.token(state)?;
        let is_here = self.is_here(&server);
        if token.is_some() && server.scheme() == "http" && !is_here {
            self.terminal.say(&format!(
                "warning: the token goes to {} unencrypted",
                server.host_str().unwrap_or_default()
            ));
        }
        let mut client =
            Client::new(wiring::network(), server, token).for_somebody_at(self.terminal);
        let is_guessed = |state: &&Path| self.globals.server.is_none() && is_hidden(state);
        if let Some(state) = state.filter(is_guessed) {
            client = client.guessing(state);
        }
        Ok(client)
    }

    /// Whether the agent is on this host: nobody named another address than that of the configuration, or the address is a loopback one.
    fn is_here(&self, server: &Url) -> bool {
        self.globals.server.is_none() || is_loopback(server)
    }

    /// The token: the named file's, else `ORDERLY_TOKEN`, else the administrator's of the state folder. The last goes to the agent of that
    /// folder alone, and never to an address that somebody names: what answers there may be anybody, on this host, too.
    fn token(&self, state: Option<&Path>) -> Result<Option<SecretValue>, CliError> {
        if let Some(path) = &self.globals.token_file {
            return read_token(path).map(Some);
        }
        let variable = self
            .environment
            .get("ORDERLY_TOKEN")
            .map(|text| text.trim().to_owned());
        let token = variable.filter(|text| !text.is_empty()).or_else(|| {
            state
                .filter(|_| self.globals.server.is_none())
                .and_then(state::readable_admin_token)
        });
        Ok(token.map(SecretValue::new))
    }
}

/// The state folder that a file names, whatever else is wrong with it.
fn state_dir_in(text: &str) -> Option<PathBuf> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("stateDir:"))?;
    let value = line.split(" #").next()?.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| PathBuf::from(value))
}

fn read_token(path: &Path) -> Result<SecretValue, CliError> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text))
        .map_err(|source| CliError::Unreadable {
            doing: "reading the token in",
            path: path.to_owned(),
            source,
        })?;
    if text.trim().is_empty() {
        let text = format!("the token file {} is empty", path.display());
        return Err(CliError::Usage(text));
    }
    Ok(SecretValue::new(text.trim().to_owned()))
}

/// A file that belongs into the state folder.
pub(super) fn kept(
    state: &Path,
    name: &str,
    what: &str,
    way_out: &str,
) -> Result<PathBuf, CliError> {
    let path = state.join(name);
    let shown = path.display();
    let (why, hint) = match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => return Ok(path),
        Ok(_) => (format!("{shown} is not a file"), way_out),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (format!("there is no {what} at {shown}"), way_out)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => (
            format!("the {what} at {shown} cannot be looked at: {error}"),
            "the state folder is for the user alone that the agent runs as",
        ),
        Err(error) => (
            format!("the {what} at {shown} cannot be looked at: {error}"),
            way_out,
        ),
    };
    Err(CliError::Absent(format!("{why}\nhint: {hint}")))
}

/// Where the agent of a configuration is reached: as it says itself while it runs, unless a flag names another address.
fn address_in(loaded: &Loaded) -> Result<String, CliError> {
    let (state, listen) = (&loaded.config.state_dir, loaded.config.http.listen);
    let is_named = matches!(loaded.origin("http.listen"), Origin::Flag(_));
    let said = (!is_named).then(|| address::announced(state)).flatten();
    match said {
        Some(address) => Ok(address),
        None if listen.port() == 0 => Err(CliError::NotRunning {
            state: state.clone(),
        }),
        None => Ok(address::reachable(listen)),
    }
}

/// Whether somebody else's agent may live in this state folder, and this user may not look.
fn is_hidden(state: &Path) -> bool {
    let seen = std::fs::metadata(state.join("agent.address"));
    seen.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

fn read_server(text: &str) -> Result<Url, CliError> {
    let wrong = |why: &str| {
        CliError::Usage(format!(
            "`{text}` is not the address of an agent: {why}\nhint: write it as http://127.0.0.1:8080"
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a token belongs into ORDERLY_TOKEN or --token-file"));
    }
    Ok(url)
}

/// Whether the address is on this host.
fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, read_server, state_dir_in};
    use std::path::PathBuf;

    #[test]
    fn the_state_folder_is_read_out_of_a_file_that_is_no_yaml() {
        for text in [
            "stateDir: /srv/o",
            "a: [\nstateDir: \"/srv/o\" # here\n}:",
            "x\nstateDir:   '/srv/o'\n",
        ] {
            assert_eq!(state_dir_in(text), Some(PathBuf::from("/srv/o")), "{text}");
        }
        for text in ["", "# stateDir: /srv/o", "  stateDir: /srv/o", "stateDir:"] {
            assert_eq!(state_dir_in(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_must_be_one_and_hold_no_password() {
        for bad in ["", "127.0.0.1:8080", "ftp://x", "http://a:b@c"] {
            assert!(read_server(bad).is_err(), "{bad}");
        }
        assert!(is_loopback(&read_server("http://localhost:1").unwrap()));
        assert!(is_loopback(&read_server("http://[::1]:1").unwrap()));
        assert!(!is_loopback(
            &read_server("https://localhost.evil.example").unwrap()
        ));
    }
}
