//! payment: charges and refunds, each recorded with every word exchanged with the provider. The
//! provider is a stand-in, see `provider.rs`.

mod provider;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use freehold::Event;
use serde::Deserialize;
use serde_json::{Value, json};

use self::provider::{Behaviour, Plan, Provider};
use crate::log::{self, money};
use crate::participant::{Acted, Business, take_part};
use crate::refusal::Refusal;
use crate::store::{Result, Store, Tx};

type Reply = std::result::Result<Json<Value>, Refusal>;
type Part = std::result::Result<Response, Refusal>;

struct Till {
    store: Arc<Store>,
    provider: Provider,
}

pub(crate) fn routes(store: Arc<Store>) -> Router {
    let till = Till {
        store,
        provider: Provider::default(),
    };
    Router::new()
        .route("/payments/charge", post(charge))
        .route("/payments/refund", post(refund))
        .route("/payments/order/{id}", get(of_order))
        .route("/payments/totals", get(totals))
        .route("/provider", put(behave))
        .with_state(Arc::new(till))
}

/// What the provider does next: `{"next": ["decline", "late"], "declineEvery": 7}`.
async fn behave(State(till): State<Arc<Till>>, Json(plan): Json<Plan>) -> Json<Value> {
    till.provider.plan(plan);
    Json(json!({ "planned": true }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amount {
    order_id: i64,
    customer_id: i64,
    #[serde(rename = "amountCents")]
    cents: i64,
    currency: String,
}

async fn charge(
    State(till): State<Arc<Till>>,
    headers: HeaderMap,
    Json(amount): Json<Amount>,
) -> Part {
    let behaviour = till.provider.next(amount.order_id);
    till.provider.before(behaviour).await;
    let charging = Charge { amount, behaviour };
    let done = take_part(&till.store, &headers, &charging).await;
    till.provider.after(behaviour).await;
    done
}

struct Charge {
    amount: Amount,
    behaviour: Behaviour,
}

impl Business for Charge {
    fn name(&self) -> &'static str {
        "payment"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let Amount {
            order_id,
            customer_id,
            cents,
            currency,
        } = &self.amount;
        let declined = self.behaviour == Behaviour::Decline;
        let status = if declined { "declined" } else { "captured" };
        let sql = "SELECT payment_method_id FROM payment_methods WHERE customer_id = ? AND is_active = TRUE ORDER BY payment_method_id LIMIT 1";
        let Some(method) = tx.one(sql, &[(*customer_id).into()]).await? else {
            return Ok(Err(format!("customer {customer_id} has no way to pay")));
        };
        let sql = "INSERT INTO payments (order_id, customer_id, payment_method_id, request_key, amount_cents, currency, status) VALUES (?, ?, ?, ?, ?, ?, ?)";
        let values = [
            (*order_id).into(),
            (*customer_id).into(),
            method.int(0).into(),
            (&format!("order-{order_id}")).into(),
            (*cents).into(),
            currency.into(),
            status.into(),
        ];
        let payment = tx.insert(sql, "payment_id", &values).await?;
        let outcome = if declined { "declined" } else { "approved" };
        exchanged(tx, payment, "capture", outcome, *cents, currency).await?;
        if declined {
            return Ok(Err("the card was declined".to_owned()));
        }
        recorded(tx, *order_id, "captured", *cents, currency).await?;
        log::line(&format!(
            "captured {} for order {order_id}",
            money(*cents, currency)
        ));
        Ok(Ok(
            json!({ "paymentId": payment, "orderId": order_id, "amountCents": cents, "currency": currency }),
        ))
    }

    async fn take_back(&self, tx: &mut Tx<'_>, output: &Value) -> Result<()> {
        let order = output["orderId"].as_i64().unwrap_or(self.amount.order_id);
        pay_back(tx, order).await.map(drop)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    order_id: i64,
}

async fn refund(
    State(till): State<Arc<Till>>,
    headers: HeaderMap,
    Json(refund): Json<Refund>,
) -> Part {
    take_part(&till.store, &headers, &refund).await
}

impl Business for Refund {
    fn name(&self) -> &'static str {
        "refund"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let cents = pay_back(tx, self.order_id).await?;
        Ok(Ok(
            json!({ "orderId": self.order_id, "refundedCents": cents }),
        ))
    }

    /// A refund is the last word: nothing compensates it.
    async fn take_back(&self, _: &mut Tx<'_>, _: &Value) -> Result<()> {
        Ok(())
    }
}

/// All that was captured for an order and is not back yet, in minor units.
async fn pay_back(tx: &mut Tx<'_>, order: i64) -> Result<i64> {
    let sql = format!(
        "SELECT payment_id, amount_cents - refunded_cents, currency FROM payments WHERE order_id = ? AND status = 'captured'{}",
        tx.for_update()
    );
    let Some(row) = tx.one(&sql, &[order.into()]).await? else {
        return Ok(0);
    };
    let (payment, cents, currency) = (row.int(0), row.int(1), row.text(2));
    let sql = format!(
        "UPDATE payments SET status = 'refunded', refunded_cents = amount_cents, updated_at = {} WHERE payment_id = ?",
        tx.now()
    );
    tx.execute(&sql, &[payment.into()]).await?;
    exchanged(tx, payment, "refund", "approved", cents, &currency).await?;
    recorded(tx, order, "refunded", cents, &currency).await?;
    log::line(&format!(
        "refunded {} for order {order}",
        money(cents, &currency)
    ));
    Ok(cents)
}

async fn exchanged(
    tx: &mut Tx<'_>,
    payment: i64,
    kind: &str,
    outcome: &str,
    cents: i64,
    currency: &str,
) -> Result<()> {
    let sql = "INSERT INTO transactions (payment_id, kind, outcome, amount_cents, currency) VALUES (?, ?, ?, ?, ?)";
    let values = [
        payment.into(),
        kind.into(),
        outcome.into(),
        cents.into(),
        currency.into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

async fn recorded(
    tx: &mut Tx<'_>,
    order: i64,
    status: &str,
    cents: i64,
    currency: &str,
) -> Result<()> {
    let fact =
        json!({ "orderId": order, "status": status, "amountCents": cents, "currency": currency });
    tx.publish(Event::new("payment.recorded.v1", order.to_string(), &fact))
        .await
}

async fn of_order(State(till): State<Arc<Till>>, Path(order): Path<i64>) -> Reply {
    let sql = "SELECT payment_id, status, amount_cents, refunded_cents, currency FROM payments WHERE order_id = ? ORDER BY payment_id";
    let rows = till.store.query(sql, &[order.into()]).await?;
    let payments: Vec<_> = rows
        .iter()
        .map(|row| json!({ "paymentId": row.int(0), "status": row.text(1), "amountCents": row.int(2), "refundedCents": row.int(3), "currency": row.text(4) }))
        .collect();
    Ok(Json(json!({ "payments": payments })))
}

/// What is in the till, for whoever checks that money is conserved.
async fn totals(State(till): State<Arc<Till>>) -> Reply {
    let sql = "SELECT currency, CAST(SUM(amount_cents - refunded_cents) AS CHAR(30)), COUNT(*) FROM payments WHERE status = 'captured' GROUP BY currency ORDER BY currency";
    let rows = till.store.query(sql, &[]).await?;
    let totals: Vec<_> = rows
        .iter()
        .map(|row| json!({ "currency": row.text(0), "cents": row.text(1).trim().parse::<i64>().unwrap_or(0), "payments": row.int(2) }))
        .collect();
    Ok(Json(json!({ "captured": totals })))
}
