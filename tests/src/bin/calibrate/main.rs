//! The calibration: replays every recording, attack and benign, and says what is found, how soon, by which signals, and
//! what each signal contributes. `cargo xtask calibrate` runs this program, and `docs/accuracy.md` contains its result.

mod check;
mod day;
mod json;
mod judged;
mod page;
mod parallel;
mod recorded;
mod text;
mod totals;
mod without;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use minerwatch_tests::stories;

use judged::Judged;
use totals::Totals;
use without::Without;

const USAGE: &str = "\
usage: calibrate [--json] [--check] [--bless] [--recordings DIR]

       --json             the tables as JSON
       --check            fail if an attack is lost or a false alarm is raised, or if docs/accuracy.md is out of date;
                          prints only the figures of all stories together
       --bless            write docs/accuracy.md
       --recordings DIR   the recordings of another directory; docs/accuracy.md is then neither checked nor written";

/// The arguments.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Arguments {
    help: bool,
    json: bool,
    check: bool,
    bless: bool,
    recordings: Option<PathBuf>,
}

/// The result of the calibration.
pub struct Report {
    /// The stories, in the order of their names.
    pub stories: Vec<Judged>,
    /// Long benign days, composed of recordings. They count only for the time without false pages.
    pub days: Vec<Judged>,
    /// The figures of all stories together.
    pub totals: Totals,
    /// What changes without each signal, in the order of the catalogue.
    pub signals: Vec<Without>,
}

fn main() -> ExitCode {
    match parse(env::args().skip(1)).and_then(|arguments| act(&arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("calibrate: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Arguments> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" => arguments.help = true,
            "--json" => arguments.json = true,
            "--check" => arguments.check = true,
            "--bless" => arguments.bless = true,
            "--recordings" => arguments.recordings = Some(words.next().context(USAGE)?.into()),
            _ => bail!("unknown argument {word}\n{USAGE}"),
        }
    }
    Ok(arguments)
}

fn act(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.help {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let directory = arguments.recordings.clone().unwrap_or_else(stories::recordings);
    let report = report(&directory)?;
    if arguments.json {
        println!("{:#}", json::of(&report));
    } else if arguments.check {
        print!("{}", text::summary(&report));
    } else {
        print!("{}", text::of(&report));
    }
    let page = page::of(&report);
    let is_own = arguments.recordings.is_none();
    if arguments.bless && is_own {
        fs::write(page_path(), &page).context("docs/accuracy.md")?;
    }
    let mut wrong = Vec::new();
    if arguments.check {
        wrong = check::wrong(&report);
        if is_own && fs::read_to_string(page_path()).ok().as_ref() != Some(&page) {
            let sentence = "docs/accuracy.md is out of date: `cargo xtask calibrate --bless` writes it";
            wrong.push(sentence.to_owned());
        }
    }
    for sentence in &wrong {
        eprintln!("calibrate: {sentence}");
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(directory: &Path) -> anyhow::Result<Report> {
    let recordings = recorded::all(directory)?;
    let stories = parallel::map(&recordings, Judged::of).into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let days =
        parallel::map(&day::all(&recordings)?, Judged::of).into_iter().collect::<Result<Vec<_>, _>>()?;
    let signals = without::all(&recordings, &stories)?;
    let totals = Totals::of(&stories, &days);
    Ok(Report { stories, days, totals, signals })
}

fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/accuracy.md")
}
