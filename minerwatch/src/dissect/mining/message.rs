//! The members of a JSON message that mining protocols use.

use super::{
    json::{self, JsonPosition, Text, Value},
    member::Member,
};

/// The members of one message. Strings borrow from the payload.
///
/// If a key occurs several times, the first and the last value are kept, because each JSON parser uses one of these two.
/// Other members never push a value out.
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
    /// Whether `params` or `body` is an object.
    pub is_object: bool,
    /// Whether the message has members of a record in a log, such as `severity`. Such a record may quote a message.
    pub is_record: bool,
    /// The first three elements of the array `params`; `None` for an element that is no string.
    pub arguments: [Option<Text<'a>>; 3],
    /// Whether `id` is a string, and which.
    pub id_text: Option<Text<'a>>,
    /// The first and the last value of each member, by the number of the member.
    members: [[Option<Value<'a>>; 2]; Member::COUNT],
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
            is_object: false,
            is_record: false,
            arguments: [None; 3],
            id_text: None,
            members: [[None; 2]; Member::COUNT],
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
            (3, Some(_))
                if carries(position.parent) && Member::inside(position.key) == Some(Member::Algorithm) =>
            {
                self.keep(Some(Member::Algorithms), value);
            }
            (3, None) if position.parent.is("job") => self.keep(Member::inside(position.key), value),
            (3, None) if position.parent.is("pools") && position.key.is("algo") => {
                self.keep(Some(Member::TopAlgorithms), value);
            }
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
        self.members.get(member as usize).into_iter().flatten().flatten().copied()
    }

    fn texts(&self, member: Member) -> impl Iterator<Item = Text<'a>> {
        self.values(member).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            Value::Cut(_) | Value::Nested { .. } | Value::Other => None,
        })
    }

    fn keep(&mut self, member: Option<Member>, value: Value<'a>) {
        let places = member.and_then(|member| self.members.get_mut(member as usize));
        if let Some([first, last]) = places {
            let place = if first.is_none() { first } else { last };
            *place = Some(value);
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
                self.is_object |= !array;
            }
            (Some(b"params"), Value::Other) => self.params = true,
            (Some(b"id"), _) => {
                self.id = true;
                if let Value::Text(text) = value {
                    self.id_text = Some(text);
                }
            }
            _ => {
                self.is_record |= is_of_record(key);
                self.keep(Member::at_top(key), value);
            }
        }
    }

    fn argument(&mut self, index: usize, value: Value<'a>) {
        if let (Value::Text(text), Some(argument)) = (value, self.arguments.get_mut(index)) {
            *argument = Some(text);
        }
    }
}

/// Whether a key at the top level belongs to a record in a log, and to no message of a miner or a pool.
fn is_of_record(key: Text<'_>) -> bool {
    let mut buffer = [0; 16];
    matches!(
        key.lowercase(&mut buffer),
        Some(
            b"@timestamp"
                | b"timestamp"
                | b"severity"
                | b"level"
                | b"loglevel"
                | b"log_level"
                | b"logger"
                | b"facility"
                | b"rule"
                | b"rule_id"
                | b"signature"
                | b"signature_id"
                | b"alert"
                | b"event_type"
                | b"src_ip"
                | b"dest_ip"
                | b"source_ip"
                | b"destination_ip"
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message<'_> {
        Message::read(text.as_bytes()).0
    }

    #[test]
    fn the_first_and_the_last_value_of_a_member_are_kept() {
        let text = r#"{"method":"login","params":{"login":"a","login":"b","pass":"x","login":"c"}}"#;
        let message = message(text);
        let is_login = |expected| message.text(Member::Login, |text| text.is(expected)).is_some();
        assert!(is_login("a") && is_login("c") && !is_login("b"));
        assert!(message.is_text(Member::Pass) && !message.has(Member::Agent));
    }

    #[test]
    fn no_number_of_other_members_pushes_a_value_out() {
        for filler in [r#","pass":"x""#, r#","nonce":"0","agent":"b","height":1,"target":"f""#] {
            let many = filler.repeat(60);
            let login = r#""login":"a""#;
            for params in [
                format!("{login}{many}"),
                format!("{}{many},{login}", r#""rigid":"r""#),
                format!("{}{many},{login}{many}", r#""rigid":"r""#),
            ] {
                let text = format!(r#"{{"method":"login","params":{{{params}}}}}"#);
                let message = message(&text);
                assert!(message.text(Member::Login, |text| text.is("a")).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn a_record_of_a_log_is_told_apart() {
        for (text, is_record) in [
            (r#"{"severity":"WARN","method":"mining.subscribe","id":7,"params":[]}"#, true),
            (r#"{"method":"mining.subscribe","id":7,"params":[],"@timestamp":"2026-01-01"}"#, true),
            (r#"{"method":"job","params":{"timestamp":7656576474,"height":2}}"#, false),
            (r#"{"method":"mining.subscribe","id":7,"params":["level"],"worker":"rule"}"#, false),
        ] {
            assert_eq!(message(text).is_record, is_record, "{text}");
        }
    }

    #[test]
    fn the_elements_of_a_list_of_algorithms_are_kept() {
        for key in ["algo", "Algorithm"] {
            let text = format!(r#"{{"params":{{"{key}":["a","b","c"],"other":["x"]}}}}"#);
            let message = message(&text);
            for (name, is_kept) in [("a", true), ("b", false), ("c", true), ("x", false)] {
                assert_eq!(
                    message.text(Member::Algorithms, |text| text.is(name)).is_some(),
                    is_kept,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn every_member_has_a_place() {
        for name in ["current_algo", "template", "login"] {
            let text = format!(r#"{{"params":{{"{name}":"a"}}}}"#);
            let member = Member::inside(Text(name.as_bytes())).expect("a member");
            assert!(message(&text).is_text(member), "{name}");
        }
        for name in ["worker", "client_status", "pools", "donate-level"] {
            let text = format!(r#"{{"{name}":"a"}}"#);
            let member = Member::at_top(Text(name.as_bytes())).expect("a member");
            assert!(message(&text).is_text(member), "{name}");
        }
    }
}
