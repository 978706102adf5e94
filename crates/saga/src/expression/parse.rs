//! Tokens to a [`Tree`], by the grammar and precedence of CEL.
//!
//! Every level of nesting, of operators in a row too, is counted, so that nothing that walks the
//! tree can run off the stack.

use serde_json::Value;

use super::token::{Token, Tokens, problem, tokens};
use super::tree::{Each, Function, Node, Operator, Tree};
use super::{DEPTH_LIMIT, Problem};

pub(super) fn parse(source: &str) -> Result<Tree, Problem> {
    let end = source.chars().count();
    let mut parser = Parser {
        tokens: tokens(source)?,
        next: 0,
        end,
        nesting: 0,
    };
    let tree = parser.expression()?;
    match parser.tokens.get(parser.next) {
        None => Ok(tree),
        Some((at, token)) => Err(problem(
            *at,
            format!("the expression should end before {}", shown(token)),
        )),
    }
}

struct Parser {
    tokens: Tokens,
    next: usize,
    end: usize,
    nesting: usize,
}

/// By precedence, weakest first.
const LEVELS: [&[(&str, Operator)]; 5] = [
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Remainder),
    ],
];

impl Parser {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.next), Some((_, Token::Sign(it))) if *it == sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(problem(
            self.at(),
            format!("`{sign}` is missing before {}", self.shown_next()),
        ))
    }

    fn shown_next(&self) -> String {
        match self.tokens.get(self.next) {
            Some((_, token)) => shown(token),
            None => "the end".into(),
        }
    }

    fn expression(&mut self) -> Result<Tree, Problem> {
        self.nesting += 1;
        if self.nesting > DEPTH_LIMIT {
            return Err(too_deep(self.at()));
        }
        let condition = self.binary(0)?;
        let tree = if self.takes("?") {
            let yes = self.binary(0)?;
            self.expect(":")?;
            let no = self.expression()?;
            let (at, depth) = (condition.at, condition.depth.max(yes.depth).max(no.depth));
            let node = Node::If(Box::new(condition), Box::new(yes), Box::new(no));
            deeper(at, depth, node)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(tree)
    }

    fn binary(&mut self, level: usize) -> Result<Tree, Problem> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let at = self.at();
            let operator = match self.tokens.get(self.next) {
                Some((_, Token::Sign(sign))) => operators
                    .iter()
                    .find(|(it, _)| it == sign)
                    .map(|(_, operator)| *operator),
                Some((_, Token::Name(name))) if name == "in" && level == 2 => Some(Operator::In),
                _ => None,
            };
            let Some(operator) = operator else {
                return Ok(left);
            };
            self.next += 1;
            let right = self.binary(level + 1)?;
            let depth = left.depth.max(right.depth);
            let node = Node::Binary(operator, Box::new(left), Box::new(right));
            left = deeper(at, depth, node)?;
        }
    }

    fn unary(&mut self) -> Result<Tree, Problem> {
        let at = self.at();
        let make: fn(Box<Tree>) -> Node = if self.takes("!") {
            Node::Not
        } else if self.takes("-") {
            // The smallest int has no positive of its own.
            if let Some((_, Token::MinInt)) = self.tokens.get(self.next) {
                self.next += 1;
                return deeper(at, 0, Node::Literal(i64::MIN.into()));
            }
            Node::Negate
        } else {
            return self.postfix();
        };
        self.nesting += 1;
        if self.nesting > DEPTH_LIMIT {
            return Err(too_deep(at));
        }
        let inner = self.unary()?;
        self.nesting -= 1;
        deeper(at, inner.depth, make(Box::new(inner)))
    }

    fn postfix(&mut self) -> Result<Tree, Problem> {
        let mut tree = self.primary()?;
        loop {
            let at = self.at();
            if self.takes(".") {
                let name_at = self.at();
                let name = self.name()?;
                tree = if self.takes("(") {
                    self.method(name_at, tree, &name)?
                } else {
                    let depth = tree.depth;
                    let node = Node::Select(Box::new(tree), name);
                    deeper(name_at, depth, node)?
                };
            } else if self.takes("[") {
                let index = self.expression()?;
                self.expect("]")?;
                let depth = tree.depth.max(index.depth);
                tree = deeper(at, depth, Node::Index(Box::new(tree), Box::new(index)))?;
            } else {
                return Ok(tree);
            }
        }
    }

    fn name(&mut self) -> Result<String, Problem> {
        if let Some((_, Token::Name(name))) = self.tokens.get(self.next) {
            self.next += 1;
            return Ok(name.clone());
        }
        Err(problem(
            self.at(),
            format!("a name is missing before {}", self.shown_next()),
        ))
    }

    /// Behind `target.name(`.
    fn method(&mut self, at: usize, target: Tree, name: &str) -> Result<Tree, Problem> {
        if let Some(each) = Each::named(name) {
            let variable = self.name()?;
            self.expect(",")?;
            let body = self.expression()?;
            self.expect(")")?;
            let depth = target.depth.max(body.depth);
            let node = Node::Each(each, Box::new(target), variable, Box::new(body));
            return deeper(at, depth, node);
        }
        let mut arguments = vec![target];
        arguments.extend(self.list(")")?);
        call(at, name, arguments, true)
    }

    fn primary(&mut self) -> Result<Tree, Problem> {
        let at = self.at();
        let Some((_, token)) = self.tokens.get(self.next).cloned() else {
            return Err(problem(at, "the expression ends too early"));
        };
        self.next += 1;
        let node = match token {
            Token::Int(value) => Node::Literal(value.into()),
            Token::Double(value) => Node::Literal(value.into()),
            Token::Text(text) => Node::Literal(text.into()),
            Token::MinInt => return Err(problem(at, "this number is too large")),
            Token::Name(name) => return self.named(at, name),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => Node::List(self.list("]")?),
            Token::Sign("{") => Node::Map(self.entries()?),
            Token::Sign(sign) => {
                return Err(problem(at, format!("a value is missing before `{sign}`")));
            }
        };
        let depth = match &node {
            Node::List(items) => items.iter().map(|tree| tree.depth).max().unwrap_or(0),
            Node::Map(entries) => entries
                .iter()
                .map(|(key, value)| key.depth.max(value.depth))
                .max()
                .unwrap_or(0),
            _ => 0,
        };
        deeper(at, depth, node)
    }

    fn named(&mut self, at: usize, name: String) -> Result<Tree, Problem> {
        let literal = match name.as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = literal {
            return deeper(at, 0, Node::Literal(value));
        }
        if !self.takes("(") {
            return deeper(at, 0, Node::Name(name));
        }
        let arguments = self.list(")")?;
        if name != "has" {
            return call(at, &name, arguments, false);
        }
        match <[Tree; 1]>::try_from(arguments) {
            Ok(
                [
                    Tree {
                        depth,
                        node: Node::Select(target, field),
                        ..
                    },
                ],
            ) => deeper(at, depth, Node::Has(target, field)),
            _ => Err(problem(at, "`has` takes one field: `has(input.note)`")),
        }
    }

    /// Up to and with the closing sign; a comma may stand last.
    fn list(&mut self, close: &'static str) -> Result<Vec<Tree>, Problem> {
        let mut items = Vec::new();
        while !self.takes(close) {
            items.push(self.expression()?);
            if !self.takes(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn entries(&mut self) -> Result<Vec<(Tree, Tree)>, Problem> {
        let mut entries = Vec::new();
        while !self.takes("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(entries)
    }
}

fn deeper(at: usize, below: usize, node: Node) -> Result<Tree, Problem> {
    if below >= DEPTH_LIMIT {
        return Err(too_deep(at));
    }
    Ok(Tree {
        at,
        depth: below + 1,
        node,
    })
}

fn call(at: usize, name: &str, arguments: Vec<Tree>, behind_dot: bool) -> Result<Tree, Problem> {
    let Some(function) = Function::named(name).filter(|it| it.goes(behind_dot)) else {
        return Err(problem(at, format!("there is no function `{name}` here")));
    };
    if arguments.len() != function.arity() {
        let arity = function.arity() - usize::from(behind_dot);
        return Err(problem(
            at,
            format!("`{name}` takes {arity} in its brackets"),
        ));
    }
    let depth = arguments.iter().map(|tree| tree.depth).max().unwrap_or(0);
    deeper(at, depth, Node::Call(function, arguments))
}

fn too_deep(at: usize) -> Problem {
    problem(
        at,
        format!("nested deeper than {DEPTH_LIMIT} levels; operators in a row count"),
    )
}

fn shown(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Text(_) => "a text".into(),
        Token::Int(_) | Token::MinInt | Token::Double(_) => "a number".into(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}
