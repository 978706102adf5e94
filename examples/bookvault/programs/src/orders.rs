//! orders: placing, confirming, cancelling and shipping. An order keeps what it must never lose.

mod place;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::store::{Result, Store, Tx};

type Reply = std::result::Result<Json<Value>, Refusal>;

/// What handlers share.
struct Desk {
    store: Arc<Store>,
    customers: Peer,
    catalog: Peer,
    /// Sagas are described for this service: an order starts one.
    starts_sagas: bool,
}

pub(crate) async fn routes(store: Arc<Store>) -> Result<Router> {
    let starts_sagas = store.has("freehold_saga_start").await?;
    let desk = Desk {
        store,
        // Whether a customer may buy must be the latest: never remembered.
        customers: Peer::new("customers", Duration::ZERO),
        catalog: Peer::new("catalog", Duration::from_secs(5)),
        starts_sagas,
    };
    Ok(Router::new()
        .route("/orders", post(place::place))
        .route("/orders/{id}", get(show))
        .route("/orders/totals", get(totals))
        .route("/known/books/{id}", get(known))
        .route("/known/customers/{id}", get(known_customer))
        .route("/orders/{id}/ship", post(steps::ship))
        .route("/orders/{id}/cancel", post(steps::ask_to_cancel))
        .route("/steps/accept", post(steps::accept))
        .route("/steps/confirm", post(steps::confirm))
        .route("/steps/cancel", post(steps::cancel))
        .route("/steps/notify", post(steps::notify))
        .with_state(Arc::new(desk)))
}

async fn show(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Reply {
    let sql = "SELECT order_id, customer_id, customer_email, status, total, currency, shipping_name, shipping_city, shipping_country FROM orders WHERE order_id = ?";
    let rows = desk.store.query(sql, &[id.into()]).await?;
    let order = rows
        .first()
        .ok_or_else(|| Refusal::absent(format!("there is no order {id}")))?;
    let sql = "SELECT book_id, quantity, unit_price, book_title, book_author FROM order_items WHERE order_id = ? ORDER BY order_item_id";
    let items = desk.store.query(sql, &[id.into()]).await?;
    let items: Vec<_> = items
        .iter()
        .map(|row| json!({ "bookId": row.int(0), "quantity": row.int(1), "unitPrice": row.int(2), "title": row.text(3), "author": row.text(4) }))
        .collect();
    Ok(Json(json!({
        "orderId": order.int(0), "customerId": order.int(1), "customerEmail": order.text(2), "status": order.text(3),
        "total": order.int(4), "currency": order.text(5),
        "shipping": { "name": order.text(6), "city": order.text(7), "country": order.text(8) }, "items": items,
    })))
}

/// What the copy says of a book: at this price it is sold, whatever catalog does.
async fn known(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Reply {
    let sql = "SELECT title, author_name, current_price, currency, version_number FROM book_cache WHERE book_id = ?";
    let rows = desk.store.query(sql, &[id.into()]).await?;
    let book = rows
        .first()
        .ok_or_else(|| Refusal::absent(format!("no copy of book {id} is here")))?;
    Ok(Json(json!({
        "bookId": id, "title": book.text(0), "authorName": book.text(1), "priceCents": book.int(2),
        "currency": book.text(3), "version": book.int(4),
    })))
}

/// What the copy says of a customer. Whether they may buy is asked, not read here.
async fn known_customer(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Reply {
    let sql = "SELECT name, email, is_active, version_number, address_name, address_line1, address_line2, address_city, address_postcode, address_country FROM customer_cache WHERE customer_id = ?";
    let rows = desk.store.query(sql, &[id.into()]).await?;
    let customer = rows
        .first()
        .ok_or_else(|| Refusal::absent(format!("no copy of customer {id} is here")))?;
    Ok(Json(json!({
        "customerId": id, "name": customer.text(0), "email": customer.text(1), "isActive": customer.int(2) != 0,
        "version": customer.int(3),
        "defaultAddress": {
            "name": customer.text(4), "line1": customer.text(5), "line2": customer.maybe(6),
            "city": customer.text(7), "postcode": customer.text(8), "country": customer.text(9),
        },
    })))
}

/// How many orders stand how, and their money, for whoever checks that it is conserved.
async fn totals(State(desk): State<Arc<Desk>>) -> Reply {
    let sql = "SELECT status, currency, COUNT(*), CAST(SUM(total) AS CHAR(30)) FROM orders GROUP BY status, currency ORDER BY status, currency";
    let rows = desk.store.query(sql, &[]).await?;
    let totals: Vec<_> = rows
        .iter()
        .map(|row| json!({ "status": row.text(0), "currency": row.text(1), "orders": row.int(2), "cents": row.text(3).trim().parse::<i64>().unwrap_or(0) }))
        .collect();
    let sql = "SELECT i.book_id, o.status, CAST(SUM(i.quantity) AS CHAR(30)) FROM order_items i JOIN orders o ON o.order_id = i.order_id GROUP BY i.book_id, o.status ORDER BY i.book_id, o.status";
    let rows = desk.store.query(sql, &[]).await?;
    let books: Vec<_> = rows
        .iter()
        .map(|row| json!({ "bookId": row.int(0), "status": row.text(1), "quantity": row.text(2).trim().parse::<i64>().unwrap_or(0) }))
        .collect();
    Ok(Json(json!({ "totals": totals, "books": books })))
}

/// Writes down a step that the order took.
async fn stepped(
    tx: &mut Tx<'_>,
    order: i64,
    from: Option<&str>,
    to: &str,
    reason: Option<&str>,
) -> Result<()> {
    let sql = "INSERT INTO order_status_history (order_id, old_status, new_status, reason) VALUES (?, ?, ?, ?)";
    let values = [order.into(), from.into(), to.into(), reason.into()];
    tx.execute(sql, &values).await.map(drop)
}
