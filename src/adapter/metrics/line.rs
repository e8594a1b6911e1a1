//! One line of a metrics page: a name, labels, a value, and when it was taken if it says so.
//!
//! Nothing is copied but what has to be changed, and what is written otherwise than the format has it is no sample: a page that is
//! understood in part is not understood, and a Prometheus refuses it as well.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

#[derive(Debug, PartialEq)]
pub(super) struct Sample<'l> {
    pub name: &'l str,
    pub labels: LabelSet<'l>,
    pub value: f64,
    /// In the format's own unit.
    pub time: Option<&'l str>,
}

/// Which label set a counter has: equal for equal sets, and as long for long ones.
pub(super) type Labels = [u8; 16];

/// Labels by their names, each once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct LabelSet<'l>(Vec<Label<'l>>);

#[derive(Debug, PartialEq)]
struct Label<'l> {
    name: &'l str,
    /// Between its quotes.
    written: &'l str,
}

const BLANKS: [char; 2] = [' ', '\t'];

/// `None` for what is no sample.
pub(super) fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let (name, rest) = line.split_at(line.find(['{', ' ', '\t']).unwrap_or(line.len()));
    let rest = rest.trim_start_matches(BLANKS);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => LabelSet::read(inside)?,
        None => (LabelSet::default(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    // An exemplar begins with `#`; what stands before it may be a time.
    let time = words.next().filter(|word| *word != "#");
    Some(Sample { name, labels, value, time })
}

impl<'l> LabelSet<'l> {
    /// Up to and without the closing brace, and what comes behind it.
    fn read(inside: &'l str) -> Option<(LabelSet<'l>, &'l str)> {
        let (mut labels, mut rest) = (Vec::with_capacity(6), inside);
        loop {
            rest = rest.trim_start_matches(BLANKS);
            if let Some(behind) = rest.strip_prefix('}') {
                labels.sort_unstable_by(|one: &Label, other: &Label| one.name.cmp(other.name));
                let is_twice = labels.windows(2).any(|pair| pair[0].name == pair[1].name);
                return (!is_twice).then_some((LabelSet(labels), behind));
            }
            let (name, value) = rest.split_at(name_length(rest)?);
            let value = value.trim_start_matches(BLANKS).strip_prefix('=')?;
            let value = value.trim_start_matches(BLANKS).strip_prefix('"')?;
            let (written, behind) = value.split_at(closing_quote(value)?);
            labels.push(Label { name, written });
            let behind = behind[1..].trim_start_matches(BLANKS);
            rest = match behind.strip_prefix(',') {
                Some(next) => next,
                None => Some(behind).filter(|behind| behind.starts_with('}'))?,
            };
        }
    }

    /// What a label says.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'l, str>> {
        let label = self.0.iter().find(|label| label.name == name || unquoted(label.name) == Some(name))?;
        Some(plain(label.written))
    }

    /// The same of a label that tells its series apart from no other, and is gone then.
    pub(super) fn take(&mut self, name: &str) -> Option<Cow<'l, str>> {
        let place = self.0.iter().position(|label| label.name == name)?;
        Some(plain(self.0.remove(place).written))
    }

    /// What an earlier host has kept was told apart in this very way.
    pub(super) fn digest(&self) -> Labels {
        let mut text = Vec::with_capacity(256);
        for Label { name, written } in &self.0 {
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            harmless(written, &mut text);
            text.push(b',');
        }
        let whole: [u8; 32] = Sha256::digest(&text).into();
        std::array::from_fn(|place| whole[place])
    }
}

/// Of a label's name at the beginning, in quotes or without.
fn name_length(text: &str) -> Option<usize> {
    let length = match text.strip_prefix('"') {
        Some(name) => closing_quote(name)? + 2,
        None => text.find(['=', ',', '{', '}', '"', ' ', '\t'])?,
    };
    (length > 0).then_some(length)
}

fn unquoted(name: &str) -> Option<&str> {
    name.strip_prefix('"')?.strip_suffix('"')
}

/// Where a text in quotes ends.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// What is meant by a text with escapes.
fn plain(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return Cow::Borrowed(written);
    }
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        match (character, characters.as_str().chars().next()) {
            ('\\', Some(escaped @ ('\\' | '"' | 'n'))) => {
                text.push(if escaped == 'n' { '\n' } else { escaped });
                characters.next();
            }
            _ => text.push(character),
        }
    }
    Cow::Owned(text)
}

/// Whatever could be taken for structure becomes `%` and hex, so nothing collides. An escape is kept apart from what it stands for only by its
/// letter, which is enough.
fn harmless(written: &str, text: &mut Vec<u8>) {
    let is_structure = |character: char| matches!(character, ',' | '=' | '{' | '}' | '%');
    if !written.contains(|character| character == '\\' || is_structure(character)) {
        return text.extend_from_slice(written.as_bytes());
    }
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        let changed = match character {
            '\\' => characters.next(),
            other => Some(other).filter(|other| is_structure(*other)),
        };
        match changed {
            Some(changed) => text.extend_from_slice(format!("%{:02x}", changed as u32).as_bytes()),
            None => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_parse::{Scrape, Value};

    use super::*;

    fn label(line: &str, name: &str) -> Option<String> {
        sample(line)?.labels.get(name).map(Cow::into_owned)
    }

    #[test]
    fn a_label_says_what_its_author_meant() {
        assert_eq!(label(r#"a{path="/x,y=1}",code="200"} 5"#, "path").as_deref(), Some("/x,y=1}"));
        assert_eq!(label(r#"a{path="say \"hi\"\\n\n%"} 5"#, "path").as_deref(), Some("say \"hi\"\\n\n%"));
        assert_eq!(label(r#"a{path="c:\dir"} 5"#, "path").as_deref(), Some(r"c:\dir"), "no escape that there is");
        assert_eq!(label(r#"a { path = "" , } 5"#, "path").as_deref(), Some(""));
        assert_eq!(label(r#"a{"http.route"="/x"} 5"#, "http.route").as_deref(), Some("/x"));
        assert_eq!(label("a{} 5", "path"), None);
    }

    #[test]
    fn what_is_written_otherwise_is_no_sample() {
        for line in [
            "a",
            "a{} ",
            "a{b} 1",
            "a{b=} 1",
            "a{b=c} 1",
            "a{=\"c\"} 1",
            "a{b=\"c\" 1",
            "a{b=\"c} 1",
            "a{b=\"c\\\"} 1",
            "a{b=\"c\"d=\"e\"} 1",
            "a{b=\"c\",,d=\"e\"} 1",
            "a{b=\"c\",b=\"d\"} 1",
            "a{b=\"c\"}",
            "a twelve",
        ] {
            assert_eq!(sample(line), None, "{line}");
        }
    }

    #[test]
    fn a_value_and_a_time_are_told_from_an_exemplar() {
        let read = |line| sample(line).map(|Sample { name, value, time, .. }| (name, value, time));
        assert_eq!(read("job:a:rate5m 1.5e3 1795469984847"), Some(("job:a:rate5m", 1500.0, Some("1795469984847"))));
        assert_eq!(read("a{le=\"1\"} 5 # {trace=\"x y\"} 0.7 179"), Some(("a", 5.0, None)));
        assert_eq!(read("a{le=\"1\"} 5 179 # {trace=\"x\"} 0.7"), Some(("a", 5.0, Some("179"))));
        assert_eq!(read("a\t+Inf"), Some(("a", f64::INFINITY, None)));
        assert!(sample("a NaN").is_some_and(|sample| sample.value.is_nan()));
    }

    #[test]
    fn a_bound_is_taken_from_its_series_and_sets_are_equal_in_any_order() {
        let digest = |line| sample(line).unwrap().labels.digest();
        let mut bucket = sample("a_bucket{path=\"/\",le=\"0.5\"} 5").unwrap();
        assert_eq!(bucket.labels.take("le").as_deref(), Some("0.5"));
        assert_eq!(bucket.labels.digest(), digest("a{path=\"/\"} 1"));
        assert_eq!(digest("a{b=\"1\",c=\"2\"} 5"), digest("a{ c = \"2\", b=\"1\", } 7"));
        assert_ne!(digest("a{b=\"1,c=2\"} 5"), digest("a{b=\"1\",c=\"2\"} 5"));
        assert_ne!(digest(r#"a{b="\n"} 5"#), digest(r#"a{b="n"} 5"#));
    }

    /// A host that takes over what another version has left meets the same series, or it counts each as new.
    #[test]
    fn a_series_is_told_apart_as_it_always_was() {
        let digest = |line| sample(line).unwrap().labels.digest();
        let of = |text: &str| -> Labels {
            let whole: [u8; 32] = Sha256::digest(text.as_bytes()).into();
            std::array::from_fn(|place| whole[place])
        };
        assert_eq!(digest(r#"a{path="/a,b}=%",code="200"} 5"#), of("code=200,path=/a%2cb%7d%3d%25,"));
        assert_eq!(digest(r#"a{path="say \"hi\"\n ü"} 5"#), of("path=say %22hi%22%6e ü,"));
        assert_eq!(digest("a 5"), of(""));
    }

    proptest::proptest! {
        /// What others' parser makes of a line that it does not mangle, this one makes of it too.
        #[test]
        fn another_parser_reads_the_same(
            labels in proptest::collection::btree_map("[a-z_]{1,6}", "[ -!#-+.-<>-\\[\\]-z|~é日]{0,9}", 1..5), value in proptest::num::f64::NORMAL,
        ) {
            let pairs: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{text}\"")).collect();
            let line = format!("a_total{{{}}} {value}", pairs.join(","));
            let ours = sample(&line).unwrap();
            let theirs = Scrape::parse(std::iter::once(Ok(line.clone()))).unwrap().samples.remove(0);
            proptest::prop_assert_eq!((ours.name, Value::Untyped(ours.value)), (theirs.metric.as_str(), theirs.value));
            for (name, text) in &labels {
                let found = ours.labels.get(name);
                proptest::prop_assert_eq!((found.as_deref(), theirs.labels.get(name)), (Some(text.as_str()), Some(text.as_str())));
            }
        }
    }
}
