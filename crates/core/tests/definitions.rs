//! The definitions of `testdata/definitions`: each valid one registers, each invalid one is refused, and what is said about it
//! stands beside it. `UPDATE=1 cargo nextest run -p workflow-core definitions` writes that anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use workflow_core::definition::{Code, Definition, Diagnostic, Severity};
use workflow_core::json::Json;
use workflow_core::limits::{self, Limits};

/// Every definition in `valid` or `invalid`.
fn definitions(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/definitions").join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no definitions in {}", folder.display());
    paths
}

fn check(path: &Path) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
    check_text(fs::read_to_string(path).unwrap(), &Limits::default())
}

fn check_text(source: String, limits: &Limits) -> Result<(Definition, Vec<Diagnostic>), Vec<Diagnostic>> {
    let source = Json::parse(source).unwrap();
    Definition::check(&source, limits).map(|checked| (checked.definition, checked.diagnostics))
}

/// What is said about three definitions over the limits, for which a file would be large.
fn over_the_limits() -> Vec<Diagnostic> {
    let limits = Limits { steps_max: 3, payload_bytes_max: 128 << 10, ..Limits::default() };
    let step = |index: usize| format!(r#"{{"id":"s{index}","action":"work"}}"#);
    let steps: Vec<String> = (0..4).map(step).collect();
    let unknown: Vec<String> = (0..1_005).map(|index| format!(r#""x{index}":1"#)).collect();
    let definitions = [
        format!(r#"{{"id":"long","steps":[{}]}}"#, steps.join(",")),
        format!(r#"{{"id":"large","description":"{}","steps":[{}]}}"#, "x".repeat(128 << 10), step(1)),
        format!(r#"{{"id":"hopeless","steps":[{{"id":"a","action":"work",{}}}]}}"#, unknown.join(",")),
    ];
    let expressions = vec![r#""${x}""#; 10_001].join(",");
    let expressions = format!(r#"{{"id":"many","steps":[{{"id":"a","action":"work","params":{{"x":[{expressions}]}}}}]}}"#);
    let definitions = definitions.into_iter().chain([expressions]);
    let check = |source| check_text(source, &limits).expect_err("it is over a limit");
    definitions.flat_map(check).collect()
}

/// Where and what, then the message and the help, for each diagnostic.
fn rendered(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        };
        let pointer = if diagnostic.pointer.is_empty() { "(whole)" } else { &diagnostic.pointer };
        let column = diagnostic.column.map(|column| format!(" column {column}")).unwrap_or_default();
        text.push_str(&format!("{severity}[{}] {pointer}{column}\n    {}\n", diagnostic.code, diagnostic.message));
        if let Some(help) = &diagnostic.help {
            text.push_str(&format!("    help: {help}\n"));
        }
    }
    text
}

/// Compares with what stands beside the definition; one about which there is nothing to say has no such file.
fn compare(path: &Path, diagnostics: &[Diagnostic]) -> Result<(), String> {
    let beside = path.with_extension("diagnostics.txt");
    let (expected, found) = (fs::read_to_string(&beside).unwrap_or_default(), rendered(diagnostics));
    if expected == found {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        if found.is_empty() {
            fs::remove_file(&beside).unwrap()
        } else {
            fs::write(&beside, found).unwrap()
        }
        return Ok(());
    }
    Err(format!("{}\n--- expected\n{expected}--- found\n{found}", beside.display()))
}

#[test]
fn valid_definitions_register_with_the_diagnostics_beside_them() {
    let mut wrong = Vec::new();
    for path in definitions("valid") {
        match check(&path) {
            Ok((_, diagnostics)) => wrong.extend(compare(&path, &diagnostics).err()),
            Err(diagnostics) => wrong.push(format!("{} is refused:\n{}", path.display(), rendered(&diagnostics))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn invalid_definitions_are_refused_with_the_diagnostics_beside_them() {
    let mut wrong = Vec::new();
    for path in definitions("invalid") {
        match check(&path) {
            Ok(_) => wrong.push(format!("{} registers", path.display())),
            Err(diagnostics) => wrong.extend(compare(&path, &diagnostics).err()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_over_a_limit_says_what_the_limit_is() {
    let messages: Vec<String> = over_the_limits().into_iter().map(|diagnostic| diagnostic.message).collect();
    assert_eq!(messages[0], "a definition has at most 3 steps, found 4");
    assert_eq!(messages[1], "the definition has 131141 bytes, the limit is 131072");
    assert_eq!(messages[2 + 1_000], "5 more problems are not listed");
    assert_eq!(messages[2 + 1_001], "a definition has at most 10000 conditions and `${}`, here is one more");
    assert_eq!(messages.len(), 2 + 1_002);
}

#[test]
fn every_code_is_shown_by_a_definition() {
    let shown: BTreeSet<Code> = definitions("valid")
        .iter()
        .chain(&definitions("invalid"))
        .flat_map(|path| match check(path) {
            Ok((_, diagnostics)) | Err(diagnostics) => diagnostics,
        })
        .chain(over_the_limits())
        .map(|diagnostic| diagnostic.code)
        .collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no definition shows {missing:?}");
}

#[test]
fn what_was_registered_is_read_back_as_it_was() {
    for path in definitions("valid") {
        let Ok((definition, _)) = check(&path) else { panic!("{} is refused", path.display()) };
        let stored = definition.to_stored();
        assert_eq!(Definition::from_stored(&stored).as_ref(), Ok(&definition), "{}", path.display());
        assert_eq!(Definition::from_stored(&stored).unwrap().to_stored(), stored, "{}", path.display());
    }
}

/// A definition of half a mebibyte, of 900 steps and 3,000 dependencies on steps that it does not have, took more than a minute of
/// the server's time: each of the names, as long as names may be, was compared with each of the others, to say what was meant.
#[test]
fn only_the_first_findings_say_what_was_meant() {
    let long = "u".repeat(108);
    let steps = (0..900).map(|n| format!(r#"{{"id":"{long}{n}","action":"work"}}"#));
    let unknown = |n: usize| (0..30).map(|m| format!(r#""{long}x{n}{m}""#)).collect::<Vec<_>>().join(",");
    let mistaken = (0..99).map(|n| format!(r#"{{"id":"s{n}","action":"work","dependsOn":[{}]}}"#, unknown(n)));
    let steps = steps.chain(mistaken).collect::<Vec<_>>().join(",");
    let findings = check_text(format!(r#"{{"id":"w","steps":[{steps}]}}"#), &Limits::default()).unwrap_err();
    let unknown = findings.iter().filter(|finding| finding.code == Code::UnknownStep);
    let helped = unknown.clone().filter(|finding| finding.help.is_some()).count();
    assert!(unknown.count() > 500 && (1..=limits::SUGGESTIONS_MAX).contains(&helped), "{helped} say what was meant");
}
