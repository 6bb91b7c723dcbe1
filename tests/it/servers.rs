//! Small servers on this host, for tests: each answers on a thread of its own, by hand, so that it can misbehave.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A connection, encrypted or not.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// What is done with a request's head and body: the answer is written, and whether the connection goes on is said.
pub(crate) type Answer = dyn Fn(&str, &str, &mut dyn Write) -> bool + Send + Sync;

/// A server that lives as long as the test process.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
    /// The heads of all requests so far, in lower case.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A server that answers every request so.
pub(crate) fn http(
    answer: impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static,
) -> Server {
    http_with_body(move |head, _, stream| answer(head, stream))
}

/// A server that answers every request by its head and body.
pub(crate) fn http_with_body(
    answer: impl Fn(&str, &str, &mut dyn Write) -> bool + Send + Sync + 'static,
) -> Server {
    listen(None, Arc::new(answer))
}

/// The same as [`http`] over TLS.
pub(crate) fn https(
    config: ServerConfig,
    answer: impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static,
) -> Server {
    let answer = move |head: &str, _: &str, stream: &mut dyn Write| answer(head, stream);
    listen(Some(Arc::new(config)), Arc::new(answer))
}

/// Answers every request with this status line, headers and body.
pub(crate) fn fixed(
    status: &'static str,
    headers: &'static str,
    body: &'static str,
) -> impl Fn(&str, &mut dyn Write) -> bool + Send + Sync + 'static {
    move |head, stream| {
        let body = if head.starts_with("HEAD") { "" } else { body };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )
        .is_ok()
    }
}

fn listen(config: Option<Arc<ServerConfig>>, answer: Arc<Answer>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server {
        port: listener.local_addr().unwrap().port(),
        connections: Arc::default(),
        heads: Arc::default(),
    };
    let (connections, heads) = (server.connections.clone(), server.heads.clone());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            connections.fetch_add(1, Ordering::SeqCst);
            let (config, answer, heads) = (config.clone(), answer.clone(), heads.clone());
            thread::spawn(move || match config {
                None => converse(stream, &*answer, &heads),
                Some(config) => {
                    let connection = ServerConnection::new(config).unwrap();
                    converse(
                        rustls::StreamOwned::new(connection, stream),
                        &*answer,
                        &heads,
                    );
                }
            });
        }
    });
    server
}

fn converse(stream: impl Stream, answer: &Answer, heads: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        let body = String::from_utf8_lossy(&body);
        heads.lock().unwrap().push(head.to_lowercase() + &body);
        if !answer(&head, &body, stream.get_mut()) {
            return;
        }
    }
}

/// Someone who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A new authority that nobody knows yet.
pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "a test authority");
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        issuer: Issuer::new(params, key),
        pem,
    }
}

impl Authority {
    /// A server's configuration with a certificate for these names, valid until the first day of that year.
    pub(crate) fn serves(&self, names: &[&str], until: i32) -> ServerConfig {
        let (params, key) = params(names, until);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        config(certificate.der().clone(), &key)
    }
}

/// A server's configuration with a certificate that it has issued to itself.
pub(crate) fn self_signed(names: &[&str]) -> ServerConfig {
    let (params, key) = params(names, 2090);
    let certificate = params.self_signed(&key).unwrap();
    config(certificate.der().clone(), &key)
}

/// The same, for a server that lets nobody in without a certificate of this authority.
pub(crate) fn wanting_certificates(authority: &Authority, names: &[&str]) -> ServerConfig {
    let (params, key) = params(names, 2090);
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate.der().clone()], private(&key))
        .unwrap()
}

fn params(names: &[&str], until: i32) -> (CertificateParams, KeyPair) {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "a test server");
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    (params, KeyPair::generate().unwrap())
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private(key))
        .unwrap()
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

/// The certificate and the key of a new authority, in PEM.
pub(crate) fn signing_authority() -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    (certificate, key.serialize_pem())
}

/// A TLS server that shows what is in these files; it reads them anew for each connection.
pub(crate) fn showing(certificate: PathBuf, key: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Nothing may be there yet.
            let chain = CertificateDer::pem_file_iter(&certificate);
            let Ok(chain) = chain.and_then(Iterator::collect::<Result<Vec<_>, _>>) else {
                continue;
            };
            let Ok(key) = PrivateKeyDer::from_pem_file(&key) else {
                continue;
            };
            let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key);
            // Between two writes the key may be of the other certificate.
            let Ok(config) = config else { continue };
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let _closed = stream.read(&mut [0]);
        }
    });
    port
}
