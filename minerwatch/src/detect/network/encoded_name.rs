//! Data that is encoded in the name of a DNS question.

use crate::model::DnsMessage;

/// Minimum length of the part before the domain, in characters. Names that people choose are shorter.
const MIN_LENGTH: usize = 30;
/// Minimum share of mixed pairs: neighbouring characters of which one is a letter and one a digit. Names that people
/// choose have few mixed pairs. In encoded data, 26 % (base 64) to 47 % (hexadecimal) of the pairs are mixed.
const MIN_MIXTURE: f64 = 0.15;

/// Returns the data in the name of a question, and the domain. Returns `None` if the name looks chosen by a person, or
/// for an answer.
pub fn data_in(message: &DnsMessage) -> Option<(&str, &str)> {
    let (data, domain) = split(&message.answer.question).filter(|_| !message.response)?;
    (data.len() >= MIN_LENGTH && mixture(data) >= MIN_MIXTURE).then_some((data, domain))
}

/// Splits a name into the part before its domain, and the domain: the last two labels.
fn split(name: &str) -> Option<(&str, &str)> {
    let (rest, _) = name.rsplit_once('.')?;
    rest.rfind('.').map(|at| (&name[..at], &name[at + 1..]))
}

/// Returns the share of neighbouring characters of which one is a letter and one a digit.
fn mixture(text: &str) -> f64 {
    let pairs = text.as_bytes().windows(2);
    let count = pairs.len().max(1);
    let mixed = pairs.filter(|pair| match pair {
        [one, other] => {
            one.is_ascii_alphabetic() && other.is_ascii_digit()
                || one.is_ascii_digit() && other.is_ascii_alphabetic()
        }
        _ => false,
    });
    mixed.count() as f64 / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DnsAnswer;

    #[test]
    fn only_long_names_that_mix_letters_and_digits_hold_data() {
        for (name, response, expected) in [
            ("mzxw6ytboi5gk3tdn5sgk2lom4qhi2dj.t.example.com", false, true),
            ("mzxw6ytboi5gk3tdn5sgk2lom4qhi2dj.t.example.com", true, false),
            ("mzxw6ytboi5gk3td.example.com", false, false),
            ("very-long-service-name-of-a-host-17.eu.example.com", false, false),
            ("example.com", false, false),
            ("com", false, false),
            ("", false, false),
        ] {
            let answer = DnsAnswer { question: name.into(), ..DnsAnswer::default() };
            let message = DnsMessage { response, answer, ..DnsMessage::default() };
            assert_eq!(data_in(&message).is_some(), expected, "{name}");
        }
    }
}
