//! What goes out packed, and to whom.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{Lab, PODS, http};

#[tokio::test]
async fn long_documents_come_packed_to_whoever_takes_them_so() {
    let lab = Lab::held(8).await;
    let asked = async |accepted: Option<&str>| {
        let request = http().get(format!("http://{}{PODS}", lab.address));
        let request = accepted.iter().fold(request, |request, accepted| request.header("accept-encoding", *accepted));
        let answer = request.send().await.unwrap();
        let encoding = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        (encoding, answer.bytes().await.unwrap())
    };
    let (encoding, short) = asked(Some("gzip")).await;
    assert_eq!(encoding, None, "{} bytes", short.len());
    lab.with(|cluster| cluster.scale("frontend", 120));
    lab.pass(60_000);
    let (encoding, whole) = asked(None).await;
    assert_eq!(encoding, None);
    assert!(whole.len() > 128 * 1024, "{} bytes", whole.len());
    let (encoding, packed) = asked(Some("br, gzip")).await;
    assert_eq!(encoding.as_deref(), Some("gzip"));
    let mut text = Vec::new();
    GzDecoder::new(packed.as_ref()).read_to_end(&mut text).unwrap();
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(read(&text), read(&whole));
    assert!(packed.len() * 5 < whole.len(), "{} of {} bytes", packed.len(), whole.len());
}
