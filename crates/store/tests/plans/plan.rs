//! A plan as PostgreSQL gives it: to show, and to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Tables that are read whole, by right: they do not grow with what runs.
const SMALL: &[(&str, &str)] = &[
    ("cluster", "four rows"),
    ("engine", "one row an engine"),
    ("range", "64 rows"),
    ("inbox", "what is asked at this moment: it goes with its answer"),
    ("definition", "a row a version: who reads it wants all of them"),
    ("endpoint", "few: who reads it wants all of them"),
    ("token", "few: who reads it wants all of them"),
    ("counter", "a row for each version and status: who reads it wants all of them"),
    ("failure_counter", "a row for each kind of failure that is there: who reads it wants all of them"),
    ("encryption_key", "one row a key"),
    ("workflow_schema", "one row a migration"),
];

/// Statements that look at a table without knowing where, beside what keeps them from reading it whole.
const LOOKS: &[(&str, &str)] = &[
    (
        "SELECT NOT EXISTS (SELECT 1 FROM execution)",
        "whether there is any row: it stops at the first, once when a database is opened",
    ),
    (
        "SELECT count(*) AS looked_at, count(e.id) AS stay FROM history_DATED h TABLESAMPLE",
        "16 pages of a partition that is over",
    ),
    (
        "SELECT count(*) AS looked_at, count(e.id) AS stay FROM payload_DATED h TABLESAMPLE",
        "16 pages of a partition that is over",
    ),
];

/// A statement looks at no more rows of a table than this, of six times as many, whatever it answers.
const ROWS_MAX: f64 = 1_100.0;
/// And at no more of which it then sees that they are not meant.
const ROWS_IN_VAIN_MAX: f64 = 50.0;

/// Pages that are read for each of them, and each time that an index is entered.
const PAGES_EACH_MAX: f64 = 5.0;
/// And besides, as of rows that are gone.
const PAGES_MAX: f64 = 24.0;

/// How the indexes of a database begin: the table, and the first of what it is ordered by.
pub type Indexes = BTreeMap<String, (String, String)>;

/// What is the same every day: partitions are named for their days, and what is read of several of them is numbered.
pub fn settled(text: &str) -> String {
    static DATED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(history|payload)_(until|\d{8})_\d{8}").unwrap());
    static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'").unwrap());
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"'\d+'::oid").unwrap());
    static PERCENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"SYSTEM \([0-9.]+\)").unwrap());
    let text = DATED.replace_all(text, "${1}_DATED");
    let text = ID.replace_all(&text, "'ID'");
    let text = NUMBER.replace_all(&text, "'TABLE'::oid");
    PERCENT.replace_all(&text, "SYSTEM (PERCENT)").into_owned()
}

/// A plan as people read it, without what only this database has.
pub fn shown(plan: &Value) -> String {
    static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b([a-z]+(?:_[a-zA-Z]+)*)_\d+\b").unwrap());
    let mut shown = String::new();
    show(plan, 0, &mut shown);
    NUMBERED.replace_all(&settled(&shown), "$1").into_owned()
}

fn show(node: &Value, depth: usize, shown: &mut String) {
    let text = |field: &str| node[field].as_str();
    let indent = "  ".repeat(depth);
    if let Some(name) = text("Subplan Name") {
        writeln!(shown, "{indent}{name}:").unwrap();
    }
    let kind = text("Node Type").unwrap();
    let mut line = match (kind, text("Operation")) {
        ("ModifyTable", Some(operation)) => operation.to_owned(),
        ("Aggregate", _) => format!("{} Aggregate", text("Strategy").unwrap_or_default()),
        _ => kind.to_owned(),
    };
    if text("Scan Direction") == Some("Backward") {
        line += " Backward";
    }
    if let Some(join) = text("Join Type").filter(|join| *join != "Inner") {
        write!(line, " ({join})").unwrap();
    }
    for (word, field) in [("using", "Index Name"), ("on", "Relation Name"), ("on", "Function Name"), ("on", "CTE Name")] {
        if let Some(name) = text(field) {
            write!(line, " {word} {name}").unwrap();
        }
    }
    // Where it has none of its own it is that of its table, or of the one that it is a partition of.
    let own = |alias: &&str| text("Relation Name").is_none_or(|name| !alias.starts_with(name) && !alias.contains("_dated"));
    if let Some(alias) = text("Alias").filter(own) {
        write!(line, " {alias}").unwrap();
    }
    writeln!(shown, "{indent}{line}").unwrap();
    const DETAILS: [&str; 14] = [
        "Index Cond",
        "Recheck Cond",
        "Order By",
        "Filter",
        "Join Filter",
        "One-Time Filter",
        "Sort Key",
        "Presorted Key",
        "Group Key",
        "Cache Key",
        "Hash Cond",
        "Merge Cond",
        "Sampling Method",
        "Conflict Resolution",
    ];
    for field in DETAILS {
        match &node[field] {
            Value::String(detail) => writeln!(shown, "{indent}    {field}: {detail}").unwrap(),
            Value::Array(keys) => {
                let unqualified = |key: &'_ Value| key.as_str().unwrap().rsplit('.').next().unwrap().to_owned();
                let keys: Vec<String> = keys.iter().map(unqualified).collect();
                writeln!(shown, "{indent}    {field}: {}", keys.join(", ")).unwrap();
            }
            _ => {}
        }
    }
    // Partitions are read alike, however many there are; which of them are, the parameters tell.
    let mut alike = BTreeSet::new();
    for below in below(node) {
        let is_partition = matches!(kind, "Append" | "Merge Append");
        let mut own = String::new();
        show(below, depth + 1, &mut own);
        if is_partition {
            own = settled(&own).replace("_undated", "_DATED");
        }
        if !is_partition || alike.insert(own.clone()) {
            shown.push_str(&own);
        }
    }
}

fn below(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

/// What is wrong with how a statement is run.
pub fn faults(sql: &str, plan: &Value, indexes: &Indexes) -> Vec<String> {
    let mut judge = Judge { indexes, looks: LOOKS.iter().any(|(beginning, _)| sql.starts_with(beginning)), faults: Vec::new() };
    judge.node(plan, false, None);
    judge.faults
}

struct Judge<'a> {
    indexes: &'a Indexes,
    looks: bool,
    faults: Vec<String>,
}

impl Judge<'_> {
    /// `stops`: what is above takes some rows and no more. `heap`: the table of an index that only finds places.
    fn node(&mut self, node: &Value, stops: bool, heap: Option<&str>) {
        let text = |field: &str| node[field].as_str();
        let kind = text("Node Type").unwrap();
        let table = text("Relation Name").or(heap);
        // Those of PostgreSQL itself hold a row for each of our tables.
        let is_small = |table: &str| table.starts_with("pg_") || SMALL.iter().any(|(small, _)| *small == table);
        let is_scan = kind.ends_with("Scan") && table.is_some_and(|table| !is_small(table));
        if let (true, Some(table)) = (is_scan, table) {
            let index = text("Index Name").map(|name| {
                let (of, first) = self.indexes.get(name).unwrap_or_else(|| panic!("an index `{name}`"));
                assert_eq!(of, table, "{name}");
                first
            });
            match index {
                // The places were found by an index below.
                None if kind == "Bitmap Heap Scan" => {}
                None if self.looks => {}
                None => self.faults.push(format!("{kind} of `{table}`: all of it is read")),
                Some(first) => {
                    let is_narrowed = text("Index Cond").is_some_and(|narrowed| names(narrowed, first));
                    if !is_narrowed && !stops && !self.looks {
                        self.faults.push(format!("{kind} of `{table}`: all of an index is read, not by `{first}`"));
                    }
                }
            }
            let number = |field: &str| node[field].as_f64().unwrap_or_default();
            let removed = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
            let (rows, in_vain) = ((number("Actual Rows") + removed) * number("Actual Loops"), removed * number("Actual Loops"));
            if !self.looks && (rows > ROWS_MAX || in_vain > ROWS_IN_VAIN_MAX) {
                self.faults.push(format!("{kind} of `{table}`: {rows} rows are looked at, {in_vain} of them in vain"));
            }
            // An index may be narrowed, and walked through all the same. One that is entered for each of a list of keys is not counted
            // right here.
            let pages = number("Shared Hit Blocks") + number("Shared Read Blocks");
            let is_walked = pages > PAGES_EACH_MAX * (rows + number("Actual Loops")) + PAGES_MAX;
            if is_walked && !self.looks && !text("Index Cond").is_some_and(|narrowed| narrowed.contains("= ANY")) {
                self.faults.push(format!("{kind} of `{table}`: {pages} pages are read for {rows} rows"));
            }
        }
        let passes = matches!(kind, "Append" | "Merge Append" | "Subquery Scan" | "Result" | "LockRows" | "Nested Loop");
        let heap = (kind.starts_with("Bitmap")).then_some(table).flatten();
        for (place, below) in below(node).enumerate() {
            // Whoever joins takes from the first as long as it is asked itself.
            let stops = kind == "Limit" || stops && passes && (kind != "Nested Loop" || place == 0);
            self.node(below, stops, heap);
        }
    }
}

/// Whether a condition is about this column, or expression, of the table that is read.
fn names(condition: &str, column: &str) -> bool {
    let column = regex::escape(column);
    Regex::new(&format!(r"(^|[^.\w]){column}($|\W)")).unwrap().is_match(condition)
}
