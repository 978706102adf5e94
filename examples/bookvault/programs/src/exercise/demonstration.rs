//! The shop at work in half a minute: orders, a declined card, a new price, a customer who moves,
//! catalog gone and back. Then what must hold is held against what the services say.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::customer::Customer;
use crate::log::line;

const BOOKS: std::ops::RangeInclusive<i64> = 1..=12;
/// In the middle of everything.
const BOOK: i64 = 5;
const BUYER: i64 = 3;
const CUSTOMERS: i64 = 40;
/// How long a copy may take to see a change, and a saga to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Older than this, a copy is not current: what `freehold status` says as well.
const PROMISED: Duration = Duration::from_secs(5);

struct Show {
    customer: Customer,
    broken: Vec<String>,
    windows: Vec<(String, Duration)>,
    orders: Vec<i64>,
    /// Customers who may buy.
    buyers: Vec<i64>,
}

/// Whether everything held.
pub(crate) async fn demonstrate() -> bool {
    let mut show = Show {
        customer: Customer::new(),
        broken: Vec::new(),
        windows: Vec::new(),
        orders: Vec::new(),
        buyers: Vec::new(),
    };
    line("");
    show.wait_for_copies().await;
    show.find_buyers().await;
    let stock = show.stock().await;
    show.place_orders().await;
    show.change_price().await;
    show.move_customer().await;
    show.lose_catalog().await;
    show.settle().await;
    show.check(&stock).await;
    show.sum_up();
    show.broken.is_empty()
}

impl Show {
    /// A copy that begins is filled from its owner's rows of today.
    async fn wait_for_copies(&mut self) {
        let begun = Instant::now();
        for book in BOOKS {
            while !self.is_known(book).await {
                if begun.elapsed() > PATIENCE {
                    return self.tell(false, "orders has a copy of each book");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.tell(true, "orders has a copy of what catalog sells");
    }

    async fn is_known(&self, book: i64) -> bool {
        let path = format!("/known/books/{book}");
        matches!(self.customer.get("orders", &path).await, Some((200, _)))
    }

    /// Some customers are inactive: they are refused, whatever any copy says.
    async fn find_buyers(&mut self) {
        for customer in 1..=CUSTOMERS {
            let path = format!("/customers/{customer}");
            let Some((200, profile)) = self.customer.get("customers", &path).await else {
                continue;
            };
            if profile["isActive"] == json!(true) {
                self.buyers.push(customer);
                continue;
            }
            let body =
                json!({ "customerId": customer, "items": [{ "bookId": BOOK, "quantity": 1 }] });
            let answer = self.ask_for(&body).await;
            self.tell(
                matches!(answer, Some((409, _))),
                &format!("customer {customer} is inactive, and is refused"),
            );
        }
        if self.buyers.is_empty() {
            self.tell(false, "somebody may buy");
            self.buyers.push(BUYER);
        }
    }

    async fn place_orders(&mut self) {
        // Every fifth card is declined.
        self.customer
            .put("payment", "/provider", &json!({ "declineEvery": 5 }))
            .await;
        for at in 1..=20 {
            let buyer = self.buyers[at % self.buyers.len()];
            let book = i64::try_from(at % 12).unwrap_or(0) + 1;
            self.order(buyer, book).await;
        }
        self.tell(
            true,
            &format!(
                "{} orders placed, every fifth card is declined",
                self.orders.len()
            ),
        );
    }

    /// As customers do: told that a service does not answer just now, they try again. Nothing was placed then.
    async fn ask_for(&self, order: &Value) -> Option<(u16, Value)> {
        let begun = Instant::now();
        loop {
            let answer = self.customer.post("orders", "/orders", order).await;
            if !matches!(answer, Some((503, _))) || begun.elapsed() > PATIENCE {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn order(&mut self, customer: i64, book: i64) -> Option<Value> {
        let body = json!({ "customerId": customer, "items": [{ "bookId": book, "quantity": 1 }] });
        let answer = self.ask_for(&body).await;
        let Some((201, placed)) = answer else {
            self.tell(
                false,
                &format!("an order of book {book} for customer {customer}: {answer:?}"),
            );
            return None;
        };
        self.orders.extend(placed["orderId"].as_i64());
        Some(placed)
    }

    /// Until a copy shows what its owner says: the consistency window. Held against what is promised.
    async fn window(&mut self, what: &str, path: &str, shows: impl Fn(&Value) -> bool) -> bool {
        let changed = Instant::now();
        while changed.elapsed() < PATIENCE {
            let known = self.customer.get("orders", path).await;
            if known.is_some_and(|(_, known)| shows(&known)) {
                let window = changed.elapsed();
                self.windows.push((what.to_owned(), window));
                let (took, most) = (window.as_millis(), PROMISED.as_millis());
                self.tell(
                    window <= PROMISED,
                    &format!("freshness: {what} after {took} ms; promised are {most} ms"),
                );
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.tell(false, &format!("freshness: {what}: it never did"));
        false
    }

    /// How long orders sells at the old price.
    async fn change_price(&mut self) {
        let price = 1234 + i64::from(std::process::id() % 1000);
        let path = format!("/books/{BOOK}/price");
        let body = json!({ "priceCents": price });
        self.customer.put("catalog", &path, &body).await;
        let path = format!("/known/books/{BOOK}");
        let what = "catalog changes a price → orders sells at it";
        if self
            .window(what, &path, |book| book["priceCents"] == price)
            .await
        {
            let placed = self.order(BUYER, BOOK).await;
            let held = placed.is_some_and(|placed| placed["total"] == price);
            self.tell(held, "a new price is what an order costs");
        }
    }

    /// An order keeps the address that it was placed with.
    async fn move_customer(&mut self) {
        let Some(before) = self.order(BUYER, BOOK).await else {
            return;
        };
        // Another name each time, so that the copy can be seen to take it.
        let name = format!("A. Newname {}", std::process::id());
        let address = json!({ "name": name, "line1": "1 New Street", "line2": null, "city": "Newtown", "postcode": "N1", "country": "GB" });
        let path = format!("/customers/{BUYER}/address");
        self.customer.put("customers", &path, &address).await;
        self.customer
            .put(
                "customers",
                &format!("/customers/{BUYER}"),
                &json!({ "name": name }),
            )
            .await;
        let path = format!("/known/customers/{BUYER}");
        let what = "a customer changes name and address → orders' copy has both";
        let moved = |known: &Value| {
            known["name"] == name.as_str() && known["defaultAddress"]["city"] == "Newtown"
        };
        self.window(what, &path, moved).await;
        let Some(after) = self.order(BUYER, BOOK).await else {
            return;
        };
        let old = self.city(&before).await;
        let new = self.city(&after).await;
        let kept = old.as_deref() != Some("Newtown") && new.as_deref() == Some("Newtown");
        // Moved by an earlier demonstration: then both say so.
        let again = old.as_deref() == Some("Newtown") && new.as_deref() == Some("Newtown");
        self.tell(
            kept || again,
            "a customer moves: the order before keeps its address, the next one has the new",
        );
    }

    async fn city(&self, placed: &Value) -> Option<String> {
        let path = format!("/orders/{}", placed["orderId"]);
        let (_, order) = self.customer.get("orders", &path).await?;
        order["shipping"]["city"].as_str().map(str::to_owned)
    }

    /// Checkout goes on from the copy while catalog is gone.
    async fn lose_catalog(&mut self) {
        steer("rest catalog");
        let gone = Instant::now();
        while self.customer.get("catalog", "/healthz").await.is_some() && gone.elapsed() < PATIENCE
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let placed = self.order(BUYER, BOOK).await.is_some();
        steer("resume catalog");
        let back = Instant::now();
        while self.customer.get("catalog", "/healthz").await.is_none() && back.elapsed() < PATIENCE
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.tell(
            placed,
            "catalog is gone and checkout works, from its copy of the book; catalog is back",
        );
    }

    /// Until no order is pending, or none has moved for a while: then nobody carries them on here.
    async fn settle(&mut self) {
        let begun = Instant::now();
        let (mut last, mut moved) = (None, begun);
        while moved.elapsed() < PATIENCE / 2 {
            let pending = self.orders_in("pending").await;
            if pending == Some(0) {
                let what = "the last order placed → the last one ended";
                return self.windows.push((what.to_owned(), begun.elapsed()));
            }
            if pending != last {
                (last, moved) = (pending, Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn orders_in(&self, status: &str) -> Option<u64> {
        let (_, totals) = self.customer.get("orders", "/orders/totals").await?;
        let rows = totals["totals"].as_array()?.iter();
        let of = rows.filter(|row| row["status"] == status);
        Some(of.filter_map(|row| row["orders"].as_u64()).sum())
    }

    async fn stock(&self) -> Vec<(i64, i64, i64)> {
        let mut stock = Vec::new();
        for book in BOOKS {
            let path = format!("/inventory/{book}");
            let Some((200, seen)) = self.customer.get("catalog", &path).await else {
                continue;
            };
            let number = |name: &str| seen[name].as_i64().unwrap_or_default();
            stock.push((book, number("quantity"), number("reserved")));
        }
        stock
    }

    async fn check(&mut self, before: &[(i64, i64, i64)]) {
        let (Some((_, orders)), Some((_, till))) = (
            self.customer.get("orders", "/orders/totals").await,
            self.customer.get("payment", "/payments/totals").await,
        ) else {
            self.tell(false, "orders and payment tell their totals");
            return;
        };
        let sum = |rows: &Value, only: &[&str], what: &str| -> i64 {
            let rows = rows.as_array().into_iter().flatten();
            let rows =
                rows.filter(|row| only.is_empty() || only.iter().any(|it| row["status"] == *it));
            rows.filter_map(|row| row[what].as_i64()).sum()
        };
        let sold = sum(&orders["totals"], &["confirmed", "shipped"], "cents");
        let captured = sum(&till["captured"], &[], "cents");
        // A pending order may be charged already.
        let underway = sum(&orders["totals"], &["pending"], "cents");
        self.tell(
            (sold..=sold + underway).contains(&captured),
            &format!("money: {captured} minor units in the till, {sold} on confirmed orders"),
        );
        let pending = sum(&orders["totals"], &["pending"], "orders");
        self.tell_orders(pending, &orders);
        let taken =
            |stock: &[(i64, i64, i64)]| stock.iter().map(|(_, quantity, _)| quantity).sum::<i64>();
        let held = |stock: &[(i64, i64, i64)]| stock.iter().map(|(.., held)| held).sum::<i64>();
        // An order is confirmed a moment before its books leave the shelf.
        let begun = Instant::now();
        let mut after = self.stock().await;
        while pending == 0 && held(&after) > 0 && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            after = self.stock().await;
        }
        let reserved = held(&after);
        if pending == 0 {
            self.tell(
                reserved == 0,
                &format!(
                    "stock: {} books taken, none left reserved by an order that ended",
                    taken(before) - taken(&after)
                ),
            );
        } else {
            let books = orders["books"].as_array().into_iter().flatten();
            let waiting = books.filter(|row| row["status"] == "pending");
            let wanted: i64 = waiting.filter_map(|row| row["quantity"].as_i64()).sum();
            self.tell(
                reserved <= wanted,
                &format!("stock: {reserved} books reserved, {wanted} wanted by pending orders"),
            );
        }
        self.check_copies().await;
        self.check_search().await;
    }

    fn tell_orders(&mut self, pending: i64, orders: &Value) {
        let rows = orders["totals"].as_array().into_iter().flatten();
        let by: Vec<_> = rows
            .map(|row| {
                format!(
                    "{} {}",
                    row["orders"],
                    row["status"].as_str().unwrap_or_default()
                )
            })
            .collect();
        self.tell(true, &format!("orders: {}", by.join(", ")));
        if pending > 0 {
            line("  ○ pending orders wait: see `freehold saga list`");
        }
    }

    /// Each copy is its source, version and all, once what is under way has arrived.
    async fn check_copies(&mut self) {
        let begun = Instant::now();
        let (mut books, mut customers) = self.differ().await;
        while !(books.is_empty() && customers.is_empty()) && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            (books, customers) = self.differ().await;
        }
        for (who, of, differ) in [
            ("book", "catalog", books),
            ("customer", "customers", customers),
        ] {
            let but = if differ.is_empty() {
                String::new()
            } else {
                format!(", but not {differ:?}")
            };
            self.tell(
                differ.is_empty(),
                &format!("copies: orders knows each {who} as {of} has it{but}"),
            );
        }
    }

    /// Books and customers whose copy is not their source.
    async fn differ(&self) -> (Vec<i64>, Vec<i64>) {
        let mut books = Vec::new();
        for book in BOOKS {
            let source = self
                .customer
                .get("catalog", &format!("/books/{book}"))
                .await;
            let path = format!("/known/books/{book}");
            if source.is_none() || source != self.customer.get("orders", &path).await {
                books.push(book);
            }
        }
        let mut customers = Vec::new();
        for customer in 1..=CUSTOMERS {
            let path = format!("/customers/{customer}");
            let source = self.customer.get("customers", &path).await;
            let copy = self.customer.get("orders", &format!("/known{path}")).await;
            let same = source.zip(copy).is_some_and(|((_, source), (_, copy))| {
                let copied = copy.as_object().into_iter().flatten();
                copy.is_object()
                    && copied
                        .into_iter()
                        .all(|(name, value)| source[name] == *value)
            });
            if !same {
                customers.push(customer);
            }
        }
        (books, customers)
    }

    /// The read model says of each order what orders and customers say together: the join that
    /// nobody may make in a database.
    async fn check_search(&mut self) {
        if std::env::var("SEARCH_URL").is_err() {
            return;
        }
        let begun = Instant::now();
        let mut odd = self.found_otherwise().await;
        while !odd.is_empty() && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            odd = self.found_otherwise().await;
        }
        let but = if odd.is_empty() {
            String::new()
        } else {
            format!(", but not {odd:?}")
        };
        let what =
            "search: each confirmed order stands there with its customer's country and its books";
        self.tell(odd.is_empty(), &format!("{what}{but}"));
    }

    /// Confirmed orders that search does not know, or knows otherwise.
    async fn found_otherwise(&self) -> Vec<i64> {
        let mut odd = Vec::new();
        for id in &self.orders {
            let Some((200, order)) = self.customer.get("orders", &format!("/orders/{id}")).await
            else {
                odd.push(*id);
                continue;
            };
            if order["status"] != "confirmed" {
                continue;
            }
            let path = format!("/customers/{}", order["customerId"]);
            let customer = self.customer.get("customers", &path).await;
            let path = format!("/search/orders/{id}");
            let found = self.customer.get("search", &path).await;
            let same = found.zip(customer).is_some_and(|((_, found), (_, who))| {
                let books = |rows: &Value, name: &str| -> Vec<String> {
                    let rows = rows.as_array().into_iter().flatten();
                    let book = |row: &Value| row[name].to_string().replace('"', "");
                    rows.map(book).collect()
                };
                found["country"] == who["country"]
                    && found["totalCents"] == order["total"]
                    && books(&found["lines"], "sku") == books(&order["items"], "bookId")
                    && books(&found["items"], "sku") == books(&order["items"], "bookId")
            });
            if !same {
                odd.push(*id);
            }
        }
        odd
    }

    fn tell(&mut self, held: bool, what: &str) {
        line(&format!("  {} {what}", if held { "●" } else { "◆" }));
        if !held {
            self.broken.push(what.to_owned());
        }
    }

    fn sum_up(&self) {
        line("");
        for (what, window) in &self.windows {
            line(&format!("  window   {what}: {} ms", window.as_millis()));
        }
        line(&match self.broken.len() {
            0 => "\nEverything held.".to_owned(),
            n => format!("\n{n} broken: {}", self.broken.join("; ")),
        });
    }
}

/// Tells the running system to stop or start a program.
fn steer(order: &str) {
    let said = std::env::var("FREEHOLD_UP_SOCKET").and_then(|path| {
        let mut answer = String::new();
        let steered = UnixStream::connect(path).and_then(|mut socket| {
            socket.write_all(format!("{order}\n").as_bytes())?;
            socket.read_to_string(&mut answer)
        });
        steered.map_or(Err(std::env::VarError::NotPresent), |_| Ok(answer))
    });
    if said.is_err() {
        line(&format!("  ○ `{order}` could not be asked for"));
    }
}
