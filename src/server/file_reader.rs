//! Reads a file in slices for this shard's loop, by a task of its own that does nothing else. The
//! loop takes slices when it can use them; the task reads a few ahead. While one is alive the loop
//! must park in glommio, which alone delivers file I/O.

use crate::shard::inbox::Inbox;
use glommio::io::{BufferedFile, ReadResult};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// A file on its way in. Dropping it ends the reading.
pub struct FileReader {
    shared: Rc<RefCell<Shared>>,
}

#[derive(Default)]
struct Shared {
    slices: VecDeque<ReadResult>,
    /// The end was met, or an error.
    ended: Option<io::Result<()>>,
    /// The task, when it waits for room.
    waits: Option<Waker>,
    dropped: bool,
}

/// What a reader has.
pub enum Next {
    /// Bytes, in the order of the file.
    Slice(ReadResult),
    /// None at the moment.
    Later,
    /// The end.
    End,
    /// Reading failed.
    Failed(io::Error),
}

impl FileReader {
    /// Begins to read `path` in slices of `slice_bytes`; `inbox` is how this shard's loop is woken.
    pub fn open(path: PathBuf, slice_bytes: usize, inbox: Arc<Inbox>) -> FileReader {
        let shared = Rc::new(RefCell::new(Shared::default()));
        let task_shared = Rc::clone(&shared);
        glommio::spawn_local(async move {
            let result = read(path, slice_bytes, &task_shared, &inbox).await;
            task_shared.borrow_mut().ended = Some(result);
            wake(&inbox);
        })
        .detach();
        FileReader { shared }
    }

    /// What comes next, if it is there.
    pub fn take(&mut self) -> Next {
        let mut shared = self.shared.borrow_mut();
        if let Some(slice) = shared.slices.pop_front() {
            if let Some(task) = shared.waits.take() {
                task.wake();
            }
            return Next::Slice(slice);
        }
        match shared.ended.take() {
            None => Next::Later,
            Some(Ok(())) => Next::End,
            Some(Err(error)) => Next::Failed(error),
        }
    }
}

impl Drop for FileReader {
    fn drop(&mut self) {
        let mut shared = self.shared.borrow_mut();
        shared.dropped = true;
        if let Some(task) = shared.waits.take() {
            task.wake();
        }
    }
}

async fn read(
    path: PathBuf,
    slice_bytes: usize,
    shared: &RefCell<Shared>,
    inbox: &Inbox,
) -> io::Result<()> {
    let file = BufferedFile::open(&path).await.map_err(io::Error::from)?;
    let mut position = 0;
    loop {
        // The loop may have taken slices or dropped the reader meanwhile.
        let room = poll_fn(|context| {
            let mut shared = shared.borrow_mut();
            if shared.dropped || shared.slices.len() < SLICES_AHEAD {
                return Poll::Ready(!shared.dropped);
            }
            shared.waits = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        if !room {
            break;
        }
        let slice = file.read_at(position, slice_bytes).await.map_err(io::Error::from)?;
        if slice.is_empty() {
            break;
        }
        position += slice.len() as u64;
        shared.borrow_mut().slices.push_back(slice);
        wake(inbox);
    }
    file.close().await.map_err(io::Error::from)
}

fn wake(inbox: &Inbox) {
    inbox.rouse(|waker| waker.wake_thread());
}

/// Slices read ahead of the loop.
const SLICES_AHEAD: usize = 3;
