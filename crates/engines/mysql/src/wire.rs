//! The driver's connection behind a few calls that give the contract's values and errors.
//!
//! Owns the conversion of values both ways and knowing whether the connection can still be used.
//! What is asked is not decided here: see `session`, `probe` and `inspect`.

use freehold_engine::{Error, ErrorKind, Result, Rows, Value};
use mysql_async::consts::ColumnType;
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{Column, Conn, Params, QueryResult, Row};

use crate::errors::from_driver;

/// The number of the character set that means bytes.
const BINARY: u16 = 63;

/// One connection. A call that is dropped in the middle leaves it [`Wire::broken`].
pub(crate) struct Wire {
    conn: Conn,
    in_call: bool,
    lost: bool,
}

impl Wire {
    pub(crate) fn new(conn: Conn) -> Self {
        Self {
            conn,
            in_call: false,
            lost: false,
        }
    }

    pub(crate) fn broken(&self) -> bool {
        self.in_call || self.lost
    }

    /// Sends a statement as text and throws its results away.
    pub(crate) async fn execute(&mut self, sql: &str) -> Result<u64> {
        self.enter()?;
        let result = async {
            let result = self.conn.query_iter(sql).await?;
            let affected = result.affected_rows();
            result.drop_result().await?;
            Ok(affected)
        }
        .await;
        self.leave(result)
    }

    /// Sends a prepared statement with arguments; without any it goes as text.
    pub(crate) async fn run(&mut self, sql: &str, args: &[Value]) -> Result<u64> {
        if args.is_empty() {
            return self.execute(sql).await;
        }
        self.enter()?;
        let result = async {
            let result = self.conn.exec_iter(sql, params(args)).await?;
            let affected = result.affected_rows();
            result.drop_result().await?;
            Ok(affected)
        }
        .await;
        self.leave(result)
    }

    /// All rows of a query sent as text.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Rows> {
        self.enter()?;
        let result = async { rows(self.conn.query_iter(sql).await?).await }.await;
        self.leave(result)
    }

    /// All rows of a prepared query; without arguments it goes as text.
    pub(crate) async fn query_with(&mut self, sql: &str, args: &[Value]) -> Result<Rows> {
        if args.is_empty() {
            return self.query(sql).await;
        }
        self.enter()?;
        let result = async { rows(self.conn.exec_iter(sql, params(args)).await?).await }.await;
        self.leave(result)
    }

    /// The first column of a query as text.
    pub(crate) async fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        Ok(self
            .query(sql)
            .await?
            .into_iter()
            .filter_map(|row| Some(row.first()?.text()?.to_owned()))
            .collect())
    }

    /// All rows of a query sent as text, with the names of its columns.
    pub(crate) async fn table(&mut self, sql: &str) -> Result<(Vec<String>, Rows)> {
        self.enter()?;
        let result = async {
            let result = self.conn.query_iter(sql).await?;
            let names = result
                .columns_ref()
                .iter()
                .map(|column| column.name_str().into_owned())
                .collect();
            Ok((names, rows(result).await?))
        }
        .await;
        self.leave(result)
    }

    fn enter(&mut self) -> Result<()> {
        if self.broken() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "this connection is not usable any more",
            ));
        }
        self.in_call = true;
        Ok(())
    }

    fn leave<T>(&mut self, result: std::result::Result<T, mysql_async::Error>) -> Result<T> {
        self.in_call = false;
        result.map_err(|error| {
            self.lost |= matches!(error, mysql_async::Error::Io(_)) || self.conn.is_disconnected();
            let error = from_driver(error);
            self.lost |= error.kind == ErrorKind::Unavailable;
            error
        })
    }
}

async fn rows<P: Protocol>(
    mut result: QueryResult<'_, '_, P>,
) -> std::result::Result<Rows, mysql_async::Error> {
    let columns = result.columns();
    let rows: Vec<Row> = result.collect().await?;
    result.drop_result().await?;
    let columns = columns.as_deref().unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|row| {
            row.unwrap_raw()
                .into_iter()
                .zip(columns)
                .map(|(value, column)| from_wire(value, column))
                .collect()
        })
        .collect())
}

fn params(args: &[Value]) -> Params {
    Params::Positional(args.iter().map(to_wire).collect())
}

fn to_wire(value: &Value) -> mysql_async::Value {
    match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Bool(truth) => mysql_async::Value::Int(i64::from(*truth)),
        Value::I64(number) => mysql_async::Value::Int(*number),
        Value::F64(number) => mysql_async::Value::Double(*number),
        Value::Text(text) => mysql_async::Value::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => mysql_async::Value::Bytes(bytes.clone()),
    }
}

/// Text protocol and binary protocol give the same values.
fn from_wire(value: Option<mysql_async::Value>, column: &Column) -> Value {
    match value {
        None | Some(mysql_async::Value::NULL) => Value::Null,
        Some(mysql_async::Value::Int(number)) => Value::I64(number),
        Some(mysql_async::Value::UInt(number)) => {
            i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::I64)
        }
        Some(mysql_async::Value::Float(number)) => Value::F64(f64::from(number)),
        Some(mysql_async::Value::Double(number)) => Value::F64(number),
        Some(mysql_async::Value::Bytes(bytes)) => from_bytes(bytes, column),
        Some(moment) => Value::Text(moment_text(&moment, column)),
    }
}

/// A date or time of the binary protocol as the text protocol writes it.
fn moment_text(moment: &mysql_async::Value, column: &Column) -> String {
    let digits = usize::from(column.decimals()).min(6);
    let fraction = |micros: u32| match digits {
        0 => String::new(),
        _ => format!(".{}", &format!("{micros:06}")[..digits]),
    };
    match *moment {
        mysql_async::Value::Date(year, month, day, ..)
            if column.column_type() == ColumnType::MYSQL_TYPE_DATE =>
        {
            format!("{year:04}-{month:02}-{day:02}")
        }
        mysql_async::Value::Date(year, month, day, hour, minute, second, micros) => {
            format!(
                "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{}",
                fraction(micros)
            )
        }
        mysql_async::Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if negative { "-" } else { "" };
            let hours = days * 24 + u32::from(hours);
            format!(
                "{sign}{hours:02}:{minutes:02}:{seconds:02}{}",
                fraction(micros)
            )
        }
        _ => String::new(),
    }
}

fn from_bytes(bytes: Vec<u8>, column: &Column) -> Value {
    use ColumnType as T;
    let kind = column.column_type();
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Value::Bytes(error.into_bytes()),
    };
    match kind {
        T::MYSQL_TYPE_TINY
        | T::MYSQL_TYPE_SHORT
        | T::MYSQL_TYPE_LONG
        | T::MYSQL_TYPE_LONGLONG
        | T::MYSQL_TYPE_INT24
        | T::MYSQL_TYPE_YEAR => text.parse().map_or(Value::Text(text), Value::I64),
        T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => {
            text.parse().map_or(Value::Text(text), Value::F64)
        }
        T::MYSQL_TYPE_BIT | T::MYSQL_TYPE_GEOMETRY => Value::Bytes(text.into_bytes()),
        T::MYSQL_TYPE_STRING
        | T::MYSQL_TYPE_VAR_STRING
        | T::MYSQL_TYPE_VARCHAR
        | T::MYSQL_TYPE_TINY_BLOB
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB
        | T::MYSQL_TYPE_BLOB
            if column.character_set() == BINARY =>
        {
            Value::Bytes(text.into_bytes())
        }
        _ => Value::Text(text),
    }
}
