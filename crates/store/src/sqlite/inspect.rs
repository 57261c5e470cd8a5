//! A database file that is only read, row by row: for `workflow check` and for copies.
//!
//! Not a [`Store`](crate::Store): opening one takes the file over, migrates it and puts in order what a crash left. Here nothing is
//! written, neither to the file nor beside it. What a crash left in the write-ahead log counts, and is read from there through an
//! index in memory, so that not even the `-shm` file comes to be: one that belongs to whoever looked would keep the engine out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use workflow_core::event::Recorded;
use workflow_core::id::{ExecutionId, Version};
use workflow_core::json::Json;
use workflow_core::status::Status;

use super::error::{OpenError, Trouble};
use super::lock::Lock;
use super::open::{self, Refused};
use super::recent::Recent;
use super::row::{self, SEQ_MAX, place, seq_of};
use super::seal::{Seals, View, bound, key_and_rest, known};
use super::{migrate, read};
use crate::{ClaimKind, DefinitionRow, FailureCount, Fault, Head, Keys, Snapshot, Taken, TokenRows};

const CACHE_BYTES: u32 = 16 << 20;
/// Tables with seals, and the column that is encrypted when there is a key.
const TEXTS: [(&str, &str); 10] = [
    ("history", "events"),
    ("payload", "json"),
    ("recent", "entries"),
    ("snapshot", "body"),
    ("definition", "stored"),
    ("claim", "data"),
    ("endpoint", "secret"),
    ("execution", "error"),
    ("document", "body"),
    // It has none.
    ("token", "NULL"),
];
/// Without locks of SQLite's: the file is ours by its lock file, and theirs need a file that may be written.
const WITHOUT_LOCKS: &str = if cfg!(windows) { "win32-none" } else { "unix-none" };

/// A database file that no engine has open, as it is.
#[derive(Debug)]
pub struct Inspection {
    connection: Connection,
    seals: Seals,
    schema: u32,
    recent: Recent,
    recent_unreadable: Option<String>,
    /// No engine opens it meanwhile.
    _lock: Option<Lock>,
}

/// Everything that is stored of one execution. What cannot be read says why.
#[derive(Debug)]
pub struct Examined {
    /// Stands for it inside the file.
    pub key: i64,
    pub id: Option<ExecutionId>,
    pub head: Result<Head, String>,
    pub events: Result<Vec<Recorded>, String>,
    /// Payloads that have a row of their own, by the `seq` of their event: their length, or why they are no JSON.
    pub payloads: Vec<(u64, Result<usize, String>)>,
    pub snapshot: Option<Snapshot>,
    /// What it wants, as the engine would find it.
    pub parked: Vec<(Option<ExecutionId>, String)>,
}

/// A claim, with the executions that it names.
#[derive(Debug)]
pub struct ClaimRow {
    /// `idempotency_key` or `event_id`.
    pub kind: String,
    pub scope: String,
    pub key: String,
    pub executions: Result<Vec<ExecutionId>, String>,
}

/// A definition that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    pub workflow: String,
    pub version: Version,
    pub why: String,
}

/// Texts by what protects them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protection {
    /// Rows of earlier versions, which have no checksum.
    pub unsealed: u64,
    /// Plain texts, with a checksum or without.
    pub plain: u64,
    /// Encrypted ones, by the name of the key.
    pub encrypted: BTreeMap<String, u64>,
}

/// Rows of a table that belong to no execution.
#[derive(Debug)]
pub struct Stray {
    pub table: &'static str,
    pub key: i64,
    pub rows: u64,
}

impl Inspection {
    /// The schema that a file has once this version has opened it.
    pub const NEWEST_SCHEMA: u32 = migrate::NEWEST;

    /// Opens the file at `path`, and keeps every engine from opening it. All keys that it was written with are needed.
    pub fn open(path: impl AsRef<Path>, keys: &Keys) -> Result<Inspection, OpenError> {
        let Still { path, connection, schema, lock } = Still::open(path.as_ref())?;
        let seals = Seals::new(keys).map_err(Refused::Other).and_then(|seals| {
            connection.execute_batch(&as_newest(schema))?;
            if schema < known::SINCE_SCHEMA {
                return Ok(seals);
            }
            if let Err(refused @ Refused::Key(_)) = known::expect_given(&connection, &seals) {
                // What else is wrong with that table is found with the other damages.
                return Err(refused);
            }
            Ok(seals)
        });
        let seals = seals.map_err(|refused| refused.at(&path))?;
        let (recent, recent_unreadable) = match schema {
            1 => (Recent::default(), None),
            _ => match Recent::read(seals.view(&connection), u64::MAX) {
                Ok(recent) => (recent, None),
                Err(trouble) => (Recent::default(), Some(said(trouble))),
            },
        };
        Ok(Inspection { connection, seals, schema, recent, recent_unreadable, _lock: lock })
    }

    fn view(&self) -> View<'_> {
        self.seals.view(&self.connection)
    }

    /// The number of its schema; the engine takes an older one to the newest when it opens the file.
    pub fn schema(&self) -> u32 {
        self.schema
    }

    pub fn bytes(&self) -> Result<u64, Fault> {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.answer(self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs))
    }

    /// What SQLite finds wrong with the file, at most so many: pages, indexes, types, rows of `recent`.
    pub fn damages(&self, limit: usize) -> Vec<String> {
        let mut found = Vec::new();
        let sql = format!("PRAGMA integrity_check({})", limit.max(1));
        let checked = self.connection.prepare(&sql).and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                found.extend(Some(row.get::<_, String>(0)?).filter(|line| line != "ok"));
            }
            Ok(())
        });
        found.extend(checked.err().map(|error| error.to_string()));
        found.extend(self.recent_unreadable.clone());
        found
    }

    /// Tables, indexes and views that are not as the schema makes them. What a person has added does not matter.
    pub fn differences(&self) -> Result<Vec<String>, Fault> {
        let find = || {
            let model = self.answer(Connection::open_in_memory())?;
            migrate::migrate_to(self.seals.view(&model), 0, self.schema).map_err(during)?;
            let mut found = Vec::new();
            for (kind, name, sql) in self.answer(schema_of(&model))? {
                let ours = self.answer(schema_of(&self.connection))?.into_iter().find(|(_, other, _)| *other == name);
                match ours {
                    None => found.push(format!("the {kind} `{name}` is missing")),
                    Some((_, _, found_sql)) if found_sql != sql => found.push(format!("the {kind} `{name}` was changed")),
                    Some(_) => {}
                }
            }
            Ok(found)
        };
        find()
    }

    /// Every version of every definition.
    pub fn definitions(&self) -> Result<Vec<Result<DefinitionRow, Unreadable>>, Fault> {
        let find = || {
            let sql = "SELECT w.id AS workflow, d.version, d.stored, d.source, d.created_at, d.deleted_at, d.seal, d.workflow \
                FROM definition d LEFT JOIN workflow w ON w.key = d.workflow ORDER BY d.workflow, d.version";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            let mut definitions = Vec::new();
            while let Some(row) = rows.next()? {
                let version = Version(row.get(1)?);
                let unreadable = |trouble| Unreadable { workflow: name_of_workflow(row), version, why: said(trouble) };
                definitions.push(read::definition(self.view(), row).map_err(unreadable));
            }
            Ok(definitions)
        };
        self.answer(find())
    }

    /// Hands over one execution after the other, in the order in which they were stored.
    pub fn each_execution(&self, mut take: impl FnMut(Examined)) -> Result<(), Fault> {
        let mut walk = || {
            let mut statement = self.connection.prepare("SELECT key, id FROM execution ORDER BY key")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id = row.get(1).ok().map(ExecutionId::from_bytes);
                take(self.examine(row.get(0)?, id));
            }
            Ok(())
        };
        self.answer(walk())
    }

    fn examine(&self, key: i64, id: Option<ExecutionId>) -> Examined {
        let about = |trouble: Trouble| {
            let said = said(trouble);
            let prefix = id.map(|id| format!("{id}: ")).unwrap_or_default();
            said.strip_prefix(&prefix).map(str::to_owned).unwrap_or(said)
        };
        let head = row::head_row_by_key(self.view(), key).map_err(about);
        let last = head.as_ref().ok().and_then(|row| row.last);
        let events = match id {
            Some(id) => read::events(self.view(), id, key, last, self.recent.of(id, u64::MAX)).map_err(about),
            None => Err("its id cannot be read".to_owned()),
        };
        Examined {
            key,
            id,
            head: head.map(|row| row.head),
            events,
            payloads: self.payloads(id, key).unwrap_or_else(|error| vec![(0, Err(error.to_string()))]),
            snapshot: id.and_then(|id| read::snapshot(self.view(), id, key).unwrap_or_default()),
            parked: self.parked(key).unwrap_or_default(),
        }
    }

    fn payloads(&self, id: Option<ExecutionId>, key: i64) -> rusqlite::Result<Vec<(u64, Result<usize, String>)>> {
        let Some(id) = id else { return Ok(Vec::new()) };
        let sql = "SELECT place, json, seal FROM payload WHERE place BETWEEN ?1 AND ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([place(key, 0), place(key, SEQ_MAX)], |row| {
            let seq = seq_of(row.get(0)?);
            let json: Result<Json, Trouble> = row::sealed_json(self.view(), &bound::payload(id, seq), row, 1, 2);
            Ok((seq, json.map(|json| json.len()).map_err(said)))
        })?;
        rows.collect()
    }

    fn parked(&self, key: i64) -> rusqlite::Result<Vec<(Option<ExecutionId>, String)>> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, action FROM parked WHERE execution = ?1 ORDER BY action")?;
        let rows = statement.query_map([key], |row| Ok((row.get(0).ok().map(ExecutionId::from_bytes), row.get(1)?)))?;
        rows.collect()
    }

    /// Rows that belong to no execution, of each table at most so many.
    pub fn strays(&self, limit: usize) -> Result<Vec<Stray>, Fault> {
        let find = || {
            let mut strays = Vec::new();
            for (table, key) in [
                ("history", "t.place >> 24"),
                ("payload", "t.place >> 24"),
                ("snapshot", "t.execution"),
                ("parked", "t.execution"),
            ] {
                let sql = format!(
                    "SELECT {key}, count(*) FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM execution e WHERE e.key = {key}) \
                     GROUP BY 1 LIMIT ?1"
                );
                let mut statement = self.connection.prepare(&sql)?;
                let rows = statement.query_map([row::rows(limit)], |row| {
                    Ok(Stray { table, key: row.get(0)?, rows: row.get::<_, i64>(1)?.unsigned_abs() })
                })?;
                for stray in rows {
                    strays.push(stray?);
                }
            }
            Ok(strays)
        };
        self.answer(find())
    }

    /// Hands over one claim after the other.
    pub fn each_claim(&self, mut take: impl FnMut(ClaimRow)) -> Result<(), Fault> {
        let mut walk = || {
            let sql = "SELECT kind, scope, key, executions, data, seal FROM claim";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (kind, scope, key): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let bound = bound::claim(&kind, &scope, &key, &row.get::<_, String>(3)?);
                let sealed = row::sealed_json(self.view(), &bound, row, 4, 5);
                let executions = sealed.and_then(|_| row::text(row, 3, |text| serde_json::from_str(text))).map_err(said);
                take(ClaimRow { kind, scope, key, executions });
            }
            Ok(())
        };
        self.answer(walk())
    }

    /// Who holds a claim.
    pub fn claim(&self, kind: ClaimKind, scope: &str, key: &str) -> Result<Option<Taken>, Fault> {
        read::claim(self.view(), kind, scope, key).map_err(during)
    }

    /// Whether there is an execution with this id.
    pub fn is_there(&self, id: ExecutionId) -> Result<bool, Fault> {
        let find = || self.connection.prepare_cached("SELECT 1 FROM execution WHERE id = ?1")?.exists([id.to_bytes()]);
        self.answer(find())
    }

    /// The counters as they are stored.
    pub fn counts(&self) -> Result<Vec<(String, Status, u64)>, Fault> {
        read::version_counts(&self.connection).map(crate::row::by_status).map_err(during)
    }

    /// Whether files of this schema count failures.
    pub fn counts_failures(&self) -> bool {
        self.schema >= migrate::FAILURES
    }

    /// How many executions have failed in each way, as it is stored.
    pub fn failure_counts(&self) -> Result<Vec<FailureCount>, Fault> {
        read::failure_counts(&self.connection).map_err(during)
    }

    /// That every document can be read: how many there are, and what is wrong with those that cannot.
    pub fn documents(&self) -> Result<(u64, Vec<String>), Fault> {
        let find = || {
            let mut statement = self.connection.prepare("SELECT kind, key, body, seal FROM document")?;
            let mut rows = statement.query([])?;
            let (mut count, mut wrong) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                let (kind, key): (String, String) = (row.get(0)?, row.get(1)?);
                count += 1;
                if let Err(trouble) = row::sealed_json(self.view(), &bound::document(&kind, &key), row, 2, 3) {
                    wrong.push(format!("document `{key}` of kind `{kind}`: {}", said(trouble)));
                }
            }
            Ok((count, wrong))
        };
        self.answer(find())
    }

    /// Where the copy comes from that the file has not been given whole, as [`unfinished`](crate::unfinished) tells it of a store.
    pub fn unfinished(&self) -> Result<Option<String>, Fault> {
        read::documents(self.view(), &crate::copy::marks()).map(|marks| crate::copy::source_of(&marks)).map_err(during)
    }

    /// That every endpoint can be read.
    pub fn endpoints(&self) -> Result<usize, Fault> {
        read::endpoints(self.view()).map(|endpoints| endpoints.len()).map_err(during)
    }

    /// What protects the texts of the file.
    pub fn protection(&self) -> Result<Protection, Fault> {
        let count = || {
            let mut found = Protection::default();
            if self.schema >= known::SINCE_SCHEMA {
                for (table, text) in TEXTS {
                    self.protection_of(table, text, &mut found)?;
                }
            }
            Ok(found)
        };
        self.answer(count())
    }

    fn protection_of(&self, table: &str, text: &str, found: &mut Protection) -> rusqlite::Result<()> {
        // The name of the key is in the beginning of a seal.
        let sql = format!("SELECT substr(seal, 1, 80), typeof(seal), {text} IS NOT NULL FROM {table}");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match (row.get_ref(1)?.as_str()?, row.get::<_, bool>(2)?) {
                ("blob", _) => {
                    let key = row.get_ref(0)?.as_blob().ok().and_then(key_and_rest).map_or("?", |(key, _)| key);
                    *found.encrypted.entry(key.to_owned()).or_default() += 1;
                }
                (kind, has_text) => {
                    found.unsealed += u64::from(kind == "null");
                    found.plain += u64::from(has_text);
                }
            }
        }
        Ok(())
    }

    pub fn tokens(&self) -> Result<TokenRows, Fault> {
        read::tokens(self.view()).map_err(during)
    }

    fn answer<T>(&self, result: rusqlite::Result<T>) -> Result<T, Fault> {
        result.map_err(|error| during(error.into()))
    }
}

/// A database file that no engine has open, by its pages.
pub(super) struct Still {
    pub path: PathBuf,
    pub connection: Connection,
    schema: u32,
    lock: Option<Lock>,
}

impl Still {
    pub fn open(path: &Path) -> Result<Still, OpenError> {
        let path = existing(path)?;
        let lock = Lock::take_existing(&path)?;
        let opened = connect(&path).map_err(Refused::from).and_then(|connection| {
            let schema = open::recognise(&connection)?;
            if schema == 0 {
                return Err(Refused::NotOurs("an empty SQLite file".to_owned()));
            }
            connection.execute_batch("BEGIN")?;
            Ok((connection, schema))
        });
        let (connection, schema) = opened.map_err(|refused| refused.at(&path))?;
        Ok(Still { path, connection, schema, lock })
    }
}

/// What lets the tables of an earlier schema be read as the newest ones: views that have the columns which came later.
fn as_newest(schema: u32) -> String {
    const SEALED: [&str; 7] = ["history", "payload", "snapshot", "definition", "claim", "endpoint", "workflow"];
    let mut sql = String::new();
    let sealed = schema >= known::SINCE_SCHEMA;
    if !sealed {
        let recent = if schema == 1 { None } else { Some("recent") };
        for table in SEALED.into_iter().chain(recent) {
            sql += &format!("CREATE TEMP VIEW {table} AS SELECT *, NULL AS seal FROM main.{table};");
        }
    }
    if schema < migrate::FAILURES {
        let seal = if sealed { "" } else { "NULL AS last, NULL AS seal, " };
        sql += &format!(
            "CREATE TEMP VIEW execution AS SELECT *, {seal}NULL AS steps_failed, NULL AS steps_skipped, NULL AS retrying, \
             NULL AS failure FROM main.execution;"
        );
        sql += "CREATE TEMP VIEW counter AS SELECT workflow, 0 AS version, status, count, NULL AS seal FROM main.counter;\
            CREATE TEMP VIEW failure_counter AS \
            SELECT 0 AS failure, 0 AS workflow, 0 AS version, 0 AS retrying, 0 AS count, NULL AS seal WHERE 0;\
            CREATE TEMP VIEW document AS SELECT '' AS kind, '' AS key, '' AS body, NULL AS seal WHERE 0;";
    }
    if schema < migrate::TOKENS {
        sql += "CREATE TEMP VIEW token AS SELECT '' AS id, '' AS name, '' AS role, x'' AS sha256, 0 AS created_at, \
            NULL AS revoked_at, NULL AS seal WHERE 0;";
    } else if schema < migrate::TOKEN_SEALS {
        sql += "CREATE TEMP VIEW token AS SELECT *, NULL AS seal FROM main.token;";
    }
    sql
}

/// The file at `path`, by its own name: a file that is not there is not made.
pub(super) fn existing(path: &Path) -> Result<PathBuf, OpenError> {
    let path = open::absolute(path)?;
    if path.is_file() {
        return Ok(path);
    }
    Err(OpenError::Other { path, reason: "there is no such file".to_owned() })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let has_log = fs::metadata(open::log_of(path)).is_ok_and(|log| log.len() > 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    // Without a log nothing else is looked for, nor made.
    let uri = format!("file:{}{}", escaped(path), if has_log { "" } else { "?immutable=1" });
    let connection = Connection::open_with_flags_and_vfs(uri, flags, WITHOUT_LOCKS)?;
    // Before anything is read: then the index of the log is kept in memory.
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    open::settle(&connection, CACHE_BYTES)?;
    Ok(connection)
}

/// A path within a URI.
fn escaped(path: &Path) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => text.push(char::from(*byte)),
            _ => write!(text, "%{byte:02x}").expect("a string takes everything"),
        }
    }
    text
}

fn schema_of(connection: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn name_of_workflow(row: &Row<'_>) -> String {
    match row.get_ref(0) {
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => format!("number {}", row.get::<_, i64>(7).unwrap_or_default()),
    }
}

fn said(trouble: Trouble) -> String {
    during(trouble).message
}

fn during(trouble: Trouble) -> Fault {
    trouble.during("check")
}
