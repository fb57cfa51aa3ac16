//! Removes DWARF from an object file.

use anyhow::{Context, Result};
use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// The beginnings of the names of DWARF sections and of their relocations.
const DWARF: [&[u8]; 2] = [b".debug_", b".rel.debug_"];

/// Returns an object without its DWARF sections, and otherwise the same.
///
/// LLVM writes BTF only together with DWARF, which takes five sixths of the file. Nothing reads the DWARF: the kernel,
/// aya and bpftool use BTF.
pub fn without_dwarf(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("cannot parse the eBPF object")?;
    for section in &mut builder.sections {
        section.delete = DWARF.iter().any(|beginning| section.name.starts_with(beginning));
    }
    builder.delete_orphans();
    // In LLVM's objects one table has the names of symbols and sections. The builder writes two.
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped).context("cannot write the eBPF object without DWARF")?;
    Ok(stripped)
}
