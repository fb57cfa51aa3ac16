//! A JSON parser that allocates nothing. It passes every value with its position to a callback. Keys may come in any
//! order, spaces are optional, and the message may be truncated.

/// Maximum nesting depth. The members that matter are at most four levels deep.
const MAX_DEPTH: usize = 16;

/// The bytes of a string between its quotes, with escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// Whether the unescaped text equals `expected`.
    pub fn is(self, expected: &str) -> bool {
        self.characters().eq(expected.bytes())
    }

    /// Whether the unescaped text begins with `expected`.
    pub fn starts_with(self, expected: &str) -> bool {
        let mut characters = self.characters();
        expected.bytes().all(|byte| characters.next() == Some(byte))
    }

    /// Returns the text, if it has no escapes and is ASCII.
    pub fn plain(self) -> Option<&'a str> {
        let plain = self.0.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
        if plain { std::str::from_utf8(self.0).ok() } else { None }
    }

    /// Returns the text with escapes undone, if it is ASCII.
    pub fn unescaped(self) -> Option<String> {
        String::from_utf8(self.characters().collect()).ok().filter(|text| text.is_ascii())
    }

    /// Whether the text begins with `expected`, which is in small letters, in any case.
    pub fn starts_with_any_case(self, expected: &str) -> bool {
        let mut characters = self.characters();
        expected.bytes().all(|byte| characters.next().is_some_and(|next| next.to_ascii_lowercase() == byte))
    }

    /// Returns the number of hexadecimal digits, if the text has nothing else after an optional `0x`.
    pub fn hexadecimal_digits(self) -> Option<usize> {
        let skipped = if self.starts_with("0x") { 2 } else { 0 };
        let mut count = 0;
        for byte in self.characters().skip(skipped) {
            if !byte.is_ascii_hexdigit() {
                return None;
            }
            count += 1;
        }
        (count > 0).then_some(count)
    }

    /// Returns the number of bytes between the quotes.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Writes the unescaped text in small letters into `buffer`. Returns the part that was written, or `None` if the
    /// text is longer than the buffer.
    pub fn lowercase(self, buffer: &mut [u8]) -> Option<&[u8]> {
        let mut length = 0;
        for byte in self.characters() {
            *buffer.get_mut(length)? = byte.to_ascii_lowercase();
            length += 1;
        }
        buffer.get(..length)
    }

    /// Returns the bytes of the text with escapes undone. Escapes of characters above U+00FF become `?`.
    pub fn characters(self) -> impl Iterator<Item = u8> + 'a {
        let mut rest = self.0.iter();
        std::iter::from_fn(move || {
            let byte = *rest.next()?;
            if byte != b'\\' {
                return Some(byte);
            }
            Some(match *rest.next()? {
                b'u' => {
                    let mut code = 0;
                    for _ in 0..4 {
                        code = code << 4 | char::from(*rest.next()?).to_digit(16).unwrap_or(0);
                    }
                    u8::try_from(code).unwrap_or(b'?')
                }
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                other => other,
            })
        })
    }
}

/// A value. Only the content of strings is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// The beginning of a string that is cut off where the captured bytes end.
    Cut(Text<'a>),
    /// The beginning of an object or an array.
    Nested {
        /// Whether the value is an array.
        array: bool,
    },
    /// A number, `true`, `false` or `null`.
    Other,
}

/// The position of a value in the message.
#[derive(Clone, Copy, Debug)]
pub struct JsonPosition<'a> {
    /// The key of the value. An element of an array has the key of the array; in nested arrays, of the outermost array.
    pub key: Text<'a>,
    /// The key of the object that contains the value, empty at the top level.
    pub parent: Text<'a>,
    /// The nesting depth: 1 for a member of the message itself.
    pub depth: usize,
    /// The index in the innermost array; `None` for a member of an object.
    pub element: Option<usize>,
}

#[derive(Clone, Copy)]
struct Level<'a> {
    array: bool,
    /// The key of this level.
    name: Text<'a>,
    elements: usize,
}

/// Parses the message that begins with `bytes` and calls `visit` for every value, in order. Returns the bytes after the
/// message, or `None` if the message is truncated or not JSON. Values that were visited before an error stay valid.
pub fn walk<'a>(bytes: &'a [u8], mut visit: impl FnMut(JsonPosition<'a>, Value<'a>)) -> Option<&'a [u8]> {
    let nothing = Text(b"");
    let mut levels = [Level { array: false, name: nothing, elements: 0 }; MAX_DEPTH];
    let mut depth = 0_usize;
    let mut key = nothing;
    let mut expects_key = false;
    let mut rest = bytes;
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b',' => {
                let level = levels.get_mut(depth.checked_sub(1)?)?;
                level.elements += 1;
                expects_key = !level.array;
            }
            b':' => expects_key = false,
            b'{' | b'[' => {
                let array = *first == b'[';
                if depth > 0 {
                    visit(position(&levels, depth, key)?, Value::Nested { array });
                }
                let name = match depth.checked_sub(1).and_then(|above| levels.get(above)) {
                    Some(above) if above.array => above.name,
                    Some(_) => key,
                    None => nothing,
                };
                *levels.get_mut(depth)? = Level { array, name, elements: 0 };
                depth += 1;
                expects_key = !array;
                key = nothing;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if levels.get(depth)?.array != (*first == b']') {
                    return None;
                }
                if depth == 0 {
                    return Some(rest);
                }
                expects_key = false;
                key = nothing;
            }
            b'"' => {
                let Some((text, after)) = string(rest) else {
                    if !expects_key && depth > 0 {
                        visit(position(&levels, depth, key)?, Value::Cut(Text(rest)));
                    }
                    return None;
                };
                rest = after;
                if expects_key {
                    key = text;
                } else {
                    visit(position(&levels, depth, key)?, Value::Text(text));
                }
            }
            _ => {
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'));
                visit(position(&levels, depth, key)?, Value::Other);
                rest = rest.get(length?..)?;
            }
        }
    }
}

fn position<'a>(levels: &[Level<'a>; MAX_DEPTH], depth: usize, key: Text<'a>) -> Option<JsonPosition<'a>> {
    let level = levels.get(depth.checked_sub(1)?)?;
    if level.array {
        let parent = depth.checked_sub(2).and_then(|above| levels.get(above));
        Some(JsonPosition {
            key: level.name,
            parent: parent.map_or(Text(b""), |parent| parent.name),
            depth,
            element: Some(level.elements),
        })
    } else {
        Some(JsonPosition { key, parent: level.name, depth, element: None })
    }
}

/// Parses the string after its opening quote. Also returns the bytes after the closing quote.
fn string(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some((Text(bytes.get(..at)?), bytes.get(at + 1..)?)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn visited(text: &str) -> (Vec<String>, Option<usize>) {
        let mut values = Vec::new();
        let rest = walk(text.as_bytes(), |position, value| {
            let key = String::from_utf8_lossy(position.key.0);
            let parent = String::from_utf8_lossy(position.parent.0);
            let element = position.element.map(|element| format!("[{element}]")).unwrap_or_default();
            let value = match value {
                Value::Text(text) => String::from_utf8_lossy(text.0).into_owned(),
                Value::Cut(text) => format!("{}…", String::from_utf8_lossy(text.0)),
                Value::Nested { array } => if array { "[" } else { "{" }.into(),
                Value::Other => "other".into(),
            };
            values.push(format!("{} {parent}.{key}{element}={value}", position.depth));
        });
        (values, rest.map(<[u8]>::len))
    }

    #[test]
    fn every_value_is_visited_with_its_position() {
        let text =
            "{ \"id\" : 1,\"method\":\"login\" , \"params\":{\"login\":\"4A\",\"algo\":[\"rx/0\", null]}} {";
        assert_eq!(
            visited(text),
            (
                vec![
                    "1 .id=other".to_owned(),
                    "1 .method=login".into(),
                    "1 .params={".into(),
                    "2 params.login=4A".into(),
                    "2 params.algo=[".into(),
                    "3 params.algo[0]=rx/0".into(),
                    "3 params.algo[1]=other".into(),
                ],
                Some(2)
            )
        );
        let (values, rest) = visited("[{\"method\":\"x\"},[\"y\"]]");
        assert_eq!(values, ["1 .[0]={", "2 .method=x", "1 .[1]=[", "2 .[0]=y"]);
        assert_eq!(rest, Some(0));
    }

    #[test]
    fn a_message_cut_off_is_visited_up_to_the_cut() {
        let (values, rest) = visited("{\"method\":\"login\",\"params\":{\"login\":\"4");
        assert_eq!(values, ["1 .method=login", "1 .params={", "2 params.login=4…"]);
        assert_eq!(rest, None);
        for text in ["", "{", "{]", "}", "{\"a\":1]", &"[".repeat(99)] {
            assert_eq!(visited(text).1, None, "{text}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        assert!(Text(br"mining\u002esubscribe").is("mining.subscribe"));
        assert!(Text(br"m\u0069ning.").starts_with("mining."));
        assert!(Text(br"eth\/x").is("eth/x") && !Text(b"eth").is("eth/x"));
        assert_eq!(Text(br"a\nb").plain(), None);
        assert_eq!(Text(br"0x0aF\u0031").hexadecimal_digits(), Some(4));
        assert_eq!(Text(b"0xg").hexadecimal_digits(), None);
        assert_eq!(Text(b"").hexadecimal_digits(), None);
        assert!(Text(br"XMR\u0069g/6").starts_with_any_case("xmrig/"));
        assert_eq!(Text(br"M\u0045THOD").lowercase(&mut [0; 8]), Some(&b"method"[..]));
        assert_eq!(Text(b"longer than it").lowercase(&mut [0; 8]), None);
        assert_eq!(Text(b"ab").plain(), Some("ab"));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            walk(&bytes, |position, _| { position.key.is("x"); });
        }

        #[test]
        fn broken_json_never_panics(text in "[\\[\\]{}:,\"a\\\\u0 ]{0,60}") {
            walk(text.as_bytes(), |position, value| if let Value::Text(text) = value { text.is("a"); position.key.plain(); });
        }
    }
}
