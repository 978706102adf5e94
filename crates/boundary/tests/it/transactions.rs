//! One transaction that writes to two contexts, in the words of each language; and what is none.

use super::{checked, tree};

const TWO: &str = "contexts:\n  orders: { tables: [orders, order_lines], code: [orders/**] }\n  books: { tables: [books], code: [books/**] }\n";

/// The transactions of `text` at `path`, each with its writes.
fn found(path: &str, text: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![("boundaries.yaml", TWO), (path, text)];
    files.extend(more);
    checked(tree(&files).path())
        .findings
        .iter()
        .filter(|own| own.kind.name() == "transaction")
        .map(|own| {
            format!(
                "{}:{} {} | {}",
                own.file.display(),
                own.spot.line,
                own.message(),
                own.statements.join("; ")
            )
        })
        .collect()
}

#[track_caller]
fn is_one(path: &str, text: &str, writes: usize) {
    let found = found(path, text, &[]);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    assert_eq!(found[0].matches("line ").count(), writes, "{found:?}");
}

#[track_caller]
fn is_none(path: &str, text: &str) {
    let found = found(path, text, &[]);
    assert!(found.is_empty(), "{text}\n{found:#?}");
}

const INSERT: &str = "insert into orders (id) values (1)";
const UPDATE: &str = "update books set stock = stock - 1 where id = 1";

#[test]
fn callbacks_blocks_marks_and_pairs() {
    for (path, text) in [
        ("orders/a.ts", format!("async function f() {{\n  await db.transaction(async (tx) => {{\n    await tx.query('{INSERT}');\n    await tx.query('{UPDATE}');\n  }});\n}}\n")),
        ("orders/b.ts", format!("async function f() {{\n  await client.query('BEGIN');\n  await client.query('{INSERT}');\n  await client.query('{UPDATE}');\n  await client.query('COMMIT');\n}}\n")),
        ("orders/c.ts", "async function f() {\n  await prisma.$transaction([\n    prisma.$executeRaw`insert into orders (id) values (1)`,\n    a ? prisma.$executeRaw`update books set stock = 1` : null,\n  ]);\n}\n".to_owned()),
        ("orders/A.java", format!("class A {{\n  @Transactional\n  public void f() {{\n    jdbc.update(\"{INSERT}\");\n    jdbc.update(\"{UPDATE}\");\n  }}\n}}\n")),
        ("orders/B.java", format!("@Service\n@Transactional(timeout = 3)\nclass B {{\n  void g() {{ }}\n  void f() {{\n    jdbc.update(\"{INSERT}\");\n    jdbc.update(\"{UPDATE}\");\n  }}\n}}\n")),
        ("orders/a.py", format!("def f():\n    with transaction.atomic():\n        cursor.execute('{INSERT}')\n        cursor.execute('{UPDATE}')\n    log()\n")),
        ("orders/b.py", format!("@transaction.atomic\ndef f():\n    cursor.execute('{INSERT}')\n    cursor.execute('{UPDATE}')\n")),
        ("orders/c.py", format!("async def f():\n    async with session.begin() as s:\n        await s.execute(text('{INSERT}'))\n        await s.execute(text('{UPDATE}'))\n")),
        ("orders/a.go", format!("package orders\nfunc F(db *sql.DB) error {{\n  tx, err := db.BeginTx(ctx, nil)\n  tx.Exec(\"{INSERT}\")\n  tx.Exec(\"{UPDATE}\")\n  return tx.Commit()\n}}\n")),
        ("orders/b.go", format!("package orders\nfunc F(db *gorm.DB) error {{\n  return db.Transaction(func(tx *gorm.DB) error {{\n    tx.Exec(\"{INSERT}\")\n    return tx.Exec(\"{UPDATE}\").Error\n  }})\n}}\n")),
        ("orders/A.cs", format!("class A {{\n  void F() {{\n    using (var scope = new TransactionScope()) {{\n      db.Execute(\"{INSERT}\");\n      db.Execute(\"{UPDATE}\");\n      scope.Complete();\n    }}\n  }}\n}}\n")),
        ("orders/B.cs", format!("class A {{\n  void F() {{\n    using var tx = db.BeginTransaction();\n    db.Execute(\"{INSERT}\", tx);\n    db.Execute(\"{UPDATE}\", tx);\n    tx.Commit();\n  }}\n}}\n")),
        ("orders/a.rb", format!("class A\n  def f\n    Order.transaction do\n      connection.execute(\"{INSERT}\")\n      connection.execute(\"{UPDATE}\")\n    end\n  end\nend\n")),
        ("orders/a.php", format!("<?php\nfunction f() {{\n  DB::transaction(function () {{\n    DB::statement('{INSERT}');\n    DB::table('books')->where('id', 1)->update(['stock' => 1]);\n  }});\n}}\n")),
        ("orders/a.rs", format!("async fn f() {{\n  let mut tx = pool.begin().await?;\n  sqlx::query(\"{INSERT}\").execute(&mut *tx).await?;\n  sqlx::query(\"{UPDATE}\").execute(&mut *tx).await?;\n  tx.commit().await?;\n}}\n")),
        ("orders/a.kt", format!("fun f() {{\n  transaction {{\n    exec(\"{INSERT}\")\n    exec(\"{UPDATE}\")\n  }}\n}}\n")),
        ("orders/a.sql", format!("BEGIN;\n{INSERT};\n{UPDATE};\nCOMMIT;\n")),
    ] {
        is_one(path, &text, 2);
    }
}

#[test]
fn one_call_deep_in_order() {
    let service = "class OrderService {\n  @Transactional\n  void place() {\n    bookService.take();\n    save();\n  }\n  void save() { jdbc.update(\"insert into orders (id) values (1)\"); }\n}\n";
    let other = "class BookService {\n  void take() { jdbc.update(\"update books set stock = 1\"); }\n  void deep() { take(); }\n}\n";
    let found = found(
        "orders/OrderService.java",
        service,
        &[("books/BookService.java", other)],
    );
    assert_eq!(
        found,
        [
            "orders/OrderService.java:2 orders writes in one transaction with its own tables those of books | \
          update books (books), line 2 by take, books/BookService.java; insert orders (orders), line 7 by save, orders/OrderService.java"
        ]
    );
}

#[test]
fn models_are_written_too() {
    let models = "from django.db import models\nclass Book(models.Model):\n    class Meta:\n        db_table = 'books'\n";
    let own = "from django.db import models\nclass Order(models.Model):\n    class Meta:\n        db_table = 'orders'\n";
    let code = "def f():\n    with transaction.atomic():\n        Order.objects.create(a=1)\n        Book.objects.filter(id=1).update(stock=1)\n";
    let found = found(
        "orders/a.py",
        code,
        &[("books/models.py", models), ("orders/models.py", own)],
    );
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("create Order (orders), line 3; update Book (books), line 4"),
        "{found:?}"
    );
}

#[test]
fn what_is_no_transaction_of_two() {
    // Reads, one context only, two transactions one behind the other, no transaction at all.
    is_none(
        "orders/a.ts",
        &format!(
            "db.transaction(async (tx) => {{ await tx.query('{INSERT}'); await tx.query('select * from books where id = 1'); }});"
        ),
    );
    is_none(
        "orders/a.ts",
        &format!(
            "db.transaction(async (tx) => {{ await tx.query('{INSERT}'); await tx.query('update order_lines set a = 1'); }});"
        ),
    );
    is_none(
        "orders/a.ts",
        &format!(
            "db.transaction(async (tx) => {{ await tx.query('{INSERT}'); }});\ndb.transaction(async (tx) => {{ await tx.query('{UPDATE}'); }});"
        ),
    );
    is_none(
        "orders/a.ts",
        &format!(
            "async function f() {{ await db.query('{INSERT}'); await db.query('{UPDATE}'); }}"
        ),
    );
    is_none(
        "orders/A.java",
        &format!(
            "class A {{\n  @Transactional(readOnly = true)\n  void f() {{\n    jdbc.update(\"{INSERT}\");\n    jdbc.update(\"{UPDATE}\");\n  }}\n}}\n"
        ),
    );
    is_none(
        "orders/a.py",
        &format!(
            "def f():\n    with transaction.atomic():\n        cursor.execute('{INSERT}')\n    cursor.execute('{UPDATE}')\n"
        ),
    );
    is_none(
        "orders/a.go",
        &format!(
            "package orders\nfunc F() {{\n  tx, _ := db.Begin()\n  tx.Exec(\"{INSERT}\")\n  tx.Commit()\n}}\nfunc G() {{ db.Exec(\"{UPDATE}\") }}\n"
        ),
    );
}
