//! The line to services' programs: TCP, and TLS where an address begins with `https`. Over TLS it
//! trusts what the system trusts; `SSL_CERT_FILE` names other certificates.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

pub(super) type Line = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

const CONNECTING: Duration = Duration::from_secs(3);
/// Connections to one program that are kept without work.
const KEPT: usize = 256;

/// A line for these addresses. What the system trusts is read only where one of them needs it.
pub(super) fn open<'a>(mut addresses: impl Iterator<Item = &'a str>) -> Line {
    let mut roots = RootCertStore::empty();
    if addresses.any(|address| address.starts_with("https:")) {
        // None that can be read: then nobody is trusted, and each request says so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECTING));
    connector.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(KEPT)
        .retry_canceled_requests(false)
        .build(connector)
}
