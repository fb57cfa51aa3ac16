use super::*;

/// A disk with limited space.
#[derive(Debug)]
pub(in crate::output) struct Disk {
    pub content: Vec<u8>,
    pub room: usize,
    pub can_take_back: bool,
    pub error: io::ErrorKind,
}

impl Disk {
    pub fn with_room(room: usize) -> Self {
        Self { content: Vec::new(), room, can_take_back: true, error: io::ErrorKind::StorageFull }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.content.clone()).unwrap()
    }
}

impl Target for Disk {
    fn name(&self) -> &'static str {
        "the test disk"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(self.error.into());
        }
        let count = bytes.len().min(self.room);
        self.room -= count;
        self.content.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn take_back(&mut self, length: usize) -> bool {
        if self.can_take_back {
            self.content.truncate(self.content.len() - length);
            self.room += length;
        }
        self.can_take_back
    }

    fn ends_with_its_reader(&self) -> bool {
        true
    }
}

#[test]
fn a_full_disk_loses_nothing_and_leaves_no_partial_line() {
    // Try every number of bytes, so that the lines are cut at every position.
    let lines = Bytes::from("one\ntwo\nthree\n");
    for can_take_back in [true, false] {
        for room in 0..14 {
            let mut writer = LineWriter::new(Disk { can_take_back, ..Disk::with_room(room) });
            let Unwritten { rest, .. } = writer.write(&lines).unwrap_err();
            assert!(rest.is_empty() || lines.ends_with(&rest), "room {room}: {rest:?}");
            assert_eq!(writer.is_torn(), !can_take_back && ![0, 4, 8].contains(&room), "room {room}");
            if can_take_back {
                let text = writer.target.text();
                assert!(text.is_empty() || text.ends_with('\n'), "room {room}: {text:?}");
            }
            let Unwritten { rest, .. } = writer.write(&rest).unwrap_err();
            writer.target.room = 1_000;
            assert_eq!(writer.write(&rest).unwrap(), None);
            assert_eq!(writer.target.text(), "one\ntwo\nthree\n", "room {room}");
        }
    }
}
