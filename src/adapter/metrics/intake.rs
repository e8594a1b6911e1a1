//! A metrics page while it comes: unpacked, cut into lines, and all dropped at once but the lines of what is counted.
//!
//! What a page may hold of this process' memory does not depend on its length. Other people's families are looked at as far as their name
//! goes, and never held; of a line of ours no more is held than the limit on its length, and of the series no more than their number allows.
//! The page's own length, unpacked, is limited as well: that bounds the time. Where a limit is met the rest of the page is not asked for, and
//! the gap says which one: a page that was read in part is not read. It parses nothing; `exposition` does.

use std::{
    io::{self, BufRead, Write},
    ops::ControlFlow,
};

use flate2::write::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::exposition::{Families, Format, Page, Reader};
use crate::{
    adapter::http::{Sink, first_word},
    domain::metric::{Gap, PAGE_BYTES_MAX, PAGE_LINE_BYTES_MAX},
};

/// One page being taken in.
pub(super) struct Intake<'f> {
    families: &'f Families,
    /// As they were sent.
    bytes: usize,
    stage: Stage<'f>,
}

enum Stage<'f> {
    /// Nothing has come.
    Waiting,
    Plain(Box<Lines<'f>>),
    Packed(Box<MultiGzDecoder<Lines<'f>>>),
    /// A gap that another byte can't mend.
    Spoilt(Gap),
    /// What was answered is no metrics page.
    NoPage(String),
}

impl<'f> Intake<'f> {
    pub(super) fn new(families: &'f Families) -> Intake<'f> {
        Intake { families, bytes: 0, stage: Stage::Waiting }
    }

    /// What came, after its last byte.
    /// # Errors
    /// In words, what it is instead of a page.
    pub(super) fn page(self) -> Result<Result<Page, Gap>, String> {
        Ok(match self.stage {
            Stage::Waiting => Err(Gap::Unreadable),
            Stage::NoPage(what) => return Err(what),
            Stage::Spoilt(gap) => Err(gap),
            Stage::Plain(lines) => lines.page(),
            // Without its end nobody knows what is missing.
            Stage::Packed(mut unpacker) => match unpacker.try_finish() {
                Ok(()) => unpacker.finish().map_or(Err(Gap::Unreadable), Lines::page),
                Err(_) => Err(unpacker.get_ref().spoilt.unwrap_or(Gap::Unreadable)),
            },
        })
    }

    fn taken(&mut self, bytes: &[u8]) -> Result<(), Gap> {
        // A packed page may be long although nothing comes out of it.
        self.bytes += bytes.len();
        if self.bytes > PAGE_BYTES_MAX {
            return Err(Gap::PageTooLong);
        }
        match &mut self.stage {
            Stage::Plain(lines) => lines.take(bytes),
            Stage::Packed(unpacker) => unpacker.write_all(bytes).map_err(|_| unpacker.get_ref().spoilt.unwrap_or(Gap::Unreadable)),
            Stage::Waiting | Stage::NoPage(_) => Ok(()),
            Stage::Spoilt(gap) => Err(*gap),
        }
    }
}

impl Sink for Intake<'_> {
    fn begins(&mut self, headers: &HeaderMap) -> ControlFlow<()> {
        let media_type = first_word(headers, CONTENT_TYPE);
        let lines = Format::of(&media_type).map(|format| Lines::new(Reader::new(self.families, format)));
        self.stage = match (lines, first_word(headers, CONTENT_ENCODING).as_str()) {
            (None, _) => Stage::NoPage(format!("{media_type} where a metrics page was expected")),
            (Some(lines), "" | "identity") => Stage::Plain(Box::new(lines)),
            (Some(lines), "gzip" | "x-gzip") => Stage::Packed(Box::new(MultiGzDecoder::new(lines))),
            (Some(_), other) => Stage::NoPage(format!("a page packed as {other}, where gzip was asked for")),
        };
        if matches!(self.stage, Stage::NoPage(_)) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn take(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let Err(gap) = self.taken(bytes) else { return ControlFlow::Continue(()) };
        self.stage = Stage::Spoilt(gap);
        ControlFlow::Break(())
    }
}

/// Cuts what comes into lines.
struct Lines<'f> {
    reader: Reader<'f>,
    /// Unpacked.
    bytes: usize,
    characters: Characters,
    line: Line,
    /// Of a line that goes on in what comes next: all of it, or what its name can still be told by. Empty for others' lines.
    begun: Vec<u8>,
    spoilt: Option<Gap>,
}

/// What is known of the line that comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Too little of it has come.
    Unknown,
    Wanted,
    Others,
}

impl<'f> Lines<'f> {
    fn new(reader: Reader<'f>) -> Lines<'f> {
        Lines { reader, bytes: 0, characters: Characters::default(), line: Line::Unknown, begun: Vec::new(), spoilt: None }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Gap> {
        if let Some(gap) = self.spoilt {
            return Err(gap);
        }
        self.cut(bytes).inspect_err(|gap| self.spoilt = Some(*gap))
    }

    fn cut(&mut self, bytes: &[u8]) -> Result<(), Gap> {
        self.bytes += bytes.len();
        if self.bytes > PAGE_BYTES_MAX {
            return Err(Gap::PageTooLong);
        }
        self.characters.take(bytes)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut after = rest;
            // A slice can't fail; this is the fastest search for a byte that there is without another crate.
            let count = after.skip_until(b'\n').unwrap_or(rest.len());
            self.piece(&rest[..count])?;
            rest = after;
        }
        Ok(())
    }

    /// The next piece of the page, which holds no line's end or has it at its own.
    fn piece(&mut self, piece: &[u8]) -> Result<(), Gap> {
        let ends = piece.ends_with(b"\n");
        if self.line != Line::Others {
            if self.begun.is_empty() && ends {
                return self.whole(piece);
            }
            let room = (PAGE_LINE_BYTES_MAX + 1).saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
            self.line = match self.reader.wants(&self.begun) {
                None => Line::Unknown,
                Some(true) => Line::Wanted,
                Some(false) => Line::Others,
            };
            if self.line == Line::Others {
                self.begun.clear();
            } else if self.begun.trim_ascii_end().len() > PAGE_LINE_BYTES_MAX || piece.len() > room {
                return Err(Gap::LineTooLong);
            }
        }
        if ends {
            self.line = Line::Unknown;
            let line = std::mem::take(&mut self.begun);
            self.whole(&line)?;
            self.begun = line;
            self.begun.clear();
        }
        Ok(())
    }

    fn whole(&mut self, line: &[u8]) -> Result<(), Gap> {
        if self.reader.wants(line) != Some(true) {
            return Ok(());
        }
        let line = line.trim_ascii_end();
        if line.len() > PAGE_LINE_BYTES_MAX { Err(Gap::LineTooLong) } else { self.reader.line(line) }
    }

    /// A last line needs no end of its own.
    fn page(mut self) -> Result<Page, Gap> {
        if self.line != Line::Others && !self.begun.is_empty() {
            self.take(b"\n")?;
        }
        self.characters.end()?;
        self.spoilt.map_or_else(|| Ok(self.reader.page()), Err)
    }
}

/// For the unpacker; an error makes it stop, and why is told apart.
impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map(|()| bytes.len()).map_err(|gap| io::Error::other(gap.to_string()))
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether what comes is UTF-8, wherever it is cut. A page that is not, in whatever family, is none.
#[derive(Default)]
struct Characters {
    /// The beginning of a character whose rest has not come.
    begun: Vec<u8>,
}

impl Characters {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Gap> {
        let mut rest = bytes;
        while !self.begun.is_empty() {
            let Some((first, after)) = rest.split_first() else { return Ok(()) };
            self.begun.push(*first);
            rest = after;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_some() => return Err(Gap::Unreadable),
                Err(_) => {}
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(Gap::Unreadable),
            Err(error) => {
                self.begun.extend_from_slice(&rest[error.valid_up_to()..]);
                Ok(())
            }
        }
    }

    fn end(&self) -> Result<(), Gap> {
        if self.begun.is_empty() { Ok(()) } else { Err(Gap::Unreadable) }
    }
}

/// A page that comes in one piece.
#[cfg(test)]
pub(super) fn whole(body: &[u8], format: Format, families: &Families) -> Result<Page, Gap> {
    in_pieces(body, body.len().max(1), format, families)
}

#[cfg(test)]
fn in_pieces(body: &[u8], size: usize, format: Format, families: &Families) -> Result<Page, Gap> {
    let mut lines = Lines::new(Reader::new(families, format));
    body.chunks(size).try_for_each(|piece| lines.take(piece))?;
    lines.page()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE http_requests_total counter\r\n  http_requests_total{code=\"200\",path=\"/ä/日本\"} 12\r\n\
                        http_requests_totals 5\nhttp_requests 7\n\n\thttp_requests_total{code=\"500\"} 3\ngo_x{y=\"é\"} 1\nprocess_start_time_seconds 9";

    fn read(body: &[u8], size: usize) -> Result<Page, Gap> {
        in_pieces(body, size, Format::Text, &Families::default())
    }

    #[test]
    fn a_page_is_the_same_wherever_it_is_cut() {
        let right = read(PAGE.as_bytes(), PAGE.len()).unwrap();
        assert_eq!(right.requests.as_ref().unwrap().values().sum::<f64>(), 15.0);
        assert_eq!(right.started, Some(9.0), "the last line has no end");
        for size in 1..PAGE.len() {
            assert_eq!(read(PAGE.as_bytes(), size).as_ref(), Ok(&right), "{size}");
        }
        let ended = format!("{PAGE}\r\n");
        assert_eq!(read(ended.as_bytes(), 3), Ok(right));
    }

    #[test]
    fn nothing_is_held_of_other_peoples_lines_and_no_more_than_a_line_of_ours() {
        let families = Families::default();
        let mut lines = Lines::new(Reader::new(&families, Format::Text));
        for _ in 0..1000 {
            lines.take(&[b'h'; 1000]).unwrap();
        }
        assert!(lines.begun.capacity() <= 4096, "{}", lines.begun.capacity());
        lines.take(b"\nhttp_requests_total{path=\"").unwrap();
        let refused = (0..1000).find_map(|_| lines.take(&[b'x'; 1000]).err());
        assert_eq!(refused, Some(Gap::LineTooLong));
        assert!(lines.begun.capacity() <= 3 * PAGE_LINE_BYTES_MAX, "{}", lines.begun.capacity());
    }

    #[test]
    fn a_line_of_ours_may_be_as_long_as_the_limit_and_others_as_they_like() {
        let line = |length: usize| {
            let fixed = "http_requests_total{code=\"200\",path=\"\"} 1".len();
            format!("http_requests_total{{code=\"200\",path=\"{}\"}} 1\n", "x".repeat(length - fixed))
        };
        for size in [1, 1000, PAGE_LINE_BYTES_MAX, 1 << 20] {
            assert!(read(line(PAGE_LINE_BYTES_MAX).as_bytes(), size).is_ok(), "{size}");
            assert_eq!(read(line(PAGE_LINE_BYTES_MAX + 1).as_bytes(), size), Err(Gap::LineTooLong), "{size}");
            let others = format!("go_x{{y=\"{}\"}} 1\nhttp_requests_total 4\n", "z".repeat(1 << 20));
            assert!(read(others.as_bytes(), size).unwrap().requests.is_ok(), "{size}");
            let blank = format!("{}http_requests_total 4\n", " ".repeat(PAGE_LINE_BYTES_MAX));
            assert_eq!(read(blank.as_bytes(), size), Err(Gap::LineTooLong), "{size}");
        }
    }

    #[test]
    fn what_is_no_utf8_is_no_page_wherever_it_stands() {
        for body in [
            &b"go_x{y=\"\xff\"} 1\nhttp_requests_total 4\n"[..],
            b"http_requests_total 4\n# \xe6\x97",
            b"\xed\xa0\x80\nhttp_requests_total 4\n",
        ] {
            for size in 1..body.len() {
                assert_eq!(read(body, size), Err(Gap::Unreadable), "{size}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_read_the_same_in_pieces(
            body in proptest::collection::vec(proptest::prop_oneof![
                proptest::strategy::Just(b"http_requests_total".to_vec()), proptest::strategy::Just(b"{code=\"200\"} ".to_vec()),
                proptest::strategy::Just(b" 4\n".to_vec()), proptest::strategy::Just(b"\r\n".to_vec()), proptest::strategy::Just("ü日".as_bytes().to_vec()),
                proptest::collection::vec(proptest::num::u8::ANY, 0..4),
            ], 0..24),
            size in 1usize..40,
        ) {
            let body = body.concat();
            proptest::prop_assert_eq!(read(&body, size), whole(&body, Format::Text, &Families::default()));
        }
    }
}
