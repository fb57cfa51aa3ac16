//! Collects the entries of all lists and builds the lookup table.

use std::{net::IpAddr, sync::Arc};

use rustc_hash::FxHashMap;

use super::{
    Indicator, Indicators, List, ListKind,
    index::{self, Backward, Index, Kind, Origin, Slot},
    lists::{Shape, width},
};

/// Maximum number of lists.
const MAX_LISTS: usize = u16::MAX as usize;
/// Maximum number of different notes. Further entries have no note.
const MAX_NOTES: usize = u16::MAX as usize;
/// Maximum length of a note, in characters. Longer notes are truncated.
const MAX_NOTE: usize = 120;

/// Collects the entries of a lookup table.
#[derive(Debug)]
pub struct Builder {
    limit: usize,
    lists: Vec<List>,
    notes: Vec<Arc<str>>,
    note_numbers: FxHashMap<Arc<str>, u16>,
    watched: Vec<Slot>,
    allowed: Vec<Slot>,
    shape: Shape,
    /// The numbers of watched and allowed entries when the last list began.
    begun: (usize, usize),
}

impl Builder {
    /// Creates a builder for at most `limit` entries in all lists together.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            lists: Vec::new(),
            notes: Vec::new(),
            note_numbers: FxHashMap::default(),
            watched: Vec::new(),
            allowed: Vec::new(),
            shape: Shape::default(),
            begun: (0, 0),
        }
    }

    /// Begins a list, to which the next entries belong. If two lists have the same entry, the earlier list is reported.
    /// Returns `false` if there are too many lists.
    #[must_use]
    pub fn list(&mut self, list: List) -> bool {
        if self.lists.len() >= MAX_LISTS {
            return false;
        }
        self.lists.push(list);
        self.begun = (self.watched.len(), self.allowed.len());
        true
    }

    /// Removes the entries of the last list.
    pub fn clear_list(&mut self) {
        let (watched, allowed) = self.begun;
        self.watched.truncate(watched);
        self.allowed.truncate(allowed);
    }

    /// Number of watched and allowed entries so far.
    pub fn len(&self) -> usize {
        self.watched.len() + self.allowed.len()
    }

    /// Returns whether there are no entries yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry to the last list. `line` is its line number in that list. Returns `false` if the table is full, or
    /// if no list has begun.
    #[must_use]
    pub fn add(&mut self, indicator: &Indicator, line: u32, note: &str) -> bool {
        let note = self.note(note);
        let added = self.push(key_of(indicator), line, note);
        if added {
            self.shape.add(indicator);
        }
        added
    }

    /// Copies entries of an earlier table to the last list: the entries of the list with the source `source`. Returns
    /// the number of entries copied.
    pub fn carry_over(&mut self, earlier: &Indicators, source: &str) -> usize {
        let Some(list) = earlier.lists.iter().position(|list| list.source == source) else { return 0 };
        let of_list = |slot: &Slot| usize::from(slot.origin.list) == list;
        let mut carried = 0;
        for slot in earlier.watched.entries().chain(earlier.allowed.entries()).filter(of_list) {
            let note = usize::from(slot.origin.note).checked_sub(1).and_then(|note| earlier.notes.get(note));
            let note = note.map_or(0, |note| self.note(note));
            carried += usize::from(self.push(slot.key, slot.origin.line, note));
        }
        self.shape.add_all(earlier.shape);
        carried
    }

    /// Builds the lookup table.
    pub fn build(self) -> Indicators {
        let Self { limit: _, lists, notes, note_numbers: _, watched, allowed, shape, begun: _ } = self;
        Indicators { lists, notes, watched: Index::new(&watched), allowed: Index::new(&allowed), shape }
    }

    fn push(&mut self, key: u64, line: u32, note: u16) -> bool {
        let Some(list) = self.lists.last() else { return false };
        if self.len() >= self.limit {
            return false;
        }
        let number = u16::try_from(self.lists.len() - 1).unwrap_or(u16::MAX);
        let slot = Slot { key, origin: Origin { line, list: number, note } };
        match list.kind {
            ListKind::Allow => self.allowed.push(slot),
            ListKind::Mining | ListKind::Threat => self.watched.push(slot),
        }
        true
    }

    /// Returns the number of a note, which is the same for equal notes. Returns 0 if there is no note, or if there are
    /// too many.
    fn note(&mut self, note: &str) -> u16 {
        let note = note.trim();
        if note.is_empty() {
            return 0;
        }
        if let Some(number) = self.note_numbers.get(note) {
            return *number;
        }
        // The full text of a truncated note is not in the map, so look up the truncated text too.
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        let kept: String = note.chars().map(plain).take(MAX_NOTE).collect();
        if let Some(number) = self.note_numbers.get(kept.as_str()) {
            return *number;
        }
        if self.notes.len() >= MAX_NOTES {
            return 0;
        }
        let kept: Arc<str> = Arc::from(kept);
        self.notes.push(Arc::clone(&kept));
        let number = u16::try_from(self.notes.len()).unwrap_or(0);
        self.note_numbers.insert(kept, number);
        number
    }
}

fn key_of(indicator: &Indicator) -> u64 {
    let whole = |address: IpAddr| index::network(address, width(address));
    match indicator {
        Indicator::Domain(name) => index::key(Kind::Domain, Backward::of(name)),
        Indicator::Address(address) => index::key(Kind::Network, whole(*address)),
        Indicator::Network(address, bits) => index::key(Kind::Network, index::network(*address, *bits)),
        Indicator::Endpoint(endpoint) => {
            index::key(Kind::Endpoint, index::endpoint(whole(endpoint.ip()), endpoint.port()))
        }
        Indicator::NamedEndpoint(name, port) => {
            index::key(Kind::NamedEndpoint, index::endpoint(Backward::of(name), *port))
        }
        Indicator::Sha256(hash) => index::key(Kind::File, index::file(hash)),
    }
}
