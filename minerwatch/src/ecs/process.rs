//! `process.*`.

use super::{
    Encoder,
    command_line::CommandLine,
    document::{HashFields, Leader, OwnProcess, ProcessFields, UserFields},
    values::{CapabilitySet, Identified, Shown, known},
};
use crate::model::{Credentials, Exec, ExecutableFlags, ProcessKey, ProcessView, RunningProcess};

impl<'a> ProcessFields<'a> {
    /// Creates the fields of a process of which only the key is known.
    pub fn bare(encoder: &Encoder, key: ProcessKey) -> Self {
        Self {
            pid: key.pid,
            entity_id: Shown(key),
            start: encoder.time(key.start()),
            name: None,
            executable: None,
            args: None,
            command_line: None,
            working_directory: None,
            user: None,
            thread: None,
            session_leader: None,
            hash: None,
            exit_code: None,
            parent: None,
        }
    }

    /// Creates the fields of a process in the process table.
    pub fn of_view(encoder: &Encoder, view: &'a ProcessView) -> Self {
        let mut fields = Self::bare(encoder, view.key);
        fields.show(&view.name, &view.executable.path, &view.directory);
        fields.show_arguments(&view.arguments);
        fields.user = Some(user(&view.credentials));
        fields.hash = view.sha256.as_deref().map(|sha256| HashFields { sha256 });
        fields
    }

    /// Creates the fields of the process `key`. Uses `view` only if the view is of the same process.
    pub fn of(encoder: &Encoder, key: ProcessKey, view: Option<&'a ProcessView>) -> Self {
        match view {
            Some(view) if view.key == key => Self::of_view(encoder, view),
            Some(_) | None => Self::bare(encoder, key),
        }
    }

    /// Sets the data of an exec, which is newer than any view.
    pub fn exec(&mut self, exec: &'a Exec) {
        // The view has the hash of the previous image, unless the view already shows the new image.
        if self.executable != known(&exec.executable.path) {
            self.hash = None;
        }
        self.show(&exec.name, &exec.executable.path, &exec.directory);
        self.show_arguments(&exec.arguments);
        self.show_user(&exec.credentials);
        self.show_session(exec.session);
    }

    /// Sets the data of a process in the snapshot.
    pub fn running(&mut self, running: &'a RunningProcess) {
        self.show(&running.name, &running.executable.path, &running.directory);
        self.show_arguments(&running.arguments);
        self.show_user(&running.credentials);
        self.show_session(running.session);
    }

    fn show(&mut self, name: &'a str, executable: &'a str, directory: &'a str) {
        self.name = known(name);
        self.executable = known(executable);
        self.working_directory = known(directory);
    }

    fn show_arguments(&mut self, arguments: &'a [std::sync::Arc<str>]) {
        let arguments = (!arguments.is_empty()).then_some(arguments);
        self.args = arguments;
        self.command_line = arguments.map(CommandLine);
    }

    fn show_session(&mut self, session: u32) {
        self.session_leader = (session != 0).then_some(Leader { pid: session });
    }

    fn show_user(&mut self, credentials: &'a Credentials) {
        self.show_user_id(credentials.uid);
        if let (Some(user), Some(name)) = (&mut self.user, credentials.user.as_deref()) {
            user.name = Some(name);
        }
    }

    /// Sets the current user. Keeps the known name only if the name belongs to that user.
    pub fn show_user_id(&mut self, uid: u32) {
        let name = self.user.take().filter(|user| user.id.0 == uid).and_then(|user| user.name);
        self.user = Some(UserFields { id: Shown(uid), name });
    }

    /// Sets the thread that acted.
    pub fn show_thread(&mut self, tid: u32) {
        self.thread = Some(Identified { id: tid });
    }
}

fn user(credentials: &Credentials) -> UserFields<'_> {
    UserFields { id: Shown(credentials.uid), name: credentials.user.as_deref() }
}

impl<'a> OwnProcess<'a> {
    /// Returns the unusual flags of the executable, or `None` if no flag is set.
    pub fn of_flags(flags: ExecutableFlags) -> Option<Self> {
        flags.has_no_file().then(|| Self {
            memfd: flags.memfd.then_some(true),
            deleted: flags.deleted.then_some(true),
            ..Self::empty()
        })
    }

    /// Returns the data of an exec that ECS does not define.
    pub fn of_exec(exec: &'a Exec) -> Self {
        Self {
            invoked: known(&exec.invoked),
            args_cut: exec.arguments_cut.then_some(true),
            capabilities_gained: (exec.capabilities_gained != 0)
                .then_some(CapabilitySet(exec.capabilities_gained)),
            namespaces: Some(exec.namespaces),
            ..Self::of_flags(exec.executable.flags).unwrap_or(Self::empty())
        }
    }

    /// Returns the data of a process in the snapshot that ECS does not define.
    pub fn of_running(running: &'a RunningProcess) -> Self {
        Self {
            kernel_thread: running.kernel_thread.then_some(true),
            namespaces: Some(running.namespaces),
            ..Self::of_flags(running.executable.flags).unwrap_or(Self::empty())
        }
    }

    const fn empty() -> Self {
        Self {
            invoked: None,
            args_cut: None,
            memfd: None,
            deleted: None,
            kernel_thread: None,
            capabilities_gained: None,
            namespaces: None,
        }
    }
}
