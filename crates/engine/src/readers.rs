//! Threads that read from the store, so that neither the ring nor an async runtime waits for a disk.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use workflow_store::Store;

use crate::Error;

type Job = Box<dyn FnOnce(&dyn Store) + Send>;

#[derive(Debug)]
pub struct Readers {
    /// None once they were closed.
    jobs: RwLock<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub fn new(name: &str, threads: usize, store: &Arc<dyn Store>) -> Result<Readers, Error> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut handles = Vec::with_capacity(threads);
        for number in 0..threads {
            let (receiver, store) = (receiver.clone(), store.clone());
            let builder = thread::Builder::new().name(format!("{name}-{number}"));
            let handle = builder.spawn(move || read(&receiver, store.as_ref()));
            handles.push(handle.map_err(|error| Error::no_thread(&error))?);
        }
        Ok(Readers { jobs: RwLock::new(Some(sender)), threads: Mutex::new(handles) })
    }

    /// Has a job done. It is dropped once the readers are closed.
    pub fn spawn(&self, job: impl FnOnce(&dyn Store) + Send + 'static) {
        if let Some(jobs) = self.jobs.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // The readers live as long as the sender.
            let _ = jobs.send(Box::new(job));
        }
    }

    /// Has a job done and waits for what it gives.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.spawn(move |store| {
            let _ = reply.send(job(store));
        });
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// Does what was asked for, and lets go of the store: once this has returned no thread holds it.
    pub fn close(&self) {
        self.jobs.write().unwrap_or_else(PoisonError::into_inner).take();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // One that panicked has been reported, and holds nothing.
            let _ = thread.join();
        }
    }
}

fn read(jobs: &Mutex<Receiver<Job>>, store: &dyn Store) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(store),
            Err(_) => return,
        }
    }
}
