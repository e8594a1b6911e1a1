//! PromQL, as far as this world evaluates it: selectors, `increase`, `rate`, `timestamp`, `vector`, `histogram_quantile`, the aggregations
//! `sum`, `min`, `max` and `count` with `by`, arithmetic and `or`. Whatever else the language has is refused by name.

/// Why a query is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No PromQL: at this character, counted from 1.
    Parse {
        /// Where.
        at: usize,
        /// Why.
        why: String,
    },
    /// PromQL that this world does not evaluate.
    NotOffered(String),
}

/// A query, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A plain number.
    Number(f64),
    /// Series.
    Select(Selector),
    /// A function of series.
    Call(Function, Vec<Expr>),
    /// Many series made into fewer.
    Aggregate {
        /// How.
        how: Aggregation,
        /// Which labels are kept.
        by: Vec<String>,
        /// Of what.
        of: Box<Expr>,
    },
    /// Two sides and what is between them.
    Binary(Operator, Box<Expr>, Box<Expr>),
}

/// The functions that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// Growth within a range.
    Increase,
    /// The same a second.
    Rate,
    /// When the newest sample was taken.
    Timestamp,
    /// A number as a series without labels.
    Vector,
    /// A quantile of a classic histogram.
    HistogramQuantile,
}

/// The aggregations that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregation {
    /// All added.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many.
    Count,
}

/// What may stand between two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// Addition.
    Plus,
    /// Subtraction.
    Minus,
    /// Multiplication.
    Times,
    /// Division.
    Over,
    /// The left side, and of the right side what the left has not.
    Or,
}

/// Series by name and labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Selector {
    /// All of them have to hold.
    pub(super) matchers: Vec<Matcher>,
    /// Over how long, virtual milliseconds; nothing for an instant.
    pub(super) range_ms: Option<i64>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matcher {
    /// The label; the name of a series is `__name__`.
    pub(super) label: String,
    /// How it is compared.
    pub(super) comparison: Comparison,
    /// With what.
    pub(super) value: String,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `=~`
    Like,
    /// `!~`
    Unlike,
}

const AGGREGATIONS: [(&str, Aggregation); 4] =
    [("sum", Aggregation::Sum), ("min", Aggregation::Min), ("max", Aggregation::Max), ("count", Aggregation::Count)];
const FUNCTIONS: [(&str, Function); 5] = [
    ("increase", Function::Increase),
    ("rate", Function::Rate),
    ("timestamp", Function::Timestamp),
    ("vector", Function::Vector),
    ("histogram_quantile", Function::HistogramQuantile),
];
/// Words of the language that mean nothing here.
const NOT_OFFERED: [&str; 10] = ["offset", "on", "ignoring", "group_left", "group_right", "bool", "and", "unless", "without", "atan2"];

/// Takes a query apart.
///
/// # Errors
/// With the reason, as Prometheus or this world gives it.
pub(super) fn read(text: &str) -> Result<Expr, Refusal> {
    let mut reader = Reader { text: text.chars().collect(), at: 0 };
    reader.blank();
    if reader.peek().is_none() {
        return Err(reader.unexpected("no expression found in input"));
    }
    let expr = reader.alternative()?;
    match reader.peek() {
        None => Ok(expr),
        Some(odd) => Err(reader.unexpected(&format!("unexpected character: '{odd}'"))),
    }
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn unexpected(&self, why: &str) -> Refusal {
        Refusal::Parse { at: self.at + 1, why: why.to_owned() }
    }

    /// Takes this character, if it comes next, and what is blank behind it.
    fn took(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += 1;
            self.blank();
        }
        found
    }

    fn need(&mut self, wanted: char) -> Result<(), Refusal> {
        if self.took(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or("end of input".to_owned(), |found| format!("\"{found}\""));
        Err(self.unexpected(&format!("unexpected {found}, expected \"{wanted}\"")))
    }

    /// A name, if one comes next.
    fn word(&mut self) -> String {
        let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
        let from = self.at;
        if self.peek().is_some_and(first) {
            while self.peek().is_some_and(|c| first(c) || c.is_ascii_digit()) {
                self.at += 1;
            }
        }
        let word = self.text[from..self.at].iter().collect();
        self.blank();
        word
    }

    fn alternative(&mut self) -> Result<Expr, Refusal> {
        let mut left = self.sum()?;
        loop {
            let before = self.at;
            let word = self.word();
            match word.as_str() {
                "or" => left = Expr::Binary(Operator::Or, Box::new(left), Box::new(self.sum()?)),
                "" => return Ok(left),
                other if NOT_OFFERED.contains(&other) => return Err(Refusal::NotOffered(format!("`{other}`"))),
                other => {
                    self.at = before;
                    return Err(self.unexpected(&format!("unexpected identifier \"{other}\"")));
                }
            }
        }
    }

    fn sum(&mut self) -> Result<Expr, Refusal> {
        let mut left = self.product()?;
        loop {
            let operator = if self.took('+') {
                Operator::Plus
            } else if self.took('-') {
                Operator::Minus
            } else {
                return Ok(left);
            };
            left = Expr::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expr, Refusal> {
        let mut left = self.primary()?;
        loop {
            let operator = match self.peek() {
                Some('*') => Operator::Times,
                Some('/') => Operator::Over,
                Some(other @ ('%' | '^' | '<' | '>' | '=' | '!' | '@')) => return Err(Refusal::NotOffered(format!("`{other}`"))),
                Some(_) | None => return Ok(left),
            };
            self.at += 1;
            self.blank();
            left = Expr::Binary(operator, Box::new(left), Box::new(self.primary()?));
        }
    }

    fn primary(&mut self) -> Result<Expr, Refusal> {
        match self.peek() {
            None => Err(self.unexpected("unexpected end of input")),
            Some('(') => {
                self.need('(')?;
                let inside = self.alternative()?;
                self.need(')')?;
                Ok(inside)
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => self.number(),
            Some('{') => self.selector(None),
            Some(_) => self.named(),
        }
    }

    fn number(&mut self) -> Result<Expr, Refusal> {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
            self.at += 1;
        }
        let text: String = self.text[from..self.at].iter().collect();
        self.blank();
        text.parse().map(Expr::Number).map_err(|_| self.unexpected(&format!("bad number or duration syntax: \"{text}\"")))
    }

    fn named(&mut self) -> Result<Expr, Refusal> {
        let name = self.word();
        if name.is_empty() {
            let odd = self.peek().map_or(String::new(), String::from);
            return Err(self.unexpected(&format!("unexpected character: '{odd}'")));
        }
        if let Some((_, how)) = AGGREGATIONS.iter().find(|(known, _)| *known == name) {
            return self.aggregate(*how);
        }
        if self.peek() != Some('(') {
            return self.selector(Some(name));
        }
        let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(Refusal::NotOffered(format!("the function `{name}`")));
        };
        self.need('(')?;
        let mut arguments = vec![self.alternative()?];
        while self.took(',') {
            arguments.push(self.alternative()?);
        }
        self.need(')')?;
        Ok(Expr::Call(*function, arguments))
    }

    /// `sum by (le) (…)` and `sum(…) by (le)`.
    fn aggregate(&mut self, how: Aggregation) -> Result<Expr, Refusal> {
        let mut by = self.by()?;
        self.need('(')?;
        let of = Box::new(self.alternative()?);
        self.need(')')?;
        if by.is_none() {
            by = self.by()?;
        }
        Ok(Expr::Aggregate { how, by: by.unwrap_or_default(), of })
    }

    fn by(&mut self) -> Result<Option<Vec<String>>, Refusal> {
        let before = self.at;
        match self.word().as_str() {
            "by" => {}
            "without" => return Err(Refusal::NotOffered("`without`".to_owned())),
            _ => {
                self.at = before;
                return Ok(None);
            }
        }
        self.need('(')?;
        let mut labels = Vec::new();
        while !self.took(')') {
            labels.push(self.word());
            if !self.took(',') {
                self.need(')')?;
                break;
            }
        }
        Ok(Some(labels))
    }

    fn selector(&mut self, name: Option<String>) -> Result<Expr, Refusal> {
        let named = |value| Matcher { label: "__name__".to_owned(), comparison: Comparison::Is, value };
        let mut matchers: Vec<Matcher> = name.into_iter().map(named).collect();
        if self.took('{') {
            while !self.took('}') {
                matchers.push(self.matcher()?);
                if !self.took(',') {
                    self.need('}')?;
                    break;
                }
            }
        }
        if matchers.is_empty() {
            return Err(self.unexpected("vector selector must contain at least one non-empty matcher"));
        }
        let range_ms = if self.took('[') { Some(self.range()?) } else { None };
        Ok(Expr::Select(Selector { matchers, range_ms }))
    }

    fn matcher(&mut self) -> Result<Matcher, Refusal> {
        let label = self.word();
        if label.is_empty() {
            return Err(self.unexpected("unexpected character inside braces"));
        }
        let comparison = match (self.took('!'), self.took('='), self.took('~')) {
            (false, true, false) => Comparison::Is,
            (true, true, false) => Comparison::IsNot,
            (false, true, true) => Comparison::Like,
            (true, false, true) => Comparison::Unlike,
            (_, _, _) => return Err(self.unexpected("expected label matching operator")),
        };
        Ok(Matcher { label, comparison, value: self.quoted()? })
    }

    fn quoted(&mut self) -> Result<String, Refusal> {
        let Some(quote @ ('"' | '\'')) = self.peek() else { return Err(self.unexpected("expected string")) };
        self.at += 1;
        let mut value = String::new();
        loop {
            match self.peek() {
                None => return Err(self.unexpected("unterminated quoted string")),
                Some(end) if end == quote => break,
                Some('\\') => {
                    self.at += 1;
                    value.extend(self.peek());
                }
                Some(plain) => value.push(plain),
            }
            self.at += 1;
        }
        self.at += 1;
        self.blank();
        Ok(value)
    }

    /// `1m30s]`, behind its bracket.
    fn range(&mut self) -> Result<i64, Refusal> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let mut total = 0_i64;
        while !self.took(']') {
            let from = self.at;
            while self.peek().is_some_and(|c| c.is_ascii_digit()) {
                self.at += 1;
            }
            let number: String = self.text[from..self.at].iter().collect();
            let unit = self.word();
            if self.peek() == Some(':') || unit.contains(':') {
                return Err(Refusal::NotOffered("a subquery".to_owned()));
            }
            let known = units.iter().find(|(name, _)| *name == unit);
            let (Ok(number), Some((_, ms))) = (number.parse::<i64>(), known) else {
                return Err(self.unexpected("bad number or duration syntax"));
            };
            total = total.saturating_add(number.saturating_mul(*ms));
        }
        if total <= 0 { Err(self.unexpected("duration must be greater than 0")) } else { Ok(total) }
    }
}
