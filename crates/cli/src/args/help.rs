//! Words of the help that are longer than a line.

use anstyle::{AnsiColor, Color, Style};
use clap::builder::Styles;

pub const ABOUT: &str = "Workflows that never lose state";

/// Shown below the list of commands.
pub const OVERVIEW: &str = "\
A first look:
  workflow serve                                        the engine, on http://127.0.0.1:4747
  workflow validate order.json                          is the definition right?
  workflow register order.json                          tell the server
  workflow endpoint add orders http://127.0.0.1:8080    who provides the actions
  workflow start order-processing --input '{\"orderId\": \"ord_123\"}' --wait
  workflow watch exec_...                               see it run
  workflow top                                          what goes on, what needs me?
  workflow list --status failed                         what went wrong?
  workflow retry exec_...                               go on from the step that failed

`workflow COMMAND --help` has an example of each.
Exit codes: 0 success, 1 refused or failed, 2 usage (`watch`: also 3 cancelled, 130 Ctrl-C).
NO_COLOR or --color never: no colours. A locale that is not UTF-8 (LC_ALL=C): plain ASCII.";

pub const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(Style::new().fg_color(Some(Color::Ansi(AnsiColor::Cyan))));

pub const SERVE: &str = "\
Settings come from the command line, then from WORKFLOW_... variables, then from a TOML file
(workflow.toml when it is there), then from the defaults. A file may hold:
  db = \"orders.db\"
  listen = \"127.0.0.1:4747\"
  log = \"info\"
  endpoint-hosts = [\"actions.example.com\"]
  keep-completed = \"30d\"

Without a token it listens on this machine only (`workflow token --help`). WORKFLOW_ADMIN_TOKEN, of
at least 32 characters, is an admin's token that is not in the database: for containers.

SIGTERM and Ctrl-C stop it in order: steps that run get their time, what is left runs again after the
next start. A second signal stops it at once; nothing that was acknowledged is lost either way.

Examples:
  workflow serve
  workflow serve --db /var/lib/workflow/orders.db --listen 127.0.0.1:8080
  WORKFLOW_LOG=debug workflow serve --db :memory:";

pub const REGISTER: &str = "\
Registering what is registered already changes nothing, so a deployment can do it every time. Anything
else gets the next version; executions keep the version that they started with.

Examples:
  workflow register order.json
  workflow register workflows/*.yaml
  generate-definition | workflow register -";

pub const VALIDATE: &str = "\
Every problem is shown at once, in its place in the file. Warnings and hints do not fail.

Examples:
  workflow validate order.yaml
  workflow validate --json workflows/*.json";

pub const DEFINITIONS: &str = "\
Examples:
  workflow definitions
  workflow definitions --json | jq '.[].id'";

pub const DELETE: &str = "\
Example:
  workflow delete order-processing";

pub const START: &str = "\
With --wait on a terminal the steps are shown as they go; Ctrl-C leaves, the execution goes on.

Examples:
  workflow start order-processing --input '{\"orderId\": \"ord_123\"}'
  workflow start order-processing --input @order.json --wait
  jq .order event.json | workflow start order-processing --input - --idempotency-key ord_123";

pub const STATUS: &str = "\
Examples:
  workflow status exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow status --json exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b | jq .output";

pub const HISTORY: &str = "\
On a terminal a row a step: a bar an attempt, ▒✕ one that failed, ╌ the time until it is tried again,
═ a wait. Stretches in which nothing ran are folded (╱╱╱). Elsewhere, and with --list, every entry in
a sentence; --json gives the entries as they are.

Examples:
  workflow history exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow history --json exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b | jq '.[] | select(.type == \"step_fail\")'";

pub const WATCH: &str = "\
On a terminal the picture moves in place, elsewhere every entry of the history is a line. It goes on
when the server is started again. Ctrl-C leaves; the execution goes on.
Exit code: 0 completed, 1 failed or not to be watched, 3 cancelled, 130 Ctrl-C.

Examples:
  workflow watch exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow watch exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b > order.log && echo done";

pub const GRAPH: &str = "\
Solid boxes have run or wait, dashed ones have not; heavy is running or failed, double is tried again.
Steps that are alike (8 or more side by side) share a box; --all draws each. Where boxes do not fit
there is one line a step.

Examples:
  workflow graph exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow graph order-processing
  workflow graph order-processing --format mermaid > order.mmd";

pub const TOP: &str = "\
Keys: arrows or j k choose, Enter opens, Esc goes back, Tab the next list, / a filter, p holds the
picture, ? help, q ends. It shows what it last knew when the server is away, and since when.

Example:
  workflow top";

pub const LIST: &str = "\
Examples:
  workflow list --status failed --since 24h
  workflow list --workflow order-processing --status running,waiting
  workflow list --status failed --all --json | jq -r '.[].id' | xargs workflow retry";

pub const PAUSE: &str = "\
With filters in place of ids it is done to all that match, in the server, as one job: --dry-run says
how many there are, and it asks before it begins (--yes: it does not). Ctrl-C stops the job. What was
not possible is listed at the end; the exit code is 1 when anything failed.

Examples:
  workflow pause exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow pause --workflow order-processing --dry-run";

pub const RESUME: &str = "\
With filters in place of ids it is done to all that match, in the server, as one job: --dry-run says
how many there are, and it asks before it begins (--yes: it does not). Ctrl-C stops the job. What was
not possible is listed at the end; the exit code is 1 when anything failed.

Examples:
  workflow resume exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow resume --workflow order-processing --yes";

pub const CANCEL: &str = "\
With filters in place of ids it is done to all that match, in the server, as one job: --dry-run says
how many there are, and it asks before it begins (--yes: it does not). Ctrl-C stops the job. What was
not possible is listed at the end; the exit code is 1 when anything failed.

Examples:
  workflow cancel exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow cancel --attention no-worker --since 24h";

pub const DELETE_EXECUTION: &str = "\
The history, all payloads and the idempotency key are gone with it: nobody can bring them back, but a
backup may still hold them. One that has not ended is refused: cancel it first. To delete what has
become old by itself: `workflow serve --keep-completed 30d`.

Example:
  workflow delete-execution exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b";

pub const RETRY: &str = "\
Completed steps are kept, the failed one runs again. Of several ids each is answered on a line of its
own; the exit code is 1 when any was refused.

With filters in place of ids it is done to all that match, in the server, as one job: --dry-run says
how many there are, and it asks before it begins (--yes: it does not). Ctrl-C stops the job. What was
not possible is listed at the end; the exit code is 1 when anything failed.

Examples:
  workflow retry exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow retry --workflow order-processing --since 24h --dry-run
  workflow retry --error 344c56bdc22cdd01 --one-first";

pub const REPLAY: &str = "\
Runs on the newest version of the definition, from the first step on.

With filters in place of ids it is done to all that match, in the server, as one job: --dry-run says
how many there are, and it asks before it begins (--yes: it does not). Ctrl-C stops the job. What was
not possible is listed at the end; the exit code is 1 when anything failed.

Examples:
  workflow replay exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b
  workflow replay exec_0198c5a81f0b7c3e9d2a4b6c8e0f1a2b --input @corrected.json --wait
  workflow replay --workflow order-processing --status cancelled --dry-run";

pub const EVENT: &str = "\
Examples:
  workflow event Customer.created --data '{\"id\": \"cus_123\"}'
  workflow event Customer.created --data @customer.json --id evt_987";

pub const EVAL: &str = "\
JavaScript expressions without side effects. Without --scope nothing is known but the built-ins.

Examples:
  workflow eval 'score.risk < 0.3' --scope '{\"score\": {\"risk\": 0.2}}'
  workflow eval 'items.filter(i => i.price > 10).length' --scope @order.json
  workflow eval --json '[1, 2].map(n => n * 2)'";

pub const ENDPOINT: &str = "\
The engine calls POST URL/ACTION with {params, state, context}; the JSON of a 2xx answer is the output.

Example:
  workflow endpoint add orders http://127.0.0.1:8080";

pub const ENDPOINT_ADD: &str = "\
Without --action the endpoint is asked: GET URL answers {\"actions\": [...]}.

Examples:
  workflow endpoint add orders http://127.0.0.1:8080
  workflow endpoint add mail http://127.0.0.1:9090/hooks --action Mail.send --timeout 10s --concurrency 4
  workflow endpoint add billing http://127.0.0.1:7070 --secret-env BILLING_SECRET";

pub const ENDPOINT_LIST: &str = "\
Example:
  workflow endpoint list";

pub const ENDPOINT_REMOVE: &str = "\
Example:
  workflow endpoint remove orders";

pub const TOKEN: &str = "\
Without any token whoever reaches the server may do everything, and it listens on this machine only.
With the first one every request needs one. A reader reads, an operator also starts and controls
executions, an admin does everything, a worker only runs actions.

Examples:
  workflow token create ops --role admin
  WORKFLOW_TOKEN=wf_... workflow token create deploy --role operator";

pub const TOKEN_CREATE: &str = "\
The token is shown once; the server keeps only its SHA-256. The first one has to be an admin's. With
--db it is made in a database that no server has open: for one that is to listen to other machines.

Examples:
  workflow token create deploy --role operator
  workflow token create ops --role admin --db workflow.db";

pub const TOKEN_LIST: &str = "\
Examples:
  workflow token list
  workflow token list --json | jq -r '.[] | select(.revokedAt == null).name'";

pub const TOKEN_REVOKE: &str = "\
Example:
  workflow token revoke deploy";

pub const NODES: &str = "\
Several servers on one PostgreSQL share the executions: each owns some of the 4096 slots, and any of
them takes every call. One that is lapsed has not renewed its lease, and the others take over what it
owns. On a file there is one.

Examples:
  workflow nodes
  workflow nodes --json | jq -r '.[] | select(.status == \"live\").url'";

pub const BACKUP: &str = "\
The copy is of one moment: everything that was acknowledged before the command began is in it. It gets
its name once all of it is on disk; nothing is overwritten. A server that has the file open goes on.
To restore one, stop the server and serve the copy. Never serve both: each would run the same steps.

Examples:
  workflow backup workflow.db /backups/workflow-$(date +%F).db
  workflow check /backups/workflow-2026-11-23.db";

pub const MOVE: &str = "\
Definitions, endpoints, tokens, executions with their histories, also those under way, idempotency
keys, statistics: everything goes over, and a server on TO goes on where the one on FROM was stopped.
FROM stays as it was. Never serve both: each would run the same steps.

TO must be empty. When it breaks off, no server opens what TO has by then: empty it, and run the same
again. Both are read and written with the keys in WORKFLOW_ENCRYPTION_KEY, or in the file that
--encryption-key-file names; TO is written with the first.

Examples:
  workflow move workflow.db postgres://workflow:secret@db.example:5432/workflow
  workflow move postgres://workflow:secret@db.example:5432/workflow workflow.db";

pub const REENCRYPT: &str = "\
The keys are in WORKFLOW_ENCRYPTION_KEY, or in the file that --encryption-key-file or
WORKFLOW_ENCRYPTION_KEY_FILE names: `name:base64`, several separated by commas. The first one is
written with, all are read with; `openssl rand -base64 32` makes one.

To change the key: put the new one in front, restart the server, and from then on it writes with that.
When it suits, stop the server and run this for the rest; then the old key can go. It can be broken
off and run again, and needs as much free room as the file has.

Example:
  WORKFLOW_ENCRYPTION_KEY=2027:...,2026:... workflow reencrypt workflow.db";

pub const CHECK: &str = "\
Reads everything and writes nothing: the pages of the file, every definition, every history, and that
it gives what is stored beside it. Takes the log of a crash into account. While a server has the file
open, make a backup and check that. Exit code 1 when anything is wrong.

Examples:
  workflow check workflow.db
  workflow backup workflow.db copy.db && workflow check copy.db
  workflow check --json workflow.db | jq -r '.findings[].execution'";

pub const DOCTOR: &str = "\
Looks at what is under way, overdue, paused or wanting, and changes nothing. Exit code 1 when something
stands still until somebody does something; warnings alone give 0.

Examples:
  workflow doctor
  workflow doctor --json | jq '.findings[] | select(.severity == \"error\")'
  workflow doctor --db workflow.db      when the server is down";

pub const COMPLETIONS: &str = "\
Examples:
  workflow completions bash > ~/.local/share/bash-completion/completions/workflow
  workflow completions zsh > ~/.zfunc/_workflow
  workflow completions fish > ~/.config/fish/completions/workflow.fish
  workflow completions powershell >> $PROFILE
  workflow completions elvish >> ~/.config/elvish/rc.elv";

pub const MAN: &str = "\
Examples:
  workflow man | man -l -
  workflow man --dir ~/.local/share/man/man1";
