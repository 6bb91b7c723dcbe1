//! Whether an agent runs with this state folder, and whether the port is as that wants it.

use crate::{
    cli::client::{Address, Client},
    config::Config,
    daemon::{address, wiring},
    history::holder_of,
};
use std::{io::ErrorKind, net::TcpListener};

use super::Finding;

/// The history's lock says whether an agent runs, its address whether it answers. The port alone would say neither: an agent may listen
/// on another one than the configuration names now, and somebody else on this one.
pub(super) async fn agent(config: &Config) -> Vec<Finding> {
    let name = "agent";
    let said = address::announced(&config.state_dir);
    let finding = match (holder_of(&config.state_dir.join("history.db")), &said) {
        (Err(error), _) => Finding::error(name, &error),
        (Ok(None), _) => Finding::ok(name, "none runs with this state folder"),
        (Ok(Some(process)), Some(address)) => answering(&process, address).await,
        (Ok(Some(process)), None) => Finding::warn(
            name,
            format!(
                "process {process} holds the history, and tells no address\nhint: an agent that starts or stops does so for a moment, and `orderly db` while it works"
            ),
        ),
    };
    vec![finding, port(config, said.as_deref())]
}

async fn answering(process: &str, address: &str) -> Finding {
    let name = "agent";
    let server = match url::Url::parse(address) {
        Ok(server) => server,
        Err(error) => return Finding::fail(name, error.to_string()),
    };
    let client = Client::new(wiring::network(), server, None);
    match client.get(&Address::root("healthz")).await {
        Ok(_) => Finding::ok(
            name,
            format!("process {process} runs with this state folder and answers at {address}"),
        ),
        Err(error) => {
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            Finding::fail(
                name,
                format!(
                    "process {process} runs with this state folder, and is not well: {said}\nhint: its log says more; the service manager can start it again"
                ),
            )
        }
    }
}

/// Whether an agent can listen where the configuration says, or does.
fn port(config: &Config, said: Option<&str>) -> Finding {
    let (name, listen) = ("http", config.http.listen);
    if said == Some(address::reachable(listen).as_str()) {
        return Finding::ok(name, format!("the agent listens on {listen}"));
    }
    match TcpListener::bind(listen) {
        Ok(_free) => Finding::ok(name, format!("{listen} can be listened on")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::fail(
            name,
            format!(
                "{listen} is taken, and not by an agent with this state folder\nhint: stop what listens there, or name another address with `http.listen`"
            ),
        ),
        Err(error) => Finding::fail(
            name,
            format!(
                "{listen} cannot be listened on: {error}\nhint: `http.listen` names another address"
            ),
        ),
    }
}
