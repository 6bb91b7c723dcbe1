//! A port on this machine that leads to exactly one other host, for as long as one fetch takes.
//!
//! libgit2 never connects by itself. It waits for a silent server for ever, its time limits can be set only through unsafe code, and
//! its own way through a proxy uses freed memory when TLS fails (1.9). So it speaks to this relay, in the clear; TLS is done here. When
//! the fetch's deadline passes, the relay is dropped, its sockets close, and libgit2's thread ends with an error. Redirects are not
//! followed: credentials belong to the configured host.

use super::{
    address::{Remote, Scheme},
    refusal::Refusal,
};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split},
    net::{TcpListener, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls};

/// How long one address of the host may take to answer, so that an unreachable one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(8);
/// The longest head of a request or an answer.
const MAX_HEAD: usize = 64 * 1024;

/// See the module.
pub(super) struct Relay {
    listener: TcpListener,
    port: u16,
}

/// A connection to the host.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

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
    pub(super) async fn serve(
        &self,
        remote: &Remote,
        trust: Option<&TlsConnector>,
        refusal: &Refusal,
    ) -> Infallible {
        loop {
            let Ok((mut near, _)) = self.listener.accept().await else {
                // Out of file descriptors, say: others may give some back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if let Err(reason) = lead(&mut near, remote, trust).await {
                refusal.note(reason);
                answer(&mut near, remote, "502 Bad Gateway").await;
            }
        }
    }
}

/// Leads one connection to the host, until either side ends it.
async fn lead(
    near: &mut TcpStream,
    remote: &Remote,
    trust: Option<&TlsConnector>,
) -> Result<(), String> {
    let authority = remote.authority();
    let mut far = connect(remote, trust).await?;
    if remote.scheme != Scheme::Ssh {
        let ended = |error: io::Error| format!("{authority} ended the connection: {error}");
        let answered = exchange(near, far.as_mut(), remote).await.map_err(ended)?;
        if let Some(target) = redirect(&answered) {
            return Err(redirected(remote, &target));
        }
        near.write_all(&answered).await.map_err(ended)?;
    }
    let (near_in, near_out) = near.split();
    let (far_in, far_out) = split(far);
    // libgit2 never closes only one direction, and a host that does so has said all.
    tokio::select! {
        () = pump(near_in, far_out) => {}
        () = pump(far_in, near_out) => {}
    }
    Ok(())
}

/// Passes bytes on until there are no more, or nobody takes them; libgit2 judges by what it has read.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default();
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// Sends a request on under the host's own name, and gives the head of what comes back.
async fn exchange(
    near: &mut TcpStream,
    far: &mut dyn Wire,
    remote: &Remote,
) -> io::Result<Vec<u8>> {
    let head = read_head(near).await?;
    far.write_all(&renamed(&head, remote)).await?;
    far.flush().await?;
    let (mut far_in, mut far_out) = split(far);
    tokio::select! {
        biased;
        answered = read_head(&mut far_in) => answered,
        // The body goes on meanwhile; it may be longer than what fits between here and there.
        Err(error) = copy(near, &mut far_out) => Err(error),
    }
}

/// Tells libgit2 that nothing comes. It may be gone already; the reason is noted by the caller.
async fn answer(near: &mut TcpStream, remote: &Remote, status: &str) {
    if remote.scheme != Scheme::Ssh {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _written = near.write_all(text.as_bytes()).await;
    }
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

async fn connect(remote: &Remote, trust: Option<&TlsConnector>) -> Result<Box<dyn Wire>, String> {
    let authority = remote.authority();
    let stream = connect_any(remote).await;
    let stream = stream.map_err(|error| format!("connecting to {authority}: {error}"))?;
    let Some(trust) = trust else {
        return Ok(Box::new(stream));
    };
    let name = rustls::pki_types::ServerName::try_from(remote.host.clone())
        .map_err(|_| format!("`{}` is not the name of a host", remote.host))?;
    let shaken = trust.connect(name, stream).await.map_err(|error| {
        format!(
            "TLS with {authority}: {error}\nhint: the agent trusts the system's certificate authorities; SSL_CERT_FILE names others"
        )
    })?;
    Ok(Box::new(shaken))
}

async fn connect_any(remote: &Remote) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host((remote.host.as_str(), remote.port)).await? {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small packets go back and forth.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Trusts the certificate authorities of the host, read now.
pub(super) fn trust() -> Result<TlsConnector, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    // What cannot be read is not trusted; a host without any says so at the first handshake.
    let _counts = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::{redirect, renamed};
    use crate::adapters::git::address::{Address, Remote, parse};

    fn remote(text: &str) -> Remote {
        match parse(text).unwrap() {
            Address::Remote(remote) => remote,
            Address::Local(_) => panic!("local"),
        }
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
