//! Documents of more than 128 KiB for whoever takes gzip: they go out packed, quickly rather than well, as the real server sends them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Bytes},
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY},
};

use super::answer::Reply;

/// What is no longer than this goes out as it is.
const THRESHOLD_BYTES: u64 = 128 * 1024;
/// The real server's level.
const LEVEL: u32 = 1;

/// The reply as it goes out to somebody who takes these encodings. Streams and texts are never packed.
pub async fn reply(reply: Reply, accepted: &str) -> Reply {
    let is_document = reply.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let is_long = reply.body().size_hint().exact().is_some_and(|length| length > THRESHOLD_BYTES);
    if !is_document || !is_long || !accepted.split(',').any(|encoding| encoding.trim() == "gzip") {
        return reply;
    }
    let (mut head, body) = reply.into_parts();
    let Ok(whole) = body.collect().await;
    let whole = whole.to_bytes();
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    let packed = packer.write_all(&whole).and_then(|()| packer.finish());
    let bytes = match packed {
        Ok(packed) => {
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
            Bytes::from(packed)
        }
        Err(_) => whole,
    };
    Reply::from_parts(head, Full::new(bytes).boxed_unsync())
}
