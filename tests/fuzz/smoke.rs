//! Runs the fuzz targets on their corpora and on some mutations of the corpora, with any compiler. The fuzzer itself
//! (`cargo xtask fuzz`) tries more inputs.

#[path = "src/lib.rs"]
mod targets;

use std::{fs, panic, path::Path};

/// Number of mutations of each corpus file.
const MUTATIONS: u32 = 300;

/// A pseudo-random number generator that gives the same numbers in every run (xorshift, George Marsaglia).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let place = numbers.below(bytes.len());
        let byte = numbers.next().to_le_bytes()[0];
        match numbers.below(5) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place.min(bytes.len()), byte),
            2 => {
                let piece = bytes.get(place..).unwrap_or_default().to_vec();
                bytes.extend(piece.iter().take(64));
            }
            3 if place < bytes.len() => bytes[place] = [0, 0xff, 0x7f, 0x80][numbers.below(4)],
            _ if place < bytes.len() => bytes[place] ^= byte,
            _ => bytes.push(byte),
        }
    }
}

fn run(name: &str, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut files = 0;
    for entry in fs::read_dir(corpus).expect("the corpus is in the tree").flatten() {
        let seed = fs::read(entry.path()).expect("a corpus file");
        files += 1;
        target(&seed);
        for _ in 0..MUTATIONS {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut numbers);
            let outcome = panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{name}, made of {}: {}", entry.path().display(), bytes.escape_ascii());
        }
    }
    assert!(files > 0, "the corpus of {name} is empty");
}

#[test]
fn decoder() {
    run("decoder", targets::decoder);
}

#[test]
fn recording() {
    run("recording", targets::recording);
}

#[test]
fn configuration() {
    run("configuration", targets::configuration);
}

#[test]
fn payload() {
    run("payload", targets::payload);
}

#[test]
fn hello() {
    run("hello", targets::hello);
}

#[test]
fn proc() {
    run("proc", targets::proc);
}

#[test]
fn lists() {
    run("lists", targets::lists);
}
