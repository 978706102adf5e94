//! Placing an order without a join: the customer is asked (may they buy, where is it sent), books
//! come from the copy, and a book that the copy lacks is asked for. catalog may be down.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use freehold::Answer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, stepped};
use crate::log::{self, money};
use crate::refusal::Refusal;
use crate::store::{Result, Tx};
use crate::trace;

const MOST_ITEMS: usize = 50;
/// From this total on, in minor units, somebody looks at an order before it is charged.
const LARGE: i64 = 500_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    customer_id: i64,
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    book_id: i64,
    quantity: i64,
}

/// What an order keeps of a book.
struct Book {
    title: String,
    author: String,
    price_cents: i64,
    currency: String,
}

/// Where it goes, as it is at this moment.
struct Address {
    lines: [String; 5],
    line2: Option<String>,
}

pub(super) async fn place(
    State(desk): State<Arc<Desk>>,
    Json(wanted): Json<Wanted>,
) -> std::result::Result<(StatusCode, Json<Value>), Refusal> {
    let quantities = quantities(&wanted)?;
    let customer = customer(&desk, wanted.customer_id).await?;
    let address = address(&customer)?;
    let books = books(&desk, &quantities).await?;
    let (total, currency) = total(&quantities, &books)?;

    let mut link = desk.store.link().await?;
    let mut tx = link.begin().await?;
    let email = customer["email"].as_str().unwrap_or_default();
    let order = insert(
        &mut tx,
        wanted.customer_id,
        email,
        (total, &currency),
        &address,
    )
    .await?;
    for (id, quantity) in &quantities {
        insert_item(&mut tx, order, *id, *quantity, &books[id]).await?;
    }
    stepped(&mut tx, order, None, "pending", Some("placed")).await?;
    if desk.starts_sagas {
        let items: Vec<_> = quantities
            .iter()
            .map(|(book, quantity)| json!({ "bookId": book, "quantity": quantity }))
            .collect();
        let mut input = json!({
            "orderId": order, "customerId": wanted.customer_id, "totalCents": total, "currency": currency,
            "points": total / 100, "items": items,
        });
        if let Some(context) = trace::carried() {
            input["traceparent"] = json!(context);
        }
        let sql =
            "INSERT INTO freehold_saga_start (definition, key, input, locks) VALUES (?, ?, ?, ?)";
        // By value: what a mistake costs decides how careful to be.
        let saga = if total < LARGE {
            "place_order"
        } else {
            "place_large_order"
        };
        let values = [
            saga.into(),
            (&order.to_string()).into(),
            (&input.to_string()).into(),
            (&lock(order)).into(),
        ];
        tx.execute(&key_quoted(&tx, sql), &values).await?;
    }
    tx.commit().await?;
    trace::about(&format!("order {order}"));
    log::line(&format!(
        "order {order} placed: {} of customer {}",
        money(total, &currency),
        wanted.customer_id
    ));
    let placed =
        json!({ "orderId": order, "status": "pending", "total": total, "currency": currency });
    Ok((StatusCode::CREATED, Json(placed)))
}

/// What no two sagas of an order hold at the same time, as `locks` of a start takes it.
pub(super) fn lock(order: i64) -> String {
    json!([format!("order-{order}")]).to_string()
}

/// `key` is a word of its own in MySQL.
pub(super) fn key_quoted(tx: &Tx<'_>, sql: &str) -> String {
    if tx.is_mysql() {
        return sql.replace(", key,", ", `key`,");
    }
    sql.to_owned()
}

fn quantities(wanted: &Wanted) -> std::result::Result<BTreeMap<i64, i64>, Refusal> {
    if wanted.items.is_empty() || wanted.items.len() > MOST_ITEMS {
        return Err(Refusal::invalid(format!(
            "an order has 1 to {MOST_ITEMS} items"
        )));
    }
    let mut quantities = BTreeMap::new();
    for item in &wanted.items {
        if !(1..=1000).contains(&item.quantity) {
            return Err(Refusal::invalid("a quantity is 1 to 1000"));
        }
        *quantities.entry(item.book_id).or_insert(0) += item.quantity;
    }
    Ok(quantities)
}

async fn customer(desk: &Desk, id: i64) -> std::result::Result<Value, Refusal> {
    let answer = desk.customers.get(id, &format!("/customers/{id}")).await;
    match answer.map_err(Refusal::unavailable)? {
        Answer::Absent => Err(Refusal::invalid(format!("there is no customer {id}"))),
        Answer::Found(customer) if customer["isActive"] == json!(false) => {
            Err(Refusal::conflict(format!("customer {id} may not buy")))
        }
        Answer::Found(customer) => Ok(customer),
    }
}

fn address(customer: &Value) -> std::result::Result<Address, Refusal> {
    let given = &customer["defaultAddress"];
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let needed: Option<Vec<_>> = ["name", "line1", "city", "postcode", "country"]
        .into_iter()
        .map(text)
        .collect();
    let lines = needed.and_then(|lines| lines.try_into().ok());
    Ok(Address {
        lines: lines.ok_or_else(|| Refusal::conflict("the customer has no default address"))?,
        line2: text("line2"),
    })
}

/// From the copy; what it lacks, from catalog.
async fn books(
    desk: &Desk,
    quantities: &BTreeMap<i64, i64>,
) -> std::result::Result<BTreeMap<i64, Book>, Refusal> {
    let marks = vec!["?"; quantities.len()].join(", ");
    let sql = format!(
        "SELECT book_id, title, author_name, current_price, currency FROM book_cache WHERE book_id IN ({marks})"
    );
    let ids: Vec<_> = quantities.keys().map(|id| (*id).into()).collect();
    let kept = desk.store.query(&sql, &ids).await?;
    let kept = kept.iter().map(|row| {
        let book = Book {
            title: row.text(1),
            author: row.text(2),
            price_cents: row.int(3),
            currency: row.text(4),
        };
        (row.int(0), book)
    });
    let mut books: BTreeMap<_, _> = kept.collect();
    for id in quantities.keys() {
        if books.contains_key(id) {
            continue;
        }
        let answer = desk.catalog.get(*id, &format!("/books/{id}")).await;
        let Answer::Found(found) = answer.map_err(Refusal::unavailable)? else {
            return Err(Refusal::invalid(format!("there is no book {id}")));
        };
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let book = Book {
            title: text("title"),
            author: text("authorName"),
            price_cents: found["priceCents"].as_i64().unwrap_or_default(),
            currency: text("currency"),
        };
        books.insert(*id, book);
    }
    Ok(books)
}

fn total(
    quantities: &BTreeMap<i64, i64>,
    books: &BTreeMap<i64, Book>,
) -> std::result::Result<(i64, String), Refusal> {
    let mut total = 0_i64;
    let mut currency: Option<&str> = None;
    for (id, quantity) in quantities {
        let book = &books[id];
        if *currency.get_or_insert(&book.currency) != book.currency {
            return Err(Refusal::invalid("an order has one currency"));
        }
        total += book.price_cents * quantity;
    }
    Ok((total, currency.unwrap_or("GBP").to_owned()))
}

async fn insert(
    tx: &mut Tx<'_>,
    customer: i64,
    email: &str,
    (total, currency): (i64, &str),
    address: &Address,
) -> Result<i64> {
    let sql = "INSERT INTO orders (customer_id, customer_email, total, currency, \
         shipping_name, shipping_line1, shipping_line2, shipping_city, shipping_postcode, shipping_country, \
         billing_name, billing_line1, billing_line2, billing_city, billing_postcode, billing_country) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut values = vec![customer.into(), email.into(), total.into(), currency.into()];
    let [name, line1, city, postcode, country] = &address.lines;
    for _ in ["shipping", "billing"] {
        values.extend([
            name.into(),
            line1.into(),
            address.line2.as_deref().into(),
            city.into(),
            postcode.into(),
            country.into(),
        ]);
    }
    tx.insert(sql, "order_id", &values).await
}

async fn insert_item(
    tx: &mut Tx<'_>,
    order: i64,
    book_id: i64,
    quantity: i64,
    book: &Book,
) -> Result<()> {
    let sql = "INSERT INTO order_items (order_id, book_id, quantity, unit_price, book_title, book_author) VALUES (?, ?, ?, ?, ?, ?)";
    let values = [
        order.into(),
        book_id.into(),
        quantity.into(),
        book.price_cents.into(),
        (&book.title).into(),
        (&book.author).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}
