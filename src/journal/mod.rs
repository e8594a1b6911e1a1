//! The journal: everything that happened in a session, one record a line, each line chained to all lines before it.
//!
//! The journal *is* the session: its state is folded from these records and from nothing else, so recovery, replay, a watcher
//! that joins and the report all read these files. They are of our own instead of a database because append and scan are
//! all that is needed, and because somebody who does not trust this program must be able to check them with tools that they
//! have. The format below is therefore exact; a verifier written from this text alone is part of the tests.
//!
//! It deliberately does not encrypt or repair, does not know what the caller's records mean, and has no clock, no thread and no retry.
//!
//! # The format, version 2
//!
//! ## Files
//! A journal is a folder of segments, numbered from 1 without a gap. A segment is one file: `NNNNNNNN.jsonl`, its number in at least eight
//! digits, or, once it is sealed, `NNNNNNNN.jsonl.gz`; where both are there the first one counts. All segments together are one sequence of
//! lines. Every segment but the first begins with one line more that is no record, the *state*: at most 67,108,864 bytes of JSON with its
//! line feed. The record behind it is the segment's `snapshot`. The newest segment may have a state and no whole record, or not even a whole
//! state: then it was not begun, and the journal ends with the segment before. A journal of version 1 is one file and has no states.
//!
//! A sealed segment is a gzip file of one member with the header `1f8b 0800 00000000 02ff`, nothing behind it. Unpacked it is, line by line:
//! `cutover-segment N S H` (its number, the `seq` of its first record, that record's `prev`), the state where there is one, and for each record
//! `AT KIND BODY`. From these a record's line is made as it was written: `seq` goes up by one, `prev` is the hash of the line before, `crc` and
//! `hash` are computed as below.
//!
//! ## Lines
//! A line is at most 1,048,576 bytes long including the line feed (`0x0A`) that ends it, and its
//! other bytes are all in `0x20..=0x7E`. It has exactly this form, with no other white space, order or field:
//!
//! ```text
//! {"seq":S,"at":T,"kind":"K","prev":"H","crc":"C","body":B,"hash":"H"}
//! ```
//!
//! - `S`, `T`: decimal, no sign, no leading zero, at most 9007199254740991 (2^53-1).
//! - `K`: 1 to 32 characters of `a-z 0-9 . _ -`, the first one of `a-z`.
//! - `H`: 64 characters of `0-9a-f`. `C`: 8 characters of `0-9a-f`.
//! - `B`: one JSON value (RFC 8259), at least one byte. It is what stands between `"body":` and the last 75 bytes of the line
//!   (the line feed not counted), which are `,"hash":"`, `H`, `"}`. It has no white space outside strings; no object holds a key
//!   twice, compared after escapes are resolved; arrays and objects nest at most 64 deep; in strings `\uD800`..`\uDBFF` is followed
//!   by `\uDC00`..`\uDFFF` at once and the latter stand nowhere else. Characters outside `0x20..=0x7E` are written as `\uXXXX`, so
//!   that a raw line can't carry anything that a terminal obeys.
//!
//! ## Fields
//! - `seq`: 0 on the first line, then one more on each line. This is the order of events.
//! - `at`: milliseconds since 1970-01-01 UTC by the writer's clock. Clocks step back: it may be smaller than on the line before.
//! - `prev`: the `hash` of the line before; on the first line 64 times `0`.
//! - `crc`: CRC-32C (Castagnoli: polynomial 0x1EDC6F41 reflected, initial value and final XOR 0xFFFFFFFF; `123456789` gives
//!   `e3069283`) of the bytes of `B`. It adds no security; it tells damage from forgery.
//! - `hash`: SHA-256 of one byte `0x01` followed by the line's bytes from its first `{` up to, not including, the `,"hash":"` of
//!   those last 75 bytes. That is all: what stands in the file is what is hashed, there is no canonical form to compute. For line 1:
//!
//! ```text
//! head -n 1 JOURNAL | sed -E 's/,"hash":"[0-9a-f]{64}"\}$//' | tr -d '\n' | (printf '\001'; cat) | sha256sum
//! ```
//!
//! ## Kinds that the journal writes itself
//! Their bodies are objects with exactly these fields, in any order; numbers are written as `S` is, strings are JSON strings.
//! - `genesis`, the first line and no other: `format` (the number 1 or 2), `session` (a string), `plan` (a string of the form `H`, the
//!   hash of the plan). The session's start is this line's `at`.
//! - `checkpoint`: `records` (this line's `seq`: so many lines stand before it), `head` (this line's `prev`). The writer puts one
//!   behind a record when 64 lines have passed or 60 s, but none is required anywhere.
//! - `recovered`, after a torn tail was set aside: `bytes` (a number up to 2^64-1), `shape` (`partial`, `zeros` or `hole`),
//!   `side_file` (a string, the name of a file beside the journal that holds those bytes), `sha256` (a string of the form `H`, the
//!   SHA-256 of that file as `sha256sum` prints it). It is not required either: a crash may come between setting aside and telling.
//!
//! - `snapshot`, the first record of every segment but the first and no other: `segment` (its number), `records` (this line's `seq`), `head`
//!   (this line's `prev`), `state` (a string of the form `H`, the SHA-256 of the state without its line feed), `since` (an array: what the caller
//!   recorded behind that state and before this record), `sealed` (an array of objects: `segment`, a number, `bytes`, a number, `sha256`, a
//!   string of the form `H`: the sealed segments that no snapshot before has named, as they lie on the disk) and `sealed_to` (a number: the
//!   newest segment that was named so far). A sealed segment that is there and is not as it was named is the break `seal-differs`.
//!
//! All other kinds are the caller's, and so are their bodies.
//!
//! ## The end of the file, and torn tails
//! This is for the newest segment; every other has to end with a whole record, else the break is `segment-unfinished`.
//! Walk from byte 0, behind the state where there is one. Take the bytes up to the next line feed, at most 1,048,576 bytes with it, and check them as a line. As long
//! as that succeeds go on. At the end of the file the tail is *clean*. Where it fails, `R` is everything from the start of that line
//! to the end of the file, and `R` is a *torn tail*, which is no break, in these cases only:
//! - `R` holds no line feed. Its shape is `zeros` if its last byte is `0x00`, else `partial`.
//! - The failing line ended with a line feed within the limit, `R` is at most 2,097,152 bytes long, and the failing line has a *hole*:
//!   a run of at least one `0x00` byte that begins at the line's start and ends just before the next file offset that is a multiple of
//!   512; or 512 `0x00` bytes from an offset that is such a multiple. Its shape is `hole`. That is what a power cut leaves of one write
//!   over several sectors, and no flipped bit looks like it.
//!
//! If no line was accepted before `R`, there is no journal: the break `empty`. A complete line that lacks only its line feed is part
//! of the torn tail: the writer never said that it was kept. The writer moves a torn tail to `SEGMENT.torn-N` before it goes on.
//!
//! ## Breaks
//! Everything else that fails is a *break* at the `seq` that belongs there and at the file offset where its line starts. A line's
//! checks run in this order; the first to fail gives the break its code:
//! `too-long` (no line feed within 1,048,576 bytes), `grammar` (the form above, without `B`'s inside), `seq`, `prev`, `crc`, `hash`,
//! `kind` (the first line is not `genesis`, or another one is; the same for a segment's first record and `snapshot`), `body` (`B` is not as above), `meaning` (the body of a kind of the
//! journal's own is not as above), `witness-differs`. At the end of the file `witness-missing`, whose `seq` is the witness's and whose
//! offset is where the last whole record ends. Of the files: `segment-missing`, `segment-shorter` (than the checkpoint remembers), `sealed` (it
//! can't be unpacked, or not to such lines). A line that fails is not judged further, nor is anything after it.
//!
//! ## What it proves
//! A journal without a break proves that its lines were chained in this order and were not changed, added to, removed or swapped
//! since. It can't prove by itself that its end was not cut off or that it was not written anew from some line on: whoever can write
//! the file can compute hashes. For that a *witness* is needed, `SEQ:HASH` of any line, kept where that somebody can't write: a
//! checkpoint on a colleague's screen, in syslog, or in the cloud provider's own audit log. With it, everything up to that line is
//! what the witness saw. `JOURNAL/checkpoint` and `JOURNAL.checkpoint` hold the newest checkpoint in that form, or the last line where the writer
//! closed the journal, with the newest segment's number and length behind it; they lie on the same disk, so they show accidents and clumsy edits only. Nothing of this proves what a machine did whose attacker wrote the records to begin with.
//!
//! ## On the disk
//! The folder has mode 0700, the files 0600; each is a regular file, opened for append and never through a link. The folder is locked with
//! `flock` by the writer; `JOURNAL.lock` only names who wrote last, or says who closed the journal. Room is allocated ahead of the records without changing the file's length (8 MiB
//! at a time, more when 4 MiB are left), so a clean file ends with its last line feed; zero bytes behind that come from a file system after a
//! crash and are a torn tail. Each write is one `write` and one `fdatasync`, so at most the last write of at most 2 MiB can be incomplete. A
//! segment's state is durable under the segment's name before its snapshot is written; a segment is sealed under another name, read back,
//! renamed and made durable before the plain file is removed.

pub mod record;

pub mod chain;
pub mod line;
pub mod scan;

pub mod reader;
pub mod sealed;
pub mod segment;
pub mod verify;
pub mod walk;

mod adopt;
pub mod beside;
pub mod folder;
pub mod memory;
pub mod recover;
pub mod writer;

pub mod broken;
pub mod checkpoint;
pub mod damage;
pub mod encode;
pub mod error;
pub mod files;
pub mod held;
pub mod room;

pub mod crc;
mod disk;

#[cfg(test)]
mod tests;

/// Longest line, its newline included.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Longest first line of a segment, its newline included: the caller's state.
pub const STATE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes that one write carries; what a crash can leave half done is never more.
pub const WRITE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The unit that a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;
