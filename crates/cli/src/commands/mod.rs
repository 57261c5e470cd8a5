//! What each command does.

mod backup;
mod bulk;
mod check;
mod completions;
mod control;
mod database;
mod definitions;
mod doctor;
mod endpoint;
mod eval;
mod event;
mod executions;
mod files;
mod graph;
mod man;
mod move_database;
mod nodes;
mod reencrypt;
mod serve;
mod start;
mod token;
mod top;
mod validate;
mod wait;
mod watch;

use crate::args::{self, Cli, Command, Endpoint, Token, TokenText};
use crate::client::Client;
use crate::error::Error;
use crate::output;

/// What the commands that speak to a server have in common.
#[derive(Debug)]
struct Context {
    client: Client,
    json: bool,
}

pub fn run(cli: Cli) -> Result<(), Error> {
    let Some(command) = cli.command else { return overview() };
    match command {
        Command::Serve(serve) => serve::run(&serve, cli.shared.json),
        Command::Validate(files) => validate::run(&files, cli.shared.json),
        Command::Eval { expression, scope } => eval::run(&expression, scope.as_ref(), cli.shared.json),
        Command::Check(arguments) => check::run(&arguments, cli.shared.json),
        Command::Backup(arguments) => backup::run(&arguments, cli.shared.json),
        Command::Move(arguments) => move_database::run(&arguments, cli.shared.json),
        Command::Reencrypt(arguments) => reencrypt::run(&arguments, cli.shared.json),
        Command::Doctor { db: Some(file), keys } => doctor::file(&file, &keys, cli.shared.json),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(dir.as_deref()),
        Command::Token(Token::Create(create)) if create.db.is_some() => {
            let file = create.db.clone().expect("it has just been looked at");
            token::create_in(&file, &create, cli.shared.json)
        }
        command => {
            let token = token(cli.shared.token)?;
            let client = Client::new(&cli.shared.url, token.as_ref(), cli.shared.ca_file.as_deref())?;
            let context = Context { client, json: cli.shared.json };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Error::failed("runtime", format!("cannot start: {error}")))?;
            runtime.block_on(with_server(command, &context))
        }
    }
}

/// The token that requests are sent with.
fn token(given: Option<TokenText>) -> Result<Option<TokenText>, Error> {
    let given = given.filter(|token| !token.0.is_empty());
    if given.is_some() { Ok(given) } else { serve::configured_token() }
}

/// `workflow` alone.
fn overview() -> Result<(), Error> {
    output::print(&args::command().render_help().ansi().to_string())
}

async fn with_server(command: Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Doctor { .. } => doctor::server(context).await,
        Command::Register(files) => definitions::register(context, &files).await,
        Command::Definitions => definitions::list(context).await,
        Command::Delete { ids } => definitions::delete(context, &ids).await,
        Command::Start(start) => start::start(context, &start).await,
        Command::DeleteExecution { ids } => control::delete(context, &ids).await,
        Command::Status { id } => executions::status(context, &id).await,
        Command::History(history) => executions::history(context, &history).await,
        Command::Watch { id } => watch::run(context, &id).await,
        Command::Graph(arguments) => graph::run(context, &arguments).await,
        Command::Top => top::run(context).await,
        Command::List(list) => executions::list(context, &list).await,
        Command::Pause(control) => control::run(context, control::Call::Pause, &control).await,
        Command::Resume(control) => control::run(context, control::Call::Resume, &control).await,
        Command::Cancel(control) => control::run(context, control::Call::Cancel, &control).await,
        Command::Retry(control) => control::run(context, control::Call::Retry, &control).await,
        Command::Replay(replay) => start::replay(context, &replay).await,
        Command::Event(event) => event::run(context, &event).await,
        Command::Endpoint(Endpoint::Add(add)) => endpoint::add(context, &add).await,
        Command::Endpoint(Endpoint::List) => endpoint::list(context).await,
        Command::Endpoint(Endpoint::Remove { names }) => endpoint::remove(context, &names).await,
        Command::Nodes => nodes::list(context).await,
        Command::Token(Token::Create(create)) => token::create(context, &create).await,
        Command::Token(Token::List) => token::list(context).await,
        Command::Token(Token::Revoke { names }) => token::revoke(context, &names).await,
        Command::Serve(_)
        | Command::Validate(_)
        | Command::Eval { .. }
        | Command::Check(_)
        | Command::Backup(_)
        | Command::Move(_)
        | Command::Reencrypt(_)
        | Command::Completions { .. }
        | Command::Man { .. } => {
            unreachable!("needs no server and was run without one")
        }
    }
}
