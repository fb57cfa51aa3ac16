//! The members of a JSON message that mining protocols use.

use super::{
    json::{self, JsonPosition, Text, Value},
    member::Member,
};

/// Maximum number of members that are kept of one message. If there are more, the latest are kept.
const MAX_MEMBERS: usize = 24;

/// The members of one message. Strings borrow from the payload.
///
/// A key that stands twice in an object is kept twice: parsers do not agree which one counts.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "which keys were there: each is a fact of its own")]
pub struct Message<'a> {
    /// The first and the last `method`.
    methods: [Option<Text<'a>>; 2],
    /// Whether `id` is present.
    pub id: bool,
    /// Whether `params` or `body` is present.
    pub params: bool,
    /// Whether `params` is an array.
    pub is_list: bool,
    /// The first three elements of the array `params`; `None` for an element that is no string.
    pub arguments: [Option<Text<'a>>; 3],
    /// Whether `id` is a string, and which.
    pub id_text: Option<Text<'a>>,
    members: [Option<(Member, Value<'a>)>; MAX_MEMBERS],
    next: usize,
    /// Whether the message is complete.
    pub whole: bool,
}

impl<'a> Message<'a> {
    /// Parses the message that begins with `bytes`. Also returns the bytes after the message, or `None` if the message
    /// is truncated or not JSON.
    pub fn read(bytes: &'a [u8]) -> (Self, Option<&'a [u8]>) {
        let mut message = Self {
            methods: [None; 2],
            id: false,
            params: false,
            is_list: false,
            arguments: [None; 3],
            id_text: None,
            members: [None; MAX_MEMBERS],
            next: 0,
            whole: false,
        };
        // The messages of a batch are nested one level deeper.
        let base = usize::from(bytes.first() == Some(&b'['));
        let rest = json::walk(bytes, |position, value| {
            let depth = position.depth.saturating_sub(base);
            message.visit(depth, position, value);
        });
        message.whole = rest.is_some();
        (message, rest)
    }

    fn visit(&mut self, depth: usize, position: JsonPosition<'a>, value: Value<'a>) {
        let carries = |key: Text<'_>| key.is("params") || key.is("body") || key.is("result");
        match (depth, position.element) {
            (1, None) => self.top(position.key, value),
            (2, None)
                if carries(position.parent)
                    || position.parent.is("new_job")
                    || position.parent.is("client_status") =>
            {
                self.keep(Member::inside(position.key), value);
            }
            (2, Some(index)) if position.key.is("params") => self.argument(index, value),
            (3, None) if position.parent.is("job") => self.keep(Member::inside(position.key), value),
            _ => {}
        }
    }

    /// Whether the message calls this method.
    pub fn calls(&self, method: &str) -> bool {
        self.methods.iter().flatten().any(|text| text.is(method))
    }

    /// Returns the first of these methods that the message calls.
    pub fn call_of(&self, methods: &[&'static str]) -> Option<&'static str> {
        self.methods[0]?;
        methods.iter().copied().find(|method| self.calls(method))
    }

    /// Whether the message has a method.
    pub fn is_call(&self) -> bool {
        self.methods[0].is_some()
    }

    /// Whether a member is present.
    pub fn has(&self, member: Member) -> bool {
        self.values(member).next().is_some()
    }

    /// Whether a member is present and its value has this shape.
    pub fn has_nested(&self, member: Member, array: bool) -> bool {
        self.values(member).any(|value| value == Value::Nested { array })
    }

    /// Whether a member is a whole string.
    pub fn is_text(&self, member: Member) -> bool {
        self.texts(member).next().is_some()
    }

    /// Returns the first string of a member for which `is_good` is true.
    pub fn text(&self, member: Member, is_good: impl Fn(Text<'a>) -> bool) -> Option<Text<'a>> {
        self.texts(member).find(|text| is_good(*text))
    }

    /// Whether a member is a string of hexadecimal digits of a number for which `fits` is true. A string that is cut off
    /// counts with the digits that were captured.
    pub fn is_hexadecimal(&self, member: Member, fits: impl Fn(usize) -> bool) -> bool {
        self.values(member).any(|value| match value {
            Value::Text(text) | Value::Cut(text) => text.hexadecimal_digits().is_some_and(&fits),
            Value::Nested { .. } | Value::Other => false,
        })
    }

    fn values(&self, member: Member) -> impl Iterator<Item = Value<'a>> {
        self.members.iter().flatten().filter(move |(known, _)| *known == member).map(|(_, value)| *value)
    }

    fn texts(&self, member: Member) -> impl Iterator<Item = Text<'a>> {
        self.values(member).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            Value::Cut(_) | Value::Nested { .. } | Value::Other => None,
        })
    }

    fn keep(&mut self, member: Option<Member>, value: Value<'a>) {
        let Some(member) = member else { return };
        if let Some(place) = self.members.get_mut(self.next % MAX_MEMBERS) {
            *place = Some((member, value));
            self.next += 1;
        }
    }

    fn top(&mut self, key: Text<'a>, value: Value<'a>) {
        let mut buffer = [0; 6];
        match (key.lowercase(&mut buffer), value) {
            (Some(b"method"), Value::Text(text)) => {
                let place = usize::from(self.methods[0].is_some());
                self.methods[place] = Some(text);
            }
            (Some(b"params" | b"body"), Value::Nested { array }) => {
                self.params = true;
                self.is_list |= array;
            }
            (Some(b"params"), Value::Other) => self.params = true,
            (Some(b"id"), _) => {
                self.id = true;
                if let Value::Text(text) = value {
                    self.id_text = Some(text);
                }
            }
            _ => self.keep(Member::at_top(key), value),
        }
    }

    fn argument(&mut self, index: usize, value: Value<'a>) {
        if let (Value::Text(text), Some(argument)) = (value, self.arguments.get_mut(index)) {
            *argument = Some(text);
        }
    }
}
