//! Dialling: address, TLS, login; then the probe. What a session can do afterwards is in
//! `session.rs`.

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use freehold_engine::{Address, Connection, Endpoint, Error, ErrorKind, Result, Tls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::config::SslMode;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::errors::from_driver;
use crate::probe;
use crate::session::Session;

/// Who we are in `pg_stat_activity`.
pub(crate) const APPLICATION: &str = "freehold";
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a session and probes the server.
pub(crate) async fn connect(at: &Endpoint) -> Result<Box<dyn Connection>> {
    let bell = Arc::new(Notify::new());
    let client = ringing(at, &bell).await?;
    let over_tls = matches!(at.address, Address::Tcp(..)) && at.tls != Tls::Off;
    let probe = probe::probe(&client, over_tls)
        .await
        .map_err(|error| error.during("probe the server"))?;
    Ok(Box::new(Session::new(client, probe, bell)))
}

/// A client that nobody needs to wake.
pub(crate) async fn dial(at: &Endpoint) -> Result<Client> {
    ringing(at, &Arc::new(Notify::new())).await
}

async fn ringing(at: &Endpoint, bell: &Arc<Notify>) -> Result<Client> {
    let config = config(at)?;
    if config.get_ssl_mode() == SslMode::Disable {
        let (client, driver) = config.connect(NoTls).await.map_err(|e| from_driver(&e))?;
        tokio::spawn(drive(driver, Arc::clone(bell)));
        return Ok(client);
    }
    let tls = MakeRustlsConnect::new(tls_config(&at.tls)?);
    let (client, driver) = config.connect(tls).await.map_err(|e| from_driver(&e))?;
    tokio::spawn(drive(driver, Arc::clone(bell)));
    Ok(client)
}

/// Carries bytes until the client is dropped; errors reach the client's next call. Notifications,
/// and the end, ring.
async fn drive<S, T>(mut driver: tokio_postgres::Connection<S, T>, bell: Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|context| driver.poll_message(context)).await {
        if matches!(message, AsyncMessage::Notification(_)) {
            bell.notify_one();
        }
    }
    bell.notify_one();
}

fn config(at: &Endpoint) -> Result<Config> {
    let mut config = Config::new();
    config
        .user(&at.user)
        .dbname(at.database.as_deref().unwrap_or("postgres"))
        .application_name(APPLICATION)
        .connect_timeout(PATIENCE);
    if let Some(password) = &at.password {
        config.password(password.expose());
    }
    match &at.address {
        Address::Tcp(host, port) => {
            config.host(host).port(*port).ssl_mode(match at.tls {
                Tls::Off => SslMode::Disable,
                Tls::Prefer => SslMode::Prefer,
                Tls::Require | Tls::Verify(_) => SslMode::Require,
            });
        }
        Address::Unix(folder, port) => {
            config
                .host_path(folder)
                .port(*port)
                .ssl_mode(SslMode::Disable);
        }
        Address::Path(_) => {
            return Err(Error::new(
                ErrorKind::Invalid,
                "PostgreSQL is reached over a host or a socket, not a path",
            ));
        }
    }
    Ok(config)
}

fn tls_config(tls: &Tls) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(&error.to_string()))?;
    Ok(match tls {
        Tls::Verify(ca) => builder
            .with_root_certificates(roots(ca.as_deref())?)
            .with_no_client_auth(),
        _ => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth(),
    })
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return Ok(roots);
    };
    let named = |what: String| untrusted(&format!("{}: {what}", file.display()));
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| named(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| named(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| named(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(named("there is no certificate in this file".to_owned()));
    }
    Ok(roots)
}

fn untrusted(what: &str) -> Error {
    Error::new(ErrorKind::Tls, what)
}

/// Encrypts without asking who the other side is (`prefer`, `require`). Its signatures are still
/// checked, so that channel binding means something.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
