//! From the text of a metrics page to the few series that we need, or the reason why they can't be trusted.
//!
//! It is given the lines of the wanted families alone, one at a time (`intake` cuts them out of what comes, `line` reads them), and of their
//! labels no more is kept than tells them apart. A line that is no sample makes the whole page unreadable: a page that is understood in part
//! is not understood. The two formats look alike and differ in their stamps: milliseconds in the plain text of Prometheus, seconds in
//! OpenMetrics; the media type tells which it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    gauge::Gauge,
    line::{LabelSet, Labels, Sample, sample},
};
use crate::domain::{
    metric::{Gap, PAGE_SERIES_MAX},
    time::Timestamp,
};

/// Names of the families and labels that the figures are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Families {
    /// Counter of requests.
    pub requests: String,
    /// Its labels that may hold the HTTP status; whichever of them holds one, in digits, tells it.
    pub status_labels: Vec<String>,
    /// What such a label holds where a request failed: a class as `5xx`, or a value word for word. Without it, a server's errors.
    pub failed: Option<Vec<String>>,
    /// Histogram of durations, without `_bucket`.
    pub duration: String,
    pub unit: Unit,
    /// Counter of connections that were dropped.
    pub dropped: Option<String>,
    /// Series of requests and durations that don't have this label with this value are others'.
    pub only: Vec<(String, String)>,
    /// Series of them whose label begins so are left out.
    pub without: Vec<(String, String)>,
    /// What the plan declares beside them.
    pub gauges: Vec<Gauge>,
}

/// In which unit durations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
}

impl Unit {
    fn seconds(self, bound: f64) -> f64 {
        match self {
            Unit::Seconds => bound,
            Unit::Milliseconds => bound / 1000.0,
        }
    }
}

/// How client libraries, proxies and instrumentation by OpenTelemetry call the label with the HTTP status.
const STATUS_LABELS: [&str; 12] = [
    "code",
    "status",
    "status_code",
    "statusCode",
    "status_class",
    "http_status",
    "http_status_code",
    "http_code",
    "response_code",
    "response_code_class",
    "response_status",
    "http_response_status_code",
];

impl Default for Families {
    fn default() -> Self {
        Families {
            requests: "http_requests_total".to_owned(),
            status_labels: STATUS_LABELS.map(str::to_owned).to_vec(),
            failed: None,
            duration: "http_request_duration_seconds".to_owned(),
            unit: Unit::Seconds,
            dropped: Some("http_connections_dropped_total".to_owned()),
            only: Vec::new(),
            without: Vec::new(),
            gauges: Vec::new(),
        }
    }
}

impl Families {
    /// Whether a series of requests or durations is one of those that are counted.
    fn counts(&self, labels: &LabelSet) -> bool {
        self.only.iter().all(|(name, value)| labels.get(name).as_deref() == Some(value.as_str()))
            && !self.without.iter().any(|(name, begins)| labels.get(name).is_some_and(|held| held.starts_with(begins.as_str())))
    }
}

/// One family's counters, or why they are not to be had.
pub(super) type Counters<K> = Result<BTreeMap<K, f64>, Gap>;

/// The format of a page, as its media type names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `text/plain; version=0.0.4`; stamps are whole milliseconds.
    Text,
    /// `application/openmetrics-text`; stamps are seconds, with or without a fraction.
    OpenMetrics,
}

impl Format {
    /// `None` for what is no metrics page. A page without a media type is taken for plain text, as Prometheus does.
    pub(super) fn of(media_type: &str) -> Option<Format> {
        match media_type {
            "" | "text/plain" => Some(Format::Text),
            "application/openmetrics-text" => Some(Format::OpenMetrics),
            _ => None,
        }
    }

    fn time(self, text: &str) -> Option<Timestamp> {
        match self {
            Format::Text => text.parse().ok().map(Timestamp),
            Format::OpenMetrics => {
                text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()).map(|seconds| Timestamp((seconds * 1000.0) as i64))
            }
        }
    }
}

/// What one scrape holds. All values are finite and not negative.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Page {
    pub requests: Counters<RequestKey>,
    pub buckets: Counters<BucketKey>,
    pub dropped: Counters<Labels>,
    /// Each gauge in the order of the families.
    pub gauges: Vec<Counters<Labels>>,
    /// The newest time that the page itself gives for a wanted sample.
    pub stamped_at: Option<Timestamp>,
    /// When the process behind the page began, in seconds since the Unix epoch, where exactly one tells.
    pub started: Option<f64>,
}

/// The family in which a process tells when it began.
const STARTED: &str = "process_start_time_seconds";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct RequestKey {
    pub series: Labels,
    pub status: Status,
}

impl RequestKey {
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.status, Status::Told { class: 5 } | Status::Failed)
    }
}

/// How the requests of a series ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Status {
    /// By its first digit, which is what failure is judged by.
    Told { class: u8 },
    /// No label holds a status, or only in words.
    NotTold,
    /// Two labels hold one each, and they are of different classes.
    Ambiguous,
    /// What its label holds is what the plan calls a failure.
    Failed,
    /// It holds something else.
    Fine,
}

impl Status {
    /// Of the labels that may hold a status, those that hold one decide together: an application's own `code="E_DB"` beside
    /// `status="500"` is no second opinion, and `code="200"` is one.
    fn of(labels: &LabelSet, Families { status_labels: names, failed, .. }: &Families) -> Status {
        if let Some(failed) = failed {
            let is = |text: &str| failed.iter().any(|what| what == text || class(text).is_some_and(|class| *what == format!("{class}xx")));
            return match names.iter().find_map(|name| labels.get(name)) {
                None => Status::NotTold,
                Some(text) if is(&text) => Status::Failed,
                Some(_) => Status::Fine,
            };
        }
        let mut classes = names.iter().filter_map(|name| labels.get(name)).filter_map(|text| class(&text));
        match classes.next() {
            None => Status::NotTold,
            Some(class) if classes.all(|other| other == class) => Status::Told { class },
            Some(_) => Status::Ambiguous,
        }
    }
}

/// The class of `503` or `5xx`; `None` for whatever else.
fn class(text: &str) -> Option<u8> {
    let [first @ b'1'..=b'5', rest @ ..] = text.as_bytes() else { return None };
    let told = matches!(rest, [b'0'..=b'9', b'0'..=b'9'] | [b'x' | b'X', b'x' | b'X']);
    told.then_some(first - b'0')
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct BucketKey {
    /// Labels without the bound.
    pub series: Labels,
    pub bound: Bound,
}

/// Upper bound of a bucket in seconds, ordered as a number; written as its bits, for one of them is infinite.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub(super) struct Bound(pub f64);

impl From<u64> for Bound {
    fn from(bits: u64) -> Bound {
        Bound(f64::from_bits(bits))
    }
}
impl From<Bound> for u64 {
    fn from(bound: Bound) -> u64 {
        bound.0.to_bits()
    }
}
impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Bound {}
impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Makes a [`Page`] of the lines of its wanted families.
pub(super) struct Reader<'f> {
    families: &'f Families,
    format: Format,
    /// Names of the wanted samples.
    wanted: Vec<String>,
    bucket: String,
    page: Page,
    series: usize,
    starts: Vec<f64>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(families: &'f Families, format: Format) -> Reader<'f> {
        let bucket = format!("{}_bucket", families.duration);
        let gauges = families.gauges.iter().map(|gauge| gauge.family.clone());
        let wanted = [families.requests.clone(), bucket.clone(), STARTED.to_owned()].into_iter();
        let wanted = wanted.chain(families.dropped.clone()).chain(gauges).collect();
        let (requests, buckets, dropped) = (Err(Gap::Missing), Err(Gap::Missing), Err(Gap::Missing));
        let gauges = vec![Err(Gap::Missing); families.gauges.len()];
        let page = Page { requests, buckets, dropped, gauges, stamped_at: None, started: None };
        Reader { families, format, wanted, bucket, page, series: 0, starts: Vec::new() }
    }

    /// Whether a line that begins so, blanks aside, is a sample of a wanted family; `None` while more of it has to be seen.
    pub(super) fn wants(&self, beginning: &[u8]) -> Option<bool> {
        let begun = beginning.trim_ascii_start();
        let after = |name: &String| begun.strip_prefix(name.as_bytes());
        let is = |name: &String| after(name).is_some_and(|after| matches!(after, [b'{' | b' ' | b'\t' | b'\n', ..] | [b'\r', b'\n']));
        let may_be = |name: &String| name.as_bytes().starts_with(begun) || after(name) == Some(b"\r");
        if self.wanted.iter().any(is) {
            Some(true)
        } else if self.wanted.iter().any(may_be) {
            None
        } else {
            Some(false)
        }
    }

    /// Takes a line of a wanted family.
    /// # Errors
    /// [`Gap::Unreadable`] if it can't be understood, [`Gap::TooManySeries`] if it is one too many.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), Gap> {
        self.series += 1;
        if self.series > PAGE_SERIES_MAX {
            return Err(Gap::TooManySeries);
        }
        let line = std::str::from_utf8(line).map_err(|_| Gap::Unreadable)?;
        let Reader { families, bucket, page, .. } = self;
        let Sample { name, mut labels, value, time } = sample(line).ok_or(Gap::Unreadable)?;
        let time = time.map(|text| self.format.time(text).ok_or(Gap::Unreadable)).transpose()?;
        page.stamped_at = page.stamped_at.max(time);
        let mut is_gauge = false;
        for (gauge, values) in families.gauges.iter().zip(&mut page.gauges).filter(|(gauge, _)| gauge.family == name) {
            is_gauge = true;
            if gauge.counts(&labels) {
                insert(values, labels.digest(), value);
            }
        }
        if (name == families.requests || name == *bucket) && !families.counts(&labels) {
            return Ok(());
        }
        if name == families.requests {
            let status = Status::of(&labels, families);
            insert(&mut page.requests, RequestKey { series: labels.digest(), status }, value);
        } else if name == *bucket {
            let bound =
                labels.take("le").and_then(|text| text.parse().ok()).filter(|bound: &f64| !bound.is_nan()).ok_or(Gap::Unreadable)?;
            let bound = Bound(families.unit.seconds(bound));
            insert(&mut page.buckets, BucketKey { series: labels.digest(), bound }, value);
        } else if name == STARTED {
            self.starts.push(value);
        } else if families.dropped.as_deref() == Some(name) {
            insert(&mut page.dropped, labels.digest(), value);
        } else if !is_gauge {
            return Err(Gap::Unreadable);
        }
        Ok(())
    }

    /// The page, when its last line was taken.
    pub(super) fn page(self) -> Page {
        let started = match self.starts.as_slice() {
            [started] => Some(*started).filter(|started| started.is_finite()),
            [] | [_, _, ..] => None,
        };
        Page { started, ..self.page }
    }
}

/// Adds a sample to its family; one bad value spoils the family, for a sum over the rest would be wrong.
fn insert<K: Ord>(counters: &mut Counters<K>, key: K, value: f64) {
    if *counters.as_ref().map_or_else(|gap| gap, |_| &Gap::Missing) != Gap::Missing {
        return;
    }
    let bad = if value.is_nan() {
        Some(Gap::NotANumber)
    } else if value.is_infinite() {
        Some(Gap::Infinite)
    } else if value < 0.0 {
        Some(Gap::Unreadable)
    } else {
        None
    };
    if let Some(gap) = bad {
        *counters = Err(gap);
        return;
    }
    let mut held = std::mem::replace(counters, Err(Gap::Missing)).unwrap_or_default();
    *counters = if held.insert(key, value).is_some() { Err(Gap::Ambiguous) } else { Ok(held) };
}

#[cfg(test)]
mod tests {
    use super::{super::intake::whole as page, *};
    use crate::domain::metric::PAGE_SERIES_MAX as SERIES_MAX;

    fn read(text: &str) -> Result<Page, Gap> {
        page(text.as_bytes(), Format::Text, &Families::default())
    }

    fn statuses(text: &str) -> Vec<Status> {
        read(text).unwrap().requests.unwrap().into_keys().map(|key| key.status).collect()
    }

    #[test]
    fn a_status_is_told_in_digits_or_not_at_all() {
        for label in ["http_status", "http_response_status_code", "statusCode", "status_class"] {
            assert_eq!(statuses(&format!("http_requests_total{{{label}=\"503\"}} 5\n")), [Status::Told { class: 5 }], "{label}");
        }
        assert_eq!(statuses("http_requests_total{status=\"500 Internal Server Error\"} 5\n"), [Status::NotTold]);
        assert_eq!(statuses("http_requests_total{code=\"200\",http_status=\"500\"} 5\n"), [Status::Ambiguous]);
        assert_eq!(statuses("http_requests_total{method=\"get\"} 5\n"), [Status::NotTold]);
        assert_eq!(statuses("http_requests_total{status=\"error\"} 5\n"), [Status::NotTold]);
        assert_eq!(statuses("http_requests_total{code=\"5\"} 5\n"), [Status::NotTold]);
        assert_eq!(statuses("http_requests_total{response_code=\"0\"} 5\n"), [Status::NotTold]);
        assert_eq!(statuses("http_requests_total{response_code_class=\"5xx\"} 5\n"), [Status::Told { class: 5 }]);
        assert_eq!(statuses("http_requests_total{code=\"E_DB\",status=\"500\"} 5\n"), [Status::Told { class: 5 }]);
        assert_eq!(statuses("http_requests_total{code=\"200\",status=\"204\"} 5\n"), [Status::Told { class: 2 }]);
        assert_eq!(statuses("http_requests_total{code=\"200\",status=\"500\"} 5\n"), [Status::Ambiguous]);
    }

    #[test]
    fn a_page_without_bounds_is_refused_and_one_that_is_only_long_is_read() {
        let series =
            |count: usize| (0..count).map(|path| format!("http_requests_total{{code=\"200\",path=\"{path}\"}} 1\n")).collect::<String>();
        assert_eq!(read(&series(SERIES_MAX)).unwrap().requests.unwrap().len(), SERIES_MAX);
        assert_eq!(read(&series(SERIES_MAX + 1)), Err(Gap::TooManySeries));
        let others: String = (0..SERIES_MAX + 1).map(|name| format!("go_{name} 1\n")).collect();
        assert!(read(&format!("{others}http_requests_total{{code=\"200\"}} 1\n")).is_ok(), "what is not counted does not count");
        let label = |length| format!("http_requests_total{{code=\"200\",path=\"{}\"}} 1\n", "x".repeat(length));
        assert_eq!(read(&label(1 << 20)), Err(Gap::LineTooLong));
        assert!(read(&label(10_000)).is_ok());
    }

    #[test]
    fn a_stamp_is_read_in_its_formats_unit() {
        let text = |stamp: &str| format!("http_requests_total{{code=\"200\"}} 1 {stamp}\n");
        let read = |stamp: &str, format| page(text(stamp).as_bytes(), format, &Families::default()).map(|page| page.stamped_at);
        assert_eq!(read("1795469984847", Format::Text), Ok(Some(Timestamp(1_795_469_984_847))));
        assert_eq!(read("1795469984", Format::OpenMetrics), Ok(Some(Timestamp(1_795_469_984_000))));
        assert_eq!(read("1795469984.5", Format::OpenMetrics), Ok(Some(Timestamp(1_795_469_984_500))));
        assert_eq!(read("1795469984.5", Format::Text), Err(Gap::Unreadable), "this format has whole milliseconds only");
    }

    #[test]
    fn the_start_of_one_process_is_read_and_of_two_neither() {
        let start = |text: &str| read(text).unwrap().started;
        assert_eq!(start("process_start_time_seconds 1.79546e+09\n"), Some(1.79546e9));
        assert_eq!(start("process_start_time_seconds{pod=\"a\"} 1\nprocess_start_time_seconds{pod=\"b\"} 2\n"), None);
        assert_eq!(start("process_start_time_seconds NaN\n"), None);
    }

    #[test]
    fn an_ordinary_page_is_read_whole_and_others_are_left_alone() {
        let page = read(
            "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n\
             http_requests_total{code=\"200\",path=\"/\"} 12\nhttp_requests_total{code=\"500\",path=\"/\"} 3\n\
             http_request_duration_seconds_bucket{le=\"0.1\"} 7\nhttp_request_duration_seconds_bucket{le=\"+Inf\"} 15\n\
             http_request_duration_seconds_sum 2.5\nhttp_request_duration_seconds_count 15\ngo_goroutines{x=\"broken} 8\n",
        )
        .unwrap();
        let requests = page.requests.unwrap();
        assert_eq!(
            requests.iter().map(|(key, value)| (key.status, key.is_failure(), *value)).collect::<Vec<_>>(),
            [(Status::Told { class: 2 }, false, 12.0), (Status::Told { class: 5 }, true, 3.0)]
        );
        assert_eq!(page.buckets.unwrap().keys().map(|key| key.bound.0).collect::<Vec<_>>(), [0.1, f64::INFINITY]);
        assert_eq!(page.dropped, Err(Gap::Missing));
    }

    #[test]
    fn label_values_that_look_like_structure_stay_apart() {
        let page = read(
            "http_requests_total{path=\"/a,b}c\",code=\"200\"} 1\nhttp_requests_total{path=\"/a,d=e\",code=\"200\"} 2\n\
             http_requests_total{ path = \"say \\\"hi\\\"\" , code=\"500\",} 3 1795469984847\n",
        )
        .unwrap();
        let requests = page.requests.unwrap();
        assert_eq!(requests.values().sum::<f64>(), 6.0);
        assert_eq!(requests.keys().filter(|key| key.is_failure()).count(), 1);
        assert_eq!(page.stamped_at, Some(Timestamp(1_795_469_984_847)));
    }

    #[test]
    fn a_plan_chooses_series_by_what_their_labels_say() {
        let text = "http_requests_total{code=\"200\",path=\"/q?a=1,2\"} 5\nhttp_requests_total{code=\"200\",path=\"/\"} 7\n";
        let pair = |value: &str| vec![("path".to_owned(), value.to_owned())];
        let sum = |families: &Families| {
            page(text.as_bytes(), Format::Text, families).unwrap().requests.map(|requests| requests.values().sum::<f64>())
        };
        assert_eq!(sum(&Families { only: pair("/q?a=1,2"), ..Families::default() }), Ok(5.0));
        assert_eq!(sum(&Families { without: pair("/q?a="), ..Families::default() }), Ok(7.0));
    }

    #[test]
    fn what_is_not_a_page_is_no_page_of_zeros() {
        assert_eq!(read("<html>sign in</html>").unwrap().requests, Err(Gap::Missing));
        assert_eq!(read("").unwrap().requests, Err(Gap::Missing));
        assert_eq!(read("http_requests_total{code=\"200\"\n"), Err(Gap::Unreadable));
        assert_eq!(read("http_requests_total\n"), Err(Gap::Unreadable));
        assert_eq!(read("http_requests_total twelve\n"), Err(Gap::Unreadable));
        assert_eq!(read("http_request_duration_seconds_bucket{le=\"wide\"} 3\n"), Err(Gap::Unreadable));
        assert_eq!(page(b"http_requests_total{code=\"\xff\"} 1", Format::Text, &Families::default()), Err(Gap::Unreadable));
    }

    #[test]
    fn one_bad_value_spoils_its_family_only() {
        let page =
            read("http_requests_total{code=\"200\"} 5\nhttp_requests_total{code=\"500\"} NaN\nhttp_connections_dropped_total 0\n").unwrap();
        assert_eq!(page.requests, Err(Gap::NotANumber));
        assert!(page.dropped.is_ok());
        assert_eq!(read("http_requests_total +Inf\n").unwrap().requests, Err(Gap::Infinite));
        assert_eq!(read("http_requests_total -1\n").unwrap().requests, Err(Gap::Unreadable));
        assert_eq!(read("http_requests_total 1\nhttp_requests_total 2\n").unwrap().requests, Err(Gap::Ambiguous));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::num::u8::ANY, 0..400), line in "http_requests_total[{} ,=\"\\\\a-z0-9]{0,40}") {
            for format in [Format::Text, Format::OpenMetrics] {
                let _ = page(&body, format, &Families::default());
                let _ = page(line.as_bytes(), format, &Families::default());
            }
        }

        #[test]
        fn any_label_values_are_read_back_as_many_series(values in proptest::collection::btree_set("[ -~]{0,12}", 1..8)) {
            let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let text: String = values.iter().map(|value| format!("http_requests_total{{code=\"200\",path=\"{}\"}} 1\n", escaped(value))).collect();
            let page = read(&text).unwrap();
            proptest::prop_assert_eq!(page.requests.unwrap().values().sum::<f64>(), values.len() as f64);
        }
    }
}
