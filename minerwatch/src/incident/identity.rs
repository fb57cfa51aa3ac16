//! The identity of a suspect: the program that its processes run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    model::{FileId, ProcessKey},
    process::{Process, ProcessTable, Role, base_name, interprets, is_tool},
};

/// Maximum length of inline code that is part of an identity, in bytes. Longer code is cut.
const MAX_CODE: usize = 256;

/// The program of a process: its executable, the script or the code that it interprets, and its container.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Identity {
    path: Arc<str>,
    file: Option<FileId>,
    sha256: Option<Arc<str>>,
    /// The path of the script, or the arguments of an interpreter that runs no script file.
    script: Option<Arc<str>>,
    container: Option<Arc<str>>,
    /// The process, if its executable is unknown: such a process is like no other.
    unknown: Option<ProcessKey>,
    /// For a tool of the system that unrelated people use (a shell, a downloader, a viewer): who started the tree of
    /// the process. Only the trees of one starter are connected by such a tool.
    starter: Option<ProcessKey>,
    /// Whether the program is such a tool.
    common: bool,
}

impl Identity {
    /// Returns the identity of a process.
    pub(super) fn of(table: &ProcessTable, process: &Process) -> Self {
        let view = &process.view;
        let executable = &view.executable;
        let is_interpreter = interprets(base_name(&executable.path));
        let script = match &process.script {
            Some(script) => Some(Arc::clone(script)),
            None if is_interpreter => Some(code(&view.arguments)),
            None => None,
        };
        let common = match process.role {
            Role::Shell | Role::Interpreter => process.script.is_none() || is_tool(process),
            Role::Kernel
            | Role::Init
            | Role::LoginService
            | Role::Scheduler
            | Role::ContainerRuntime
            | Role::JobRunner
            | Role::Agent
            | Role::LoginShell
            | Role::Downloader
            | Role::PackageManager
            | Role::TextViewer => true,
            Role::Service => false,
            Role::Other => is_tool(process),
        };
        Self {
            path: Arc::clone(&executable.path),
            file: executable.file,
            sha256: view.sha256.clone(),
            script,
            container: process.container_id().cloned(),
            unknown: (executable.path.is_empty() && executable.file.is_none()).then(|| process.key()),
            starter: common.then(|| starter_of(table, process)).flatten(),
            common,
        }
    }

    /// Replaces the identity by a newer one of the same program. A program that was no tool of the system does not become one
    /// when it is renamed.
    pub(super) fn renew(&mut self, newer: Self) {
        let common = self.common && newer.common;
        *self = Self { common, starter: newer.starter.filter(|_| common), ..newer };
    }

    /// Whether both are the same program in the same container: the same content if both hashes are known, else the
    /// same file, else the same path.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.unknown != other.unknown || self.script != other.script || self.container != other.container {
            return false;
        }
        match (&self.sha256, &other.sha256) {
            (Some(one), Some(two)) => one == two,
            _ => match (self.file, other.file) {
                (Some(one), Some(two)) => one == two,
                _ => self.path == other.path,
            },
        }
    }

    /// Whether `other` is the program at the same path, if the file there was replaced.
    pub(super) fn is_replaced_by(&self, other: &Self) -> bool {
        !self.path.is_empty()
            && self.path == other.path
            && self.script == other.script
            && self.container == other.container
    }

    /// Whether the identity alone connects processes of different trees.
    pub(super) fn connects(&self) -> bool {
        self.unknown.is_none() && (!self.common || self.starter.is_some())
    }

    /// Whether the program is a tool of the system that unrelated people use.
    pub(super) fn is_common(&self) -> bool {
        self.common
    }

    /// The path of the executable; empty if unknown.
    pub(super) fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// The path of what runs, for people: the script, or the executable.
    pub(super) fn shown(&self) -> Arc<str> {
        let script = self.script.as_ref().filter(|script| script.starts_with('/'));
        Arc::clone(script.unwrap_or(&self.path))
    }

    /// The executable's file, if known.
    pub(super) fn file(&self) -> Option<FileId> {
        self.file
    }

    /// Forgets the file and the process that started the tree. After a boot, their numbers mean something else.
    pub(super) fn leave_boot(&mut self) {
        self.file = None;
        self.starter = None;
    }

    /// Records the hash of the executable.
    pub(super) fn set_sha256(&mut self, sha256: &Arc<str>) {
        self.sha256 = Some(Arc::clone(sha256));
    }

    /// Returns the keys under which the identity is found: by content, by file, and by path.
    pub(super) fn keys(&self) -> impl Iterator<Item = IdentityKey> {
        let by = |program| IdentityKey {
            program,
            script: self.script.clone(),
            container: self.container.clone(),
            starter: self.starter,
        };
        let keys = if self.connects() {
            [
                self.sha256.clone().map(|hash| by(ProgramKey::Hash(hash))),
                self.file.map(|file| by(ProgramKey::File(file))),
                (!self.path.is_empty()).then(|| by(ProgramKey::Path(Arc::clone(&self.path)))),
            ]
        } else {
            [None, None, None]
        };
        keys.into_iter().flatten()
    }
}

/// A key of an identity in an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct IdentityKey {
    program: ProgramKey,
    script: Option<Arc<str>>,
    container: Option<Arc<str>>,
    starter: Option<ProcessKey>,
}

impl IdentityKey {
    /// Whether the key finds the same program after the host has booted again.
    pub(super) fn outlives_boot(&self) -> bool {
        self.starter.is_none() && !matches!(self.program, ProgramKey::File(_))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum ProgramKey {
    Hash(Arc<str>),
    File(FileId),
    Path(Arc<str>),
}

/// Returns who started the tree of a process: the parent of its root.
fn starter_of(table: &ProcessTable, process: &Process) -> Option<ProcessKey> {
    table.get(table.tree_root(process.key()))?.parent
}

/// Joins arguments, cut to `MAX_CODE` bytes.
fn code(arguments: &[Arc<str>]) -> Arc<str> {
    let mut code = String::new();
    for argument in arguments.iter().skip(1) {
        code.push_str(argument);
        code.push('\0');
        if code.len() >= MAX_CODE {
            break;
        }
    }
    let end = (0..=MAX_CODE.min(code.len())).rev().find(|end| code.is_char_boundary(*end)).unwrap_or(0);
    code.truncate(end);
    Arc::from(code)
}
