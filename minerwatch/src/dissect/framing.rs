//! Undoes the framings in which JSON travels: chunks of HTTP (RFC 9112, section 7.1), frames of WebSocket (RFC 6455,
//! section 5) and server-sent events (HTML Living Standard, section 9.2). All are known by their own bytes, so that a
//! connection whose beginning was missed can be read too.

/// Maximum number of frames whose places are remembered.
const MAX_FRAMES: usize = 32;

/// The content of some frames.
#[derive(Clone, Copy, Debug)]
pub struct Framed {
    /// The place of each of the first frames: in the raw bytes, and in the content.
    places: [(usize, usize); MAX_FRAMES],
    count: usize,
    /// Whether the last frame is complete.
    pub whole: bool,
    /// Number of raw bytes that the frames take.
    pub length: usize,
}

impl Framed {
    fn new() -> Self {
        Self { places: [(0, 0); MAX_FRAMES], count: 0, whole: true, length: 0 }
    }

    fn add(&mut self, raw: usize, content: usize) {
        if let Some(place) = self.places.get_mut(self.count) {
            *place = (raw, content);
            self.count += 1;
        }
    }

    /// Returns the place in the raw bytes of the frame that contains the byte `content` of the content. If there are
    /// empty frames before it, the place is that of the first of them: it may have begun the message.
    pub fn frame_of(&self, content: usize) -> usize {
        let frames = || self.places.iter().take(self.count);
        let start = frames().map(|(_, start)| *start).take_while(|start| *start <= content).last();
        frames().find(|(_, known)| Some(*known) == start).map_or(0, |(raw, _)| *raw)
    }
}

/// The fields of a server-sent event.
const EVENT_FIELDS: [&[u8]; 4] = [b"data:", b"event:", b"id:", b"retry:"];

/// Whether bytes begin with a field of a server-sent event.
pub fn is_event(bytes: &[u8]) -> bool {
    EVENT_FIELDS.iter().any(|field| bytes.starts_with(field))
}

/// Whether the body of an answer begins with a server-sent event, or with a comment, which keeps the connection open.
pub fn is_event_stream(body: &[u8]) -> bool {
    is_event(body) || body.starts_with(b":")
}

/// Skips the fields of server-sent events up to the next `data` with JSON. Returns bytes that begin with no field as they
/// are, and `None` if the last field is cut off before its JSON.
pub fn event_data(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    while is_event_stream(rest) {
        let data = rest.strip_prefix(b"data:").map(<[u8]>::trim_ascii_start);
        if let Some(data @ [b'{' | b'[', ..]) = data {
            return Some(data);
        }
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        rest = rest.get(end + 1..)?.trim_ascii_start();
        let is_cut = !rest.is_empty() && EVENT_FIELDS.iter().any(|field| field.starts_with(rest));
        if is_cut {
            return None;
        }
    }
    Some(rest)
}

/// Whether content begins like JSON or a line of a pool's own with JSON in it.
fn is_text(content: &[u8]) -> bool {
    let content = content.trim_ascii_start();
    content.is_empty() || matches!(content.first(), Some(b'{' | b'[' | b'"' | b's' | b'j'))
}

/// Writes the content of chunks into `content`. Returns `None` if the bytes do not begin with a chunk of JSON.
pub fn chunks(bytes: &[u8], content: &mut Vec<u8>) -> Option<Framed> {
    content.clear();
    let mut framed = Framed::new();
    let mut rest = bytes;
    loop {
        let raw = bytes.len() - rest.len();
        framed.length = raw;
        let Some(Chunk { size, data }) = chunk(rest) else {
            if raw == 0 {
                return None;
            }
            // A size that is cut off.
            framed.whole = rest.is_empty();
            framed.add(raw, content.len());
            break;
        };
        if size == 0 {
            framed.length = bytes.len();
            break;
        }
        framed.add(raw, content.len());
        let captured = data.get(..size).unwrap_or(data);
        content.extend_from_slice(captured);
        let Some(after) = data.get(size..) else {
            framed.whole = false;
            framed.length = bytes.len();
            break;
        };
        rest = after.strip_prefix(b"\r\n").unwrap_or(after);
    }
    let is_known = is_text(content) || is_event_stream(content.trim_ascii_start());
    (framed.count > 0 && is_known && !(content.is_empty() && framed.whole)).then_some(framed)
}

/// Whether the bytes may be the size of a chunk that is cut off.
pub fn is_cut_size(bytes: &[u8]) -> bool {
    let digits = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit)
}

struct Chunk<'a> {
    size: usize,
    /// What follows the line with the size.
    data: &'a [u8],
}

/// Reads the line that begins a chunk.
fn chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    /// Maximum length of the line: eight digits and a short extension.
    const MAX_LINE: usize = 64;
    let digits = bytes.iter().take(9).take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !(1..=8).contains(&digits) {
        return None;
    }
    let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n')?;
    let line = bytes.get(digits..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.trim_ascii();
    if !line.is_empty() && line.first() != Some(&b';') {
        return None;
    }
    let size = std::str::from_utf8(bytes.get(..digits)?).ok()?;
    Some(Chunk { size: usize::from_str_radix(size, 16).ok()?, data: bytes.get(end + 1..)? })
}

/// Writes the content of WebSocket frames into `content`, unmasked. Control frames are skipped, and messages end with a
/// new line. Returns `None` if the bytes do not begin with frames of JSON.
pub fn websocket(bytes: &[u8], content: &mut Vec<u8>) -> Option<Framed> {
    content.clear();
    let mut framed = Framed::new();
    let mut rest = bytes;
    // Whether a message has begun and not ended.
    let mut is_open = false;
    while let [first, second, tail @ ..] = rest {
        let raw = bytes.len() - rest.len();
        framed.length = raw;
        // A reserved bit means an extension, such as compression.
        let (is_last, operation) = (first & 0x80 != 0, first & 0x0f);
        if first & 0x70 != 0 || !matches!(operation, 0..=2 | 8..=10) {
            break;
        }
        framed.add(raw, content.len());
        let Some(Body { size, mask, data }) = body(*second, tail) else {
            framed.whole = false;
            framed.length = bytes.len();
            break;
        };
        if operation < 8 {
            let captured = data.get(..size).unwrap_or(data);
            content.extend(captured.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        }
        let Some(after) = data.get(size..) else {
            framed.whole = false;
            framed.length = bytes.len();
            break;
        };
        if operation < 8 {
            is_open = !is_last;
        }
        if is_last && operation < 8 {
            content.push(b'\n');
        }
        rest = after;
        framed.length = bytes.len() - rest.len();
    }
    framed.whole &= !is_open;
    let may_follow = !framed.whole && bytes.len() > 1;
    (framed.count > 0 && is_text(content) && (may_follow || !content.trim_ascii().is_empty()))
        .then_some(framed)
}

struct Body<'a> {
    size: usize,
    mask: [u8; 4],
    data: &'a [u8],
}

/// Reads the length and the mask of a frame.
fn body(second: u8, tail: &[u8]) -> Option<Body<'_>> {
    let (size, rest) = match second & 0x7f {
        126 => {
            let (size, rest) = tail.split_first_chunk::<2>()?;
            (u64::from(u16::from_be_bytes(*size)), rest)
        }
        127 => {
            let (size, rest) = tail.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*size), rest)
        }
        short => (u64::from(short), tail),
    };
    let (mask, data) = if second & 0x80 == 0 {
        ([0; 4], rest)
    } else {
        let (mask, rest) = rest.split_first_chunk::<4>()?;
        (*mask, rest)
    };
    Some(Body { size: usize::try_from(size).ok()?, mask, data })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, mask: Option<[u8; 4]>, content: &[u8]) -> Vec<u8> {
        let flag = if mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![first];
        if let Ok(short @ 0..=125) = u8::try_from(content.len()) {
            bytes.push(flag | short);
        } else {
            bytes.push(flag | 0x7e);
            bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        }
        let mask = mask.inspect(|mask| bytes.extend(mask)).unwrap_or_default();
        bytes.extend(content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    #[test]
    fn frames_are_unmasked_and_joined() {
        let mask = Some([1, 2, 3, 250]);
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(300));
        let cases = [
            (frame(0x81, None, b"{}"), "{}\n"),
            (frame(0x82, mask, b" {}"), " {}\n"),
            (
                [frame(0x01, mask, b"{\"a\""), frame(0x89, mask, b"ping"), frame(0x80, mask, b":1}")]
                    .concat(),
                "{\"a\":1}\n",
            ),
            ([frame(0x81, None, b"{}"), frame(0x81, None, b"[]")].concat(), "{}\n[]\n"),
            (frame(0x81, mask, long.as_bytes()), &format!("{long}\n")),
        ];
        for (bytes, expected) in cases {
            let mut content = Vec::new();
            let framed = websocket(&bytes, &mut content).expect("frames");
            assert_eq!((String::from_utf8_lossy(&content).as_ref(), framed.whole), (expected, true));
        }
    }

    #[test]
    fn what_is_cut_off_is_marked() {
        let bytes = [frame(0x81, None, b"{}"), frame(0x81, Some([9; 4]), b"{\"a\":1}")].concat();
        let mut content = Vec::new();
        let framed = websocket(&bytes[..bytes.len() - 2], &mut content).expect("frames");
        assert!(!framed.whole && content == b"{}\n{\"a\":");
        assert_eq!((framed.frame_of(0), framed.frame_of(3), framed.frame_of(7)), (0, 4, 4));
    }

    #[test]
    fn other_bytes_are_no_frames() {
        for bytes in [&b"\x81"[..], b"\x81\x05hello", b"\xc1\x02{}", b"\x83\x02{}", b"\x89\x00", b""] {
            assert!(websocket(bytes, &mut Vec::new()).is_none(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_json_of_events_is_found() {
        let cases: [(&[u8], Option<&[u8]>); 11] = [
            (b"data: {\"a\":1}\n\n", Some(b"{\"a\":1}\n\n")),
            (b"data:[1]", Some(b"[1]")),
            (b": ok\n\nevent: job\nid: 7\r\nretry: 9\ndata:{\"a\"", Some(b"{\"a\"")),
            (b"data: ping\n\ndata: {}\n", Some(b"{}\n")),
            (b"data: ping\n\n", Some(b"")),
            (b"{\"data\":1}", Some(b"{\"data\":1}")),
            (b"hello\ndata: {}", Some(b"hello\ndata: {}")),
            (b"event: jo", None),
            (b"data: ", None),
            (b"event: job\nda", None),
            (b"", Some(b"")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(event_data(bytes), expected, "{}", bytes.escape_ascii());
        }
        assert!(is_event(b"id: 7") && !is_event(b":server NOTICE") && is_event_stream(b": ok"));
    }

    #[test]
    fn chunks_are_joined() {
        let cases: [(&[u8], &str, bool); 5] = [
            (b"2\r\n{}\r\n0\r\n\r\n", "{}", true),
            (b"1;x=y\r\n{\r\n1\r\n}\r\n", "{}", true),
            (b"0003\r\n{}\n\r\n", "{}\n", true),
            (b"1f\r\n{\"a\":1", "{\"a\":1", false),
            (b"2\r\n{}\r\n1", "{}", false),
        ];
        for (bytes, expected, whole) in cases {
            let mut content = Vec::new();
            let framed = chunks(bytes, &mut content).expect("chunks");
            assert_eq!((String::from_utf8_lossy(&content).as_ref(), framed.whole), (expected, whole));
        }
        assert!(is_cut_size(b"1") && is_cut_size(b"1f\r") && !is_cut_size(b"1f\r\n") && !is_cut_size(b""));
        for bytes in [&b"5\r\nhello\r\n"[..], b"cafe", b"bad line\n{}", b"0\r\n\r\n", b"123456789\r\n{}", b""]
        {
            assert!(chunks(bytes, &mut Vec::new()).is_none(), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut content = Vec::new();
            prop_assert!(event_data(&bytes).is_none_or(|data| bytes.ends_with(data)));
            for framed in [chunks(&bytes, &mut content), websocket(&bytes, &mut content)].into_iter().flatten() {
                prop_assert!(framed.frame_of(content.len()) <= bytes.len() && framed.length <= bytes.len());
            }
        }

        #[test]
        fn any_content_survives(mask in any::<[u8; 4]>(), rest in "[a-z0-9\"{}: ]{0,200}", at in 0_usize..200) {
            let text = format!("{{{rest}");
            let at = at.min(text.len());
            let (one, two) = text.as_bytes().split_at(at);
            let bytes = [frame(0x01, Some(mask), one), frame(0x80, Some(mask), two)].concat();
            let mut content = Vec::new();
            prop_assert!(websocket(&bytes, &mut content).is_some());
            prop_assert_eq!(content.trim_ascii_end(), text.as_bytes().trim_ascii_end());
            prop_assert!(websocket(&bytes[..6 + one.len()], &mut content).is_some_and(|framed| !framed.whole));
            let mut chunked = Vec::new();
            for part in [one, two].iter().filter(|part| !part.is_empty()) {
                chunked.extend(format!("{:x}\r\n", part.len()).as_bytes());
                chunked.extend_from_slice(part);
                chunked.extend(b"\r\n");
            }
            prop_assert!(chunks(&chunked, &mut content).is_some());
            prop_assert_eq!(content, text.as_bytes());
        }
    }
}
