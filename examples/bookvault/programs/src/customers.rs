//! customers: who buys, where it is sent, and the points for it. A customer is never deleted, only
//! made inactive.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use freehold::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::log;
use crate::participant::{Acted, Business, take_part};
use crate::refusal::Refusal;
use crate::store::{Result, Row, Store, Tx};

type Reply = std::result::Result<Json<Value>, Refusal>;

pub(crate) fn routes(store: Arc<Store>) -> Router {
    Router::new()
        .route("/customers/{id}", get(show).put(change))
        .route("/customers/{id}/address", put(relocate))
        .route("/customers/{id}/points", post(add_points))
        .with_state(store)
}

/// The profile with its default address: what a checkout asks for, as it is at this moment.
async fn show(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Reply {
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let profile = profile(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(profile.ok_or_else(|| no_customer(id))?))
}

async fn profile(tx: &mut Tx<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT customer_id, name, email, country, is_active, loyalty_points, version FROM customers WHERE customer_id = ?";
    let Some(customer) = tx.one(sql, &[id.into()]).await? else {
        return Ok(None);
    };
    let sql = "SELECT name, line1, line2, city, postcode, country FROM customer_addresses WHERE customer_id = ? AND is_default = TRUE";
    let address = tx.one(sql, &[id.into()]).await?;
    Ok(Some(json!({
        "customerId": customer.int(0),
        "name": customer.text(1),
        "email": customer.text(2),
        "country": customer.text(3),
        "isActive": customer.int(4) != 0,
        "loyaltyPoints": customer.int(5),
        "version": customer.int(6),
        "defaultAddress": address.as_ref().map(address_of),
    })))
}

fn address_of(row: &Row) -> Value {
    json!({
        "name": row.text(0), "line1": row.text(1), "line2": row.maybe(2),
        "city": row.text(3), "postcode": row.text(4), "country": row.text(5),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    name: Option<String>,
    country: Option<String>,
    is_active: Option<bool>,
}

async fn change(
    State(store): State<Arc<Store>>,
    Path(id): Path<i64>,
    Json(change): Json<Change>,
) -> Reply {
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let sql = format!(
        "UPDATE customers SET name = COALESCE(?, name), country = COALESCE(?, country), is_active = COALESCE(?, is_active), version = version + 1, updated_at = {} WHERE customer_id = ?",
        tx.now()
    );
    let active = change
        .is_active
        .map_or(crate::store::Value::Null, |it| i64::from(it).into());
    let values = [
        change.name.as_deref().into(),
        change.country.as_deref().into(),
        active,
        id.into(),
    ];
    tx.execute(&sql, &values).await?;
    let changed = told(&mut tx, id).await?;
    if let Some(country) = &change.country {
        let fact = json!({ "customerId": id, "country": country });
        tx.publish(Event::new(
            "customer.country.changed.v1",
            id.to_string(),
            &fact,
        ))
        .await?;
    }
    tx.commit().await?;
    log::line(&format!("customer {id} changed"));
    Ok(Json(changed))
}

#[derive(Deserialize, Serialize)]
struct Address {
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    postcode: String,
    country: String,
}

/// Another default address. Orders that were placed keep theirs.
async fn relocate(
    State(store): State<Arc<Store>>,
    Path(id): Path<i64>,
    Json(address): Json<Address>,
) -> Reply {
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let sql = format!(
        "UPDATE customers SET version = version + 1, updated_at = {} WHERE customer_id = ?",
        tx.now()
    );
    tx.execute(&sql, &[id.into()]).await?;
    let sql = format!(
        "UPDATE customer_addresses SET name = ?, line1 = ?, line2 = ?, city = ?, postcode = ?, country = ?, updated_at = {} WHERE customer_id = ? AND is_default = TRUE",
        tx.now()
    );
    let values = [
        (&address.name).into(),
        (&address.line1).into(),
        address.line2.as_deref().into(),
        (&address.city).into(),
        (&address.postcode).into(),
        (&address.country).into(),
        id.into(),
    ];
    tx.execute(&sql, &values).await?;
    let changed = told(&mut tx, id).await?;
    tx.commit().await?;
    log::line(&format!("customer {id} moved to {}", address.city));
    Ok(Json(changed))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Points {
    order_id: i64,
    /// Negative: taken back.
    points: i64,
}

async fn add_points(
    State(store): State<Arc<Store>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(points): Json<Points>,
) -> std::result::Result<Response, Refusal> {
    let adding = AddPoints {
        customer: id,
        points,
    };
    take_part(&store, &headers, &adding).await
}

struct AddPoints {
    customer: i64,
    points: Points,
}

impl Business for AddPoints {
    fn name(&self) -> &'static str {
        "points"
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        let added = count_points(tx, self.customer, self.points.points).await?;
        Ok(if added {
            Ok(
                json!({ "customerId": self.customer, "points": self.points.points, "orderId": self.points.order_id }),
            )
        } else {
            Err(format!(
                "customer {} is not there, or has too few points",
                self.customer
            ))
        })
    }

    async fn take_back(&self, tx: &mut Tx<'_>, output: &Value) -> Result<()> {
        let points = output["points"].as_i64().unwrap_or(0);
        count_points(tx, self.customer, -points).await.map(drop)
    }
}

/// Commutative: no matter in which order orders come.
async fn count_points(tx: &mut Tx<'_>, customer: i64, points: i64) -> Result<bool> {
    let sql = "UPDATE customers SET loyalty_points = loyalty_points + ? WHERE customer_id = ? AND loyalty_points + ? >= 0";
    let values = [points.into(), customer.into(), points.into()];
    Ok(tx.execute(sql, &values).await? == 1)
}

/// Tells the profile as it is now, in the transaction that changed it.
async fn told(tx: &mut Tx<'_>, id: i64) -> std::result::Result<Value, Refusal> {
    let profile = profile(tx, id).await?.ok_or_else(|| no_customer(id))?;
    let fact = json!({
        "customerId": id, "name": profile["name"], "email": profile["email"],
        "defaultAddress": profile["defaultAddress"], "isActive": profile["isActive"], "version": profile["version"],
    });
    tx.publish(Event::new(
        "customer.profile.updated.v1",
        id.to_string(),
        &fact,
    ))
    .await?;
    Ok(profile)
}

fn no_customer(id: i64) -> Refusal {
    Refusal::absent(format!("there is no customer {id}"))
}
