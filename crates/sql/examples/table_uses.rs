//! Prints the tables that statements touch, for whoever holds the reader against another parser.
//!
//! `table_uses DIALECT < STATEMENTS`: statements end with a NUL byte; each is answered by one line
//! of `access name joined`, parted by tabs between the uses. `scripts/prove-sql.py` reads it.

use std::io::{Read as _, Write as _};

use freehold_sql::{Dialect, uses};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let dialect = Dialect::ALL
        .into_iter()
        .find(|dialect| format!("{dialect:?}").eq_ignore_ascii_case(&name))
        .ok_or("name a dialect: postgres, mysql, mariadb, sqlite, sqlserver, oracle")?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for statement in text.split_terminator('\0') {
        let said: Vec<String> = uses(dialect, statement)
            .tables
            .iter()
            .map(|table| {
                let name = table.name.to_string().replace(['\t', '\n', ' '], "_");
                format!("{:?} {name} {}", table.access, table.joined)
            })
            .collect();
        writeln!(out, "{}", said.join("\t"))?;
    }
    Ok(())
}
