//! A body that may be longer than anybody holds: text, and behind it the same block again and again.
//!
//! Packed, each of them is a gzip member of its own, which by RFC 1952 is one stream to whoever unpacks it.

use std::{
    convert::Infallible,
    io::Write,
    pin::Pin,
    task::{Context, Poll},
};

use flate2::{Compression, write::GzEncoder};
use hyper::body::{Body, Bytes, Frame, SizeHint};

/// What follows a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// The block that is repeated.
    pub block: String,
    /// How often.
    pub times: usize,
    /// How all of the body is sent.
    pub form: Form,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Packed with gzip.
    Gzip,
}

/// The body of an answer.
#[derive(Debug)]
pub struct Lengthy {
    begins: Option<Bytes>,
    block: Bytes,
    left: usize,
}

impl Lengthy {
    /// This text, and what follows it.
    #[must_use]
    pub fn new(text: String, rest: Option<Rest>) -> Self {
        let Some(Rest { block, times, form }) = rest else { return Self { begins: Some(text.into()), block: Bytes::new(), left: 0 } };
        let sent = |text: String| match form {
            Form::Plain => Bytes::from(text),
            Form::Gzip => packed(text.as_bytes()),
        };
        Self { begins: Some(sent(text)), block: sent(block), left: times }
    }
}

fn packed(bytes: &[u8]) -> Bytes {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to a Vec can't fail.
    let _ = packer.write_all(bytes);
    packer.finish().unwrap_or_default().into()
}

impl Body for Lengthy {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(begins) = self.begins.take() {
            return Poll::Ready(Some(Ok(Frame::data(begins))));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.block.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.begins.as_ref().is_none_or(Bytes::is_empty)
    }

    /// Of what is long nobody says how long it is.
    fn size_hint(&self) -> SizeHint {
        if self.left > 0 { SizeHint::default() } else { SizeHint::with_exact(self.begins.as_ref().map_or(0, |bytes| bytes.len() as u64)) }
    }
}
