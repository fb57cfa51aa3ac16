//! Checks in the source which module imports which.

mod cycles;
mod resolve;
mod rules;
mod tree;

use std::{collections::BTreeSet, path::Path};

use rules::{EXCEPTIONS, Exception, ROOMS, Reach, Room, unneeded, violations};
use tree::Tree;

fn minerwatch() -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("minerwatch").join("src/lib.rs"))
}

fn lines(sentences: impl IntoIterator<Item = String>) -> String {
    sentences.into_iter().collect::<Vec<_>>().join("\n")
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let broken = violations(&minerwatch(), ROOMS, EXCEPTIONS);
    assert!(broken.is_empty(), "{}", lines(broken));
}

#[test]
fn no_modules_import_each_other() {
    let cycles = cycles::find(&minerwatch());
    assert!(cycles.is_empty(), "{}", lines(cycles));
}

#[test]
fn unsafe_code_has_one_module() {
    let tree = minerwatch();
    let with_unsafe: BTreeSet<String> = tree
        .modules
        .iter()
        .filter(|(_, content)| !content.unsafe_lines.is_empty())
        .map(|(module, _)| module.join("::"))
        .collect();
    assert_eq!(lines(with_unsafe), "sensor::unsafe_io");
}

/// An exception that is no longer needed would allow a new violation.
#[test]
fn every_exception_is_needed() {
    let unneeded = unneeded(&minerwatch(), ROOMS, EXCEPTIONS);
    assert!(unneeded.is_empty(), "{}", lines(unneeded));
}

mod tests_of_the_test {
    use super::*;

    const TABLE: &[Room] = &[
        Room { name: "model", reach: Reach::Pure, imports: &[] },
        Room { name: "engine", reach: Reach::Pure, imports: &["model"] },
        Room { name: "output", reach: Reach::System, imports: &["model"] },
    ];

    fn broken(engine: &str) -> String {
        let rest = "pub mod model { pub struct Event; pub mod time { pub struct At; } } \
                    pub mod output { pub struct Sink; pub mod file { pub fn open() {} } }";
        lines(violations(&Tree::parse(&format!("{rest} pub mod engine {{ {engine} }}")), TABLE, &[]))
    }

    #[test]
    fn allowed_imports_pass() {
        for engine in [
            "use crate::model::Event;",
            "use crate::model::{self, time::{At as Moment}};",
            "fn f() -> crate::model::Event { model::Event } use crate::model;",
            "use super::model::*;",
            "use std::{time::Duration, net::{IpAddr, SocketAddr}};",
            "#[cfg(test)] mod tests { use crate::output::Sink; }",
            "#[cfg(all(test, unix))] use crate::output::Sink;",
            "mod own { pub fn g() {} } fn f() { own::g(); self::own::g(); }",
            "pub(in crate::output) struct Seen;",
        ] {
            assert_eq!(broken(engine), "", "{engine}");
        }
    }

    #[test]
    fn forbidden_imports_are_found_however_they_are_written() {
        for engine in [
            "use crate::output::Sink;",
            "use crate::{model::{Event, time::At}, output::{file::{open as write}}};",
            "use crate::{output::{self}};",
            "use crate::output as elsewhere;",
            "use super::output::file;",
            "mod inner { use super::super::output::file::open; }",
            "mod inner { use super::*; fn f() { crate::output::file::open(); } }",
            "fn f() { crate::output::file::open(); }",
            "fn f(sink: Option<crate::output::Sink>) {}",
            "fn f() { use crate::output::Sink; }",
            "fn f() { println!(\"{:?}\", vec![crate::output::file::open()]); }",
            "macro_rules! open { () => { $crate::output::file::open() }; }",
            "#[derive(Args)] struct A { #[arg(default_value_t = crate::output::DEFAULT)] a: u8 }",
            "impl From<crate::output::Sink> for crate::model::Event {}",
        ] {
            assert!(broken(engine).contains("engine imports output"), "{engine}: {}", broken(engine));
        }
        assert!(broken("use crate::*;").contains("the whole crate"));
    }

    #[test]
    fn a_pure_room_has_no_files_clock_or_runtime() {
        for (engine, name) in [
            ("use std::{fmt, time::{Duration, Instant}};", "std::time::Instant"),
            ("use std::time; fn f() { time::SystemTime::now(); }", "std::time::SystemTime"),
            ("use std::time::*;", "std::time::Instant"),
            ("use std::fs::{self, File};", "std::fs"),
            ("fn f() { std::fs::read(\"x\"); }", "std::fs"),
            ("fn f() { assert!(std::env::args().len() > 1); }", "std::env"),
            ("use tokio as runtime;", "tokio"),
            ("async fn f() { tokio::task::yield_now().await }", "tokio"),
            ("use aya::{maps::{HashMap}};", "aya"),
        ] {
            assert!(broken(engine).contains(&format!("engine imports {name} (")), "{engine}");
        }
    }

    #[test]
    fn a_room_without_a_row_is_found() {
        let tree = Tree::parse("pub mod model {} pub mod attic {}");
        assert_eq!(lines(violations(&tree, TABLE, &[])), "the room attic has no row in the table of rooms");
    }

    #[test]
    fn an_exception_covers_one_import_as_long_as_it_is_needed() {
        let covers =
            |import| [Exception { room: "engine", import, reason: "to be mended with the next recording" }];
        let tree = Tree::parse(
            "pub mod model {} pub mod output { pub struct Sink; } pub mod engine { use crate::output::Sink; }",
        );
        assert!(violations(&tree, TABLE, &covers("output")).is_empty());
        assert!(unneeded(&tree, TABLE, &covers("output")).is_empty());
        assert_eq!(violations(&tree, TABLE, &covers("std::fs")).len(), 1);
        assert_eq!(lines(unneeded(&tree, TABLE, &covers("std::fs"))), "engine does not import std::fs");
    }

    fn circles(text: &str) -> usize {
        cycles::find(&Tree::parse(text)).len()
    }

    #[test]
    fn modules_that_import_each_other_are_found() {
        for text in [
            "mod a { use crate::b::B; pub struct A; } mod b { use super::a::A; pub struct B; }",
            "mod a { use crate::b; } mod b { use crate::c; } mod c { use crate::a; }",
            "mod room { mod a { use super::b::B; pub struct A; } mod b { use crate::room::a::A; pub struct B; } }",
            // An import by a child counts as an import by its parent.
            "mod a { mod deep { use crate::b::B; } } mod b { pub struct B; fn f() { crate::a::g(); } }",
            // The cycle goes through a re-export of the parent.
            "mod room { pub use a::A; mod a { use super::b::B; pub struct A; } \
             mod b { use super::A; pub struct B; } }",
            "mod room { pub use a::*; mod a { use super::b::B; pub struct A; } \
             mod b { use super::A; pub struct B; } }",
        ] {
            assert_eq!(circles(text), 1, "{text}");
        }
    }

    #[test]
    fn what_lies_below_is_no_circle() {
        for text in [
            "mod a { use crate::b::B; } mod b { pub struct B; }",
            "mod a { use deep::D; pub struct A; mod deep { use super::A; pub struct D; } }",
            "mod a { use crate::{b, c}; } mod b { use crate::c; } mod c {}",
            "mod a { use crate::b; } mod b { #[cfg(test)] mod tests { use crate::a; } }",
        ] {
            assert_eq!(circles(text), 0, "{text}");
        }
    }

    #[test]
    fn unsafe_code_is_found() {
        for text in ["fn f() { unsafe { g() } }", "unsafe fn f() {}", "unsafe impl Send for A {}"] {
            assert!(!Tree::parse(text).modules[&Vec::new()].unsafe_lines.is_empty(), "{text}");
        }
    }
}
