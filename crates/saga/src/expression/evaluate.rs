//! Running an expression, at most for what it may cost.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::COST_LIMIT;
use super::tree::{Each, Function, Node, Operator, Tree};

/// The values of the names.
pub type Names<'a> = &'a [(&'a str, &'a Value)];

/// Why there is no value. Says what did not fit, never the values, which may be personal: those
/// are shown to an operator from where they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Characters before what failed, from 0.
    pub at: usize,
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.message)
    }
}

impl std::error::Error for Failure {}

pub(super) fn evaluate(tree: &Tree, names: Names<'_>) -> Result<Value, Failure> {
    let mut evaluation = Evaluation {
        names,
        locals: Vec::new(),
        left: COST_LIMIT,
    };
    let value = evaluation.value(tree)?;
    evaluation.owned(tree.at, value)
}

struct Evaluation<'v> {
    names: Names<'v>,
    locals: Vec<(String, Value)>,
    left: u64,
}

type Cowed<'v> = Cow<'v, Value>;

fn failure<T>(at: usize, message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure {
        at,
        message: message.into(),
    })
}

impl<'v> Evaluation<'v> {
    fn pay(&mut self, at: usize, cost: u64) -> Result<(), Failure> {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => failure(at, format!("costs more than {COST_LIMIT} operations")),
        }
    }

    fn owned(&mut self, at: usize, value: Cowed<'v>) -> Result<Value, Failure> {
        if let Cow::Borrowed(value) = value {
            self.pay(at, size(value, self.left))?;
        }
        Ok(value.into_owned())
    }

    fn value(&mut self, tree: &Tree) -> Result<Cowed<'v>, Failure> {
        self.pay(tree.at, 1)?;
        match &tree.node {
            Node::Literal(value) => {
                self.pay(tree.at, size(value, self.left))?;
                Ok(Cow::Owned(value.clone()))
            }
            Node::Name(name) => self.name(tree.at, name),
            Node::Select(target, name) => {
                let target = self.value(target)?;
                member(target, name).ok_or_else(|| Failure {
                    at: tree.at,
                    message: format!("there is no `{name}`"),
                })
            }
            Node::Has(target, name) => {
                let target = self.value(target)?;
                let there = target.get(name).is_some_and(|value| !value.is_null());
                Ok(Cow::Owned(there.into()))
            }
            Node::Index(target, index) => self.index(target, index),
            Node::Not(inner) => Ok(Cow::Owned((!self.bool(inner)?).into())),
            Node::Negate(inner) => self.negated(tree.at, inner),
            Node::Binary(operator, left, right) => {
                self.binary(tree.at, *operator, left, right).map(Cow::Owned)
            }
            Node::If(condition, yes, no) => {
                if self.bool(condition)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Node::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.value(item)?;
                    list.push(self.owned(item.at, value)?);
                }
                Ok(Cow::Owned(Value::Array(list)))
            }
            Node::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = self.text(key)?;
                    let found = self.value(value)?;
                    map.insert(key, self.owned(value.at, found)?);
                }
                Ok(Cow::Owned(Value::Object(map)))
            }
            Node::Call(function, arguments) => {
                self.call(tree.at, *function, arguments).map(Cow::Owned)
            }
            Node::Each(each, list, variable, body) => {
                self.each(*each, list, variable, body).map(Cow::Owned)
            }
        }
    }

    fn name(&mut self, at: usize, name: &str) -> Result<Cowed<'v>, Failure> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(it, _)| it == name) {
            let value = value.clone();
            self.pay(at, size(&value, self.left))?;
            return Ok(Cow::Owned(value));
        }
        match self.names.iter().find(|(it, _)| *it == name) {
            Some((_, value)) => Ok(Cow::Borrowed(value)),
            None => failure(at, format!("`{name}` has no value: its step was skipped")),
        }
    }

    fn bool(&mut self, tree: &Tree) -> Result<bool, Failure> {
        match self.value(tree)?.as_bool() {
            Some(value) => Ok(value),
            None => failure(tree.at, "this is not true or false"),
        }
    }

    fn text(&mut self, tree: &Tree) -> Result<String, Failure> {
        let value = self.value(tree)?;
        match self.owned(tree.at, value)? {
            Value::String(text) => Ok(text),
            _ => failure(tree.at, "this is not a text"),
        }
    }

    fn index(&mut self, target: &Tree, index: &Tree) -> Result<Cowed<'v>, Failure> {
        let list = self.value(target)?;
        let at = index.at;
        let index = self.value(index)?;
        if let Some(key) = index.as_str() {
            return member(list, key).ok_or_else(|| Failure {
                at,
                message: "there is no such key".into(),
            });
        }
        let position = index.as_u64().and_then(|index| usize::try_from(index).ok());
        let found = position.and_then(|position| match list {
            Cow::Borrowed(list) => list.get(position).map(Cow::Borrowed),
            Cow::Owned(list) => list.get(position).cloned().map(Cow::Owned),
        });
        found.ok_or_else(|| Failure {
            at,
            message: "the list has no such position".into(),
        })
    }

    fn negated(&mut self, at: usize, inner: &Tree) -> Result<Cowed<'v>, Failure> {
        let value = self.value(inner)?;
        match numeric(&value) {
            Some(Numeric::Int(value)) => match value.checked_neg() {
                Some(value) => Ok(Cow::Owned(value.into())),
                None => failure(at, "the result does not fit 64 bits"),
            },
            Some(Numeric::Double(value)) => double(at, -value).map(Cow::Owned),
            None => failure(at, "this is not a number"),
        }
    }

    fn binary(
        &mut self,
        at: usize,
        operator: Operator,
        left: &Tree,
        right: &Tree,
    ) -> Result<Value, Failure> {
        match operator {
            Operator::And => return Ok((self.bool(left)? && self.bool(right)?).into()),
            Operator::Or => return Ok((self.bool(left)? || self.bool(right)?).into()),
            _ => {}
        }
        let left = self.value(left)?;
        let right = self.value(right)?;
        self.pay(at, size(&left, self.left).min(size(&right, self.left)))?;
        match operator {
            Operator::Equal => Ok(equal(&left, &right).into()),
            Operator::NotEqual => Ok((!equal(&left, &right)).into()),
            Operator::In => match &*right {
                Value::Array(items) => {
                    for item in items {
                        self.pay(at, size(item, self.left))?;
                    }
                    Ok(items.iter().any(|item| equal(item, &left)).into())
                }
                Value::Object(entries) => Ok(left
                    .as_str()
                    .is_some_and(|key| entries.contains_key(key))
                    .into()),
                _ => failure(at, "`in` asks a list or a map"),
            },
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => match compared(&left, &right) {
                Some(ordering) => Ok(holds(operator, ordering).into()),
                None => failure(at, "these two have no order"),
            },
            _ => self.arithmetic(at, operator, left, right),
        }
    }

    fn arithmetic(
        &mut self,
        at: usize,
        operator: Operator,
        left: Cowed<'v>,
        right: Cowed<'v>,
    ) -> Result<Value, Failure> {
        if operator == Operator::Add {
            let joined = size(&left, self.left).saturating_add(size(&right, self.left));
            match (&*left, &*right) {
                (Value::String(_), Value::String(right)) => {
                    self.pay(at, joined)?;
                    let mut text = left.as_str().unwrap_or_default().to_owned();
                    text.push_str(right);
                    return Ok(text.into());
                }
                (Value::Array(_), Value::Array(_)) => {
                    self.pay(at, joined)?;
                    let mut items = take_list(left);
                    items.extend(take_list(right));
                    return Ok(items.into());
                }
                _ => {}
            }
        }
        match (numeric(&left), numeric(&right)) {
            (Some(Numeric::Int(left)), Some(Numeric::Int(right))) => {
                if right == 0 && matches!(operator, Operator::Divide | Operator::Remainder) {
                    return failure(at, "division by zero");
                }
                match of_ints(operator, left, right) {
                    Some(value) => Ok(value.into()),
                    None => failure(at, "the result does not fit 64 bits"),
                }
            }
            (Some(left), Some(right)) => {
                let (left, right) = (left.double(), right.double());
                match operator {
                    Operator::Add => double(at, left + right),
                    Operator::Subtract => double(at, left - right),
                    Operator::Multiply => double(at, left * right),
                    Operator::Divide => double(at, left / right),
                    _ => failure(at, "`%` takes ints"),
                }
            }
            _ => failure(at, format!("`{}` does not take these two", operator.sign())),
        }
    }

    fn call(
        &mut self,
        at: usize,
        function: Function,
        arguments: &[Tree],
    ) -> Result<Value, Failure> {
        let value = self.value(&arguments[0])?;
        match function {
            Function::Size => {
                let size = match &*value {
                    Value::String(text) => {
                        let length = text.len() as u64 / 16;
                        self.pay(at, length)?;
                        text.chars().count()
                    }
                    Value::Array(items) => items.len(),
                    Value::Object(entries) => entries.len(),
                    _ => return failure(at, "only a text, a list or a map has a size"),
                };
                Ok(size.into())
            }
            Function::ToText => match &*value {
                Value::String(_) => self.owned(at, value),
                Value::Number(number) => Ok(number.to_string().into()),
                Value::Bool(value) => Ok(value.to_string().into()),
                _ => failure(at, "this does not become a text"),
            },
            Function::ToInt => to_int(at, &value),
            Function::ToDouble => match &*value {
                Value::String(text) => match text.trim().parse::<f64>() {
                    Ok(value) => double(at, value),
                    Err(_) => failure(at, "this text is no number"),
                },
                other => match numeric(other) {
                    Some(value) => double(at, value.double()),
                    None => failure(at, "this does not become a double"),
                },
            },
            Function::StartsWith | Function::EndsWith | Function::Contains => {
                let part = self.text(&arguments[1])?;
                let Some(text) = value.as_str() else {
                    return failure(at, "this is not a text");
                };
                self.pay(at, (text.len() + part.len()) as u64 / 16)?;
                Ok(match function {
                    Function::StartsWith => text.starts_with(&part),
                    Function::EndsWith => text.ends_with(&part),
                    _ => text.contains(&part),
                }
                .into())
            }
        }
    }

    fn each(
        &mut self,
        each: Each,
        list_tree: &Tree,
        variable: &str,
        body: &Tree,
    ) -> Result<Value, Failure> {
        let list = self.value(list_tree)?;
        let Value::Array(items) = self.owned(list_tree.at, list)? else {
            return failure(list_tree.at, "this is not a list");
        };
        let mut made = Vec::new();
        let mut count = 0_u32;
        for item in items {
            let kept = (each == Each::Filter).then(|| item.clone());
            self.pay(body.at, size(&item, self.left))?;
            self.locals.push((variable.to_owned(), item));
            if each == Each::Map {
                let value = self.value(body)?;
                made.push(self.owned(body.at, value)?);
                self.locals.pop();
                continue;
            }
            let holds = self.bool(body)?;
            self.locals.pop();
            match each {
                Each::All if !holds => return Ok(false.into()),
                Each::Exists if holds => return Ok(true.into()),
                _ => {}
            }
            count += u32::from(holds);
            if holds {
                made.extend(kept);
            }
        }
        Ok(match each {
            Each::Map | Each::Filter => made.into(),
            Each::All => true.into(),
            Each::Exists => false.into(),
            Each::ExistsOne => (count == 1).into(),
        })
    }
}

fn member<'v>(map: Cowed<'v>, name: &str) -> Option<Cowed<'v>> {
    match map {
        Cow::Borrowed(map) => map.get(name).map(Cow::Borrowed),
        Cow::Owned(mut map) => map.get_mut(name).map(|value| Cow::Owned(value.take())),
    }
}

fn take_list(value: Cowed<'_>) -> Vec<Value> {
    match value.into_owned() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

#[derive(Debug, Clone, Copy)]
enum Numeric {
    Int(i64),
    Double(f64),
}

impl Numeric {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a double is asked for; ints beyond 2^53 lose their last digits in it"
    )]
    fn double(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Double(value) => value,
        }
    }
}

fn numeric(value: &Value) -> Option<Numeric> {
    let Value::Number(number) = value else {
        return None;
    };
    number
        .as_i64()
        .map(Numeric::Int)
        .or_else(|| number.as_f64().map(Numeric::Double))
}

fn double(at: usize, value: f64) -> Result<Value, Failure> {
    match Number::from_f64(value) {
        Some(number) => Ok(Value::Number(number)),
        None => failure(at, "the result is no finite number"),
    }
}

fn of_ints(operator: Operator, left: i64, right: i64) -> Option<i64> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

fn to_int(at: usize, value: &Value) -> Result<Value, Failure> {
    if let Some(text) = value.as_str() {
        return match text.trim().parse::<i64>() {
            Ok(value) => Ok(value.into()),
            Err(_) => failure(at, "this text is no int"),
        };
    }
    match numeric(value) {
        Some(Numeric::Int(value)) => Ok(value.into()),
        // Beyond these, which are exact as doubles, the cast would saturate silently.
        Some(Numeric::Double(value)) if (-TWO_TO_63..TWO_TO_63).contains(&value) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "int() cuts, and the range was checked"
            )]
            let cut = value.trunc() as i64;
            Ok(cut.into())
        }
        _ => failure(at, "this does not become an int"),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => compared(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| equal(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, a)| right.get(key).is_some_and(|b| equal(a, b)))
        }
        (left, right) => left == right,
    }
}

fn compared(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => match (numeric(left)?, numeric(right)?) {
            (Numeric::Int(left), Numeric::Int(right)) => Some(left.cmp(&right)),
            (left, right) => left.double().partial_cmp(&right.double()),
        },
    }
}

fn holds(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Less => ordering == Ordering::Less,
        Operator::LessOrEqual => ordering != Ordering::Greater,
        Operator::Greater => ordering == Ordering::Greater,
        _ => ordering != Ordering::Less,
    }
}

/// Values in it and 16ths of its bytes; stops counting beyond `limit`, which is too much anyway.
fn size(value: &Value, limit: u64) -> u64 {
    let mut size = match value {
        Value::String(text) => return 1 + text.len() as u64 / 16,
        Value::Array(_) | Value::Object(_) => 1,
        _ => return 1,
    };
    let mut add = |key: usize, value: &Value| {
        size += key as u64 / 16 + self::size(value, limit.saturating_sub(size));
        size > limit
    };
    match value {
        Value::Array(items) => {
            let _ = items.iter().any(|item| add(0, item));
        }
        Value::Object(entries) => {
            let _ = entries.iter().any(|(key, value)| add(key.len(), value));
        }
        _ => {}
    }
    size
}
