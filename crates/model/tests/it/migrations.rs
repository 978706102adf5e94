//! Migration and seed files: names, pairs, headers, folders per engine.

use std::io;
use std::path::Path;

use freehold_model::{
    Files, MemoryFiles, Migration, Phase, Seed, load, load_migrations, load_seeds,
};

use crate::{ORDERS, ROOT, SYSTEM, assert_said, loaded, memory};

type Loaded = (Vec<Migration>, Vec<Seed>);

/// Of the store `main` of `orders`; faults of migrations and seeds together.
fn read(orders: &str, files: &[(&str, &str)]) -> Result<Loaded, Vec<freehold_model::Fault>> {
    read_store("main", orders, files)
}

fn read_store(
    store: &str,
    orders: &str,
    files: &[(&str, &str)],
) -> Result<Loaded, Vec<freehold_model::Fault>> {
    let files: Vec<(String, &str)> = files
        .iter()
        .map(|(path, text)| (format!("services/orders/{path}"), *text))
        .collect();
    let mut all = vec![SYSTEM, (ORDERS.0, orders)];
    all.extend(files.iter().map(|(path, text)| (path.as_str(), *text)));
    let system = loaded(&all, None);
    let service = &system.services["orders"];
    let (files, root) = (memory(&all), Path::new(ROOT));
    let store = &service.stores[store];
    let migrations = load_migrations(&system, service, store, &files, root);
    let seeds = load_seeds(&system, service, store, &files, root);
    match (migrations, seeds) {
        (Ok(migrations), Ok(seeds)) => Ok((migrations, seeds)),
        (migrations, seeds) => {
            let mut faults = migrations.err().unwrap_or_default();
            faults.extend(seeds.err().unwrap_or_default());
            Err(faults)
        }
    }
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    check_orders(ORDERS.1, files, expected);
}

#[track_caller]
fn check_orders(orders: &str, files: &[(&str, &str)], expected: &str) {
    assert_said(&read(orders, files).err().unwrap_or_default(), expected);
}

#[test]
fn files_become_migrations_in_order() {
    let (migrations, seeds) = read(
        ORDERS.1,
        &[
            (
                "migrations/0010_status.up.sql",
                "-- freehold: phase: contract\n-- freehold: no_transaction\nB;",
            ),
            ("migrations/0002_orders.up.sql", "A;"),
            ("migrations/0002_orders.down.sql", "-A;"),
            ("migrations/README.md", "read me"),
            ("migrations/.0003_x.up.sql.swp", ""),
            ("seeds/01_books.up.sql", "S;"),
            ("seeds/01_books.down.sql", "-S;"),
        ],
    )
    .expect("no faults");
    let ids: Vec<String> = migrations.iter().map(Migration::id).collect();
    assert_eq!(ids, ["0002_orders", "0010_status"]);
    let [orders, status] = migrations.as_slice() else {
        panic!("two migrations")
    };
    assert_eq!(
        (orders.up.as_str(), orders.down.as_deref()),
        ("A;", Some("-A;"))
    );
    assert_eq!(
        orders.up_file,
        Path::new("services/orders/migrations/0002_orders.up.sql")
    );
    assert_eq!(
        orders.down_file.as_deref(),
        Some(Path::new("services/orders/migrations/0002_orders.down.sql"))
    );
    assert_eq!((orders.phase, orders.no_transaction), (None, false));
    assert_eq!(
        (status.phase, status.no_transaction),
        (Some(Phase::Contract), true)
    );
    assert_eq!(
        (status.down.as_deref(), status.down_file.as_deref()),
        (None, None)
    );
    assert_eq!((seeds[0].number, seeds[0].name.as_str()), (1, "books"));
    assert_eq!(
        (seeds[0].up.as_str(), seeds[0].down.as_deref()),
        ("S;", Some("-S;"))
    );
}

#[test]
fn the_folder_of_the_engine_is_read() {
    let files = [
        ("migrations/postgres/0001_a.up.sql", "pg"),
        ("migrations/mysql/0001_a.up.sql", "my"),
        ("migrations/notes/old.txt", ""),
    ];
    let (migrations, _) = read(ORDERS.1, &files).expect("no faults");
    assert_eq!(migrations[0].up, "pg");
    let (migrations, _) =
        read("service: orders\nstore: { server: my }\n", &files).expect("no faults");
    assert_eq!(migrations[0].up, "my");
    check_orders("service: orders\nstore: { server: lite }\n", &files, "
        FH1206: orders: services/orders/migrations has migrations for postgres, mysql, and none for sqlite
        = write them in services/orders/migrations/sqlite/, or place the store on another server
        ");
}

#[test]
fn folders_of_engines_are_all_or_nothing() {
    check(
        &[
            ("migrations/postgres/0001_a.up.sql", ""),
            ("migrations/0002_b.up.sql", ""),
        ],
        "
        FH1206: services/orders/migrations/0002_b.up.sql:1:1: orders: 0002_b.up.sql lies beside folders of engines
        = move it into postgres/
        ",
    );
    check(
        &[("migrations/postgress/0001_a.up.sql", "")],
        "
        FH1206: orders: services/orders/migrations/postgress is no engine's folder
        = did you mean `postgres`?
        ",
    );
}

#[test]
fn no_folder_no_migrations() {
    assert_eq!(read(ORDERS.1, &[]), Ok((vec![], vec![])));
}

#[test]
fn a_tool_in_charge_leaves_nothing_to_us() {
    let orders = "service: orders\nstore: { server: main }\nmigrations: { by: flyway, command: [flyway, migrate] }\n";
    assert_eq!(
        read(orders, &[("migrations/V1__x.sql", "")]),
        Ok((vec![], vec![]))
    );
}

#[test]
fn other_stores_have_what_they_name() {
    let orders = "service: orders\nstores:\n  main: { server: main }\n  search: { server: lite, migrations: search/, seeds: search_seeds }\n  cache: { server: lite }\n";
    let files = [
        ("migrations/0001_a.up.sql", "main"),
        ("search/0001_b.up.sql", "search"),
        ("search_seeds/01_c.up.sql", "seed"),
    ];
    let of = |store| read_store(store, orders, &files).expect("no faults");
    assert_eq!(of("main").0[0].up, "main");
    assert_eq!(
        (of("search").0[0].up.as_str(), of("search").1[0].up.as_str()),
        ("search", "seed")
    );
    assert_eq!(of("cache"), (vec![], vec![]));
}

#[test]
fn names_have_a_form() {
    check(
        &[
            ("migrations/1_a.up.sql", ""),
            ("migrations/0001-a.up.sql", ""),
            ("migrations/0002_b.sql", ""),
            ("migrations/0003_c d.up.sql", ""),
            ("migrations/0004_e.up.SQL", ""),
            ("migrations/99999999999_f.up.sql", ""),
            ("seeds/1_a.up.sql", ""),
        ],
        "
        FH1201: services/orders/migrations/0001-a.up.sql:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/migrations/0002_b.sql:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/migrations/0003_c d.up.sql:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/migrations/0004_e.up.SQL:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/migrations/1_a.up.sql:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/migrations/99999999999_f.up.sql:1:1: orders: this is no name of a migration
        = names are NNNN_name.up.sql and NNNN_name.down.sql: 0001_orders.up.sql
        FH1201: services/orders/seeds/1_a.up.sql:1:1: orders: this is no name of a seed
        = names are NN_name.up.sql and NN_name.down.sql: 01_books.up.sql
        ",
    );
}

#[test]
fn a_number_is_used_once() {
    check(
        &[
            ("migrations/0001_a.up.sql", ""),
            ("migrations/0001_b.up.sql", ""),
            ("migrations/0001_b.down.sql", ""),
            ("migrations/00001_c.up.sql", ""),
            ("seeds/01_a.up.sql", ""),
            ("seeds/01_b.up.sql", ""),
        ],
        "
        FH1202: services/orders/migrations/0001_a.up.sql:1:1: orders: number 1 is used by two migrations
        = the other one is services/orders/migrations/00001_c.up.sql
        = give the one that is not applied anywhere yet the next free number
        FH1202: services/orders/migrations/0001_b.up.sql:1:1: orders: number 1 is used by two migrations
        = the other one is services/orders/migrations/00001_c.up.sql
        = give the one that is not applied anywhere yet the next free number
        FH1202: services/orders/seeds/01_b.up.sql:1:1: orders: number 1 is used by two seeds
        = the other one is services/orders/seeds/01_a.up.sql
        = give the one that is not applied anywhere yet the next free number
        ",
    );
}

#[test]
fn a_down_has_an_up() {
    check(
        &[
            ("migrations/0001_orders.up.sql", ""),
            ("migrations/0001_order.down.sql", ""),
            ("migrations/0002_x.down.sql", ""),
        ],
        "
        FH1203: services/orders/migrations/0001_order.down.sql:1:1: orders: this down belongs to no up
        = services/orders/migrations/0001_orders.up.sql has the same number; give both the same name
        FH1203: services/orders/migrations/0002_x.down.sql:1:1: orders: this down belongs to no up
        = write its `.up.sql`, or remove it
        ",
    );
}

#[test]
fn headers_are_known() {
    check(
        &[
            (
                "migrations/0001_a.up.sql",
                "-- freehold: no_transction\nSELECT 1;\n-- freehold: phase: expand\n",
            ),
            (
                "migrations/0001_a.down.sql",
                "-- freehold: no_transaction\n",
            ),
            ("seeds/01_a.up.sql", "-- freehold: phase: expand\n"),
        ],
        "
        FH1204: services/orders/migrations/0001_a.down.sql:1:1: header `no_transaction` has no meaning here
        = headers stand in the up file and count for both directions
        FH1204: services/orders/migrations/0001_a.up.sql:1:1: unknown header `no_transction`
        = did you mean `no_transaction`?
        FH1204: services/orders/migrations/0001_a.up.sql:3:1: header `phase: expand` stands below the first statement
        = move it to the comment lines at the top of the file
        FH1204: services/orders/seeds/01_a.up.sql:1:1: header `phase: expand` has no meaning here
        = a seed takes one header, at its top: -- freehold: environments: prod, staging
        ",
    );
}

#[test]
fn downs_are_required_where_it_says_so() {
    check_orders(
        "service: orders\nstore: { server: main }\nrequire_down: true\n",
        &[
            ("migrations/0001_a.up.sql", ""),
            ("migrations/0002_b.up.sql", ""),
            ("migrations/0002_b.down.sql", ""),
        ],
        "
        FH1205: services/orders/migrations/0001_a.up.sql:1:1: orders: migration 0001_a has no down
        = write its `.down.sql`, or take `require_down` out of the service's file
        ",
    );
}

/// Everything is there, and SQL cannot be read.
struct NotUtf8(MemoryFiles);

impl Files for NotUtf8 {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path.extension().is_some_and(|it| it == "sql") {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"));
        }
        self.0.read(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        if dir.ends_with("seeds") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.list(dir)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.is_dir(path)
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let files = NotUtf8(memory(&[
        SYSTEM,
        ORDERS,
        ("services/orders/migrations/0001_a.up.sql", ""),
    ]));
    let root = Path::new(ROOT);
    let system = load(root, None, &files).expect("a system");
    let service = &system.services["orders"];
    let store = &service.stores["main"];
    let migrations = load_migrations(&system, service, store, &files, root);
    assert_said(
        &migrations.expect_err("a fault"),
        "FH1208: services/orders/migrations/0001_a.up.sql cannot be read: not UTF-8
         = it must be readable by you, and UTF-8",
    );
    let seeds = load_seeds(&system, service, store, &files, root);
    assert_said(
        &seeds.expect_err("a fault"),
        "FH1208: services/orders/seeds cannot be read: permission denied
         = it must be readable by you, and UTF-8",
    );
}
