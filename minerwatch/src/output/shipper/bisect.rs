//! Sends documents, and finds those that a server refuses.

use std::ops::Range;

use crate::output::{Destination, Document, Refusal, SendError};

/// What became of documents.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Indices of documents that are to be sent again, in order.
    pub waiting: Vec<usize>,
    /// Documents that the server refused.
    pub refused: Vec<Refusal>,
    /// Why documents are waiting.
    pub error: Option<SendError>,
    /// Whether the server called a request too large.
    too_large: bool,
}

impl Outcome {
    /// Number of documents that the server took, of `count`.
    pub fn accepted(&self, count: usize) -> usize {
        count.saturating_sub(self.waiting.len() + self.refused.len())
    }

    /// Whether a request of several documents was too large.
    pub fn was_too_large(&self, count: usize) -> bool {
        self.too_large && count > 1
    }
}

/// Sends documents. A request that is refused as a whole is sent again in halves, until the documents at fault are
/// found.
pub(super) fn deliver(destination: &mut dyn Destination, documents: &[Document]) -> Outcome {
    let mut outcome = Outcome::default();
    // The parts that are still to be sent, the first one last.
    let mut parts = Vec::from([Range { start: 0, end: documents.len() }]);
    while let Some(part) = parts.pop() {
        let Some(sent) = documents.get(part.clone()).filter(|sent| !sent.is_empty()) else { continue };
        match destination.send(sent) {
            Ok(delivery) => {
                outcome.refused.extend(
                    delivery
                        .refused
                        .into_iter()
                        .filter(|refusal| refusal.index < sent.len())
                        .map(|refusal| Refusal { index: part.start + refusal.index, ..refusal }),
                );
                let later = delivery.later.into_iter().filter(|index| *index < sent.len());
                let before = outcome.waiting.len();
                outcome.waiting.extend(later.map(|index| part.start + index));
                if outcome.waiting.len() > before {
                    outcome.error = Some(SendError::Busy { after: None, words: delivery.words });
                    break;
                }
            }
            Err(SendError::TooLarge(reason) | SendError::Refused(reason)) if sent.len() == 1 => {
                outcome.refused.push(Refusal { index: part.start, reason });
            }
            Err(error @ (SendError::TooLarge(_) | SendError::Refused(_))) => {
                outcome.too_large |= matches!(error, SendError::TooLarge(_));
                let middle = part.start + sent.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            }
            Err(error) => {
                outcome.waiting.extend(part);
                outcome.error = Some(error);
                break;
            }
        }
    }
    outcome.waiting.extend(parts.into_iter().rev().flatten());
    outcome
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::output::{Class, Delivery};

    /// A server that takes at most `most` documents at once, and refuses those that contain "bad".
    #[derive(Debug, Default)]
    struct Picky {
        most: usize,
        calls_left: Option<usize>,
        taken: Vec<Bytes>,
        names_the_bad: bool,
    }

    impl Destination for Picky {
        fn send(&mut self, documents: &[Document]) -> Result<Delivery, SendError> {
            match &mut self.calls_left {
                Some(0) => return Err(SendError::Unreachable("gone".to_owned())),
                Some(left) => *left -= 1,
                None => {}
            }
            if documents.len() > self.most {
                return Err(SendError::TooLarge("413".to_owned()));
            }
            let is_bad = |document: &Document| document.json.starts_with(b"bad");
            let bad: Vec<usize> = (0..documents.len()).filter(|index| is_bad(&documents[*index])).collect();
            if !bad.is_empty() && !self.names_the_bad {
                return Err(SendError::Refused("400".to_owned()));
            }
            let good = documents.iter().filter(|document| !is_bad(document));
            self.taken.extend(good.map(|document| document.json.clone()));
            let refused = bad.into_iter().map(|index| Refusal { index, reason: "mapping".to_owned() });
            Ok(Delivery { refused: refused.collect(), ..Delivery::default() })
        }
    }

    fn documents(texts: &[&'static str]) -> Vec<Document> {
        texts
            .iter()
            .map(|text| Document { class: Class::Alert, json: Bytes::from_static(text.as_bytes()) })
            .collect()
    }

    #[test]
    fn refused_documents_are_found_and_the_others_arrive_in_order() {
        let all = documents(&["a", "bad1", "b", "c", "d", "bad2", "e"]);
        for names_the_bad in [false, true] {
            for most in [1, 2, 3, 100] {
                let mut server = Picky { most, names_the_bad, ..Picky::default() };
                let outcome = deliver(&mut server, &all);
                assert_eq!(server.taken, ["a", "b", "c", "d", "e"], "{most}");
                let refused: Vec<usize> = outcome.refused.iter().map(|refusal| refusal.index).collect();
                assert_eq!((refused, outcome.waiting.len()), (vec![1, 5], 0), "{most}");
                assert_eq!((outcome.error.is_none(), outcome.accepted(7)), (true, 5));
            }
        }
    }

    #[test]
    fn after_a_failure_exactly_the_rest_waits() {
        let all = documents(&["a", "bad1", "b", "c", "d", "bad2", "e"]);
        for calls in 0..16 {
            let mut server = Picky { most: 2, calls_left: Some(calls), ..Picky::default() };
            let outcome = deliver(&mut server, &all);
            let refused = outcome.refused.iter().map(|refusal| refusal.index);
            let mut known: Vec<usize> = refused.chain(outcome.waiting.iter().copied()).collect();
            known.sort_unstable();
            let taken = (0..all.len()).filter(|index| !known.contains(index));
            let taken: Vec<Bytes> = taken.map(|index| all[index].json.clone()).collect();
            assert_eq!(server.taken, taken, "{calls} calls");
            assert!(outcome.waiting.is_sorted() && outcome.error.is_some() != outcome.waiting.is_empty());
        }
    }
}
