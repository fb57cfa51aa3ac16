//! `cargo xtask package`.

mod archive;
mod documents;
mod portable;
mod sbom;
mod signature;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::workspace;

use crate::command;
pub use portable::Portable;

/// Make the packages of a release
///
/// Builds one static executable, which runs on every distribution, and packs it as a .deb, as an .rpm and as an archive
/// with a script that installs it. Everything goes to target/package: the packages, the executable alone, its debugging
/// symbols, its bill of materials (SBOM, CycloneDX), and SHA256SUMS, which --sign signs. The same files, commit and
/// compiler give the same packages.
#[derive(Args)]
pub struct Arguments {
    /// Make the packages for arm64, by cross compilation
    #[arg(long)]
    arm64: bool,
    /// Sign SHA256SUMS with this secret key of minisign. The password is taken from `MINERWATCH_SIGNING_PASSWORD`, or
    /// asked for
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        let own = Portable::of_host();
        let Some(portable) = (if self.arm64 { Some(Portable::Aarch64) } else { own }) else {
            bail!("packages are made for x86_64 and aarch64 only");
        };
        // A wrong password should be noticed before the build.
        let key = self.sign.as_deref().map(signature::read_key).transpose()?;
        portable.build()?;
        let directory = command::target_dir().join("package");
        let stage = directory.join(portable.name());
        fs::create_dir_all(&stage).with_context(|| format!("cannot make {}", stage.display()))?;
        let executable = stage.join("minerwatch");
        portable.strip(&portable.built().join("minerwatch"), &executable)?;
        let made = directory.join("stage");
        make_stage(&executable, &made)?;
        documents::make(portable, &executable, &made)?;
        sbom::make(portable, &executable, &made)?;
        let materials = sbom::published(portable);
        fs::copy(made.join(sbom::FILE), directory.join(&materials))
            .context("cannot copy the bill of materials")?;
        let packages = [
            archive::pack(portable.name(), &executable, &made, &directory)?,
            cargo_package("deb", portable, &directory)?,
            cargo_package("generate-rpm", portable, &directory)?,
            materials,
        ];
        sum(&directory)?;
        for package in packages {
            println!("{}", directory.join(package).display());
        }
        match signature::sign(&directory, key.as_ref())? {
            Some(signature) => println!("{}", signature.display()),
            None => println!("package: {SUMS} is not signed; --sign KEYFILE signs it"),
        }
        Ok(())
    }
}

/// Puts the files that are made for the packages into `stage`: the executable, and the unit of systemd with the paths that
/// packages use. The unit in deploy/ has the paths of an installation by hand.
fn make_stage(executable: &Path, stage: &Path) -> Result<()> {
    fs::create_dir_all(stage).with_context(|| format!("cannot make {}", stage.display()))?;
    let unit = workspace::root().join("deploy/minerwatch.service");
    let text = fs::read_to_string(&unit).with_context(|| format!("cannot read {}", unit.display()))?;
    let (_, unit) = text.split_once("\n[Unit]\n").context("deploy/minerwatch.service has no section Unit")?;
    let unit = format!("[Unit]\n{unit}")
        .replace("/usr/local/bin/", "/usr/bin/")
        .replace("/usr/local/share/doc/minerwatch/", "/usr/share/doc/minerwatch/");
    fs::write(stage.join("minerwatch.service"), unit).context("cannot write the unit")?;
    fs::copy(executable, stage.join("minerwatch")).context("cannot copy the executable")?;
    Ok(())
}

/// Makes a package with a subcommand of cargo, by the metadata in minerwatch/Cargo.toml. Returns the name of the file.
fn cargo_package(subcommand: &str, portable: Portable, directory: &Path) -> Result<String> {
    let mut cargo = command::cargo([subcommand, "--package", "minerwatch", "--target", portable.target()]);
    cargo.env("SOURCE_DATE_EPOCH", archive::commit_time().to_string()).arg("--output").arg(directory);
    let ending = if subcommand == "deb" {
        cargo.args(["--no-build", "--no-strip"]);
        "deb"
    } else {
        "rpm"
    };
    for old in files(directory)?.iter().filter(|file| is_package(file, ending, portable)) {
        fs::remove_file(old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    command::check(&mut cargo)?;
    let made = files(directory)?.into_iter().find(|file| is_package(file, ending, portable));
    let made = made.with_context(|| format!("cargo {subcommand} made no file that ends in .{ending}"))?;
    Ok(made.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// Whether a file is a package of this kind for this architecture.
fn is_package(file: &Path, ending: &str, portable: Portable) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let architectures = match portable {
        Portable::X86_64 => ["amd64", "x86_64"],
        Portable::Aarch64 => ["arm64", "aarch64"],
    };
    file.extension().is_some_and(|extension| extension == ending)
        && architectures.iter().any(|architecture| name.contains(architecture))
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// Name of the file with the checksums.
const SUMS: &str = "SHA256SUMS";

/// Writes the checksums of all packages.
fn sum(directory: &Path) -> Result<()> {
    let names = files(directory)?.into_iter().filter_map(|path| path.file_name().map(PathBuf::from));
    let names = names.filter(|name| ![SUMS, signature::FILE].map(Path::new).contains(&name.as_path()));
    let sums = command::output(Command::new("sha256sum").current_dir(directory).args(names))?;
    fs::write(directory.join(SUMS), sums).context("cannot write the checksums")
}
