//! catalog: what is sold, at which price, and how many are there. Stock is reserved for an order,
//! then taken or released.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use freehold::{Event, Fact};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json_, json};

use crate::log::{self, money};
use crate::participant::{Acted, Business, take_part};
use crate::refusal::Refusal;
use crate::store::{Result, Row, Store, Tx};

type Reply = std::result::Result<Json<Json_>, Refusal>;
type Part = std::result::Result<Response, Refusal>;

/// What others may know of a book. `version` counts its changes: whoever keeps a copy takes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BookChanged {
    book_id: i64,
    title: String,
    author_name: String,
    price_cents: i64,
    currency: String,
    version: i64,
}

impl Fact for BookChanged {
    const TOPIC: &'static str = "book.changed.v1";

    fn key(&self) -> String {
        self.book_id.to_string()
    }
}

const BOOKS: &str = "SELECT b.book_id, b.title, a.name, b.price_cents, b.currency, b.version FROM books b JOIN authors a ON a.author_id = b.author_id";

pub(crate) fn routes(store: Arc<Store>) -> Router {
    Router::new()
        .route("/books", get(list))
        .route("/books/{id}", get(show))
        .route("/books/{id}/price", put(reprice))
        .route("/inventory/{id}", get(stock))
        .route("/inventory/reserve", post(reserve))
        .route("/inventory/release", post(reserve))
        .route("/inventory/take", post(take))
        .route("/inventory/return", post(give_back))
        .with_state(store)
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
    #[serde(default = "page")]
    limit: i64,
}

fn page() -> i64 {
    50
}

async fn list(State(store): State<Arc<Store>>, Query(page): Query<Page>) -> Reply {
    let sql = format!("{BOOKS} WHERE b.is_active AND b.book_id > ? ORDER BY b.book_id LIMIT ?");
    let limit = page.limit.clamp(1, 1000);
    let rows = store
        .query(&sql, &[page.after.into(), limit.into()])
        .await?;
    let books: Vec<_> = rows.iter().map(book).collect();
    Ok(Json(json!({ "books": books })))
}

async fn show(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Reply {
    let sql = format!("{BOOKS} WHERE b.book_id = ?");
    let rows = store.query(&sql, &[id.into()]).await?;
    let found = rows.first().ok_or_else(|| no_book(id))?;
    Ok(Json(json!(book(found))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    price_cents: i64,
}

async fn reprice(
    State(store): State<Arc<Store>>,
    Path(id): Path<i64>,
    Json(price): Json<Price>,
) -> Reply {
    if price.price_cents < 0 {
        return Err(Refusal::invalid("a price is not negative"));
    }
    let mut link = store.link().await?;
    let mut tx = link.begin().await?;
    let sql = format!(
        "UPDATE books SET price_cents = ?, version = version + 1, updated_at = {} WHERE book_id = ?",
        tx.now()
    );
    tx.execute(&sql, &[price.price_cents.into(), id.into()])
        .await?;
    let found = tx
        .one(&format!("{BOOKS} WHERE b.book_id = ?"), &[id.into()])
        .await?;
    let changed = book(&found.ok_or_else(|| no_book(id))?);
    tx.publish(Event::of(&changed)).await?;
    tx.commit().await?;
    log::line(&format!(
        "book {id} costs {} now",
        money(changed.price_cents, &changed.currency)
    ));
    Ok(Json(json!(changed)))
}

async fn stock(State(store): State<Arc<Store>>, Path(id): Path<i64>) -> Reply {
    let sql = "SELECT quantity, reserved FROM inventory WHERE book_id = ?";
    let rows = store.query(sql, &[id.into()]).await?;
    let found = rows.first().ok_or_else(|| no_book(id))?;
    let (quantity, reserved) = (found.int(0), found.int(1));
    Ok(Json(
        json!({ "bookId": id, "quantity": quantity, "reserved": reserved, "available": quantity - reserved }),
    ))
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    order_id: i64,
    items: Vec<Item>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    book_id: i64,
    quantity: i64,
}

/// How a move changes `quantity` and `reserved`, for each copy of a book.
#[derive(Clone, Copy)]
struct Move {
    word: &'static str,
    quantity: i64,
    reserved: i64,
}

const RESERVE: Move = Move {
    word: "reserved",
    quantity: 0,
    reserved: 1,
};
const TAKE: Move = Move {
    word: "taken",
    quantity: -1,
    reserved: -1,
};

const RETURN: Move = Move {
    word: "returned",
    quantity: 1,
    reserved: 0,
};

async fn reserve(store: State<Arc<Store>>, headers: HeaderMap, items: Json<Items>) -> Part {
    moved(&store.0, &headers, RESERVE, items.0).await
}

async fn take(store: State<Arc<Store>>, headers: HeaderMap, items: Json<Items>) -> Part {
    moved(&store.0, &headers, TAKE, items.0).await
}

/// Of an order that was confirmed and is cancelled.
async fn give_back(store: State<Arc<Store>>, headers: HeaderMap, items: Json<Items>) -> Part {
    moved(&store.0, &headers, RETURN, items.0).await
}

async fn moved(store: &Store, headers: &HeaderMap, how: Move, items: Items) -> Part {
    take_part(store, headers, &MoveStock { how, items }).await
}

struct MoveStock {
    how: Move,
    items: Items,
}

impl Business for MoveStock {
    fn name(&self) -> &'static str {
        self.how.word
    }

    async fn act(&self, tx: &mut Tx<'_>) -> Result<Acted> {
        Ok(match move_stock(tx, self.how, &self.items).await? {
            None => Ok(json!(self.items)),
            Some(book) => Err(format!("too few of book {book}")),
        })
    }

    async fn take_back(&self, tx: &mut Tx<'_>, output: &Json_) -> Result<()> {
        let Ok(items) = serde_json::from_value::<Items>(output.clone()) else {
            return Ok(());
        };
        let back = Move {
            word: "put back",
            quantity: -self.how.quantity,
            reserved: -self.how.reserved,
        };
        move_stock(tx, back, &items).await.map(drop)
    }
}

/// Moves stock of all items, in order of books so that two orders never wait for each other in a
/// circle; or says of which book there is too little, and then nothing is to be committed.
async fn move_stock(tx: &mut Tx<'_>, how: Move, items: &Items) -> Result<Option<i64>> {
    let mut sorted: Vec<&Item> = items.items.iter().collect();
    sorted.sort_by_key(|item| item.book_id);
    let sql = format!(
        "UPDATE inventory SET quantity = quantity + ?, reserved = reserved + ?, updated_at = {} \
         WHERE book_id = ? AND reserved + ? >= 0 AND quantity + ? >= reserved + ?",
        tx.now()
    );
    for item in sorted {
        let (quantity, reserved) = (how.quantity * item.quantity, how.reserved * item.quantity);
        let values = [
            quantity.into(),
            reserved.into(),
            item.book_id.into(),
            reserved.into(),
            quantity.into(),
            reserved.into(),
        ];
        if item.quantity < 1 || tx.execute(&sql, &values).await? == 0 {
            return Ok(Some(item.book_id));
        }
        let select = "SELECT quantity, reserved FROM inventory WHERE book_id = ?";
        let now = tx.one(select, &[item.book_id.into()]).await?;
        let (quantity, reserved) = now.map_or((0, 0), |row| (row.int(0), row.int(1)));
        let told = json!({ "bookId": item.book_id, "quantity": quantity, "reserved": reserved });
        tx.publish(Event::new(
            "inventory.changed.v1",
            item.book_id.to_string(),
            &told,
        ))
        .await?;
    }
    Ok(None)
}

fn book(row: &Row) -> BookChanged {
    BookChanged {
        book_id: row.int(0),
        title: row.text(1),
        author_name: row.text(2),
        price_cents: row.int(3),
        currency: row.text(4),
        version: row.int(5),
    }
}

fn no_book(id: i64) -> Refusal {
    Refusal::absent(format!("there is no book {id}"))
}
