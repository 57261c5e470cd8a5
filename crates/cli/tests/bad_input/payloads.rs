//! Bodies that are meant to do harm: deep, long, many, with names that mean something to a program, with numbers and texts that
//! are none. Each is refused with what is wrong, or kept exactly as it came.

use serde_json::{Value, json};

use crate::site::{Answer, Site};

const START: &str = "/api/v1/workflows/nothing/executions";

fn site(directory: &tempfile::TempDir) -> Site {
    let site = Site::open(directory.path());
    site.register("nothing", json!([{ "id": "only", "action": "noop" }]));
    site
}

/// The id of what was started; the answer holds what this test's JSON cannot read.
fn started(site: &Site, body: &str) -> String {
    let answer = site.ask("POST", START, &[], body.as_bytes().to_vec()).ok();
    let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    let at = text.find("exec_").unwrap();
    text[at..at + 37].to_owned()
}

/// A refusal that says what is wrong.
#[track_caller]
fn refused(what: &str, answer: &Answer) {
    let shown = || format!("{what}: {answer:?}").chars().take(2_000).collect::<String>();
    assert!((400..500).contains(&answer.status), "{}", shown());
    assert_eq!(answer.content_type, "application/problem+json", "{}", shown());
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", shown());
    assert!(answer.body.to_string().len() < 3 << 20, "{what} is answered at length");
}

/// What it is, and the request: method, path, body.
type Bomb = (&'static str, &'static str, &'static str, String);

fn bombs() -> Vec<Bomb> {
    let depth = 100_000;
    let nested = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
    let input = |value: &str| format!("{{\"input\":{{\"a\":{value}}}}}");
    let event = |value: &str| format!("{{\"event\":\"A.b\",\"data\":{value}}}");
    let long = |one: &str, bytes: usize| one.repeat(bytes / one.len());
    let steps = |steps: &str| format!("{{\"id\":\"bomb\",\"steps\":[{steps}]}}");
    let unknown = |n: usize| {
        format!("{{\"id\":\"s{n}\",\"action\":\"a\",\"dependsOn\":[{}\"x\"]}}", format!("\"{}{n}\",", "u".repeat(110)).repeat(30))
    };
    let named = |n: usize| format!("{{\"id\":\"{}{n}\",\"action\":\"noop\"}}", "u".repeat(108));
    let params = |value: &str| steps(&format!("{{\"id\":\"a\",\"action\":\"noop\",\"params\":{{\"a\":{value}}}}}"));
    vec![
        ("arrays in arrays", "POST", START, input(&nested("[", "", "]"))),
        ("objects in objects", "POST", START, input(&nested("{\"a\":", "1", "}"))),
        ("arrays that never end", "POST", START, input(&"[".repeat(depth))),
        ("objects that never end", "POST", "/api/v1/events", event(&"{\"a\":".repeat(depth))),
        ("arrays in an event", "POST", "/api/v1/events", event(&nested("[", "", "]"))),
        ("a little too deep", "POST", START, input(&format!("{}{}", "[".repeat(121), "]".repeat(121)))),
        ("a deep definition", "PUT", "/api/v1/workflows/bomb", params(&nested("[", "", "]"))),
        ("a deep body of a call without one", "POST", "/api/v1/executions/exec_1/cancel", nested("[", "", "]")),
        ("many steps that are none", "PUT", "/api/v1/workflows/bomb", steps(&format!("{}1", long("1,", 900_000)))),
        ("many steps that are empty", "PUT", "/api/v1/workflows/bomb", steps(&format!("{}{{}}", long("{},", 900_000)))),
        (
            "many fields that do not exist",
            "PUT",
            "/api/v1/workflows/bomb",
            format!(
                "{{\"id\":\"bomb\",\"steps\":[],{}\"z\":1}}",
                (0..200_000).map(|n| format!("\"step{n}\":1,")).collect::<String>()
            ),
        ),
        (
            "many dependencies that do not exist, each like a thousand that do",
            "PUT",
            "/api/v1/workflows/bomb",
            steps(&(0..900).map(named).chain((900..999).map(unknown)).collect::<Vec<_>>().join(",")),
        ),
        ("many expressions", "PUT", "/api/v1/workflows/bomb", params(&format!("[{}1]", long("\"${a.b}\",", 900_000)))),
        (
            "many expressions that are wrong",
            "PUT",
            "/api/v1/workflows/bomb",
            params(&format!("[{}1]", long("\"${(}\",", 900_000))),
        ),
        ("an expression without an end", "PUT", "/api/v1/workflows/bomb", params(&format!("\"${{{}\"", long("`${", 900_000)))),
        (
            "many triggers",
            "PUT",
            "/api/v1/workflows/bomb",
            format!("{{\"id\":\"bomb\",\"steps\":[],\"triggers\":[{}1]}}", long("{\"event\":\"**.**\"},", 900_000)),
        ),
        (
            "a long name",
            "PUT",
            "/api/v1/workflows/bomb",
            steps(&format!("{{\"id\":\"{}\",\"action\":\"a\"}}", "x".repeat(900_000))),
        ),
        (
            "many actions",
            "PUT",
            "/api/v1/endpoints/e",
            format!("{{\"url\":\"http://127.0.0.1:1\",\"actions\":[{}\"a b\"]}}", long("\"a\",", 200_000)),
        ),
        ("a long url", "PUT", "/api/v1/endpoints/e", format!("{{\"url\":\"http://evil.example/{}\"}}", "x".repeat(200_000))),
    ]
}

#[test]
fn bombs_of_json_are_refused_and_take_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let before = site.server.memory_kib();
    for (what, method, path, body) in bombs() {
        refused(what, &site.ask(method, path, &[], body.into_bytes()));
        site.is_alive();
    }
    // As many as there are cores may be worked on at once, and a definition of 4 MiB takes several times its size.
    let grown = site.server.memory_kib().saturating_sub(before);
    assert!(grown < 256 << 10, "{grown} KiB");
    assert_eq!(site.get("/api/v1/executions/counts").ok()["counts"], json!([]), "nothing was started");
    site.stop();
}

#[test]
fn numbers_that_no_number_holds_are_kept_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let digits = "9".repeat(100_000);
    let kept = [
        "1e400",
        "-1e400",
        "1e-400",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "-0",
        "1E5",
        digits.as_str(),
    ];
    for number in kept {
        let body = format!("{{\"input\":{{\"n\":{number}}}}}");
        let id = started(&site, &body);
        let text = site.text(&format!("/api/v1/executions/{id}"));
        assert!(text.contains(&format!("\"n\":{number}")), "{}", &text[..text.len().min(400)]);
    }
    let endpoint = |number: &str| format!("{{\"url\":\"http://127.0.0.1:1\",\"actions\":[],\"concurrency\":{number}}}");
    let definition =
        |number: &str| format!("{{\"id\":\"n\",\"steps\":[{{\"id\":\"a\",\"action\":\"noop\",\"maxRetries\":{number}}}]}}");
    for number in [
        "1e400",
        "-1",
        "1.5",
        "NaN",
        "Infinity",
        "0x10",
        "01",
        "+1",
        "1e",
        ".5",
        "5.",
        "--1",
        digits.as_str(),
        "18446744073709551616",
    ] {
        let shown = &number[..number.len().min(30)];
        refused(shown, &site.ask("PUT", "/api/v1/endpoints/e", &[], endpoint(number).into_bytes()));
        refused(shown, &site.ask("PUT", "/api/v1/workflows/n", &[], definition(number).into_bytes()));
        for query in ["limit", "startedAfter", "startedBefore"] {
            if !["18446744073709551616", "+1"].contains(&number) || query != "startedAfter" {
                let answer = site.get(&format!("/api/v1/executions?{query}={}", &number[..number.len().min(5_000)]));
                // A plus sign is a space in a query.
                assert!(answer.status == 400 || number == "01", "{query}={shown}: {answer:?}");
            }
        }
    }
    for wait in ["1e400s", "-1s", "99999999999999999999999h", "0x10s", "P99999999999999999999D", "1s1s1s", "٣s"] {
        refused(wait, &site.get(&format!("/api/v1/executions/exec_01a2045717767000b89f062049a1889f?wait={wait}")));
    }
    site.is_alive();
    site.stop();
}

#[test]
fn texts_that_are_no_texts_are_refused_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let invalid: &[&[u8]] =
        &[b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\x00", b"\n", b"\x1f"];
    for bytes in invalid {
        let body = |before: &str, after: &str| [before.as_bytes(), bytes, after.as_bytes()].concat();
        for (method, path, body) in [
            ("POST", START, body("{\"input\":{\"a\":\"", "\"}}")),
            ("POST", START, body("{\"input\":{\"", "\":1}}")),
            ("POST", "/api/v1/events", body("{\"event\":\"A.", "\"}")),
            ("PUT", "/api/v1/workflows/t", body("{\"id\":\"t\",\"steps\":[{\"id\":\"a\",\"action\":\"", "\"}]}")),
            ("PUT", "/api/v1/endpoints/e", body("{\"url\":\"http://127.0.0.1:1/", "\",\"actions\":[],\"secret\":\"\u{fffd}\"}")),
        ] {
            refused(&format!("{path} {bytes:?}"), &site.ask(method, path, &[], body));
        }
    }
    // Half of a character is JSON, and goes through as it is; where a text is needed, it is none.
    let half = r#"{"input":{"a":"\ud800","\udfff":[1]}}"#;
    let id = started(&site, half);
    let text = site.text(&format!("/api/v1/executions/{id}"));
    assert!(text.contains(r#""input":{"a":"\ud800","\udfff":[1]}"#), "{text}");
    refused("an event", &site.ask("POST", "/api/v1/events", &[], br#"{"event":"\ud800"}"#.to_vec()));
    refused(
        "a step",
        &site.ask("PUT", "/api/v1/workflows/t", &[], br#"{"id":"t","steps":[{"id":"\ud800","action":"a"}]}"#.to_vec()),
    );
    for key in [&b"\xff\xfe"[..], b"\xc3"] {
        let key = String::from_utf8_lossy(key).into_owned();
        site.json("POST", START, &[("idempotency-key", &key)], &json!({})).ok();
    }
    site.is_alive();
    site.stop();
}

/// Of a name that is given twice the last value counts, as JavaScript reads it, where the value is the user's; where it is ours,
/// it is a mistake.
#[test]
fn names_that_are_given_twice() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    for (method, path, body) in [
        ("POST", START, r#"{"input":{},"input":{"a":1}}"#),
        ("POST", "/api/v1/events", r#"{"event":"A","event":"B"}"#),
        ("POST", "/api/v1/events", r#"{"event":"A","data":1,"data":2}"#),
        ("PUT", "/api/v1/endpoints/e", r#"{"url":"http://127.0.0.1:1","url":"http://127.0.0.1:2","actions":[]}"#),
        ("PUT", "/api/v1/workflows/t", r#"{"id":"t","steps":[{"id":"a","action":"noop"}],"steps":[{"id":"b","action":"noop"}]}"#),
        ("PUT", "/api/v1/workflows/t", r#"{"id":"t","steps":[{"id":"a","action":"noop","action":"other"}]}"#),
    ] {
        refused(body, &site.ask(method, path, &[], body.as_bytes().to_vec()));
    }
    let steps =
        json!([{ "id": "only", "action": "noop", "condition": "input.a === 2 && a === 2 && state.b === 4 && context.b === 1" }]);
    let definition = json!({ "id": "twice", "context": { "b": 1 }, "steps": steps });
    site.json("PUT", "/api/v1/workflows/twice", &[], &definition).ok();
    let body = br#"{"input":{"a":1,"b":3,"a":2,"b":4}}"#.to_vec();
    let execution = site.ask("POST", "/api/v1/workflows/twice/executions?wait=30s", &[], body).ok();
    assert_eq!(execution["stepResults"]["only"]["status"], "completed", "{execution}");
    site.is_alive();
    site.stop();
}

/// Names that are something else than a name to a language, a file system, a shell or a database.
const NAMES: &[&str] = &[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__defineGetter__",
    "valueOf",
    "then",
    "toJSON",
    "length",
    "__class__",
    "..",
    ".",
    "../../etc/passwd",
    "..\\..\\windows",
    "/",
    "a/b",
    "a//b",
    "\u{0}",
    "a\u{0}b",
    "%00",
    "%2e%2e%2f",
    "%",
    "'",
    "\"",
    "'; DROP TABLE execution; --",
    "$(id)",
    "`id`",
    "${7*7}",
    "{{7*7}}",
    "<script>",
    "\u{202e}",
    "\u{feff}",
    "\u{200b}",
    "\r\nSet-Cookie: a=b",
    "nul",
    "con",
    "😀",
    "İ",
    "ß",
    "\u{fffd}",
    "",
    " ",
    "-",
    "--help",
    "*",
    "null",
    "undefined",
    "NaN",
    "0",
    "-0",
    "1e400",
];

/// Of one segment of a path, every byte that could mean something.
fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[test]
fn names_of_every_kind_are_data_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let fields: serde_json::Map<String, Value> =
        NAMES.iter().map(|name| ((*name).to_owned(), json!({ *name: [name] }))).collect();
    let read =
        r#"${[input["__proto__"]["__proto__"][0], input.toString?.toString[0], "valueOf" in input, Object.keys(input).length]}"#;
    let steps = json!([
        { "id": "a", "action": "noop", "params": { "all": "$.input", "read": read, "__proto__": 1, "constructor": "$.input.constructor" } },
        { "id": "b", "action": "noop", "condition": "input[\"__proto__\"][\"__proto__\"][0] === '__proto__' && !('__proto__' in {}) && ({}).toString === undefined", "dependsOn": ["a"] },
    ]);
    let definition = json!({ "id": "names", "context": fields, "steps": steps, "triggers": [{ "event": "names.**" }] });
    let registered = site.json("PUT", "/api/v1/workflows/names", &[], &definition).ok();
    assert_eq!(registered["context"], json!(fields));
    let execution = site.json("POST", "/api/v1/workflows/names/executions?wait=30s", &[], &json!({ "input": fields })).ok();
    assert_eq!((&execution["status"], &execution["input"]), (&json!("completed"), &json!(fields)), "{execution}");
    assert_eq!(execution["stepResults"]["b"]["status"], "completed", "{execution}");
    let answer = site.post("/api/v1/events", &json!({ "event": "names.x", "data": fields, "id": "__proto__" })).ok();
    assert_eq!(answer["executions"][0]["input"], json!(fields));
    let again = site.post("/api/v1/events", &json!({ "event": "names.x", "data": {}, "id": "__proto__" })).ok();
    assert_eq!(again["executions"][0]["id"], answer["executions"][0]["id"], "it is the id of an event");
    site.is_alive();
    site.stop();
}

#[test]
fn names_of_every_kind_are_refused_or_found_in_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    let noop = json!([{ "id": "a", "action": "noop" }]);
    for name in NAMES.iter().filter(|name| !name.is_empty()) {
        let path = segment(name);
        let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
            && name.as_bytes()[0].is_ascii_alphanumeric();
        for (method, path, body) in [
            ("GET", format!("/api/v1/workflows/{path}"), Value::Null),
            ("DELETE", format!("/api/v1/workflows/{path}"), Value::Null),
            ("POST", format!("/api/v1/workflows/{path}/executions"), json!({})),
            ("GET", format!("/api/v1/executions/{path}"), Value::Null),
            ("GET", format!("/api/v1/executions/{path}/history"), Value::Null),
            ("GET", format!("/api/v1/executions/{path}/stream"), Value::Null),
            ("POST", format!("/api/v1/executions/{path}/cancel"), Value::Null),
            ("POST", format!("/api/v1/executions/exec_01a2045717767000b89f062049a1889f/steps/{path}/run-now"), Value::Null),
            ("GET", format!("/api/v1/endpoints/{path}"), Value::Null),
            ("DELETE", format!("/api/v1/endpoints/{path}"), Value::Null),
            ("GET", format!("/x{path}"), Value::Null),
        ] {
            // Clients make `/executions/stream` of it, which is a route of its own and does not end.
            if *name == "." && path.ends_with("/stream") {
                continue;
            }
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            refused(&format!("{method} {path}"), &site.ask(method, &path, &[], body));
        }
        let put = site.json("PUT", &format!("/api/v1/workflows/{path}"), &[], &json!({ "id": name, "steps": noop }));
        let endpoint =
            site.json("PUT", &format!("/api/v1/endpoints/{path}"), &[], &json!({ "url": "http://127.0.0.1:1", "actions": [] }));
        if valid {
            assert_eq!((put.ok()["id"].as_str(), endpoint.ok()["name"].as_str()), (Some(*name), Some(*name)));
            assert_eq!(site.get(&format!("/api/v1/workflows/{path}")).ok()["id"], **name);
        } else {
            refused(name, &put);
            refused(name, &endpoint);
        }
        let step =
            site.json("PUT", "/api/v1/workflows/t", &[], &json!({ "id": "t", "steps": [{ "id": name, "action": "noop" }] }));
        assert!([200, 201, 422].contains(&step.status), "{name}: {step:?}");
    }
    for path in ["%", "%zz", "%ff", "%c0%80", "a%2", "%25%30%30", "..%2f..%2fetc", "a/../b", "a/./b", "a;b=c", "a,b", "%e2%80%ae"]
    {
        for path in
            [format!("/api/v1/workflows/{path}"), format!("/api/v1/executions/{path}"), format!("/api/v1/endpoints/{path}")]
        {
            refused(&path, &site.get(&path));
        }
    }
    site.is_alive();
    site.stop();
}

#[test]
fn headers_and_queries_of_every_kind_are_refused_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = site(&directory);
    for name in NAMES.iter().filter(|name| !name.is_empty() && !name.chars().any(char::is_control)) {
        let key = [("idempotency-key", *name)];
        let first = site.json("POST", START, &key, &json!({}));
        if name.trim().is_empty() {
            refused("an empty key", &first);
            continue;
        }
        let id = first.ok()["id"].as_str().unwrap().to_owned();
        let again = site.json("POST", START, &key, &json!({}));
        assert_eq!((again.status, again.body["id"].as_str()), (200, Some(id.as_str())), "{name}");
        for header in ["traceparent", "x-request-id", "last-event-id", "accept", "if-none-match", "ce-type", "x-forwarded-host"] {
            let answer = site.ask("GET", &format!("/api/v1/executions/{id}"), &[(header, name)], Vec::new());
            assert_eq!(answer.status, 200, "{header}: {name}");
        }
        for query in ["status", "workflowId", "cursor", "limit", "include", "startedAfter", "other", &segment(name)] {
            let answer = site.get(&format!("/api/v1/executions?{query}={}", segment(name)));
            assert!([200, 400].contains(&answer.status), "{query}={name}: {answer:?}");
        }
    }
    site.is_alive();
    site.stop();
}
