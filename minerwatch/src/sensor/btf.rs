//! Reads the kernel's type information (BTF) to find the offset of a field in a structure.
//!
//! The format is described in Documentation/bpf/btf.rst of the kernel. The data is treated as untrusted: every access
//! is checked, and the search ends even if a structure contains itself.
//!
//! This is our own parser because aya-obj keeps the members of its types private. General-purpose parsers build a tree
//! of all 150,000 types of a kernel, which takes much memory for a hundred offsets.

use std::{collections::HashMap, io, path::Path};

/// The file with the types of the running kernel.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
/// Maximum depth of nested structures.
const MAX_DEPTH: u32 = 16;

/// The kinds of type: bits 24 to 28 of the second word.
mod kind {
    pub const INT: u32 = 1;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
    pub const LAST: u32 = ENUM64;
}

/// Why the types could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The data does not follow the format.
    #[error("malformed at byte {0}")]
    Malformed(usize),
}

/// The parsed types of a kernel.
#[derive(Debug)]
pub struct Btf {
    bytes: Vec<u8>,
    strings: usize,
    /// The position in `bytes` of each type. The type with the id N has the index N - 1.
    types: Vec<u32>,
    structures: HashMap<Box<str>, u32>,
    enumerations: HashMap<Box<str>, u32>,
}

#[derive(Clone, Copy)]
struct Type {
    offset: usize,
    name: u32,
    kind: u32,
    count: u32,
    flag: bool,
    /// The size of the type, or the id of the type that it refers to.
    value: u32,
}

impl Btf {
    /// Reads the types of a kernel from a file, such as [`VMLINUX`].
    pub fn from_file(path: &Path) -> Result<Self, BtfError> {
        Self::parse(std::fs::read(path)?)
    }

    /// Parses types in the binary BTF format.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BtfError> {
        if bytes.get(..2) != Some(&MAGIC.to_ne_bytes()) {
            return Err(BtfError::Malformed(0));
        }
        let header = word(&bytes, 4)? as usize;
        let section = |at: usize| -> Result<(usize, usize), BtfError> {
            let start = header.saturating_add(word(&bytes, at)? as usize);
            let end = start.saturating_add(word(&bytes, at + 4)? as usize);
            if end > bytes.len() { Err(BtfError::Malformed(at)) } else { Ok((start, end)) }
        };
        let (mut offset, end) = section(8)?;
        let (strings, _) = section(16)?;
        let mut btf = Self {
            bytes: Vec::new(),
            strings,
            types: Vec::new(),
            structures: HashMap::new(),
            enumerations: HashMap::new(),
        };
        btf.bytes = bytes;
        while offset < end {
            let each = btf.at(offset)?;
            btf.types.push(u32::try_from(offset).map_err(|_| BtfError::Malformed(offset))?);
            let id = u32::try_from(btf.types.len()).map_err(|_| BtfError::Malformed(offset))?;
            if each.name != 0 && matches!(each.kind, kind::STRUCT | kind::ENUM) {
                let name = Box::from(btf.string(each.name)?);
                if each.kind == kind::STRUCT {
                    btf.structures.entry(name).or_insert(id);
                } else {
                    btf.enumerations.entry(name).or_insert(id);
                }
            }
            offset = offset.saturating_add(12).saturating_add(tail(each).ok_or(BtfError::Malformed(offset))?);
        }
        Ok(btf)
    }

    /// Returns the offset of a structure member, in bytes. Dots in `member` lead into nested structures. Members of
    /// unnamed structures and unions count as members of the enclosing structure. Returns `None` if there is no such
    /// member, or if the member is a bit field.
    pub fn member_offset(&self, structure: &str, member: &str) -> Option<u32> {
        let mut id = *self.structures.get(structure)?;
        let mut bits = 0_u32;
        for name in member.split('.') {
            let (offset, next) = self.find(id, name, 0)?;
            bits = bits.checked_add(offset)?;
            id = next;
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// Returns the size of a structure, in bytes.
    pub fn size_of(&self, structure: &str) -> Option<u32> {
        self.by_id(*self.structures.get(structure)?).map(|each| each.value)
    }

    /// Returns the value of an enumerator.
    pub fn enumerator(&self, enumeration: &str, enumerator: &str) -> Option<u32> {
        let each = self.by_id(*self.enumerations.get(enumeration)?)?;
        (0..each.count as usize).find_map(|index| {
            let at = each.offset + 12 + 8 * index;
            let name = self.string(word(&self.bytes, at).ok()?).ok()?;
            (name == enumerator).then(|| word(&self.bytes, at + 4).ok())?
        })
    }

    /// Finds a member of the type `id`. Returns the offset of the member in bits, and the id of its type.
    fn find(&self, id: u32, name: &str, depth: u32) -> Option<(u32, u32)> {
        let each = self.resolve(id)?;
        if depth > MAX_DEPTH || !matches!(each.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        for index in 0..each.count as usize {
            let at = each.offset + 12 + 12 * index;
            let member_name = word(&self.bytes, at).ok()?;
            let member_type = word(&self.bytes, at + 4).ok()?;
            let position = word(&self.bytes, at + 8).ok()?;
            let bits = if each.flag { position & 0x00ff_ffff } else { position };
            if member_name == 0 {
                if let Some((inner, found)) = self.find(member_type, name, depth + 1) {
                    return Some((bits.checked_add(inner)?, found));
                }
            } else if self.string(member_name).ok()? == name {
                let bit_field = each.flag && position >> 24 != 0;
                return (!bit_field).then_some((bits, member_type));
            }
        }
        None
    }

    /// Follows type names and qualifiers to the type that they stand for.
    fn resolve(&self, mut id: u32) -> Option<Type> {
        for _ in 0..MAX_DEPTH {
            let each = self.by_id(id)?;
            match each.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = each.value;
                }
                _ => return Some(each),
            }
        }
        None
    }

    fn by_id(&self, id: u32) -> Option<Type> {
        let offset = *self.types.get((id as usize).checked_sub(1)?)?;
        self.at(offset as usize).ok()
    }

    fn at(&self, offset: usize) -> Result<Type, BtfError> {
        let info = word(&self.bytes, offset + 4)?;
        Ok(Type {
            offset,
            name: word(&self.bytes, offset)?,
            kind: (info >> 24) & 0x1f,
            count: info & 0xffff,
            flag: info >> 31 != 0,
            value: word(&self.bytes, offset + 8)?,
        })
    }

    fn string(&self, offset: u32) -> Result<&str, BtfError> {
        let start = self.strings.saturating_add(offset as usize);
        let malformed = BtfError::Malformed(start);
        let rest = self.bytes.get(start..).ok_or(BtfError::Malformed(start))?;
        let length = rest.iter().position(|byte| *byte == 0).ok_or(malformed)?;
        std::str::from_utf8(&rest[..length]).map_err(|_| BtfError::Malformed(start))
    }
}

/// Returns the number of bytes after the three words of a type. Returns `None` for an unknown kind, because the next
/// type cannot be found then.
fn tail(each: Type) -> Option<usize> {
    let count = each.count as usize;
    match each.kind {
        kind::INT | kind::VAR | kind::DECL_TAG => Some(4),
        kind::ARRAY => Some(12),
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => Some(12 * count),
        kind::ENUM | kind::FUNC_PROTO => Some(8 * count),
        other => (other <= kind::LAST).then_some(0),
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    at.checked_add(4)
        .and_then(|end| bytes.get(at..end))
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_ne_bytes)
        .ok_or(BtfError::Malformed(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Types with `struct inner { int; struct { int x; }; int low:3; }` and `struct outer { …; const inner in; }`.
    fn sample() -> Vec<u8> {
        let strings = b"\0inner\0outer\0x\0in\0low\0pick\0one\0two\0";
        let name = |text: &str| {
            let text = format!("\0{text}\0");
            u32::try_from(strings.windows(text.len()).position(|at| at == text.as_bytes()).unwrap() + 1)
                .unwrap()
        };
        let info = |kind: u32, count: u32, flag: u32| (flag << 31) | (kind << 24) | count;
        let types: Vec<u32> = [
            vec![0, info(kind::INT, 0, 0), 4, 32],
            vec![0, info(kind::STRUCT, 1, 0), 4, name("x"), 1, 0],
            vec![name("inner"), info(kind::STRUCT, 2, 1), 12, 0, 2, 32, name("low"), 1, (3 << 24) | 64],
            vec![0, info(kind::CONST, 0, 0), 3],
            vec![name("outer"), info(kind::STRUCT, 1, 0), 20, name("in"), 4, 64],
            vec![name("pick"), info(kind::ENUM, 2, 0), 4, name("one"), 1, name("two"), 7],
        ]
        .concat();
        let mut blob = Vec::new();
        blob.extend(MAGIC.to_ne_bytes());
        blob.extend([1, 0]);
        let length = u32::try_from(types.len() * 4).unwrap();
        for value in [24, 0, length, length, u32::try_from(strings.len()).unwrap()] {
            blob.extend(value.to_ne_bytes());
        }
        blob.extend(types.iter().flat_map(|value| value.to_ne_bytes()));
        blob.extend(strings);
        blob
    }

    #[test]
    fn finds_members_through_unnamed_and_qualified_structures() {
        let btf = Btf::parse(sample()).unwrap();
        assert_eq!(btf.member_offset("inner", "x"), Some(4));
        assert_eq!(btf.member_offset("outer", "in"), Some(8));
        assert_eq!(btf.member_offset("outer", "in.x"), Some(12));
        assert_eq!(btf.member_offset("inner", "low"), None, "a bit field has no byte offset");
        assert_eq!(btf.member_offset("inner", "absent"), None);
        assert_eq!(btf.member_offset("absent", "x"), None);
        assert_eq!((btf.size_of("outer"), btf.size_of("absent")), (Some(20), None));
        assert_eq!(btf.enumerator("pick", "two"), Some(7));
        assert_eq!(btf.enumerator("pick", "three"), None);
    }

    #[test]
    fn every_truncation_is_an_error_or_finds_nothing() {
        let whole = sample();
        for length in 0..whole.len() {
            if let Ok(btf) = Btf::parse(whole[..length].to_vec()) {
                let _ = btf.member_offset("outer", "in.x");
            }
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(
            position in 0_usize..200, value: u8, garbage in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            let _ = Btf::parse(garbage);
            let mut blob = sample();
            let at = position % blob.len();
            blob[at] = value;
            if let Ok(btf) = Btf::parse(blob) {
                let _ = btf.member_offset("outer", "in.x");
                let _ = btf.enumerator("pick", "two");
            }
        }
    }
}
