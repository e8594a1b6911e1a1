//! How deep brackets are nested, before the YAML parser is asked: it looks at every bracket that is open for each word that it reads, so that a
//! megabyte of them would keep it busy for minutes.
//!
//! No kubeconfig is nested deeply, so this need not read all of YAML. As long as a line is of the plain kind that `kubectl` and JSON writers put
//! down, it is read exactly. From the first one on that is not (text over several lines, a tag), brackets that open are counted and none
//! that close: it may refuse a strange file then, and never takes one for flatter than it is.

/// Brackets that may be open at once. A kubeconfig needs six.
const OPEN_MAX: usize = 500;

/// The line, counted from 1, on which more brackets are open than any kubeconfig has.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut reader = Reader { open: 0, is_exact: true, goes_on: false };
    text.split('\n').zip(1..).find_map(|(line, number)| {
        let signs: Vec<char> = line.trim_end().chars().collect();
        (reader.line(&signs) > OPEN_MAX).then_some(number)
    })
}

struct Reader {
    open: usize,
    is_exact: bool,
    /// The line before ended within text that is not quoted, and may go on on the next one.
    goes_on: bool,
}

impl Reader {
    /// The most brackets that are open on this line.
    fn line(&mut self, signs: &[char]) -> usize {
        let mut most = self.open;
        let mut at = 0;
        if signs.starts_with(&['-', '-', '-']) {
            self.goes_on = false;
            at = 3;
        }
        while let Some(&sign) = signs.get(at) {
            if !self.is_exact {
                self.open += signs[at..].iter().filter(|sign| matches!(sign, '[' | '{')).count();
                return most.max(self.open);
            }
            at = self.token(signs, at, sign);
            most = most.max(self.open);
        }
        most
    }

    /// Behind what begins at `at`; where that is not of the plain kind, nothing is exact any more.
    fn token(&mut self, signs: &[char], at: usize, sign: char) -> usize {
        let is_last = signs.get(at + 1).is_none_or(|next| *next == ' ');
        let went_on = match sign {
            ' ' | '\t' => self.goes_on,
            _ => std::mem::replace(&mut self.goes_on, false),
        };
        match sign {
            ' ' | '\t' => at + 1,
            '#' if at == 0 || matches!(signs[at - 1], ' ' | '\t') => signs.len(),
            ',' | ']' | '}' if self.open > 0 => {
                self.open -= usize::from(sign != ',');
                at + 1
            }
            '[' | '{' if !went_on || self.open > 0 => {
                self.open += 1;
                at + 1
            }
            ':' if is_last || self.open > 0 => at + 1,
            '-' | '?' if is_last => at + 1,
            '"' | '\'' if !went_on => self.quoted(signs, at),
            '|' | '>' | '&' | '*' | '!' | '%' | '@' | '`' | '[' | '{' if !went_on || self.open == 0 => {
                self.is_exact = false;
                at
            }
            _ => {
                let end = self.plain(signs, at);
                self.goes_on = end == signs.len();
                end
            }
        }
    }

    /// Behind the closing quote; text that goes on on the next line is not of the plain kind.
    fn quoted(&mut self, signs: &[char], at: usize) -> usize {
        let quote = signs[at];
        let mut next = at + 1;
        while let Some(&sign) = signs.get(next) {
            match sign {
                '\\' if quote == '"' => next += 2,
                '\'' if quote == '\'' && signs.get(next + 1) == Some(&'\'') => next += 2,
                sign if sign == quote => return next + 1,
                _ => next += 1,
            }
        }
        self.is_exact = false;
        at
    }

    /// Behind text without quotes: at `: `, at ` #`, and within brackets at a comma or a bracket.
    fn plain(&self, signs: &[char], at: usize) -> usize {
        let ends = |at: usize| {
            let next = signs.get(at + 1);
            match signs[at] {
                ':' => next.is_none_or(|next| *next == ' ' || (self.open > 0 && ",[]{}".contains(*next))),
                '#' => matches!(signs[at - 1], ' ' | '\t'),
                ',' | '[' | ']' | '{' | '}' => self.open > 0,
                _ => false,
            }
        };
        (at + 1..signs.len()).find(|at| ends(*at)).unwrap_or(signs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_is_counted_exactly_however_much_of_it_there_is() {
        let json = |name: usize| format!("{{\"name\":\"a{name}\",\"user\":{{\"token\":\"it's [[ \\\" {{\"}}}}");
        let json = format!("{{\"users\":[{}]}}", (0..2_000).map(json).collect::<Vec<_>>().join(",\n"));
        let block = "- name: o'neill [x\n  user: { token: 'it''s [', exec: null } # it's [[\n  empty: []\n\
                     - name: text that\n    goes on \"here [\n  \"cluster\": {server: 'https://[::1]:1'}\n"
            .repeat(2_000);
        for text in [json.as_str(), &format!("---\nclusters:\n{block}"), "---\n{ }\n"] {
            assert_eq!(too_deep(text), None, "{}", &text[..80.min(text.len())]);
        }
    }

    #[test]
    fn no_way_of_writing_hides_how_deep_it_is() {
        let many = |piece: &str| piece.repeat(2_000);
        for text in [
            many("["),
            many("{a: "),
            many("[\n"),
            many("[ \"\n]\", "),
            many("[ '\n]', "),
            many("[a\n\"b, \"c\n]]\n\", "),
            format!("a: it's\nb: {}", many("[")),
            format!("a: |\n  \"\nb: {}", many("[")),
            format!("a: &x \"\n]\"\nb: {}", many("[ # ]\n")),
        ] {
            assert!(too_deep(&text).is_some(), "{}", &text[..40]);
        }
    }
}
