//! The options after the question mark of a request.
//!
//! Names and values are percent-decoded; of a repeated name the first one counts. What cannot be decoded is
//! taken as it stands, since the real server is as lenient.

/// The decoded options of one request.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the text between the question mark and the end.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self { pairs: pairs.collect() }
    }

    /// The value of an option; empty if it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// True for an option that says yes, in any spelling that real clients use.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, value)| key == name && matches!(value.as_str(), "" | "1" | "true" | "True"))
    }

    /// The whole number of an option, if it has one.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Decodes one part of a path.
#[must_use]
pub fn decode_segment(segment: &str) -> String {
    decode(&segment.replace('+', "%2B"))
}
