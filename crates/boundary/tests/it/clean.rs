//! The described examples cross no boundary; a crossing put into one is found.

use std::io;
use std::path::Path;

use freehold_boundary::{Checked, Ownership, check};
use freehold_model::{Files, load};

use super::example;

struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

fn described(name: &str) -> Checked {
    let root = example(name);
    let system = load(&root, None, &Disk).expect("a good description");
    let own = Ownership::of_system(&system).expect("good patterns");
    check(&root, &[], Some(own), "2026-11-21").expect("a check")
}

#[test]
fn bookvault_and_shopease_are_clean() {
    for name in ["bookvault", "shopease"] {
        let checked = described(name);
        assert!(checked.counts.files > 20, "{name} was not read");
        let found: Vec<String> = checked
            .findings
            .iter()
            .map(|own| {
                format!(
                    "{} {} {}:{}",
                    own.message(),
                    own.object,
                    own.file.display(),
                    own.spot.line
                )
            })
            .collect();
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

/// The switch that shows that the test above can fail.
#[test]
fn a_crossing_in_a_described_service_is_found() {
    let root = super::tree(&[
        (
            "freehold.yaml",
            "system: s\nservers: { main: { engine: sqlite } }\nservices: [services/*]\n",
        ),
        (
            "services/a/service.yaml",
            "service: a\nstore: { server: main, isolation: database }\n",
        ),
        (
            "services/a/migrations/0001_x.up.sql",
            "CREATE TABLE things (id INTEGER PRIMARY KEY);",
        ),
        (
            "services/b/service.yaml",
            "service: b\nstore: { server: main, isolation: database }\n",
        ),
        (
            "services/b/migrations/0001_y.up.sql",
            "CREATE TABLE others (id INTEGER PRIMARY KEY);",
        ),
        (
            "services/b/src/x.py",
            "db.execute('SELECT * FROM others o JOIN things t ON t.id = o.id')\n",
        ),
    ]);
    let system = load(root.path(), None, &Disk).expect("a good description");
    let own = Ownership::of_system(&system).expect("good patterns");
    let checked = check(root.path(), &[], Some(own), "2026-11-21").expect("a check");
    let found: Vec<String> = checked
        .findings
        .iter()
        .map(|own| format!("{} {} {}", own.code, own.message(), own.object))
        .collect();
    assert_eq!(found, ["FH2101 b joins a table that belongs to a things"]);
}

/// Migrations that make a view anew, and engines that each have their own, say one thing.
#[test]
fn history_is_no_crowd() {
    let view = "CREATE OR REPLACE VIEW crossing AS SELECT * FROM books;\nCREATE TABLE orders (b int REFERENCES books);";
    let root = super::tree(&[
        ("boundaries.yaml", super::TWO),
        ("orders/mysql/1.sql", view),
        ("orders/postgres/1.sql", view),
        ("orders/postgres/2.sql", view),
    ]);
    let lines = super::lines(&super::checked(root.path()));
    assert_eq!(
        lines,
        [
            "foreign-key\torders\tbooks\tbooks\torders/mysql/1.sql:2",
            "view\torders\tbooks\tbooks\torders/postgres/2.sql:1",
        ]
    );
}

#[test]
fn calls_of_prismas_client_are_uses_of_its_models() {
    let root = super::tree(&[
        ("boundaries.yaml", super::TWO),
        (
            "schema.prisma",
            "model Book {\n  id Int @id\n  @@map(\"books\")\n}\nmodel Order {\n  id Int @id\n  @@map(\"orders\")\n}\n",
        ),
        (
            "orders/a.ts",
            "import { prisma } from 'x';\nawait prisma.order.findMany({});\nawait this.prisma.book.update({ where: { id } });\nlist.book.findMany();\n",
        ),
    ]);
    let lines = super::lines(&super::checked(root.path()));
    assert_eq!(lines, ["write\torders\tbooks\tBook\torders/a.ts:3"]);
}

#[test]
fn entities_of_entity_framework_are_found_where_they_lie() {
    let root = super::tree(&[
        ("boundaries.yaml", super::TWO),
        (
            "data/Shop.cs",
            "namespace Data;\nclass Shop : DbContext { public DbSet<Book> Books { get; set; } }\n",
        ),
        (
            "books/Book.cs",
            "namespace Shop.Books;\npublic class Book { public int Id { get; set; } }\n",
        ),
        (
            "books/Own.cs",
            "namespace Shop.Books;\npublic class Own { Book book; }\n",
        ),
        (
            "orders/A.cs",
            "using Shop.Books;\nnamespace Shop.Orders;\npublic class A { Book book; }\n",
        ),
        (
            "orders/B.cs",
            "namespace Shop.Orders;\npublic class B { Book book; }\n",
        ),
    ]);
    let lines = super::lines(&super::checked(root.path()));
    assert_eq!(lines, ["import\torders\tbooks\tBook\torders/A.cs:3"]);
}

/// What a later migration drops is no crossing; two keys of one table to another are two.
#[test]
fn histories_come_to_what_holds_in_the_end() {
    let root = super::tree(&[
        ("boundaries.yaml", super::TWO),
        (
            "orders/m/0001_a.up.sql",
            "CREATE TABLE orders (id int, b int CONSTRAINT gone REFERENCES books, c int REFERENCES books,\n\
             d int REFERENCES books (id), e int, FOREIGN KEY (e)\n REFERENCES books (id));",
        ),
        ("orders/m/0001_a.down.sql", "DROP TABLE orders;"),
        (
            "orders/m/0010_z.up.sql",
            "ALTER TABLE orders DROP CONSTRAINT orders_c_fkey;",
        ),
        (
            "orders/m/0002_b.up.sql",
            "ALTER TABLE orders DROP CONSTRAINT gone, ADD CONSTRAINT gone FOREIGN KEY (f) REFERENCES books;",
        ),
        ("orders/drop.sql", "DROP TABLE orders;"),
        (
            "orders/dump.sql",
            "CREATE TABLE orders (id int, d int REFERENCES books (id), g int REFERENCES books (id));",
        ),
    ]);
    let lines = super::lines(&super::checked(root.path()));
    assert_eq!(
        lines,
        [
            "foreign-key\torders\tbooks\tbooks\torders/dump.sql:1",
            "foreign-key\torders\tbooks\tbooks\torders/dump.sql:1",
            "foreign-key\torders\tbooks\tbooks\torders/m/0001_a.up.sql:3",
            "foreign-key\torders\tbooks\tbooks\torders/m/0002_b.up.sql:1",
        ]
    );
}

#[test]
fn types_alone_are_a_milder_kind() {
    let root = super::tree(&[
        ("boundaries.yaml", super::TWO),
        ("books/book.ts", "@Entity('books')\nexport class Book {}\n"),
        (
            "orders/a.ts",
            "import type { Book } from '../books/book';\n",
        ),
        (
            "orders/b.ts",
            "import { type Book } from '../books/book';\n",
        ),
        ("orders/c.ts", "import { Book } from '../books/book';\n"),
        (
            "books/models.py",
            "class Book(Base):\n    __tablename__ = 'books'\n",
        ),
        (
            "orders/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from books.models import Book\n",
        ),
        (
            "orders/b.py",
            "def f():\n    from books.models import Book\n",
        ),
    ]);
    let lines = super::lines(&super::checked(root.path()));
    assert_eq!(
        lines,
        [
            "type-import\torders\tbooks\tBook\torders/a.py:3",
            "type-import\torders\tbooks\tBook\torders/a.ts:1",
            "import\torders\tbooks\tBook\torders/b.py:2",
            "type-import\torders\tbooks\tBook\torders/b.ts:1",
            "import\torders\tbooks\tBook\torders/c.ts:1",
        ]
    );
}
