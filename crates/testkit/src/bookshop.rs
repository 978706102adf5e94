//! Two services to run events with: one publishes books, the other keeps a copy of them. The same
//! on every engine.

use std::collections::BTreeMap;
use std::path::Path;

use freehold_engine::{Connection, Endpoint, Secret};
pub use freehold_lifecycle::Target;
use freehold_lifecycle::{apply, check_targets, target};
use freehold_model::{EngineKind, MemoryFiles, System, load, load_migrations};
use tokio::sync::Mutex;

use crate::must::Must as _;
use crate::shape::Shape;

/// The event that catalog publishes.
pub const BOOK_CHANGED: &str = "book.changed.v1";

/// Both services' stores, applied.
pub struct Bookshop {
    /// The description.
    pub system: System,
    /// Who publishes.
    pub catalog: Target,
    /// Who keeps the copy `book_cache`.
    pub orders: Target,
}

impl Bookshop {
    /// Describes both on the shape's server and applies them.
    pub async fn opens(shape: &Shape) -> Self {
        let it = Self::described(shape.kind, &shape.name, &shape.endpoint);
        let targets = [it.catalog, it.orders];
        apply(&targets, &|_| {}).await.must("apply");
        let [catalog, orders] = targets;
        Self {
            system: it.system,
            catalog,
            orders,
        }
    }

    /// Describes both, as another process has applied them.
    pub fn described(kind: EngineKind, name: &str, endpoint: &Endpoint) -> Self {
        let files = files(kind, name);
        let system = load(Path::new(""), None, &files).must("the description");
        let of = |service: &str| {
            let service = &system.services[&format!("{name}_{service}")];
            let store = &service.stores["main"];
            let migrations = load_migrations(&system, service, store, &files, Path::new(""));
            let engine = freehold_builtin::engine(kind).must("an engine");
            let migrations = migrations.must("migrations");
            let at = endpoint.clone();
            target(&system, service, store, engine, at, migrations, Vec::new()).must("a target")
        };
        let targets = [of("catalog"), of("orders")];
        check_targets(&targets).must("targets that fit");
        let [catalog, orders] = targets;
        Self {
            system,
            catalog,
            orders,
        }
    }
}

/// Logins that have a password, by name; names are unique in a run.
static KNOWN: Mutex<BTreeMap<String, Endpoint>> = Mutex::const_new(BTreeMap::new());

/// A session of one of a store's logins, with a password made for it the first time.
pub async fn enter(target: &Target, login: &str) -> Box<dyn Connection> {
    let at = door(target, login).await;
    target.engine.connect(&at).await.must("the login enters")
}

/// Where one of a store's logins enters, with a password made for it the first time.
pub async fn door(target: &Target, login: &str) -> Endpoint {
    let at = target.engine.at_store(&target.admin, &target.want.spot);
    if !target.engine.info().identities {
        // Without identities a name tells only that one is not the owner.
        return at.with_login(login, None);
    }
    let mut known = KNOWN.lock().await;
    if !known.contains_key(login) {
        let password = Secret::generate();
        let mut issuer = target.engine.connect(&at).await.must("the issuer enters");
        let verifier = target.engine.verifier(issuer.probe(), login, &password);
        let given = issuer.issue(&target.want, login, Some(&verifier)).await;
        given.must("the login gets a password");
        known.insert(login.to_owned(), at.with_login(login, Some(password)));
    }
    known[login].clone()
}

fn files(kind: EngineKind, name: &str) -> MemoryFiles {
    let object = match kind {
        EngineKind::Postgres => "json_build_object",
        _ => "json_object",
    };
    let catalog = format!(
        "service: {name}_catalog
store: {{ server: main }}
publishes:
  {BOOK_CHANGED}:
    schema: events/book.json
    key: bookId
    snapshot: \"SELECT book_id, {object}('bookId', book_id, 'title', title, 'version', version) FROM books\"
"
    );
    let orders = format!(
        "service: {name}_orders
store: {{ server: main }}
copies:
  book_cache:
    from: {name}_catalog/{BOOK_CHANGED}
    key: {{ book_id: bookId }}
    columns: {{ title: title, version_number: version }}
    provenance: {{ version: version_number, source: source_service }}
"
    );
    let files = [
        (
            "freehold.yaml".to_owned(),
            format!(
                "system: shop\nservers:\n  main: {{ engine: {}, url: \"env:NOT_ASKED_FOR\" }}\nservices: [services/*]\n",
                kind.name()
            ),
        ),
        ("services/catalog/service.yaml".to_owned(), catalog),
        ("services/orders/service.yaml".to_owned(), orders),
        (
            "services/catalog/migrations/0001_books.up.sql".to_owned(),
            "CREATE TABLE books (book_id BIGINT PRIMARY KEY, title VARCHAR(100) NOT NULL, version BIGINT NOT NULL);\n".to_owned(),
        ),
        (
            "services/orders/migrations/0001_book_cache.up.sql".to_owned(),
            "CREATE TABLE book_cache (book_id BIGINT PRIMARY KEY, title VARCHAR(100) NOT NULL, version_number BIGINT NOT NULL CHECK (version_number > 0), source_service VARCHAR(60) NOT NULL DEFAULT 'catalog');\n".to_owned(),
        ),
    ];
    MemoryFiles::new(files)
}
