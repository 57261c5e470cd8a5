//! Every rule of `docs/semantics.md` is shown by something that runs: a scenario, or a test that `elsewhere.json` names.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use workflow_core::scenario::Scenario;

/// What no scenario shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Elsewhere {
    /// By rule: `path/of/a/file.rs::name_of_the_test`, one or several.
    shown: BTreeMap<String, Vec<String>>,
    /// By rule: why nothing shows it yet.
    not_yet: BTreeMap<String, String>,
}

#[test]
fn every_rule_is_shown() {
    let (rules, scenarios, elsewhere) = (rules(), by_scenarios(), elsewhere());
    let is_shown = |rule: &String| scenarios.contains_key(rule) || elsewhere.shown.contains_key(rule);
    let unshown: Vec<&String> = rules.iter().filter(|rule| !is_shown(rule) && !elsewhere.not_yet.contains_key(*rule)).collect();
    let overtaken: Vec<&String> = elsewhere.not_yet.keys().filter(|rule| is_shown(rule)).collect();
    println!(
        "{} rules: {} shown by scenarios, {} by other tests, {} by nothing yet",
        rules.len(),
        rules.iter().filter(|rule| scenarios.contains_key(*rule)).count(),
        rules.iter().filter(|rule| !scenarios.contains_key(*rule) && elsewhere.shown.contains_key(*rule)).count(),
        elsewhere.not_yet.len(),
    );
    for (rule, reason) in &elsewhere.not_yet {
        println!("  {rule} not yet: {reason}");
    }
    assert!(unshown.is_empty(), "nothing shows {unshown:?}: write a scenario, or name the test in elsewhere.json");
    assert!(overtaken.is_empty(), "{overtaken:?} are shown by now: take them out of `notYet`");
}

#[test]
fn whatever_names_a_rule_names_one_that_there_is() {
    let (rules, elsewhere) = (rules(), elsewhere());
    for (rule, names) in by_scenarios() {
        assert!(rules.contains(&rule), "{names:?} show {rule}, and there is no such rule");
    }
    for rule in elsewhere.shown.keys().chain(elsewhere.not_yet.keys()) {
        assert!(rules.contains(rule), "elsewhere.json names {rule}, and there is no such rule");
    }
}

#[test]
fn tests_that_are_named_are_there() {
    let mut missing = Vec::new();
    for (rule, tests) in elsewhere().shown {
        for test in tests {
            let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test}: `path::name` was expected"));
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            // A Rust test is a function; elsewhere its name is a text.
            let wanted = if file.ends_with(".rs") { format!("fn {name}(") } else { name.to_owned() };
            if !text.contains(&wanted) {
                missing.push(format!("{rule}: {test}"));
            }
        }
    }
    assert!(missing.is_empty(), "these tests are not there:\n{}", missing.join("\n"));
}

#[test]
fn the_ids_of_rules_go_on_without_a_gap() {
    let mut expected = (1, 1);
    for rule in in_order() {
        let (section, number) = rule[1..].split_once('-').unwrap();
        let found: (u32, u32) = (section.parse().unwrap(), number.parse().unwrap());
        if found.0 == expected.0 + 1 {
            expected = (found.0, 1);
        }
        assert_eq!(found, expected, "an id was left out or is there twice");
        expected.1 += 1;
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rules() -> BTreeSet<String> {
    in_order().into_iter().collect()
}

/// Every `**S4-07**`, as they are listed.
fn in_order() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/semantics.md")).unwrap();
    let bold = text.split("**").skip(1).step_by(2);
    let is_rule = |text: &&str| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        text.strip_prefix('S').and_then(|text| text.split_once('-')).is_some_and(|(a, b)| digits(a) && digits(b))
    };
    let rules: Vec<String> = bold.filter(is_rule).map(str::to_owned).collect();
    assert!(rules.len() > 300, "only {} rules were found", rules.len());
    rules
}

/// The scenarios that show a rule, by rule.
fn by_scenarios() -> BTreeMap<String, Vec<String>> {
    let mut shown = BTreeMap::<String, Vec<String>>::new();
    for entry in fs::read_dir(root().join("testdata/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "elsewhere" || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let scenario = Scenario::parse(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        for rule in scenario.shows {
            shown.entry(rule).or_default().push(name.clone());
        }
    }
    shown
}

fn elsewhere() -> Elsewhere {
    serde_json::from_str(&fs::read_to_string(root().join("testdata/scenarios/elsewhere.json")).unwrap()).unwrap()
}
