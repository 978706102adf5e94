//! Three services in a row: catalog publishes books, orders keeps a copy of them and publishes orders,
//! search keeps copies of both and a read model over them. The same on every engine.

use std::path::Path;
use std::sync::Arc;

use freehold_lifecycle::{Target, apply, check_targets, target};
use freehold_model::{EngineKind, MemoryFiles, System, load, load_migrations};

use crate::must::Must as _;
use crate::shape::Shape;

/// The event that orders publishes.
pub const ORDER_PLACED: &str = "order.placed.v1";

/// The three stores, applied.
pub struct Trio {
    /// The description.
    pub system: System,
    /// Publishes `book.changed.v1`.
    pub catalog: Arc<Target>,
    /// Keeps `book_cache`, publishes [`ORDER_PLACED`].
    pub orders: Arc<Target>,
    /// Keeps `books` and `placed`, and the read model `order_books`.
    pub search: Arc<Target>,
}

impl Trio {
    /// Describes them on the shape's server and applies them.
    pub async fn opens(shape: &Shape) -> Self {
        let files = files(shape.kind, &shape.name);
        let system = load(Path::new(""), None, &files).must("the description");
        let of = |service: &str| {
            let service = &system.services[&format!("{}_{service}", shape.name)];
            let store = &service.stores["main"];
            let migrations = load_migrations(&system, service, store, &files, Path::new(""));
            let engine = freehold_builtin::engine(shape.kind).must("an engine");
            let migrations = migrations.must("migrations");
            let at = shape.endpoint.clone();
            target(&system, service, store, engine, at, migrations, Vec::new()).must("a target")
        };
        let targets = [of("catalog"), of("orders"), of("search")];
        check_targets(&targets).must("targets that fit");
        apply(&targets, &|_| {}).await.must("apply");
        let [catalog, orders, search] = targets.map(Arc::new);
        Self {
            system,
            catalog,
            orders,
            search,
        }
    }
}

fn files(kind: EngineKind, name: &str) -> MemoryFiles {
    let system = format!(
        "system: trio\nservers:\n  main: {{ engine: {}, url: \"env:NOT_ASKED_FOR\" }}\nservices: [services/*]\n",
        kind.name()
    );
    let catalog = format!(
        "service: {name}_catalog
store: {{ server: main }}
publishes:
  book.changed.v1: {{ schema: a.json, key: bookId }}
"
    );
    let orders = format!(
        "service: {name}_orders
store: {{ server: main }}
publishes:
  {ORDER_PLACED}: {{ schema: a.json, key: orderId }}
copies:
  book_cache:
    from: {name}_catalog/book.changed.v1
    key: {{ book_id: bookId }}
    columns: {{ version: version }}
    provenance: {{ version: version }}
"
    );
    let search = format!(
        "service: {name}_search
store: {{ server: main }}
copies:
  books:
    from: {name}_catalog/book.changed.v1
    key: {{ book_id: bookId }}
    columns: {{ version: version }}
    provenance: {{ version: version }}
  placed:
    from: {name}_orders/{ORDER_PLACED}
    key: {{ order_id: orderId }}
    columns: {{ book_id: bookId, version: version }}
    provenance: {{ version: version }}
read_models:
  order_books:
    from: {{ o: placed, b: books }}
    select: |
      SELECT o.order_id, o.book_id, b.version AS book_version
      FROM o LEFT JOIN b ON b.book_id = o.book_id
"
    );
    // No version below one: what says so stands still.
    let copy = |table: &str, key: &str, more: &str| {
        format!(
            "CREATE TABLE {table} ({key} BIGINT PRIMARY KEY, {more}version BIGINT NOT NULL CHECK (version > 0));\n"
        )
    };
    let file = |path: &str, text: String| (format!("services/{path}"), text);
    MemoryFiles::new([
        ("freehold.yaml".to_owned(), system),
        file("catalog/service.yaml", catalog),
        file("orders/service.yaml", orders),
        file("search/service.yaml", search),
        file(
            "orders/migrations/0001_copies.up.sql",
            copy("book_cache", "book_id", ""),
        ),
        file(
            "search/migrations/0001_copies.up.sql",
            copy("books", "book_id", "") + &copy("placed", "order_id", "book_id BIGINT NOT NULL, "),
        ),
    ])
}
