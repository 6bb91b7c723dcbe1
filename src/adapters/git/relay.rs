//! A port on this machine that leads to exactly one other host, for as long as one fetch takes.
//!
//! libgit2 waits for a silent server for ever, and its time limits can be set only through unsafe code. So it never connects by
//! itself: it speaks to this relay, and when the fetch's deadline passes the relay is dropped, its sockets close, and libgit2's thread ends
//! with an error. The relay also keeps redirects on the configured host, where the credentials belong.

use super::{
    address::{Remote, Scheme},
    refusal::Refusal,
};
use std::{convert::Infallible, io, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream, lookup_host},
    time::timeout,
};

/// How long one address of the host may take to answer, so that an unreachable one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(8);
/// The longest request head; libgit2's are a few hundred bytes.
const MAX_HEAD: usize = 16 * 1024;

/// See the module.
pub(super) struct Relay {
    listener: TcpListener,
    port: u16,
}

impl Relay {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Serves one connection after the other until it is dropped; libgit2 holds one at a time.
    pub(super) async fn serve(&self, remote: &Remote, refusal: &Refusal) -> Infallible {
        loop {
            let Ok((mut near, _)) = self.listener.accept().await else {
                // Out of file descriptors, say: others may give some back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if let Err(reason) = lead(&mut near, remote).await {
                refusal.note(reason);
            }
        }
    }
}

/// Leads one connection to the host, until either side ends it.
async fn lead(near: &mut TcpStream, remote: &Remote) -> Result<(), String> {
    let head = match remote.scheme {
        Scheme::Ssh => Vec::new(),
        Scheme::Http | Scheme::Https => read_head(near).await.unwrap_or_default(),
    };
    let first = match admit(&head, remote) {
        Ok(first) => first,
        Err(reason) => {
            answer(near, "403 Forbidden").await;
            return Err(reason);
        }
    };
    let mut far = match connect(remote).await {
        Ok(far) => far,
        Err(error) => {
            answer(near, "502 Bad Gateway").await;
            return Err(format!("connecting to {}: {error}", remote.authority()));
        }
    };
    match first {
        First::Pass(bytes) => far
            .write_all(bytes)
            .await
            .map_err(|error| error.to_string())?,
        First::Accept => near
            .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
            .await
            .map_err(|error| error.to_string())?,
    }
    // How it ended is libgit2's to judge by what it has read.
    let _ended = copy_bidirectional(near, &mut far).await;
    Ok(())
}

async fn answer(near: &mut TcpStream, status: &str) {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // It may be gone already; the reason is noted by the caller.
    let _written = near.write_all(text.as_bytes()).await;
}

/// Reads to the end of a request's head, or nothing if it never comes.
async fn read_head(near: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = near.read(&mut buffer).await?;
        if count == 0 || head.len() > MAX_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(head)
}

/// What happens before bytes flow both ways.
#[derive(Debug, PartialEq, Eq)]
enum First<'a> {
    /// These go to the host first.
    Pass(&'a [u8]),
    /// The near side is told that it is connected.
    Accept,
}

/// Whether a proxy request is for the one host.
fn admit<'a>(head: &'a [u8], remote: &Remote) -> Result<First<'a>, String> {
    let authority = remote.authority();
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    match remote.scheme {
        Scheme::Ssh => return Ok(First::Pass(head)),
        Scheme::Https if method == "CONNECT" && target == authority => return Ok(First::Accept),
        Scheme::Http if method != "CONNECT" => {
            let uri: http::Uri = target.parse().unwrap_or_default();
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            if host.eq_ignore_ascii_case(&remote.host)
                && uri.port_u16().unwrap_or(80) == remote.port
            {
                return Ok(First::Pass(head));
            }
        }
        Scheme::Http | Scheme::Https => {}
    }
    Err(format!(
        "{authority} redirects to another host (`{}`), which is not followed\nhint: configure the address it redirects to",
        target.escape_debug()
    ))
}

async fn connect(remote: &Remote) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((remote.host.as_str(), remote.port)).await? {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::{First, admit};
    use crate::adapters::git::address::{Address, Remote, parse};

    fn remote(text: &str) -> Remote {
        match parse(text).unwrap() {
            Address::Remote(remote) => remote,
            Address::Local(_) => panic!("local"),
        }
    }

    #[test]
    fn only_the_configured_host_is_reached() {
        let https = remote("https://h.example/a");
        let good = b"CONNECT h.example:443 HTTP/1.1\r\nHost: h.example\r\n\r\n";
        assert_eq!(admit(good, &https), Ok(First::Accept));
        let error = admit(b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n", &https).unwrap_err();
        assert!(
            error.contains("evil.example") && error.contains("hint:"),
            "{error}"
        );
        assert!(admit(b"GET http://h.example/a HTTP/1.1\r\n\r\n", &https).is_err());

        let http = remote("http://127.0.0.1:3000/a");
        let good = b"GET http://127.0.0.1:3000/a/info/refs HTTP/1.1\r\n\r\n";
        assert_eq!(admit(good, &http), Ok(First::Pass(good)));
        assert!(admit(b"GET http://127.0.0.1:3001/a HTTP/1.1\r\n\r\n", &http).is_err());
        assert!(admit(b"GET /a HTTP/1.1\r\n\r\n", &http).is_err());
    }
}
