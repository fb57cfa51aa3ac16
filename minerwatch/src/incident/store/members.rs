//! Records what members do: connections and changes of files.

use super::{Incidents, connect_edge, self_to_root};
use crate::{
    detect::{DetectionContext, WrittenFiles, network},
    incident::{causes::path_of, links::Connected, membership::Serial},
    model::{ChainEdge, ChainKind, Connect, FileAction, FileChange},
    process::Outbound,
};

impl Incidents {
    /// Adds an outbound connection of a member as a step. Returns the incident of the process.
    pub(super) fn connection(&mut self, context: &DetectionContext<'_>, connect: &Connect) -> Option<Serial> {
        let destination = network::outbound(connect)?;
        let serial = self.membership.of_process(context.table, context.key())?;
        let incident = self.open.get_mut(&serial)?;
        incident.last_activity = incident.last_activity.max(context.at());
        if !incident.is_new_connection(context.key(), destination) {
            return None;
        }
        incident.created(self_to_root(context.table, context.key()));
        incident.step(connect_edge(&Outbound {
            at: context.at(),
            process: context.key(),
            name: context.process.view.name.clone(),
            destination,
        }));
        incident.links.connect(Connected {
            at: context.at(),
            path: path_of(context.table, context.key()),
            destination,
        });
        Some(serial)
    }

    /// Adds a member's change of a file that may be run. The incident holds the file, because anybody may run it later.
    /// A deletion or a mode change is a step. A deleted file, or a file whose inode serves a new file, no longer
    /// belongs to the incident.
    pub(super) fn change(
        &mut self,
        context: &DetectionContext<'_>,
        change: &FileChange,
        written: &WrittenFiles,
    ) -> Option<Serial> {
        let container = context.process.container_id().cloned();
        let verb = match change.action {
            // Another path still leads to the file.
            FileAction::Delete if written.find_file(change.file).is_some() => {
                Some("deleted one of its links")
            }
            FileAction::Delete => {
                self.deleted_itself(context, change);
                self.membership.release_file(&change.path, change.file, container.as_deref())?;
                Some("deleted")
            }
            FileAction::Create => {
                self.membership.release_file(&change.path, change.file, container.as_deref());
                None
            }
            FileAction::Chmod => Some("made executable"),
            FileAction::Write | FileAction::Rename | FileAction::Link => None,
            FileAction::DeviceOpen | FileAction::Symlink | FileAction::Mount => return None,
        };
        let known = written.find(&change.path, change.file, container.as_deref());
        if known.is_none() && change.action != FileAction::Delete {
            return None;
        }
        let serial = self.membership.of_process(context.table, context.key())?;
        let incident = self.open.get_mut(&serial)?;
        if let Some(known) = known.filter(|known| known.content || known.place.is_odd()) {
            self.membership.hold_file(serial, &mut incident.holdings, &known.path, known.file, container);
        }
        let verb = verb?;
        incident.created(self_to_root(context.table, context.key()));
        incident.step(ChainEdge {
            kind: ChainKind::Modify,
            at: context.at(),
            process: context.key(),
            name: context.process.view.name.clone(),
            parent: context.process.parent,
            object: format!("{} ({verb})", change.path),
        });
        Some(serial)
    }

    /// Marks a suspect whose program is deleted while it runs, by itself or by a relative.
    fn deleted_itself(&mut self, context: &DetectionContext<'_>, change: &FileChange) {
        let Some(serial) = self.membership.of_process(context.table, context.key()) else { return };
        let Some(incident) = self.open.get_mut(&serial) else { return };
        incident.deleted(&change.path, change.file);
    }
}
