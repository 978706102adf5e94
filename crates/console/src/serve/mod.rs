//! The HTTP side: answers with pages, JSON and a live stream, and lets nobody else in.
//!
//! Owns addresses, headers, who may ask and who may act. Pages and JSON are made elsewhere, from
//! the source's moment. Nothing is fetched, no file is read: what is served is in the binary.

mod act;
mod answer;
mod asset;
mod call;
mod json;
mod live;
mod spans;
mod token;
mod wall;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::source::Source;
use crate::spans::Spans;

pub use asset::stylesheet;
pub use json::found as api;
pub use token::Token;

/// The description of the API, as it is served.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The longest request that is read.
const MOST_BYTES: usize = 16 * 1024;
/// The longest export of traces.
const MOST_TRACES: usize = 4 * 1024 * 1024;

/// How a console is served.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// With it actions may be sent; without one the console only shows.
    pub token: Option<Token>,
    /// Names by which it may be asked for besides `localhost`, `127.0.0.1` and `[::1]`.
    pub hosts: Vec<String>,
    /// Where programs' traces are kept; without one none are taken.
    pub spans: Option<Arc<Spans>>,
}

/// What all requests share.
struct Shared {
    source: Arc<dyn Source>,
    options: Options,
    stopping: watch::Receiver<bool>,
    live: live::Count,
}

/// Serves until `stop`; open streams end with it. Dropping the future drops every connection.
///
/// # Errors
/// The listener has no address or breaks.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    options: Options,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopped, stopping) = watch::channel(false);
    let shared = Arc::new(Shared {
        source,
        options,
        stopping,
        live: live::Count::default(),
    });
    axum::serve(listener, router(shared))
        .with_graceful_shutdown(async move {
            stop.await;
            let _ = stopped.send(true);
        })
        .await
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/live", get(live::stream))
        .route("/operator", get(token::enter))
        .route("/assets/{name}", get(asset::serve))
        .route("/api/v1/actions", post(act::act).fallback(act::only_post))
        .route("/api/v1/calls", post(call::call).fallback(act::only_post))
        .route(
            "/v1/traces",
            post(spans::take)
                .fallback(act::only_post)
                .layer(DefaultBodyLimit::max(MOST_TRACES)),
        )
        .route(
            "/api/v1/{*path}",
            get(answer::json).fallback(answer::only_get),
        )
        .fallback(answer::page)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&shared),
            wall::stand,
        ))
        .with_state(shared)
}
