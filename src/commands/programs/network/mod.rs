//! The network: asking other hosts, sending to them, tunnels, and the host's own links, addresses and routes.

mod aims;
mod curl;
mod grpc;
mod http;
mod ip;
mod links;
mod mail;
mod servers;
mod sockets;
mod tools;
mod traffic;
mod url;
mod wget;

use super::Grammar;

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "curl" => curl::curl,
        "wget" | "wget2" => wget::wget,
        "http" | "https" | "xh" | "xhs" => http::httpie,
        "ip" => ip::ip,
        "nc" | "ncat" | "netcat" | "nc.traditional" | "nc.openbsd" => sockets::netcat,
        "socat" => sockets::socat,
        "telnet" => sockets::telnet,
        "websocat" | "wscat" => sockets::websocket,
        "grpcurl" => grpc::grpcurl,
        "grpc_health_probe" => grpc::probe,
        "mail" | "mailx" | "s-nail" | "mutt" | "sendmail" | "msmtp" | "ssmtp" | "swaks" => {
            mail::mail
        }
        program => return tools::grammar(program),
    })
}
