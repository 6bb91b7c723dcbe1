//! Real servers for repositories: git's own CGI program behind a small HTTP server, and sshd.

#![expect(
    clippy::disallowed_methods,
    reason = "these tests start git's and OpenSSH's own programs"
)]

use base64::Engine as _;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What the server does with the next requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    Serve,
    /// Wants this user and password.
    Ask(String, String),
    /// Ends every pack after this many bytes.
    Cut(usize),
    /// Takes connections and says nothing.
    Silent,
    /// Sends people elsewhere.
    Redirect(String),
}

/// Serves the repositories of a folder over HTTP on this machine, until the test's process ends.
pub(crate) struct HttpServer {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicUsize>,
    manner: Arc<Mutex<Manner>>,
}

impl HttpServer {
    /// In the clear.
    pub(crate) fn start(root: &Path) -> Self {
        Self::start_with(root, None)
    }

    /// Over TLS.
    pub(crate) fn start_tls(root: &Path, config: rustls::ServerConfig) -> Self {
        Self::start_with(root, Some(Arc::new(config)))
    }

    fn start_with(root: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let manner = Arc::new(Mutex::new(Manner::Serve));
        let requests = Arc::new(AtomicUsize::new(0));
        let server = Self {
            port,
            requests: Arc::clone(&requests),
            manner: Arc::clone(&manner),
        };
        let root = root.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, manner, requests) =
                    (root.clone(), Arc::clone(&manner), Arc::clone(&requests));
                let tls = tls.clone();
                std::thread::spawn(move || match tls {
                    None => serve(stream, &root, &manner, &requests),
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(config).unwrap();
                        let stream = rustls::StreamOwned::new(connection, stream);
                        serve(stream, &root, &manner, &requests)
                    }
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/origin.git", self.port)
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn serve<S: Read + Write>(
    stream: S,
    root: &Path,
    manner: &Mutex<Manner>,
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        requests.fetch_add(1, Ordering::Relaxed);
        let manner = manner.lock().unwrap().clone();
        let mut answer = match &manner {
            Manner::Silent => {
                // Until the other side gives up.
                let _count = reader.read(&mut [0])?;
                return Ok(());
            }
            Manner::Redirect(base) => format!(
                "HTTP/1.1 302 Found\r\nLocation: {base}{}?{}\r\nContent-Length: 0\r\n\r\n",
                request.path, request.query
            )
            .into_bytes(),
            Manner::Ask(user, password) if !is_from(&request, user, password) => {
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n"
                    .to_vec()
            }
            Manner::Serve | Manner::Ask(..) | Manner::Cut(_) => backend(root, &request),
        };
        if let Manner::Cut(bytes) = manner
            && request.method == "POST"
        {
            answer.truncate(bytes);
            return reader.get_mut().write_all(&answer);
        }
        reader.get_mut().write_all(&answer)?;
        reader.get_mut().flush()?;
    }
    Ok(())
}

fn is_from(request: &Request, user: &str, password: &str) -> bool {
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    request.headers.get("authorization") == Some(&format!("Basic {wanted}"))
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap().to_owned();
    // A proxy's form and an origin's form (RFC 9112, section 3.2).
    let uri: http::Uri = words.next().unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let body = if headers.get("transfer-encoding").map(String::as_str) == Some("chunked") {
        read_chunks(reader)?
    } else {
        let length = headers
            .get("content-length")
            .map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        body
    };
    Ok(Some(Request {
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    }))
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk)?;
        chunk.truncate(length);
        if length == 0 {
            return Ok(body);
        }
        body.append(&mut chunk);
    }
}

fn backend(root: &Path, request: &Request) -> Vec<u8> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env(
            "CONTENT_TYPE",
            request
                .headers
                .get("content-type")
                .map_or("", String::as_str),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&request.body)
        .unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let at = output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let (head, body) = output.split_at(at + 4);
    let head = String::from_utf8_lossy(head);
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{head}",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// An sshd of our own for one user with one key: one process for each connection, as inetd would start it.
pub(crate) struct SshServer {
    pub(crate) port: u16,
    pub(crate) key: PathBuf,
    pub(crate) host_key: String,
    pub(crate) user: String,
}

const SSHD: &str = "/usr/sbin/sshd";

impl SshServer {
    /// Starts it, or says why it cannot.
    pub(crate) fn start(folder: &Path) -> Result<Self, String> {
        if !Path::new(SSHD).exists() {
            return Err(format!(
                "{SSHD} is not there (Debian package openssh-server)"
            ));
        }
        let user = said_by("id", &["-un"]);
        if user == "root" {
            // Where a privileged sshd of Debian keeps its separated part.
            std::fs::create_dir_all("/run/sshd").map_err(|error| error.to_string())?;
        }
        let (host, key) = (folder.join("host"), folder.join("key"));
        for file in [&host, &key] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(file)
                .status();
            assert!(made.unwrap().success());
        }
        let config = folder.join("sshd_config");
        let text = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n",
            host.display(),
            folder.join("key.pub").display()
        );
        std::fs::write(&config, text).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = config.clone();
                std::thread::spawn(move || serve_ssh(stream, &config));
            }
        });
        Ok(Self {
            port,
            key,
            host_key: std::fs::read_to_string(folder.join("host.pub")).unwrap(),
            user,
        })
    }
}

fn serve_ssh(stream: TcpStream, config: &Path) {
    let output = OwnedFd::from(stream.try_clone().unwrap());
    let ended = Command::new(SSHD)
        .args(["-i", "-f"])
        .arg(config)
        .stdin(OwnedFd::from(stream))
        .stdout(output)
        .stderr(Stdio::null())
        .status();
    // How a session ends is the client's to judge.
    drop(ended);
}

/// Runs one of these tests in a process of its own with this environment, and says what it said if it failed.
pub(crate) fn test_apart(test: &str, environment: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// What a program says on standard output.
pub(crate) fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
