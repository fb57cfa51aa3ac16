//! Decodes records about processes: fork, exec, exit, signals and privileged calls.

use std::sync::Arc;

use minerwatch_common::{
    ExecFlags, ExecRecord, ExitRecord, ForkRecord, PrivilegedOperation, PrivilegedRecord, SignalRecord,
};

use super::{
    paths,
    record::{Decode, DecodeError, take},
};
use crate::model::{
    AccessedProcess, Credentials, EventBody, Exec, Executable, ExecutableFlags, Exit, FileId, Fork,
    Namespaces, PrivilegedCall, ProcessKey, SentSignal,
};

impl Decode for ForkRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        Ok(EventBody::Fork(Fork {
            parent: ProcessKey::new(self.parent_pid, self.parent_start),
            name: paths::text(&self.comm),
        }))
    }
}

impl Decode for ExecRecord {
    fn decode(&self, mut tail: &[u8]) -> Result<EventBody, DecodeError> {
        let path = take(&mut tail, self.path_length)?;
        let directory = take(&mut tail, self.directory_length)?;
        let invoked = take(&mut tail, self.name_length)?;
        let arguments = take(&mut tail, self.arguments_length)?;
        let has = |flag: u16| self.flags & flag != 0;
        let file = (self.inode != 0).then_some(FileId { device: self.device, inode: self.inode });
        Ok(EventBody::Exec(Box::new(Exec {
            parent: ProcessKey::new(self.parent_pid, self.parent_start),
            executable: Executable {
                path: paths::absolute(path, has(ExecFlags::PATH_CUT)),
                file,
                flags: ExecutableFlags {
                    memfd: has(ExecFlags::MEMFD),
                    deleted: has(ExecFlags::DELETED),
                    foreign: false,
                },
            },
            invoked: paths::text(invoked),
            name: paths::text(&self.comm),
            arguments: split_arguments(arguments),
            arguments_cut: has(ExecFlags::ARGUMENTS_CUT),
            directory: paths::absolute(directory, has(ExecFlags::DIRECTORY_CUT)),
            credentials: Credentials {
                uid: self.header.uid,
                gid: self.header.gid,
                user: None,
                capabilities: self.capabilities,
            },
            capabilities_gained: self.capabilities & !self.parent_capabilities,
            namespaces: Namespaces {
                mount: self.mount_namespace,
                pid: self.pid_namespace,
                network: self.network_namespace,
                user: self.user_namespace,
            },
            session: self.session,
            chroots_to_host: false,
        })))
    }
}

fn split_arguments(bytes: &[u8]) -> Arc<[Arc<str>]> {
    if bytes.is_empty() {
        return Arc::from([]);
    }
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(paths::text).collect()
}

impl Decode for ExitRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let signal = (self.status & 0x7f) as u8;
        let code = (self.status >> 8 & 0xff) as u8;
        Ok(EventBody::Exit(Exit {
            code: (signal == 0).then_some(code),
            signal: (signal != 0).then_some(signal),
            on_cpu: self.on_cpu,
        }))
    }
}

impl Decode for SignalRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        Ok(EventBody::SentSignal(SentSignal {
            signal: u8::try_from(self.signal).map_err(|_| DecodeError::Meaningless("signal"))?,
            target: ProcessKey::new(self.target_pid, self.target_start),
            target_name: paths::text(&self.target_comm),
        }))
    }
}

impl Decode for PrivilegedRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let name = || paths::text(&self.name);
        let call = match PrivilegedOperation::from_number(self.operation) {
            Some(PrivilegedOperation::AccessProcess) => PrivilegedCall::AccessProcess(AccessedProcess {
                pid: self.target_pid,
                key: (self.target_start != 0).then(|| ProcessKey::new(self.target_pid, self.target_start)),
                name: name(),
            }),
            Some(PrivilegedOperation::LoadProgram) => {
                PrivilegedCall::LoadProgram { program_type: self.program_type, name: name() }
            }
            Some(PrivilegedOperation::DetachProgram) => PrivilegedCall::DetachProgram,
            Some(PrivilegedOperation::LoadModule) => PrivilegedCall::LoadModule { name: name() },
            None => return Err(DecodeError::Meaningless("operation")),
        };
        Ok(EventBody::Privileged(Box::new(call)))
    }
}
