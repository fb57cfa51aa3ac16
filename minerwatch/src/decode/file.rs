//! Decodes records about file changes.

use minerwatch_common::{FileOperation, FileRecord};

use super::{
    paths,
    record::{Decode, DecodeError, take},
};
use crate::model::{DeviceOpen, EventBody, Exchange, FileAction, FileChange, FileId};

impl Decode for FileRecord {
    fn decode(&self, mut tail: &[u8]) -> Result<EventBody, DecodeError> {
        let operation = FileOperation::from_number(self.operation);
        let action = match operation {
            Some(FileOperation::Write) => FileAction::Write,
            Some(FileOperation::Create) => FileAction::Create,
            Some(FileOperation::Rename | FileOperation::Exchange) => FileAction::Rename,
            Some(FileOperation::Delete) => FileAction::Delete,
            Some(FileOperation::Chmod) => FileAction::Chmod,
            Some(FileOperation::OpenDevice) => FileAction::DeviceOpen,
            Some(FileOperation::Link) => FileAction::Link,
            Some(FileOperation::Symlink) => FileAction::Symlink,
            None => return Err(DecodeError::Meaningless("file operation")),
        };
        let is_cut = self.cut != 0;
        let directory = take(&mut tail, self.directory_length)?;
        let name = take(&mut tail, self.name_length)?;
        let (path, old_path) = match action {
            FileAction::Rename | FileAction::Link | FileAction::Symlink => {
                let second_directory = take(&mut tail, self.second_directory_length)?;
                let second_name = take(&mut tail, self.second_name_length)?;
                let second = paths::joined(second_directory, second_name, is_cut);
                let first = if action == FileAction::Symlink {
                    paths::link_target(&second, name)
                } else {
                    paths::joined(directory, name, is_cut)
                };
                (second, Some(first))
            }
            _ => (paths::joined(directory, name, is_cut), None),
        };
        let known = |inode| (inode != 0).then_some(FileId { device: self.device, inode });
        // The second event of an exchange is made from the first.
        let exchange = (operation == Some(FileOperation::Exchange)).then(|| Exchange {
            file: known(self.second_inode),
            mode: self.second_mode,
            first: true,
        });
        Ok(EventBody::File(Box::new(FileChange {
            action,
            path,
            old_path,
            host_path: None,
            elsewhere: false,
            file: known(self.inode),
            mode: self.mode,
            device: (action == FileAction::DeviceOpen).then_some(DeviceOpen {
                major: self.special >> 20,
                minor: self.special & 0xf_ffff,
                writable: self.writable != 0,
                result: 0,
            }),
            exchange,
        })))
    }
}
