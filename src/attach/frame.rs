//! Frames: a length of four bytes, big end first, then that many bytes of JSON.
//!
//! Reading goes through `tokio-util`'s length codec, which refuses a length above the cap before it reserves room for it and loses
//! nothing when a read is abandoned halfway. Writing goes around it: what goes to every client was serialised once, and is written from
//! that one shared text with a vectored write, so a client costs a few system calls and no copy.
//!
//! There is no compression and no checksum: the socket is local, and ssh does both for whoever comes from afar.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use futures::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec, LengthDelimitedCodecError};

use crate::door::{OnRecord, Published, Snapshot};

/// Longest payload that a host reads, in bytes: no command is anywhere near it.
pub const FROM_CLIENT_BYTES_MAX: usize = 64 * 1024;
/// Longest payload that a client reads, in bytes. A snapshot of a plan with a dozen routes and full charts stays under one megabyte.
pub const FROM_HOST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why there is no next frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame is longer than {max} bytes; the line was cut; send smaller frames")]
    TooLong { max: usize },
    #[error("a frame is not what the protocol allows here ({0}); the line was cut; use the same version of cutover on both sides")]
    Unreadable(serde_json::Error),
    #[error("the line broke: {0}; nothing that was not answered may be taken as done")]
    Broken(io::Error),
}

/// Frames as they come in, none longer than the cap.
#[derive(Debug)]
pub struct Frames<R> {
    framed: FramedRead<R, LengthDelimitedCodec>,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub fn new(reader: R, bytes_max: usize) -> Frames<R> {
        let codec = LengthDelimitedCodec::builder().max_frame_length(bytes_max).new_codec();
        Frames { framed: FramedRead::with_capacity(reader, codec, 4096), bytes_max }
    }

    /// The line itself, for who wants to read it otherwise; what was read ahead is lost.
    pub fn into_inner(self) -> R {
        self.framed.into_inner()
    }

    /// The next frame, `None` when the other side has closed cleanly between two frames. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// A frame above the cap, one that is not a `T`, a stream that ends within a frame or breaks.
    pub async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        match self.framed.next().await {
            None => Ok(None),
            Some(Ok(payload)) => serde_json::from_slice(&payload).map(Some).map_err(FrameError::Unreadable),
            Some(Err(error)) if error.get_ref().is_some_and(|inner| inner.is::<LengthDelimitedCodecError>()) => {
                Err(FrameError::TooLong { max: self.bytes_max })
            }
            Some(Err(error)) => Err(FrameError::Broken(error)),
        }
    }
}

/// One frame on its way out: a shared text between its own first and last bytes.
#[derive(Debug, Clone)]
pub struct Outgoing {
    head: Vec<u8>,
    body: Option<Arc<str>>,
    tail: &'static [u8],
}

impl Outgoing {
    /// A frame of its own text, for all that is small and said to one client only.
    pub fn of(message: &impl Serialize) -> Outgoing {
        let json = serde_json::to_vec(message).expect("messages have string keys and no failing serialiser");
        let mut head = length_of(json.len());
        head.extend_from_slice(&json);
        Outgoing { head, body: None, tail: b"" }
    }

    /// The frame of [`crate::attach::protocol::FromHost::Transition`], or of `Unrecorded` beside it.
    pub fn transition(transition: &Published) -> Outgoing {
        let before = match transition.on_record {
            OnRecord::Yes => "{\"transition\":",
            OnRecord::No => "{\"unrecorded\":",
        };
        Outgoing::around(before, transition.json.clone(), b"}")
    }

    /// The frame of [`crate::attach::protocol::FromHost::Snapshot`].
    pub fn snapshot(snapshot: &Snapshot) -> Outgoing {
        Outgoing::around(&format!("{{\"snapshot\":{{\"seq\":{},\"state\":", snapshot.seq), snapshot.json.clone(), b"}}")
    }

    /// The whole frame in one piece.
    pub fn into_bytes(self) -> Vec<u8> {
        self.parts().concat()
    }

    fn around(before: &str, body: Arc<str>, tail: &'static [u8]) -> Outgoing {
        let mut head = length_of(before.len() + body.len() + tail.len());
        head.extend_from_slice(before.as_bytes());
        Outgoing { head, body: Some(body), tail }
    }

    fn parts(&self) -> [&[u8]; 3] {
        [&self.head, self.body.as_deref().map_or(b"", str::as_bytes), self.tail]
    }
}

fn length_of(payload_bytes: usize) -> Vec<u8> {
    let length = u32::try_from(payload_bytes).expect("a payload of 4 GiB would not fit in the state that it comes from");
    length.to_be_bytes().to_vec()
}

/// Writes all of `frames` with as few system calls as the other side's readiness allows.
///
/// # Errors
/// Those of the stream; how much was written is not known then, and the line is of no further use.
pub async fn write(writer: &mut (impl AsyncWrite + Unpin), frames: &[Outgoing]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = frames.iter().flat_map(Outgoing::parts).filter(|part| !part.is_empty()).map(IoSlice::new).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        let written = writer.write_vectored(rest).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut rest, written);
    }
    writer.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attach::protocol::{FromHost, FromWatcher},
        core::state::State,
        domain::id::Seq,
    };

    #[tokio::test]
    async fn shared_text_arrives_as_the_message_it_stands_for() {
        let (mut ours, theirs) = tokio::io::duplex(7);
        let state = State::default();
        let snapshot = Snapshot { seq: Seq(4), json: serde_json::to_string(&state).unwrap().into() };
        let frames = [Outgoing::snapshot(&snapshot), Outgoing::of(&FromHost::Beat)];
        let writing = tokio::spawn(async move { write(&mut ours, &frames).await });
        let mut reading = Frames::new(theirs, FROM_HOST_BYTES_MAX);
        assert_eq!(reading.next::<FromHost>().await.unwrap(), Some(FromHost::Snapshot { seq: Seq(4), state: Box::new(state) }));
        assert_eq!(reading.next::<FromHost>().await.unwrap(), Some(FromHost::Beat));
        writing.await.unwrap().unwrap();
        assert_eq!(reading.next::<FromHost>().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_length_above_the_cap_is_refused_before_its_bytes_come() {
        let head = (FROM_CLIENT_BYTES_MAX as u32 + 1).to_be_bytes();
        let mut reading = Frames::new(&head[..], FROM_CLIENT_BYTES_MAX);
        assert!(matches!(reading.next::<FromWatcher>().await, Err(FrameError::TooLong { max: FROM_CLIENT_BYTES_MAX })));
    }

    #[tokio::test]
    async fn half_a_frame_is_a_broken_line_and_not_an_end() {
        let mut reading = Frames::new(&b"\0\0\0\x06\"be"[..], FROM_CLIENT_BYTES_MAX);
        assert!(matches!(reading.next::<FromWatcher>().await, Err(FrameError::Broken(_))));
    }

    #[tokio::test]
    async fn an_abandoned_read_loses_nothing() {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let mut reading = Frames::new(theirs, FROM_CLIENT_BYTES_MAX);
        for part in [&b"\0\0\0"[..], b"\x06\"be"] {
            ours.write_all(part).await.unwrap();
            assert!(futures::FutureExt::now_or_never(reading.next::<FromWatcher>()).is_none());
        }
        ours.write_all(b"at\"").await.unwrap();
        assert_eq!(reading.next::<FromWatcher>().await.unwrap(), Some(FromWatcher::Beat));
    }
}
