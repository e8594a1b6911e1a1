//! The envelope of Prometheus' HTTP API, and the one number that an instant query may hold.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::metric::Gap;

#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    status: String,
    data: Option<Data>,
    /// Something was left out of the answer.
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Debug, Deserialize)]
struct Series {
    value: Option<Point>,
}

/// Seconds, and the value as text.
type Point = (f64, String);

impl Envelope {
    /// # Errors
    /// Why there is not exactly one finite number.
    pub(super) fn number(self) -> Result<f64, Gap> {
        let data = self.data.filter(|_| self.status == "success").ok_or(Gap::Unreadable)?;
        if !self.warnings.is_empty() {
            return Err(Gap::Partial);
        }
        let (_evaluated, text) = match data.result_type.as_str() {
            "scalar" => serde_json::from_value::<Point>(data.result).map_err(|_| Gap::Unreadable)?,
            "vector" => only(serde_json::from_value(data.result).map_err(|_| Gap::Unreadable)?)?,
            _ => return Err(Gap::Unreadable),
        };
        let value: f64 = text.parse().map_err(|_| Gap::Unreadable)?;
        if value.is_nan() {
            return Err(Gap::NotANumber);
        }
        if value.is_infinite() {
            return Err(Gap::Infinite);
        }
        Ok(value)
    }
}

fn only(series: Vec<Series>) -> Result<Point, Gap> {
    let mut series = series.into_iter();
    match (series.next(), series.next()) {
        (None, _) => Err(Gap::Missing),
        (Some(one), None) => one.value.ok_or(Gap::Unreadable),
        (Some(_), Some(_)) => Err(Gap::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(result: Value) -> Result<f64, Gap> {
        envelope(json!({"status": "success", "data": {"resultType": "vector", "result": result}}))
    }

    fn envelope(text: Value) -> Result<f64, Gap> {
        serde_json::from_value::<Envelope>(text).unwrap().number()
    }

    fn series(value: &str) -> Value {
        json!({"metric": {}, "value": [1_795_469_984.847, value]})
    }

    #[test]
    fn one_finite_number_is_an_answer_and_nothing_else_is() {
        assert_eq!(read(json!([series("0.4716")])), Ok(0.4716));
        assert_eq!(read(json!([series("7e-02")])), Ok(0.07));
        assert_eq!(read(json!([])), Err(Gap::Missing));
        assert_eq!(read(json!([series("1"), series("2")])), Err(Gap::Ambiguous));
        assert_eq!(read(json!([series("NaN")])), Err(Gap::NotANumber));
        assert_eq!(read(json!([series("+Inf")])), Err(Gap::Infinite));
        assert_eq!(read(json!([series("soon")])), Err(Gap::Unreadable));
        assert_eq!(read(json!([{"metric": {}, "histogram": [1, {}]}])), Err(Gap::Unreadable));
    }

    #[test]
    fn a_partial_or_failed_answer_is_a_gap() {
        let data = json!({"resultType": "vector", "result": [series("1")]});
        assert_eq!(envelope(json!({"status": "success", "data": data, "warnings": ["store gone"]})), Err(Gap::Partial));
        assert_eq!(envelope(json!({"status": "error", "errorType": "timeout", "error": "query timed out"})), Err(Gap::Unreadable));
        assert_eq!(envelope(json!({"status": "success", "data": {"resultType": "matrix", "result": []}})), Err(Gap::Unreadable));
        assert_eq!(envelope(json!({"status": "success", "data": {"resultType": "scalar", "result": [1.5, "3"]}})), Ok(3.0));
    }
}
