//! Decodes records about payloads.

use minerwatch_common::{FlowUpdateRecord, PayloadRecord};

use super::{
    network::flow,
    record::{Decode, DecodeError},
};
use crate::model::{AppData, BootTime, Bytes, Direction, EventBody, FlowUpdate, Payload, PayloadSample};

impl Decode for PayloadRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let bytes = self.data.get(..usize::from(self.captured));
        let bytes = bytes.filter(|_| u32::from(self.captured) <= self.length);
        Ok(EventBody::Payload(Box::new(Payload {
            flow: flow(&self.flow, self.opened)?,
            direction: direction(self.direction)?,
            index: self.index,
            length: self.length,
            accepted: self.accepted != 0,
            bytes: Bytes(bytes.ok_or(DecodeError::Meaningless("captured length"))?.into()),
            app: AppData::default(),
        })))
    }
}

impl Decode for FlowUpdateRecord {
    fn decode(&self, _tail: &[u8]) -> Result<EventBody, DecodeError> {
        let progress = &self.progress;
        let used = usize::try_from(progress.count).ok().and_then(|count| progress.samples.get(..count));
        let samples = used.ok_or(DecodeError::Meaningless("number of samples"))?.iter().map(|sample| {
            Ok(PayloadSample {
                at: sample.at,
                direction: direction(sample.direction)?,
                length: sample.length,
            })
        });
        Ok(EventBody::FlowUpdate(Box::new(FlowUpdate {
            flow: flow(&self.flow, self.opened)?,
            accepted: self.accepted != 0,
            interval: self.interval != 0,
            first: BootTime(progress.first),
            bytes: progress.bytes.into(),
            payloads: progress.payloads.into(),
            samples: samples.collect::<Result<_, _>>()?,
        })))
    }
}

fn direction(number: u16) -> Result<Direction, DecodeError> {
    match minerwatch_common::Direction::from_number(number) {
        Some(minerwatch_common::Direction::Sent) => Ok(Direction::Sent),
        Some(minerwatch_common::Direction::Received) => Ok(Direction::Received),
        None => Err(DecodeError::Meaningless("direction")),
    }
}
