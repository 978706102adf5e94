//! BookVault's services: one binary, one service per call (`bookvault catalog`). Each has its own
//! store and speaks with the others over HTTP only. `bookvault demonstration` and `bookvault load` try
//! them from outside.
//!
//! From outside come `DATABASE_URL` (the service's own credential), `PORT`, and the others' addresses
//! (`CATALOG_URL`, `CUSTOMERS_URL`). Begin at `orders/place.rs`: what it takes to place an order when
//! nobody may join.

#![expect(clippy::print_stdout, reason = "its log goes to standard output")]

mod catalog;
mod customers;
mod exercise;
mod log;
mod orders;
mod participant;
mod payment;
mod peer;
mod refusal;
mod search;
mod store;
mod trace;

use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn;
use axum::routing::get;

use crate::refusal::Refusal;
use crate::store::Store;

const SERVICES: &str = "catalog, customers, orders, payment, search";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let held = match arguments.first().map(String::as_str) {
        Some("demonstration") => Some(exercise::demonstrate().await),
        Some("load") => Some(exercise::load(&arguments[1..]).await),
        _ => None,
    };
    if let Some(held) = held {
        return if held {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let service = arguments.first().map_or("", String::as_str);
    match serve(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::line(&format!("error: {why}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(service: &str) -> Result<(), String> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "DATABASE_URL is not set: `freehold up` and `freehold creds exec` set it")?;
    let open = Store::open(&url).await;
    let store = Arc::new(open.map_err(|error| format!("the store: {error}"))?);
    let routes = match service {
        "catalog" => catalog::routes(Arc::clone(&store)),
        "customers" => customers::routes(Arc::clone(&store)),
        "orders" => orders::routes(Arc::clone(&store))
            .await
            .map_err(|error| format!("the store: {error}"))?,
        "payment" => payment::routes(Arc::clone(&store)),
        "search" => search::routes(Arc::clone(&store)),
        _ => return Err(format!("say which service this is: {SERVICES}")),
    };
    let key = freehold::participant::CallerKey::from_env();
    let routes = participant::guarded(routes, Arc::clone(&store), key);
    trace::begin(service);
    let port = std::env::var("PORT").ok().and_then(|it| it.parse().ok());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.unwrap_or(0))).await;
    let listener = listener.map_err(|error| format!("port {port:?}: {error}"))?;
    if let Ok(at) = listener.local_addr() {
        log::line(&format!("listening on http://{at}"));
    }
    let told = described(service);
    let own = Router::new()
        .route("/healthz", get(healthy))
        .route("/openapi.json", get(move || async move { told }))
        .with_state(store);
    let routes = routes.merge(own).layer(from_fn(trace::answered));
    axum::serve(listener, routes)
        .with_graceful_shutdown(stopped())
        .await
        .map_err(|error| error.to_string())
}

/// What the service says of its API.
fn described(service: &str) -> ([(HeaderName, &'static str); 1], &'static str) {
    let text = match service {
        "catalog" => include_str!("../../services/catalog/openapi.json"),
        "customers" => include_str!("../../services/customers/openapi.json"),
        "orders" => include_str!("../../services/orders/openapi.json"),
        "payment" => include_str!("../../services/payment/openapi.json"),
        _ => include_str!("../../services/search/openapi.json"),
    };
    ([(CONTENT_TYPE, "application/json")], text)
}

/// Well when its own store answers; what other services do is not its health.
async fn healthy(
    axum::extract::State(store): axum::extract::State<Arc<Store>>,
) -> Result<&'static str, Refusal> {
    store.query("SELECT 1", &[]).await?;
    Ok("ok\n")
}

/// What a supervisor sends, or Ctrl-C.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
