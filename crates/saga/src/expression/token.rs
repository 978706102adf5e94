//! Characters to tokens.

use super::{LENGTH_LIMIT, Problem, ProblemKind};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i64),
    /// 2⁶³: an int only with a minus before it.
    MinInt,
    Double(f64),
    Sign(&'static str),
}

/// With where each begins, in characters.
pub(super) type Tokens = Vec<(usize, Token)>;

/// Longer signs first.
const SIGNS: [&str; 25] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}", "=",
];

/// May this be a name in an expression, and so a step's or a field's?
pub fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn problem(at: usize, message: impl Into<String>) -> Problem {
    Problem {
        at,
        message: message.into(),
        kind: ProblemKind::Syntax,
    }
}

pub(super) fn tokens(source: &str) -> Result<Tokens, Problem> {
    if source.len() > LENGTH_LIMIT {
        return Err(problem(
            0,
            format!("an expression has at most {LENGTH_LIMIT} bytes"),
        ));
    }
    let mut reader = Reader {
        chars: source.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    loop {
        while reader.peek().is_some_and(char::is_whitespace) {
            reader.at += 1;
        }
        let at = reader.at;
        let Some(c) = reader.peek() else {
            return Ok(tokens);
        };
        let token = match c {
            '\'' | '"' => reader.text(c)?,
            '0'..='9' => reader.number()?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let name = reader.taken(|c| c.is_ascii_alphanumeric() || c == '_');
                if matches!(name.as_str(), "r" | "b" | "R" | "B")
                    && matches!(reader.peek(), Some('\'' | '"'))
                {
                    return Err(problem(at, "raw texts and bytes are not in the subset"));
                }
                Token::Name(name)
            }
            _ => reader.sign()?,
        };
        tokens.push((at, token));
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn taken(&mut self, more: impl Fn(char) -> bool) -> String {
        let from = self.at;
        while self.peek().is_some_and(&more) {
            self.at += 1;
        }
        self.chars[from..self.at].iter().collect()
    }

    fn sign(&mut self) -> Result<Token, Problem> {
        let rest = &self.chars[self.at..];
        let found = SIGNS
            .iter()
            .find(|sign| sign.chars().zip(rest).all(|(a, b)| a == *b) && sign.len() <= rest.len());
        match found {
            Some(&"=") => Err(problem(self.at, "`=` compares nothing here; write `==`")),
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err(problem(
                self.at,
                format!("`{}` does not belong into an expression", rest[0]),
            )),
        }
    }

    fn number(&mut self) -> Result<Token, Problem> {
        let at = self.at;
        let mut text = self.taken(|c| c.is_ascii_digit());
        let mut double = false;
        let digit_after = |reader: &Self, skip: usize| {
            reader
                .chars
                .get(reader.at + skip)
                .is_some_and(char::is_ascii_digit)
        };
        if self.peek() == Some('.') && digit_after(self, 1) {
            double = true;
            self.at += 1;
            text.push('.');
            text += &self.taken(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let signed = matches!(self.chars.get(self.at + 1), Some('+' | '-'));
            if digit_after(self, 1 + usize::from(signed)) {
                double = true;
                text.extend(&self.chars[self.at..=self.at + usize::from(signed)]);
                self.at += 1 + usize::from(signed);
                text += &self.taken(|c| c.is_ascii_digit());
            }
        }
        if self
            .peek()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        {
            return Err(problem(
                at,
                "numbers are decimal ints or doubles; unsigned and hexadecimal ones are not in the subset",
            ));
        }
        if double {
            let value: f64 = text.parse().map_err(|_| problem(at, "this is no number"))?;
            if value.is_finite() {
                return Ok(Token::Double(value));
            }
        } else if let Ok(value) = text.parse() {
            return Ok(Token::Int(value));
        } else if text == "9223372036854775808" {
            return Ok(Token::MinInt);
        }
        Err(problem(at, "this number is too large"))
    }

    fn text(&mut self, quote: char) -> Result<Token, Problem> {
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let at = self.at;
            let unclosed = || problem(open, "this text has no closing quote");
            let c = self.peek().ok_or_else(unclosed)?;
            self.at += 1;
            match c {
                c if c == quote => return Ok(Token::Text(text)),
                '\\' => {
                    let escaped = self.peek().ok_or_else(unclosed)?;
                    self.at += 1;
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        '\\' | '\'' | '"' => escaped,
                        'u' => self.unicode(at)?,
                        _ => {
                            return Err(problem(at, format!("`\\{escaped}` is not in the subset")));
                        }
                    });
                }
                '\n' | '\r' => return Err(unclosed()),
                c => text.push(c),
            }
        }
    }

    fn unicode(&mut self, at: usize) -> Result<char, Problem> {
        let digits: String = self.chars[self.at..].iter().take(4).collect();
        self.at += digits.chars().count();
        let code = (digits.len() == 4)
            .then(|| u32::from_str_radix(&digits, 16).ok())
            .flatten();
        code.and_then(char::from_u32)
            .ok_or_else(|| problem(at, "`\\u` takes four hexadecimal digits of a character"))
    }
}
