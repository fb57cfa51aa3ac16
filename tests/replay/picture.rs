//! Draws the picture in the README as SVG: an alert of `minerwatch replay` on a terminal.
//!
//! The test fails when `docs/alert.svg` is out of date. `MINERWATCH_BLESS=1` draws the picture again.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term};
use minerwatch_tests::{executable, stories::recordings};

use super::{BLESS, path};

/// The recording whose last alert is drawn: a miner with the name of a kernel thread, throttled to a quarter of a CPU.
const RECORDING: &str = "throttled-worker.jsonl";
/// Width of the terminal, in columns. A README on a wide screen has enough room for it.
const COLUMNS: &str = "100";

const BACKGROUND: RgbColor = RgbColor(0x0d, 0x11, 0x17);
const TEXT: RgbColor = RgbColor(0xe6, 0xed, 0xf3);

/// Colours of the terminal for the dark background, which suits light and dark pages.
const COLORS: [RgbColor; 16] = [
    RgbColor(0x48, 0x4f, 0x58),
    RgbColor(0xe5, 0x48, 0x4d),
    RgbColor(0x7e, 0xe7, 0x87),
    RgbColor(0xf2, 0xcc, 0x60),
    RgbColor(0x79, 0xc0, 0xff),
    RgbColor(0xd2, 0xa8, 0xff),
    RgbColor(0x56, 0xd4, 0xdd),
    RgbColor(0xb1, 0xba, 0xc4),
    RgbColor(0x6e, 0x76, 0x81),
    RgbColor(0xff, 0xa1, 0x98),
    RgbColor(0x7e, 0xe7, 0x87),
    RgbColor(0xf2, 0xcc, 0x60),
    RgbColor(0xa5, 0xd6, 0xff),
    RgbColor(0xd2, 0xa8, 0xff),
    RgbColor(0x76, 0xe3, 0xea),
    RgbColor(0xff, 0xff, 0xff),
];

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/alert.svg")
}

/// Returns the last alert with terminal colours, without surrounding empty lines.
fn alert() -> String {
    let output = Command::new(executable("minerwatch"))
        .args(["replay", "--color", "always", path(&recordings().join(RECORDING))])
        .env("COLUMNS", COLUMNS)
        .output()
        .expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let alerts = text.split("\n\n").filter(|part| !part.trim().is_empty());
    alerts.last().expect("the recording has an alert").trim_matches('\n').to_owned()
}

fn svg(alert: &str) -> String {
    let columns: usize = COLUMNS.parse().expect("a number");
    let term = Term::new()
        .palette(Palette(COLORS))
        .fg_color(Color::Rgb(TEXT))
        .bg_color(Color::Rgb(BACKGROUND))
        .min_width_px(columns * 84 / 10);
    let svg = term.render_svg(alert);
    let (tag, rest) = svg.split_once('>').expect("it begins with its tag");
    let pixels = |name: &str| {
        let (_, value) = tag.split_once(&format!("{name}=\"")).expect("it has a size");
        value.split_once("px").expect("in pixels").0
    };
    // With a view box, a narrow page scales the picture down instead of cutting it off.
    let view_box = format!("viewBox=\"0 0 {} {}\"", pixels("width"), pixels("height"));
    let picture = format!("{tag} {view_box} role=\"img\" aria-label=\"An alert of minerwatch\">{rest}");
    // Dim text must stay readable, and `opacity` does not apply to parts of a text in SVG.
    picture.replace("opacity: 0.4", "fill-opacity: 0.65")
}

#[test]
fn the_picture_shows_what_the_program_shows() {
    let drawn = svg(&alert());
    if env::var_os(BLESS).is_some() {
        fs::write(file(), &drawn).expect("it can be written");
    }
    let kept = fs::read_to_string(file()).unwrap_or_default();
    assert!(kept == drawn, "docs/alert.svg is not what {RECORDING} gives; draw it again with {BLESS}=1");
}

#[test]
fn the_picture_has_the_words_of_the_alert() {
    let drawn = svg(&alert());
    for words in ["MINING", "/root/.config-7/kswapd0", "drop", "Arithmetic of RandomX", "signals"] {
        assert!(drawn.contains(words), "{words}");
    }
    assert!(!drawn.contains('\u{1b}'), "no escape sequence is left");
}
