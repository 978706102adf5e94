//! Values of the contract to and from the driver: arguments in the server's text form but for bytes,
//! results in the driver's binary form.

use std::error::Error as StdError;

use freehold_engine::{Error, ErrorKind, Result, Value};
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// An argument of whatever type the statement gives its placeholder.
#[derive(Debug)]
pub(crate) struct Argument<'a>(pub(crate) &'a Value);

impl ToSql for Argument<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(truth) => truth.to_string(),
            Value::I64(number) => number.to_string(),
            Value::F64(number) => number.to_string(),
            Value::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                return Ok(IsNull::No);
            }
            Value::Bytes(bytes) if *ty == Type::BYTEA => {
                out.extend_from_slice(bytes);
                return Ok(IsNull::No);
            }
            Value::Bytes(_) => return Err("bytes fit a bytea only".into()),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self.0 {
            Value::Bytes(_) => Format::Binary,
            _ => Format::Text,
        }
    }

    to_sql_checked!();
}

/// Can [`from_row`] read columns of this type? Others come as text over the simple protocol.
pub(crate) fn is_plain(ty: &Type) -> bool {
    [
        Type::BOOL,
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::OID,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::NAME,
        Type::UNKNOWN,
        Type::BYTEA,
    ]
    .contains(ty)
}

/// A row whose columns are all [`is_plain`].
pub(crate) fn from_row(row: &Row) -> Result<Vec<Value>> {
    (0..row.len()).map(|at| from_column(row, at)).collect()
}

fn from_column(row: &Row, at: usize) -> Result<Value> {
    let ty = row.columns()[at].type_();
    let value = if *ty == Type::BOOL {
        row.try_get(at)
            .map(|value: Option<bool>| value.map(Value::Bool))
    } else if *ty == Type::INT2 {
        row.try_get(at)
            .map(|value: Option<i16>| value.map(|number| Value::I64(number.into())))
    } else if *ty == Type::INT4 {
        row.try_get(at)
            .map(|value: Option<i32>| value.map(|number| Value::I64(number.into())))
    } else if *ty == Type::INT8 {
        row.try_get(at)
            .map(|value: Option<i64>| value.map(Value::I64))
    } else if *ty == Type::OID {
        row.try_get(at)
            .map(|value: Option<u32>| value.map(|number| Value::I64(number.into())))
    } else if *ty == Type::FLOAT4 {
        row.try_get(at)
            .map(|value: Option<f32>| value.map(|number| Value::F64(number.into())))
    } else if *ty == Type::FLOAT8 {
        row.try_get(at)
            .map(|value: Option<f64>| value.map(Value::F64))
    } else if *ty == Type::BYTEA {
        row.try_get(at)
            .map(|value: Option<Vec<u8>>| value.map(Value::Bytes))
    } else {
        row.try_get(at)
            .map(|value: Option<String>| value.map(Value::Text))
    };
    value
        .map(|value| value.unwrap_or(Value::Null))
        .map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
}
