//! A connection to a host and port, encrypted where the address says so. What is trusted is what the
//! operating system trusts, or `SSL_CERT_FILE`.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, ErrorKind, Result};

/// What is read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Connects. Waits for as long as the network does: the caller sets the bound.
pub async fn dial(host: &str, port: u16, encrypted: bool) -> Result<Box<dyn Duplex>> {
    let tcp = TcpStream::connect((host, port))
        .await
        .map_err(unavailable)?;
    tcp.set_nodelay(true).map_err(unavailable)?;
    if !encrypted {
        return Ok(Box::new(tcp));
    }
    let odd = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Invalid, error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| odd(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| odd(&error))?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, tcp).await.map_err(unavailable)?;
    Ok(Box::new(stream))
}

fn unavailable(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unavailable, error.to_string())
}
