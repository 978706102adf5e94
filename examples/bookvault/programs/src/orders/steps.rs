//! The steps of sagas that orders does itself, and shipping: an order's status and what it tells.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use freehold::Event;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{key_quoted, lock};
use super::{Desk, Reply, stepped};
use crate::log;
use crate::participant::{Acted, Business, take_part};
use crate::refusal::Refusal;
use crate::store::{Result, Tx};
use crate::trace;

type Part = std::result::Result<Response, Refusal>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    order_id: i64,
    reason: Option<String>,
}

/// The order is there and pending; taken back, it is cancelled.
pub(super) async fn accept(desk: State<Arc<Desk>>, headers: HeaderMap, which: Json<Which>) -> Part {
    take_part(&desk.store, &headers, &Accept(which.0)).await
}

/// The money is there.
pub(super) async fn confirm(
    desk: State<Arc<Desk>>,
    headers: HeaderMap,
    which: Json<Which>,
) -> Part {
    take_part(&desk.store, &headers, &Confirm(which.0)).await
}

/// As a step of `cancel_order`.
pub(super) async fn cancel(desk: State<Arc<Desk>>, headers: HeaderMap, which: Json<Which>) -> Part {
    take_part(&desk.store, &headers, &Cancel(which.0)).await
}

/// The confirmation is handed to whoever sends mail.
pub(super) async fn notify(desk: State<Arc<Desk>>, headers: HeaderMap, which: Json<Which>) -> Part {
    take_part(&desk.store, &headers, &Notify(which.0)).await
}

struct Accept(Which);
struct Confirm(Which);
struct Cancel(Which);
struct Notify(Which);

impl Business for Accept {
    fn name(&self) -> &'static str {
        "order"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let status = status(tx, self.0.order_id).await?;
        Ok(match status.as_deref() {
            Some("pending") => Ok(json!({ "orderId": self.0.order_id })),
            other => Err(format!("the order is {}", other.unwrap_or("not there"))),
        })
    }

    async fn take_back(&self, tx: &mut Tx<'_>, _: &Value) -> Result<()> {
        let reason = self.0.reason.as_deref().unwrap_or("could not be fulfilled");
        cancelled(tx, self.0.order_id, reason).await.map(drop)
    }
}

impl Business for Confirm {
    fn name(&self) -> &'static str {
        "order"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let order = self.0.order_id;
        if !moves(tx, order, "pending", "confirmed", None).await? {
            return Ok(Err("the order is not pending".to_owned()));
        }
        let fact = confirmed(tx, order).await?;
        tx.publish(Event::new("order.confirmed.v2", order.to_string(), &fact))
            .await?;
        log::line(&format!("order {order} confirmed"));
        Ok(Ok(json!({ "orderId": order })))
    }

    /// Stands behind the pivot: never asked for.
    async fn take_back(&self, _: &mut Tx<'_>, _: &Value) -> Result<()> {
        Ok(())
    }
}

impl Business for Cancel {
    fn name(&self) -> &'static str {
        "order"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let reason = self.0.reason.as_deref().unwrap_or("the customer's wish");
        Ok(if cancelled(tx, self.0.order_id, reason).await? {
            Ok(json!({ "orderId": self.0.order_id }))
        } else {
            Err("the order is shipped, cancelled or not there".to_owned())
        })
    }

    async fn take_back(&self, _: &mut Tx<'_>, _: &Value) -> Result<()> {
        Ok(())
    }
}

impl Business for Notify {
    fn name(&self) -> &'static str {
        "confirmation"
    }

    async fn act(&self, _: &mut Tx<'_>) -> Result<Acted> {
        log::line(&format!(
            "confirmation of order {} handed over",
            self.0.order_id
        ));
        Ok(Ok(json!({ "orderId": self.0.order_id })))
    }

    async fn take_back(&self, _: &mut Tx<'_>, _: &Value) -> Result<()> {
        Ok(())
    }
}

pub(super) async fn ship(State(desk): State<Arc<Desk>>, Path(order): Path<i64>) -> Reply {
    let mut link = desk.store.link().await?;
    let mut tx = link.begin().await?;
    if !moves(&mut tx, order, "confirmed", "shipped", None).await? {
        return Err(Refusal::conflict(format!("order {order} is not confirmed")));
    }
    let fact = json!({ "orderId": order });
    tx.publish(Event::new("order.shipped.v1", order.to_string(), &fact))
        .await?;
    tx.commit().await?;
    log::line(&format!("order {order} shipped"));
    Ok(Json(json!({ "orderId": order, "status": "shipped" })))
}

#[derive(Deserialize)]
pub(super) struct Wish {
    reason: Option<String>,
}

/// Starts the saga that takes an order back, once; it waits for the one that places it.
pub(super) async fn ask_to_cancel(
    State(desk): State<Arc<Desk>>,
    Path(order): Path<i64>,
    wish: Json<Wish>,
) -> Reply {
    if !desk.starts_sagas {
        return Err(Refusal::unavailable("no sagas are described here"));
    }
    let mut link = desk.store.link().await?;
    let mut tx = link.begin().await?;
    if status(&mut tx, order).await?.is_none() {
        return Err(Refusal::absent(format!("there is no order {order}")));
    }
    let sql = "SELECT book_id, quantity FROM order_items WHERE order_id = ? ORDER BY order_item_id";
    let items = tx.query(sql, &[order.into()]).await?;
    let items: Vec<_> = items
        .iter()
        .map(|row| json!({ "bookId": row.int(0), "quantity": row.int(1) }))
        .collect();
    let mut input = json!({ "orderId": order, "items": items });
    if let Some(reason) = &wish.reason {
        input["reason"] = json!(reason);
    }
    if let Some(context) = trace::carried() {
        input["traceparent"] = json!(context);
    }
    let sql = "INSERT INTO freehold_saga_start (definition, key, input, locks) VALUES ('cancel_order', ?, ?, ?)";
    let values = [
        (&order.to_string()).into(),
        (&input.to_string()).into(),
        (&lock(order)).into(),
    ];
    match tx.execute(&key_quoted(&tx, sql), &values).await {
        Err(error) if error.is_there => {
            return Err(Refusal::conflict(format!(
                "order {order} is being cancelled, or was"
            )));
        }
        started => started?,
    };
    tx.commit().await?;
    log::line(&format!("order {order} is to be cancelled"));
    Ok(Json(json!({ "orderId": order, "asked": "cancel" })))
}

async fn status(tx: &mut Tx<'_>, order: i64) -> Result<Option<String>> {
    let sql = format!(
        "SELECT status FROM orders WHERE order_id = ?{}",
        tx.for_update()
    );
    let row = tx.one(&sql, &[order.into()]).await?;
    Ok(row.map(|row| row.text(0)))
}

/// From one status to another, if it stands there.
async fn moves(
    tx: &mut Tx<'_>,
    order: i64,
    from: &str,
    to: &str,
    reason: Option<&str>,
) -> Result<bool> {
    let sql = format!(
        "UPDATE orders SET status = ?, updated_at = {} WHERE order_id = ? AND status = ?",
        tx.now()
    );
    if tx
        .execute(&sql, &[to.into(), order.into(), from.into()])
        .await?
        == 0
    {
        return Ok(false);
    }
    stepped(tx, order, Some(from), to, reason).await?;
    Ok(true)
}

async fn cancelled(tx: &mut Tx<'_>, order: i64, reason: &str) -> Result<bool> {
    let was_pending = moves(tx, order, "pending", "cancelled", Some(reason)).await?;
    if !was_pending && !moves(tx, order, "confirmed", "cancelled", Some(reason)).await? {
        return Ok(false);
    }
    let fact = json!({ "orderId": order, "reason": reason });
    tx.publish(Event::new("order.cancelled.v1", order.to_string(), &fact))
        .await?;
    log::line(&format!("order {order} cancelled: {reason}"));
    Ok(true)
}

/// The whole order, so that nobody has to call back.
async fn confirmed(tx: &mut Tx<'_>, order: i64) -> Result<Value> {
    let sql = "SELECT customer_id, customer_email, shipping_name, currency, total FROM orders WHERE order_id = ?";
    let head = tx.one(sql, &[order.into()]).await?;
    let sql = "SELECT book_id, quantity, unit_price FROM order_items WHERE order_id = ? ORDER BY order_item_id";
    let items = tx.query(sql, &[order.into()]).await?;
    let items: Vec<_> = items
        .iter()
        .map(|row| json!({ "sku": row.int(0).to_string(), "qty": row.int(1), "priceCents": row.int(2) }))
        .collect();
    Ok(head.map_or(Value::Null, |head| {
        json!({ "schemaVersion": 2, "order": {
            "id": order.to_string(), "customerId": head.int(0).to_string(), "customerEmail": head.text(1),
            "customerName": head.text(2), "currency": head.text(3), "totalCents": head.int(4), "items": items,
        } })
    }))
}
