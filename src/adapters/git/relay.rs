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
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional},
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
    if remote.scheme == Scheme::Https
        && let Err(reason) = admit(&head, remote)
    {
        answer(near, "403 Forbidden").await;
        return Err(reason);
    }
    let mut far = match connect(remote).await {
        Ok(far) => far,
        Err(error) => {
            answer(near, "502 Bad Gateway").await;
            return Err(format!("connecting to {}: {error}", remote.authority()));
        }
    };
    match remote.scheme {
        Scheme::Ssh => {}
        Scheme::Https => answer(near, "200 Connected").await,
        Scheme::Http => exchange(near, &mut far, &head, remote).await?,
    }
    // How it ended is libgit2's to judge by what it has read.
    let _ended = copy_bidirectional(near, &mut far).await;
    Ok(())
}

/// Sends a request's head on under the host's own name, and looks at the head of what comes back.
async fn exchange(
    near: &mut TcpStream,
    far: &mut TcpStream,
    head: &[u8],
    remote: &Remote,
) -> Result<(), String> {
    let sent = far.write_all(&renamed(head, remote)).await;
    sent.map_err(|error| format!("{}: {error}", remote.authority()))?;
    let answered = {
        let (mut near_in, _) = near.split();
        let (mut far_in, mut far_out) = far.split();
        tokio::select! {
            biased;
            answered = read_head(&mut far_in) => answered,
            // The body goes on meanwhile; it may be longer than what fits between here and there.
            Err(error) = copy(&mut near_in, &mut far_out) => Err(error),
        }
    };
    let Ok(answered) = answered else {
        return Err(format!(
            "{} ended the connection without an answer",
            remote.authority()
        ));
    };
    if let Some(target) = redirect(&answered) {
        answer(near, "502 Bad Gateway").await;
        return Err(redirected(remote, &target));
    }
    let passed = near.write_all(&answered).await;
    passed.map_err(|error| error.to_string())
}

async fn answer(near: &mut TcpStream, status: &str) {
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    // It may be gone already; the reason is noted by the caller.
    let _written = near.write_all(text.as_bytes()).await;
}

/// Reads to the end of a head, with what may follow it, or fails if the end never comes.
async fn read_head(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = from.read(&mut buffer).await?;
        if count == 0 || head.len() > MAX_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(head)
}

/// Whether a proxy request is for the one host.
fn admit(head: &[u8], remote: &Remote) -> Result<(), String> {
    let line = first_line(head);
    let target = line.split(' ').nth(1).unwrap_or_default();
    if line.starts_with("CONNECT ") && target.eq_ignore_ascii_case(&remote.authority()) {
        return Ok(());
    }
    Err(redirected(remote, target))
}

/// A request's head with the host's own name, for one request on this connection.
fn renamed(head: &[u8], remote: &Remote) -> Vec<u8> {
    let at = head.windows(4).position(|four| four == b"\r\n\r\n");
    let (lines, body) = head
        .split_at_checked(at.unwrap_or(head.len()))
        .unwrap_or_default();
    let mut renamed = Vec::with_capacity(head.len() + 64);
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if !name.eq_ignore_ascii_case(b"host") && !name.eq_ignore_ascii_case(b"connection") {
            renamed.extend_from_slice(line);
            renamed.extend_from_slice(b"\r\n");
        }
    }
    let host = format!("Host: {}\r\nConnection: close", remote.authority());
    renamed.extend_from_slice(host.as_bytes());
    renamed.extend_from_slice(body);
    renamed
}

/// Where an answer sends people, if it does.
fn redirect(head: &[u8]) -> Option<String> {
    let line = first_line(head);
    let status = line.split(' ').nth(1).unwrap_or_default();
    status.starts_with('3').then(|| {
        let text = String::from_utf8_lossy(head);
        let location = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location")
                .then(|| value.trim().to_owned())
        });
        location.unwrap_or_default()
    })
}

fn redirected(remote: &Remote, target: &str) -> String {
    let shown: String = target.chars().take(200).collect();
    format!(
        "{} redirects to `{}`, which is not followed\nhint: configure the address it redirects to",
        remote.authority(),
        shown.escape_debug()
    )
}

fn first_line(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
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
    use super::{admit, redirect, renamed};
    use crate::adapters::git::address::{Address, Remote, parse};

    fn remote(text: &str) -> Remote {
        match parse(text).unwrap() {
            Address::Remote(remote) => remote,
            Address::Local(_) => panic!("local"),
        }
    }

    #[test]
    fn only_the_configured_host_is_reached() {
        let remote = remote("https://h.example/a");
        let request = |target: &str| format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(admit(request("h.example:443").as_bytes(), &remote), Ok(()));
        let error = admit(request("evil.example:443").as_bytes(), &remote).unwrap_err();
        assert!(
            error.contains("evil.example") && error.contains("hint:"),
            "{error}"
        );
        assert!(admit(request("h.example:22").as_bytes(), &remote).is_err());
        assert!(admit(b"GET http://h.example/a HTTP/1.1\r\n\r\n", &remote).is_err());
        assert!(admit(b"", &remote).is_err());
    }

    #[test]
    fn a_plain_request_carries_the_hosts_own_name() {
        let remote = remote("http://h.example:3000/a");
        let request = b"POST /a HTTP/1.1\r\nhost: 127.0.0.1:9\r\nAccept: */*\r\n\r\nHost: body";
        let renamed = String::from_utf8(renamed(request, &remote)).unwrap();
        assert_eq!(
            renamed,
            "POST /a HTTP/1.1\r\nAccept: */*\r\nHost: h.example:3000\r\nConnection: close\r\n\r\nHost: body"
        );
    }

    #[test]
    fn a_redirect_is_seen_in_an_answer() {
        let answer = b"HTTP/1.1 302 Found\r\nlocation: https://other/a\r\n\r\n";
        assert_eq!(redirect(answer).as_deref(), Some("https://other/a"));
        assert_eq!(redirect(b"HTTP/1.1 200 OK\r\n\r\n"), None);
    }
}
