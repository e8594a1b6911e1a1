//! The tests that a URL map carries: each says of a host and a path where they must lead. The service runs them at every update, and takes
//! none that fails one.
//!
//! Here they are carried out as far as this world's maps are: what decides for the host and the path, by service or by weights. A split
//! fulfils a test that names any of its services.

use serde_json::{Value, json};

use super::{url_map, url_map_routing::Request};

/// One `TestFailure` for each test that does not hold.
#[must_use]
pub fn failures(document: &Value) -> Vec<Value> {
    let tests = document.get("tests").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    tests.iter().filter_map(|test| failure(document, test)).collect()
}

fn failure(document: &Value, test: &Value) -> Option<Value> {
    let text = |key: &str| test.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = |link: &str| link.rsplit('/').next().unwrap_or_default().to_owned();
    let (host, expected) = (text("host"), text("service"));
    let path = Some(text("path")).filter(|path| !path.is_empty()).unwrap_or("/");
    let led = url_map::weights(document, Request::plain(host, path.split('?').next().unwrap_or(path)));
    if expected.is_empty() || led.iter().any(|(service, _)| name(service) == name(expected)) {
        return None;
    }
    let actual = led.first().map(|(service, _)| url_map::link(service)).unwrap_or_default();
    Some(json!({"host": host, "path": text("path"), "expectedService": expected, "actualService": actual}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_holds_where_the_split_has_its_service() {
        let mut document = url_map::initial(0);
        let with = |service: &str| json!([{"host": "api.hexproperty.com", "path": "/", "service": url_map::link(service)}]);
        document["tests"] = with("frontend-gke");
        assert_eq!(failures(&document), Vec::<Value>::new());
        document["tests"] = with("frontend-hotfix");
        assert_eq!(failures(&document)[0]["actualService"], url_map::link("frontend-run"));
    }
}
