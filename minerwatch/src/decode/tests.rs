use minerwatch_common::{COMM_LENGTH, ExecFlags, FileOperation, FlowTuple};
use proptest::prelude::*;
use zerocopy::IntoBytes as _;

use super::*;
use crate::model::{ControlRegister, Exchange, Exit, FileAction, FileId, Mapping, MappingClass};

fn header(kind: u16, length: usize) -> RecordHeader {
    RecordHeader {
        kind,
        reserved: 0,
        length: u32::try_from(length).unwrap(),
        time: 5_000_000_000,
        start: 1_234_567_890,
        cgroup: 7,
        pid: 42,
        tid: 43,
        uid: 1000,
        gid: 100,
    }
}

fn exec_record(tail: &[u8], lengths: [u16; 4]) -> Vec<u8> {
    let mut comm = [0; COMM_LENGTH];
    comm[..2].copy_from_slice(b"sh");
    let record = ExecRecord {
        header: header(RecordKind::Exec as u16, size_of::<ExecRecord>() + tail.len()),
        parent_start: 20_000_000,
        capabilities: 0b110,
        parent_capabilities: 0b010,
        inode: 9,
        device: 1 << 20,
        parent_pid: 41,
        mount_namespace: 1,
        pid_namespace: 2,
        network_namespace: 3,
        user_namespace: 4,
        comm,
        mode: 0o100_755,
        flags: ExecFlags::DELETED,
        path_length: lengths[0],
        directory_length: lengths[1],
        name_length: lengths[2],
        arguments_length: lengths[3],
        session: 40,
    };
    let mut bytes = record.as_bytes().to_vec();
    bytes.extend(tail);
    bytes
}

#[test]
fn an_exec_record_becomes_an_event() {
    let event = decode(&exec_record(b"dash\0bin\0usr\0tmp\0./x.sh\0sh\0-c\0\0", [13, 4, 7, 7])).unwrap();
    assert_eq!(event.time, BootTime(5_000_000_000));
    assert_eq!(event.subject.key, ProcessKey { pid: 42, start_ticks: 123 });
    let EventBody::Exec(exec) = event.body else { panic!("not an exec: {event:?}") };
    assert_eq!(&*exec.executable.path, "/usr/bin/dash");
    assert_eq!(exec.executable.file, Some(FileId { device: 1 << 20, inode: 9 }));
    assert!(exec.executable.flags.deleted && !exec.executable.flags.memfd);
    assert_eq!(&*exec.directory, "/tmp");
    assert_eq!(&*exec.invoked, "./x.sh");
    assert_eq!(exec.arguments.iter().map(|each| &**each).collect::<Vec<_>>(), ["sh", "-c", ""]);
    assert_eq!(exec.capabilities_gained, 0b100);
    assert_eq!(exec.parent, ProcessKey { pid: 41, start_ticks: 2 });
}

#[test]
fn lengths_beyond_the_record_are_rejected() {
    let bytes = exec_record(b"dash\0", [5, 0, 0, 400]);
    assert!(matches!(decode(&bytes), Err(DecodeError::Short { .. })));
}

#[test]
fn short_and_unknown_records_are_rejected() {
    assert_eq!(decode(&[]), Err(DecodeError::Short { length: 0 }));
    assert_eq!(decode(header(99, 48).as_bytes()), Err(DecodeError::UnknownKind(99)));
    for kind in RecordKind::ALL {
        assert!(
            matches!(decode(header(kind as u16, 48).as_bytes()), Err(DecodeError::Short { .. })),
            "{kind:?}"
        );
    }
}

#[test]
fn an_exit_status_is_a_code_or_a_signal() {
    for (status, code, signal) in
        [(0, Some(0), None), (3 << 8, Some(3), None), (9, None, Some(9)), (0x8b, None, Some(11))]
    {
        let record =
            ExitRecord { header: header(RecordKind::Exit as u16, 64), status, reserved: 0, on_cpu: 5 };
        let event = decode(record.as_bytes()).unwrap();
        assert_eq!(event.body, EventBody::Exit(Exit { code, signal, on_cpu: 5 }));
    }
}

#[test]
fn mapped_addresses_are_shown_as_ipv4() {
    let mut destination = [0; 16];
    destination[10..].copy_from_slice(&[0xff, 0xff, 10, 1, 2, 3]);
    let record = ConnectRecord {
        header: header(RecordKind::Connect as u16, 104),
        opened: 4_000_000_000,
        flow: FlowTuple {
            source: [0; 16],
            destination,
            source_port: 0,
            destination_port: 3333,
            family: 10,
            transport: 6,
        },
        result: 111,
        network_namespace: 0,
    };
    let EventBody::Connect(connect) = decode(record.as_bytes()).unwrap().body else {
        panic!("not a connect")
    };
    assert_eq!(connect.flow.destination.to_string(), "10.1.2.3:3333");
    assert_eq!(connect.result, 111);
}

#[test]
fn rounding_and_memory_keep_their_counts() {
    let counts = |first| minerwatch_common::RoundingCounts {
        nearest: first,
        down: first + 1,
        up: first + 2,
        zero: first + 3,
    };
    let mut record = RoundingRecord {
        header: header(RecordKind::Rounding as u16, size_of::<RoundingRecord>()),
        flushing: counts(10),
        plain: counts(20),
        register: 2,
        reserved: 0,
    };
    let EventBody::Rounding(rounding) = decode(record.as_bytes()).unwrap().body else {
        panic!("not a rounding event")
    };
    assert_eq!(rounding.register, ControlRegister::Fpcr);
    assert_eq!((rounding.flushing.nearest, rounding.flushing.zero, rounding.plain.down), (10, 13, 21));
    record.register = 3;
    assert_eq!(decode(record.as_bytes()), Err(DecodeError::Meaningless("register")));

    let mut record = MappingRecord {
        header: header(RecordKind::Mapping as u16, size_of::<MappingRecord>()),
        size: 1 << 28,
        count: 2,
        class: minerwatch_common::MappingClass::Cache as u32,
        huge: 1,
    };
    let mapping = Mapping { class: MappingClass::Cache, size: 1 << 28, count: 2, huge: true };
    assert_eq!(decode(record.as_bytes()).unwrap().body, EventBody::Mapping(mapping));
    record.class = 0;
    assert_eq!(decode(record.as_bytes()), Err(DecodeError::Meaningless("class of mapping")));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(kind in 0_u16..24, bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut bytes = bytes;
        if let Some(start) = bytes.get_mut(..2) {
            start.copy_from_slice(&kind.to_ne_bytes());
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn a_truncated_record_is_an_error_or_an_event(length in 0_usize..180) {
        let whole = exec_record(b"dash\0bin\0usr\0tmp\0./x.sh\0sh\0-c\0\0", [13, 4, 7, 7]);
        let _ = decode(&whole[..length.min(whole.len())]);
    }
}

/// Returns the record of an exchange of `/tmp/x` and `/etc/cron.d/job`, with these inode numbers.
fn exchange_record(inode: u64, second_inode: u64) -> Vec<u8> {
    let parts: [&[u8]; 4] = [b"tmp\0", b"x\0", b"cron.d\0etc\0", b"job\0"];
    let [directory_length, name_length, second_directory_length, second_name_length] =
        parts.map(|part| u16::try_from(part.len()).unwrap());
    let tail = parts.concat();
    let record = FileRecord {
        header: header(RecordKind::File as u16, size_of::<FileRecord>() + tail.len()),
        inode,
        second_inode,
        device: 8 << 20 | 1,
        mode: if inode == 0 { 0 } else { 0o100_755 },
        second_mode: if second_inode == 0 { 0 } else { 0o040_700 },
        operation: FileOperation::Exchange as u16,
        cut: 0,
        directory_length,
        name_length,
        second_directory_length,
        second_name_length,
        special: 0,
        writable: 0,
    };
    [record.as_bytes(), &tail].concat()
}

#[test]
fn an_exchange_gives_an_event_for_each_file() {
    let file = |inode| FileId { device: 8 << 20 | 1, inode };
    // Hooks on system calls do not know the files.
    for (inodes, files, modes) in
        [((7, 9), (Some(file(7)), Some(file(9))), (0o100_755, 0o040_700)), ((0, 0), (None, None), (0, 0))]
    {
        let first = decode(&exchange_record(inodes.0, inodes.1)).expect("a record");
        let second = first.second_of_exchange().expect("a second event");
        assert_eq!(second.second_of_exchange(), None, "there are two");
        assert_eq!((second.time, &second.subject), (first.time, &first.subject));
        let [first, second] = [first, second].map(|event| match event.body {
            EventBody::File(change) => change,
            other => panic!("{other:?}"),
        });
        for (half, path, old_path, own, other, is_first) in [
            (&first, "/etc/cron.d/job", "/tmp/x", (files.0, modes.0), (files.1, modes.1), true),
            (&second, "/tmp/x", "/etc/cron.d/job", (files.1, modes.1), (files.0, modes.0), false),
        ] {
            assert_eq!(
                (half.action, &*half.path, half.old_path.as_deref()),
                (FileAction::Rename, path, Some(old_path))
            );
            assert_eq!((half.file, half.mode), own);
            assert_eq!(half.exchange, Some(Exchange { file: other.0, mode: other.1, first: is_first }));
        }
    }
}

#[test]
fn a_plain_rename_is_no_exchange() {
    let mut bytes = exchange_record(7, 9);
    let operation = std::mem::offset_of!(FileRecord, operation);
    bytes[operation..operation + 2].copy_from_slice(&(FileOperation::Rename as u16).to_le_bytes());
    let event = decode(&bytes).expect("a record");
    assert_eq!(event.second_of_exchange(), None);
    let EventBody::File(change) = event.body else { panic!("no change of a file") };
    assert_eq!((&*change.path, change.old_path.as_deref()), ("/etc/cron.d/job", Some("/tmp/x")));
    assert_eq!(change.exchange, None);
}
