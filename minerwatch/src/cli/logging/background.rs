//! Writes the log in a thread of its own, so that a reader of standard error that stops reading does not stop the daemon.
//!
//! Until the thread starts, messages are written at once: no thread may start before the daemon has dropped its
//! capabilities, because capabilities belong to a thread.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// Number of messages that wait for standard error. More are dropped and counted.
const CAPACITY: usize = 1_024;

/// Stack size of the thread, in bytes.
const STACK: usize = 128 << 10;

/// Time at the end for the messages that wait.
const GRACE: Duration = Duration::from_millis(100);

/// Makes the writers of the log.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Background(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The queue of the thread, once it runs.
    queue: Mutex<Option<SyncSender<Vec<u8>>>>,
    /// Messages that wait or are being written.
    waiting: AtomicU64,
    dropped: AtomicU64,
}

impl Background {
    /// Starts the thread.
    pub fn start(&self) -> io::Result<()> {
        let (sender, receiver) = sync_channel::<Vec<u8>>(CAPACITY);
        let state = Arc::clone(&self.0);
        let run = move || {
            for message in receiver {
                // Nobody can be told about a failure.
                let _ = io::stderr().write_all(&message);
                state.waiting.fetch_sub(1, Ordering::Release);
                let dropped = state.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let _ = writeln!(
                        io::stderr(),
                        "messages that nobody read in time, and that are lost: {dropped}"
                    );
                }
            }
        };
        thread::Builder::new().name("log".to_owned()).stack_size(STACK).spawn(run)?;
        *self.0.lock() = Some(sender);
        Ok(())
    }

    /// Waits a moment for the messages that wait. Call it at the end.
    pub fn finish(&self) {
        let end = Instant::now() + GRACE;
        while self.0.waiting.load(Ordering::Acquire) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Option<SyncSender<Vec<u8>>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one message.
#[derive(Debug)]
pub(in crate::cli) struct Writer(Arc<State>);

impl Write for Writer {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let queue = self.0.lock();
        let Some(queue) = &*queue else {
            io::stderr().write_all(message)?;
            return Ok(message.len());
        };
        self.0.waiting.fetch_add(1, Ordering::Release);
        if queue.try_send(message.to_vec()).is_err() {
            self.0.waiting.fetch_sub(1, Ordering::Release);
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Background {
    type Writer = Writer;

    fn make_writer(&'a self) -> Writer {
        Writer(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_read_holds_nobody_up() {
        let background = Background::default();
        let (sender, receiver) = sync_channel(2);
        *background.0.lock() = Some(sender);
        let mut writer = background.make_writer();
        for _ in 0..5 {
            assert_eq!(writer.write(b"message\n").unwrap(), 8);
        }
        assert_eq!(background.0.dropped.load(Ordering::Relaxed), 3);
        assert_eq!(background.0.waiting.load(Ordering::Relaxed), 2);
        let start = Instant::now();
        background.finish();
        assert!(start.elapsed() < Duration::from_secs(5));
        drop(receiver);
        assert_eq!(writer.write(b"message\n").unwrap(), 8);
    }
}
