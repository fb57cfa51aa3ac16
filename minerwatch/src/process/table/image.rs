//! Updates what the table knows about a process from its fork, its exec, the snapshot, or the subject of any event.

use std::sync::Arc;

use super::{MAX_USERS, ProcessTable};
use crate::{
    model::{
        BootTime, Container, Credentials, Exec, Executable, ExecutableFlags, Fork, HashedFile, ProcessKey,
        ProcessView, RunningProcess, Subject,
    },
    process::{
        Above, ImageSource, Process, Role, base_name,
        program_file::ProgramFile,
        reads_program_from_input, resolve,
        role::{may_run_jobs, opens_as_a_service, starts_services},
        script_of,
    },
};

/// Maximum number of processes of init scripts between a service manager and the service that they start.
const MAX_INIT_SCRIPTS: usize = 6;

/// The image of a process, from an exec or from the snapshot.
struct Image<'a> {
    executable: &'a Executable,
    invoked: &'a str,
    name: &'a Arc<str>,
    arguments: &'a Arc<[Arc<str>]>,
    directory: &'a Arc<str>,
    credentials: &'a Credentials,
    network: u32,
}

impl ProcessTable {
    pub(super) fn fork(&mut self, time: BootTime, subject: &Subject, fork: &Fork) {
        if self.rows.contains_key(&subject.key) {
            self.set_parent(subject.key, Some(fork.parent));
            self.apply_subject(time, subject);
            return;
        }
        let parent = self.rows.get(&fork.parent);
        let process = match parent {
            Some(parent) => {
                let mut view = ProcessView::clone(&parent.view);
                view.key = subject.key;
                self.copy_subject(&mut view, subject);
                Process {
                    view: Arc::new(view),
                    parent: None,
                    image_source: ImageSource::Inherited,
                    role: parent.role,
                    manager: parent.manager,
                    script: parent.script.clone(),
                    session: parent.session,
                    connected: false,
                    network: parent.network,
                    since: time,
                    died: None,
                    taint: parent.taint,
                    connections: None,
                    children: 0,
                    counted: false,
                    queued: false,
                    arrival: 0,
                }
            }
            None => self.minimal(time, subject, &fork.name, ImageSource::Inherited),
        };
        self.insert(process);
        self.set_parent(subject.key, Some(fork.parent));
    }

    pub(super) fn exec(&mut self, time: BootTime, subject: &Subject, exec: &Exec) {
        let image = Image {
            executable: &exec.executable,
            invoked: &exec.invoked,
            name: &exec.name,
            arguments: &exec.arguments,
            directory: &exec.directory,
            credentials: &exec.credentials,
            network: exec.namespaces.network,
        };
        self.replace(time, subject, Some(exec.parent), &image, ImageSource::Exec, false);
    }

    pub(super) fn running_process(&mut self, time: BootTime, subject: &Subject, running: &RunningProcess) {
        if let Some(known) = self.rows.get(&subject.key) {
            // The snapshot is read after the hooks are attached, so an exec event is newer or says the same.
            if known.image_source >= ImageSource::Exec || !known.is_alive() {
                self.set_parent(subject.key, running.parent);
                return;
            }
        }
        let image = Image {
            executable: &running.executable,
            invoked: "",
            name: &running.name,
            arguments: &running.arguments,
            directory: &running.directory,
            credentials: &running.credentials,
            network: running.namespaces.network,
        };
        let since = if self.rows.contains_key(&subject.key) { time } else { subject.key.start() };
        self.replace(since, subject, running.parent, &image, ImageSource::Snapshot, running.kernel_thread);
    }

    fn replace(
        &mut self,
        time: BootTime,
        subject: &Subject,
        parent: Option<ProcessKey>,
        image: &Image<'_>,
        source: ImageSource,
        kernel: bool,
    ) {
        let key = subject.key;
        if !self.rows.contains_key(&key) {
            let process = self.minimal(time, subject, image.name, source);
            self.insert(process);
        }
        self.set_parent(key, parent);
        let lineage = self.rows.get(&key).and_then(|process| self.parent_of(process));
        let keeps_session = |process: &Process| process.role.keeps_session(process.session);
        // A login service may become the shell itself, without a fork.
        let is_from_session = self.rows.get(&key).is_some_and(keeps_session);
        let may_be_service = [&image.executable.path, image.invoked]
            .into_iter()
            .any(|path| opens_as_a_service(base_name(path)));
        let above = Above {
            role: lineage.map(|parent| parent.role),
            // A shell that ran before the agent may have lost its ancestors.
            is_session: is_from_session || lineage.map_or(source == ImageSource::Snapshot, keeps_session),
            is_supervised: may_be_service && parent.is_some_and(|parent| self.starts_services(parent)),
            is_of_system: may_be_service && lineage.is_some_and(Process::is_of_system),
            is_below_service: may_run_jobs(base_name(&image.executable.path))
                && parent.is_some_and(|parent| self.is_below_service(parent)),
        };
        let inherited_manager = lineage.and_then(|parent| parent.manager);
        let mut view = ProcessView {
            key,
            name: Arc::clone(image.name),
            executable: image.executable.clone(),
            arguments: Arc::clone(image.arguments),
            directory: Arc::clone(image.directory),
            credentials: image.credentials.clone(),
            container: None,
            sha256: None,
        };
        if let Some(user) = &view.credentials.user
            && (self.users.len() < MAX_USERS || self.users.contains_key(&view.credentials.uid))
        {
            self.users.entry(view.credentials.uid).or_insert_with(|| Arc::clone(user));
        }
        self.copy_subject(&mut view, subject);
        let script = script_of(&view.executable.path, image.invoked, &view.arguments);
        let is_told_first = script.is_some_and(|script| {
            view.arguments.get(1).is_some_and(|first| &**first == script) || image.invoked == script
        });
        let resolved = script.map(|script| resolve(&view.directory, script));
        let container = subject.container.as_ref().or(view.container.as_ref());
        let is_inside = container.is_some_and(|container| container.id.is_some());
        let is_elsewhere = is_inside || view.executable.flags.foreign;
        let file = |path| if is_elsewhere { ProgramFile::elsewhere(path) } else { ProgramFile::at(path) };
        let program = file(&view.executable.path);
        let of_script = resolved.as_deref().map(|script| {
            Role::of_script(&file(script), &program, is_told_first, &view.arguments, key.pid, above)
        });
        let role = match of_script {
            _ if kernel => Role::Kernel,
            None | Some(Role::Other) => {
                Role::of(&program, resolved.as_deref(), &view.arguments, key.pid, above)
            }
            Some(role) => role,
        };
        let script = resolved.map(Arc::from);
        let Some(process) = self.rows.get_mut(&key) else { return };
        view.container = view.container.or_else(|| process.view.container.clone());
        process.manager = match role {
            Role::PackageManager => Some(key),
            _ => process.manager.filter(|manager| *manager != key).or(inherited_manager),
        };
        process.view = Arc::new(view);
        process.image_source = source;
        process.role = role;
        process.script = script;
        process.session = role.keeps_session(above.is_session);
        process.connected = false;
        if image.network != 0 {
            process.network = image.network;
        }
        process.since = time;
        process.taint = None;
    }

    /// Notes the file that an interpreter reads as its standard input: its script, if it was given no other.
    pub(super) fn reads_script(&mut self, key: ProcessKey, path: &Arc<str>) {
        let Some(process) = self.rows.get_mut(&key) else { return };
        let view = &process.view;
        if process.script.is_none() && reads_program_from_input(&view.executable.path, &view.arguments) {
            process.script = Some(Arc::clone(path));
        }
    }

    /// Removes the role of a process that excuses it. The process then counts like any other program; an interpreter of a
    /// script counts as an interpreter.
    pub fn withdraw_role(&mut self, key: ProcessKey) {
        let parent = self.rows.get(&key).and_then(|process| self.parent_of(process));
        let is_session = parent.is_some_and(|parent| parent.role.keeps_session(parent.session));
        let manager = parent.and_then(|parent| parent.manager);
        let Some(process) = self.rows.get_mut(&key) else { return };
        let by_name = Role::of_name(base_name(&process.view.executable.path));
        process.role = if by_name.excuses() { Role::Other } else { by_name };
        process.session = is_session;
        process.manager = process.manager.filter(|manager| *manager != key).or(manager);
    }

    /// Whether a process starts services: a service manager, or a script that it runs for a service.
    fn starts_services(&self, key: ProcessKey) -> bool {
        let is_script = |process: &&Process| starts_services(process.program_path());
        let manager = self.ancestry(key).take(MAX_INIT_SCRIPTS).find(|process| !is_script(process));
        manager.is_some_and(|process| process.role == Role::Init)
    }

    /// Whether a process is a network service, or is in the tree of one.
    fn is_below_service(&self, key: ProcessKey) -> bool {
        self.tree_path(key, |_| true).any(|process| process.role == Role::Service)
    }

    /// Applies the subject of an event, which may have a new user, a new container or an unknown process.
    pub(super) fn apply_subject(&mut self, time: BootTime, subject: &Subject) {
        let Some(process) = self.rows.get(&subject.key) else {
            let name = Arc::clone(&self.empty);
            let process = self.minimal(time, subject, &name, ImageSource::Assumed);
            self.insert(process);
            return;
        };
        let view = &process.view;
        let is_in_other_container = subject.container.is_some()
            && !same_container(view.container.as_ref(), subject.container.as_ref());
        if !is_in_other_container
            && view.credentials.uid == subject.uid
            && view.credentials.gid == subject.gid
        {
            return;
        }
        let mut view = ProcessView::clone(view);
        self.copy_subject(&mut view, subject);
        if let Some(process) = self.rows.get_mut(&subject.key) {
            process.view = Arc::new(view);
        }
    }

    /// Records the network namespace of a socket that the process opened. The socket is in the namespace of the
    /// process, unless the process received it from another process.
    pub(super) fn set_network(&mut self, key: ProcessKey, network: u32) {
        if network != 0
            && let Some(process) = self.rows.get_mut(&key)
        {
            process.network = network;
        }
    }

    /// Copies the user and the container of an event's subject into a view.
    fn copy_subject(&self, view: &mut ProcessView, subject: &Subject) {
        if view.credentials.uid != subject.uid {
            view.credentials.user = self.users.get(&subject.uid).cloned();
        }
        view.credentials.uid = subject.uid;
        view.credentials.gid = subject.gid;
        if let Some(container) = &subject.container {
            view.container = Some(self.containers.named(container));
        }
    }

    /// Stores the hash of the executable, if the process still runs the hashed file.
    pub(super) fn hashed(&mut self, key: ProcessKey, hashed: &HashedFile) {
        if let Some(process) = self.rows.get_mut(&key)
            && process.view.executable.file == Some(hashed.file)
        {
            Arc::make_mut(&mut process.view).sha256 = Some(Arc::clone(&hashed.sha256));
        }
    }

    /// Creates a process about which only an event's subject is known.
    fn minimal(&self, time: BootTime, subject: &Subject, name: &Arc<str>, source: ImageSource) -> Process {
        let view = ProcessView {
            key: subject.key,
            name: Arc::clone(name),
            executable: Executable {
                path: Arc::clone(&self.empty),
                file: None,
                flags: ExecutableFlags::default(),
            },
            arguments: Arc::clone(&self.no_arguments),
            directory: Arc::clone(&self.empty),
            credentials: Credentials {
                uid: subject.uid,
                gid: subject.gid,
                user: self.users.get(&subject.uid).cloned(),
                capabilities: 0,
            },
            container: subject.container.as_ref().map(|container| self.containers.named(container)),
            sha256: None,
        };
        Process {
            view: Arc::new(view),
            parent: None,
            image_source: source,
            role: if subject.key.pid == 1 { Role::Init } else { Role::Other },
            manager: None,
            script: None,
            session: false,
            connected: false,
            network: 0,
            since: time,
            died: None,
            taint: None,
            connections: None,
            children: 0,
            counted: false,
            queued: false,
            arrival: 0,
        }
    }
}

fn same_container(one: Option<&Arc<Container>>, other: Option<&Arc<Container>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.is_same_place(other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
