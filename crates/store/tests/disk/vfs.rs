//! SQLite's way to its files, with us in between: every call goes on to the real VFS, is written down, and fails when told to.
//!
//! It is the default VFS of this test process, so that the store opens its files as it always does. A [`Disk`] is a directory;
//! files of no disk are only passed through. Syncs are never passed on: what they would do is in `medium`.

#![allow(unsafe_code, reason = "a VFS is a table of C functions")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use rusqlite::ffi;

use super::medium::{FileName, Op};

/// What happens to calls that would change the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The first one that fails, counted from 0.
    pub from: u64,
    /// How many fail, one after the other; then the disk is well again.
    pub calls: u64,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An error, and nothing is done.
    Error,
    /// There is no room: a write does nothing.
    Full,
    /// A write does so much of its work, in eighths, and then says that it failed.
    Torn(u8),
    /// The same, and then there is no room.
    TornFull(u8),
}

#[derive(Debug, Default)]
struct State {
    ops: Vec<Op>,
    calls: u64,
    plan: Option<Plan>,
    /// What failed: the name of the call and of the file.
    failed: Vec<String>,
    /// Handles on each file.
    open: BTreeMap<FileName, u32>,
    /// Files that were closed by all, and whose time was set back.
    marked: BTreeSet<FileName>,
}

/// A directory whose files are watched.
#[derive(Debug)]
pub struct Disk {
    directory: PathBuf,
    state: Mutex<State>,
}

fn disks() -> MutexGuard<'static, HashMap<PathBuf, Arc<Disk>>> {
    static DISKS: OnceLock<Mutex<HashMap<PathBuf, Arc<Disk>>>> = OnceLock::new();
    DISKS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Watches what SQLite does in `directory` until the answer is given to [`Disk::forget`].
    pub fn watch(directory: &Path, plan: Option<Plan>) -> Arc<Disk> {
        register();
        let directory = directory.canonicalize().unwrap();
        let state = Mutex::new(State { plan, ..State::default() });
        let disk = Arc::new(Disk { directory: directory.clone(), state });
        disks().insert(directory, Arc::clone(&disk));
        disk
    }

    pub fn forget(&self) {
        disks().remove(&self.directory);
    }

    fn of(path: &Path) -> Option<Arc<Disk>> {
        disks().get(path.parent()?).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, op: Op) {
        self.state().ops.push(op);
    }

    /// What was done, and what `look` finds at that moment.
    pub fn still<T>(&self, look: impl FnOnce() -> T) -> (Vec<Op>, T) {
        let state = self.state();
        (state.ops.clone(), look())
    }

    /// Everything that was done, in order.
    pub fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    /// What came after these has not happened; the files are put back by the caller, and are nobody's.
    pub fn rewind(&self, ops: Vec<Op>) {
        let mut state = self.state();
        state.ops = ops;
        state.marked.clear();
    }

    /// How many calls there were that could have failed.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        self.state().plan = None;
    }

    /// The calls that were made to fail.
    pub fn failed(&self) -> Vec<String> {
        self.state().failed.clone()
    }
}

impl State {
    /// Counts a call; how it has to fail, if it has to.
    fn fault(&mut self, call: &str, file: &FileName) -> Option<How> {
        let number = self.calls;
        self.calls += 1;
        let plan = self.plan.filter(|plan| (plan.from..plan.from + plan.calls).contains(&number))?;
        self.failed.push(format!("{call} of {file:?} (call {number})"));
        Some(plan.how)
    }
}

/// The store writes files once more, without SQLite, lest a sync has failed. It shows in the time of the file, which is set back
/// to this whenever nobody has it open.
const MARK: SystemTime = SystemTime::UNIX_EPOCH;

impl State {
    fn was_written_elsewhere(&self, file: FileName, path: &Path) -> bool {
        let is_other = |file: std::fs::Metadata| file.modified().unwrap() != MARK;
        self.marked.contains(&file) && self.open.get(&file) == Some(&0) && std::fs::metadata(path).is_ok_and(is_other)
    }

    fn closed(&mut self, file: FileName, path: &Path) {
        let open = self.open.get_mut(&file).expect("it was opened");
        *open -= 1;
        // A file of which a handle is closed loses its locks, so not before the last.
        if *open == 0 && std::fs::File::options().write(true).open(path).is_ok_and(|file| file.set_modified(MARK).is_ok()) {
            self.marked.insert(file);
        }
    }
}

/// A file as SQLite sees it; the real one follows in the same memory.
#[repr(C)]
struct Ours {
    methods: *const ffi::sqlite3_io_methods,
    /// From a `Box`, until the file is closed; null when it belongs to no disk.
    watched: *mut Watched,
}

struct Watched {
    disk: Arc<Disk>,
    name: FileName,
    path: PathBuf,
}

fn register() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // SAFETY: SQLite is initialised first; the VFS that it gives lives as long as the process, and so do our copies.
        unsafe {
            assert_eq!(ffi::sqlite3_initialize(), ffi::SQLITE_OK);
            let real = ffi::sqlite3_vfs_find(ptr::null());
            let ours = Box::leak(Box::new(*real));
            ours.iVersion = 2;
            ours.szOsFile = c_int::try_from(size_of::<Ours>()).unwrap() + (*real).szOsFile;
            ours.pNext = ptr::null_mut();
            ours.zName = c"watched".as_ptr();
            ours.pAppData = real.cast();
            ours.xOpen = Some(open);
            ours.xDelete = Some(delete);
            ours.xAccess = Some(access);
            ours.xFullPathname = Some(full_path);
            ours.xCurrentTimeInt64 = Some(now);
            ours.xGetLastError = Some(last_error);
            assert_eq!(ffi::sqlite3_vfs_register(ours, 1), ffi::SQLITE_OK);
        }
    });
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory maps, which would be read behind our back.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The VFS that ours stands before.
///
/// # Safety
/// `vfs` is the one of [`register`].
unsafe fn real_vfs(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    unsafe { (*vfs).pAppData.cast() }
}

/// # Safety
/// `file` is one that `open` was given.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<Ours>().add(1).cast() }
}

/// Calls a method of the real file.
macro_rules! pass {
    ($method:ident, $file:expr $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls methods of open files only, and the real one is open as long as ours.
        unsafe {
            let file = real($file);
            let method = (*(*file).pMethods).$method.expect("the VFS of the system has every method");
            method(file $(, $argument)*)
        }
    }};
}

/// Calls the real VFS.
macro_rules! pass_vfs {
    ($method:ident, $vfs:expr $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls with the VFS that was registered.
        unsafe {
            let vfs = real_vfs($vfs);
            let method = (*vfs).$method.expect("the VFS of the system has every method");
            method(vfs $(, $argument)*)
        }
    }};
}

/// Whom the file belongs to.
fn watched<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a Watched> {
    // SAFETY: as above; it is freed in `close`, after which there is no call.
    unsafe { (*file.cast::<Ours>()).watched.as_ref() }
}

fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: names end with a zero byte.
    Some(PathBuf::from(unsafe { CStr::from_ptr(name) }.to_str().expect("paths of tests are texts")))
}

extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives as many bytes as `szOsFile` asks for.
    unsafe { file.cast::<Ours>().write(Ours { methods: ptr::null(), watched: ptr::null_mut() }) };
    let path = path_of(name);
    let watched = path.and_then(|path| {
        let (disk, name) = (Disk::of(&path)?, FileName::of(&path)?);
        Some(Watched { disk, name, path })
    });
    let mut is_new = false;
    if let Some(watched) = &watched {
        is_new = !watched.path.exists();
        let mut state = watched.disk.state();
        if state.fault("open", &watched.name).is_some() {
            return ffi::SQLITE_CANTOPEN;
        }
        if state.was_written_elsewhere(watched.name, &watched.path) {
            state.ops.push(Op::Rewritten { file: watched.name });
        }
    }
    // SAFETY: the real file lies behind ours.
    let file_behind = unsafe { real(file) };
    let status = pass_vfs!(xOpen, vfs, name, file_behind, flags, flags_out);
    if status != ffi::SQLITE_OK {
        return status;
    }
    if let Some(watched) = &watched {
        let mut state = watched.disk.state();
        let is_new = is_new && watched.path.exists();
        state.ops.push(Op::Open { file: watched.name, is_new });
        *state.open.entry(watched.name).or_default() += 1;
    }
    let watched = watched.map_or(ptr::null_mut(), |watched| Box::into_raw(Box::new(watched)));
    // SAFETY: as above.
    unsafe { file.cast::<Ours>().write(Ours { methods: &raw const METHODS, watched }) };
    ffi::SQLITE_OK
}

extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    let path = path_of(name).expect("a file has a name");
    let watched = Disk::of(&path).zip(FileName::of(&path));
    if let Some((disk, file)) = &watched
        && disk.state().fault("delete", file).is_some()
    {
        return ffi::SQLITE_IOERR_DELETE;
    }
    let status = pass_vfs!(xDelete, vfs, name, 0);
    if let Some((disk, file)) = watched.filter(|_| status == ffi::SQLITE_OK) {
        disk.note(Op::Delete { file, synced: sync_directory != 0 });
    }
    status
}

extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, result: *mut c_int) -> c_int {
    pass_vfs!(xAccess, vfs, name, flags, result)
}

extern "C" fn full_path(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, bytes: c_int, path: *mut c_char) -> c_int {
    pass_vfs!(xFullPathname, vfs, name, bytes, path)
}

extern "C" fn now(vfs: *mut ffi::sqlite3_vfs, millis: *mut ffi::sqlite3_int64) -> c_int {
    pass_vfs!(xCurrentTimeInt64, vfs, millis)
}

extern "C" fn last_error(vfs: *mut ffi::sqlite3_vfs, bytes: c_int, text: *mut c_char) -> c_int {
    pass_vfs!(xGetLastError, vfs, bytes, text)
}

extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let status = pass!(xClose, file);
    // SAFETY: it came from a `Box`, and there is no call after this one.
    unsafe {
        let ours = file.cast::<Ours>();
        if !(*ours).watched.is_null() {
            let watched = Box::from_raw((*ours).watched);
            watched.disk.state().closed(watched.name, &watched.path);
        }
        (*ours).watched = ptr::null_mut();
    }
    status
}

extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, bytes: c_int, at: ffi::sqlite3_int64) -> c_int {
    pass!(xRead, file, into, bytes, at)
}

extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, bytes: c_int, at: ffi::sqlite3_int64) -> c_int {
    let Some(watched) = watched(file) else { return pass!(xWrite, file, from, bytes, at) };
    let mut state = watched.disk.state();
    let (kept, status) = match state.fault("write", &watched.name) {
        None => (bytes, ffi::SQLITE_OK),
        Some(How::Error) => (0, ffi::SQLITE_IOERR_WRITE),
        Some(How::Full) => (0, ffi::SQLITE_FULL),
        Some(How::Torn(eighths)) => (part(at, bytes, eighths), ffi::SQLITE_IOERR_WRITE),
        Some(How::TornFull(eighths)) => (part(at, bytes, eighths), ffi::SQLITE_FULL),
    };
    if kept > 0 {
        let written = pass!(xWrite, file, from, kept, at);
        if written != ffi::SQLITE_OK {
            return written;
        }
        // SAFETY: SQLite gives `bytes` bytes, and `kept` is not more.
        let text = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(kept).unwrap()) };
        state.ops.push(Op::Write { file: watched.name, at: usize::try_from(at).unwrap(), bytes: text.into() });
    }
    status
}

/// So many eighths of a write, to the end of a sector: less than one is never written.
fn part(at: ffi::sqlite3_int64, bytes: c_int, eighths: u8) -> c_int {
    if eighths >= 8 {
        return bytes;
    }
    let end = (at + i64::from(bytes) * i64::from(eighths) / 8) / 512 * 512;
    c_int::try_from((end - at).max(0)).unwrap()
}

extern "C" fn truncate(file: *mut ffi::sqlite3_file, bytes: ffi::sqlite3_int64) -> c_int {
    let Some(watched) = watched(file) else { return pass!(xTruncate, file, bytes) };
    let mut state = watched.disk.state();
    if state.fault("truncate", &watched.name).is_some() {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    let status = pass!(xTruncate, file, bytes);
    if status == ffi::SQLITE_OK {
        state.ops.push(Op::Truncate { file: watched.name, bytes: usize::try_from(bytes).unwrap() });
    }
    status
}

extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    let Some(watched) = watched(file) else { return ffi::SQLITE_OK };
    let mut state = watched.disk.state();
    let failed = state.fault("sync", &watched.name).is_some();
    state.ops.push(Op::Sync { file: watched.name, failed });
    if failed { ffi::SQLITE_IOERR_FSYNC } else { ffi::SQLITE_OK }
}

extern "C" fn file_size(file: *mut ffi::sqlite3_file, bytes: *mut ffi::sqlite3_int64) -> c_int {
    pass!(xFileSize, file, bytes)
}

extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(xLock, file, level)
}

extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(xUnlock, file, level)
}

extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, result: *mut c_int) -> c_int {
    pass!(xCheckReservedLock, file, result)
}

extern "C" fn file_control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    // A file that grows ahead of its writes would grow behind our back.
    if what == ffi::SQLITE_FCNTL_SIZE_HINT || what == ffi::SQLITE_FCNTL_CHUNK_SIZE {
        return ffi::SQLITE_NOTFOUND;
    }
    pass!(xFileControl, file, what, argument)
}

extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(xSectorSize, file)
}

extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(xDeviceCharacteristics, file)
}

extern "C" fn shm_map(file: *mut ffi::sqlite3_file, page: c_int, bytes: c_int, extend: c_int, memory: *mut *mut c_void) -> c_int {
    pass!(xShmMap, file, page, bytes, extend, memory)
}

extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass!(xShmLock, file, offset, count, flags)
}

extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(xShmBarrier, file);
}

extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(xShmUnmap, file, delete)
}
