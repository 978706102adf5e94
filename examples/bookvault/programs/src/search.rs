//! search: all orders of customers in a country who bought a product in a time. One join when all
//! tables were in one database; here read models that the sidecar keeps. This program only reads.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use freehold::participant::Dialect;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::store::{Row, Store};

type Reply = std::result::Result<Json<Value>, Refusal>;

pub(crate) fn routes(store: Arc<Store>) -> Router {
    Router::new()
        .route("/search/orders", get(orders))
        .route("/search/orders/{id}", get(order))
        .route("/search/sales", get(sales))
        .with_state(store)
}

/// What is asked for; what is not said does not matter.
#[derive(Deserialize)]
struct Asked {
    /// `DE`, or `unknown`.
    country: Option<String>,
    /// Part of a book's title, or its number.
    product: Option<String>,
    /// The first day: `2026-11-01`.
    from: Option<String>,
    /// The day behind the last one.
    to: Option<String>,
    #[serde(default = "page")]
    limit: i64,
}

fn page() -> i64 {
    50
}

/// `order_search` has the time in the query and not in its definition: what moves with the clock is
/// not kept.
async fn orders(State(store): State<Arc<Store>>, Query(asked): Query<Asked>) -> Reply {
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let speaks = tx.speaks();
    let mut wanted = vec!["1 = 1".to_owned()];
    let mut values = Vec::new();
    if let Some(country) = &asked.country {
        wanted.push("s.customer_country = ?".to_owned());
        values.push(country.into());
    }
    if let Some(product) = &asked.product {
        let title = format!("%{}%", product.to_lowercase().replace(['%', '_'], ""));
        wanted.push(
            "s.order_id IN (SELECT l.order_id FROM order_lines l WHERE l.sku = ? OR LOWER(l.title) LIKE ?)"
                .to_owned(),
        );
        values.extend([product.into(), (&title).into()]);
    }
    for (day, sign) in [(&asked.from, ">="), (&asked.to, "<")] {
        if let Some(day) = day {
            wanted.push(format!("s.confirmed_at {sign} {}", beginning(day, speaks)?));
        }
    }
    let sql = format!(
        "{} WHERE {} ORDER BY s.confirmed_at DESC, s.order_id DESC LIMIT ?",
        shown(speaks),
        wanted.join(" AND ")
    );
    values.push(asked.limit.clamp(1, 1000).into());
    let rows = tx.query(&sql, &values).await?;
    tx.commit().await?;
    let orders: Vec<_> = rows.iter().map(found).collect();
    Ok(Json(json!({ "orders": orders })))
}

async fn order(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Reply {
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let sql = format!("{} WHERE s.order_id = ?", shown(tx.speaks()));
    let row = tx.one(&sql, &[id.into()]).await?;
    let row = row.ok_or_else(|| Refusal::absent(format!("order {id} was not heard of")))?;
    let sql = "SELECT line, sku, title, quantity, price_cents FROM order_lines WHERE order_id = ? ORDER BY line";
    let lines = tx.query(sql, &[id.into()]).await?;
    tx.commit().await?;
    let lines = lines.iter().map(
        |row| json!({ "sku": row.text(1), "title": row.text(2), "qty": row.int(3), "priceCents": row.int(4) }),
    );
    let mut order = found(&row);
    order["lines"] = lines.collect();
    Ok(Json(order))
}

/// Orders and money by country.
async fn sales(State(store): State<Arc<Store>>) -> Reply {
    let sql = "SELECT customer_country, currency, orders, CAST(cents AS CHAR(30)) FROM country_sales ORDER BY customer_country, currency";
    let rows = store.query(sql, &[]).await?;
    let sales = rows.iter().map(
        |row| json!({ "country": row.text(0), "currency": row.text(1), "orders": row.int(2), "cents": row.text(3).trim().parse::<i64>().unwrap_or(0) }),
    );
    Ok(Json(json!({ "sales": sales.collect::<Vec<_>>() })))
}

/// The columns, with times and JSON as texts.
fn shown(speaks: Dialect) -> String {
    let (items, time) = match speaks {
        Dialect::Postgres => (
            "CAST(s.items AS TEXT)",
            r#"to_char(s.confirmed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#,
        ),
        Dialect::Mysql => (
            "CAST(s.items AS CHAR)",
            "DATE_FORMAT(s.confirmed_at, '%Y-%m-%dT%H:%i:%sZ')",
        ),
        Dialect::Sqlite => ("s.items", "s.confirmed_at"),
    };
    format!(
        "SELECT s.order_id, s.customer_id, s.customer_country, s.currency, s.total_cents, {items}, {time} FROM order_search s"
    )
}

fn found(row: &Row) -> Value {
    let items: Value = serde_json::from_str(&row.text(5)).unwrap_or_default();
    json!({
        "orderId": row.int(0), "customerId": row.int(1), "country": row.text(2), "currency": row.text(3),
        "totalCents": row.int(4), "items": items, "confirmedAt": row.text(6),
    })
}

/// A day's beginning as this engine writes it. Nothing but a day goes into the statement.
fn beginning(day: &str, speaks: Dialect) -> std::result::Result<String, Refusal> {
    let form = day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !form {
        return Err(Refusal::invalid(format!("`{day}` is no day: 2026-11-01")));
    }
    Ok(match speaks {
        Dialect::Postgres => format!("TIMESTAMPTZ '{day} 00:00:00+00'"),
        Dialect::Mysql | Dialect::Sqlite => format!("'{day}'"),
    })
}
