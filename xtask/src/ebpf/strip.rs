//! Removes DWARF from an object file.

use anyhow::{Context, Result};
use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// How the names of DWARF sections and of their relocations begin.
const DWARF: [&[u8]; 2] = [b".debug_", b".rel.debug_"];

/// Returns a copy of an object file without its DWARF sections. The contents of the other sections do not change.
///
/// LLVM writes BTF only together with DWARF, which takes four fifths of the file. Nothing reads the DWARF: the kernel,
/// aya and bpftool use BTF.
pub fn without_dwarf(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("cannot parse the eBPF object")?;
    for section in &mut builder.sections {
        section.delete = DWARF.iter().any(|beginning| section.name.starts_with(beginning));
    }
    builder.delete_orphans();
    // LLVM keeps the names of symbols and of sections in one table. The builder keeps the latter in a table of its own.
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped).context("cannot write the eBPF object without DWARF")?;
    Ok(stripped)
}
