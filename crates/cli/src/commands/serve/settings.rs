//! What `serve` runs with: flags, then `WORKFLOW_...` variables (both read by clap), then a TOML file, then defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use workflow_engine::Retention;
use workflow_server::AdminToken;
use workflow_store::Location;

use crate::args::{LogFormat, Serve, TokenText};
use crate::error::Error;

const CONFIG_FILE: &str = "workflow.toml";
/// With this, and what the server and the engine need besides, a stop is over before a service manager loses its patience.
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub db: Location,
    pub listen: String,
    /// Where others reach this engine, when somebody has said so.
    pub advertise: Option<String>,
    pub log: String,
    pub log_format: LogFormat,
    pub endpoint_hosts: Vec<String>,
    pub allowed_hosts: Vec<String>,
    /// Only from the environment: a file is read by more people than it should be.
    pub admin_token: Option<AdminToken>,
    /// Listen where other machines can call, without a token.
    pub insecure: bool,
    pub tls: Option<TlsFiles>,
    /// What steps that run get to finish.
    pub stop_within: Duration,
    /// How long a worker may be away.
    pub worker_grace: Duration,
    /// How long executions that have ended are kept.
    pub retention: Retention,
    pub unsafe_no_sync: bool,
    pub encryption_key_file: Option<PathBuf>,
}

/// Where the certificate of the server is, and its key.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The file. An unknown key is a typing error, not something to pass over.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    db: Option<PathBuf>,
    listen: Option<String>,
    advertise: Option<String>,
    log: Option<String>,
    log_format: Option<LogFormat>,
    endpoint_hosts: Option<Vec<String>>,
    allowed_hosts: Option<Vec<String>>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    stop_within: Option<String>,
    worker_grace: Option<String>,
    keep_completed: Option<String>,
    keep_failed: Option<String>,
    keep_cancelled: Option<String>,
    insecure: Option<bool>,
    /// Of the commands that call a server.
    token: Option<String>,
    encryption_key_file: Option<PathBuf>,
}

impl Settings {
    pub fn new(serve: &Serve) -> Result<Settings, Error> {
        let settings = Settings::merge(serve.clone(), file(serve.config.as_deref())?)?;
        Ok(Settings { admin_token: admin_token()?, ..settings })
    }

    fn merge(serve: Serve, file: File) -> Result<Settings, Error> {
        let stop_within = duration("stop-within", serve.stop_within.or(file.stop_within))?.unwrap_or(STOP_WITHIN);
        let worker_grace = duration("worker-grace", serve.worker_grace.or(file.worker_grace))?;
        let retention = Retention {
            completed: duration("keep-completed", serve.keep_completed.or(file.keep_completed))?,
            failed: duration("keep-failed", serve.keep_failed.or(file.keep_failed))?,
            cancelled: duration("keep-cancelled", serve.keep_cancelled.or(file.keep_cancelled))?,
        };
        let tls = match (serve.tls_cert.or(file.tls_cert), serve.tls_key.or(file.tls_key)) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(Error::usage("tls-cert is given without tls-key: a server needs the private key too")),
            (None, Some(_)) => return Err(Error::usage("tls-key is given without tls-cert: a server needs the certificate too")),
        };
        Ok(Settings {
            db: Location::parse(serve.db.or(file.db).or_else(database_url).unwrap_or_else(|| PathBuf::from("workflow.db"))),
            listen: serve.listen.or(file.listen).unwrap_or_else(|| "127.0.0.1:4747".to_owned()),
            advertise: serve.advertise.or(file.advertise).map(|url| address(&url)).transpose()?,
            log: serve.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: serve.log_format.or(file.log_format).unwrap_or(LogFormat::Text),
            endpoint_hosts: serve.endpoint_hosts.or(file.endpoint_hosts).unwrap_or_default(),
            allowed_hosts: serve.allowed_hosts.or(file.allowed_hosts).unwrap_or_default(),
            tls,
            stop_within,
            worker_grace: worker_grace.unwrap_or(workflow_engine::Options::default().worker_grace),
            retention,
            admin_token: None,
            insecure: serve.insecure || file.insecure.unwrap_or(false),
            unsafe_no_sync: serve.unsafe_no_sync,
            encryption_key_file: serve.encryption_key_file.or(file.encryption_key_file),
        })
    }
}

/// Of a server, without a slash at its end.
fn address(url: &str) -> Result<String, Error> {
    let expected = "an address such as http://10.0.0.7:4747 was expected";
    let parsed = reqwest::Url::parse(url).map_err(|error| Error::usage(format!("advertise: `{url}`: {error}; {expected}")))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Error::usage(format!("advertise: `{url}` begins neither with http:// nor with https://; {expected}")));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// The token that the configuration file has for the commands that call a server.
pub fn configured_token() -> Result<Option<TokenText>, Error> {
    let path = std::env::var_os("WORKFLOW_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(file(path.as_deref())?.token.map(TokenText))
}

fn file(named: Option<&Path>) -> Result<File, Error> {
    match named {
        Some(path) => read(path),
        None if Path::new(CONFIG_FILE).exists() => read(Path::new(CONFIG_FILE)),
        None => Ok(File::default()),
    }
}

/// What platforms call the address of a database, when it is one of PostgreSQL.
fn database_url() -> Option<PathBuf> {
    let url = PathBuf::from(std::env::var_os("DATABASE_URL")?);
    matches!(Location::parse(&url), Location::Postgres(_)).then_some(url)
}

/// Not an argument, not a setting of the file, and not clap's, whose messages repeat what was wrong.
fn admin_token() -> Result<Option<AdminToken>, Error> {
    const VARIABLE: &str = "WORKFLOW_ADMIN_TOKEN";
    let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(None) };
    let token = AdminToken::new(text.to_str().unwrap_or_default());
    token.map(Some).map_err(|weak| Error::usage(format!("{VARIABLE}: {weak}")))
}

fn duration(name: &str, text: Option<String>) -> Result<Option<Duration>, Error> {
    let parsed = text.map(|text| workflow_core::duration::parse(&text));
    let parsed = parsed.transpose().map_err(|error| Error::usage(format!("{name}: {error}")))?;
    Ok(parsed.map(|span| span.to_std()))
}

fn read(path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Error::usage(format!("cannot read the configuration {}: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| Error::usage(format!("the configuration {} is wrong: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_command_line_goes_before_the_file_and_the_file_before_the_defaults() {
        let serve = Serve { db: Some("flag.db".into()), ..Serve::default() };
        let settings =
            Settings::merge(serve, file("db = 'file.db'\nlisten = '127.0.0.1:1'\nstop-within = '1m'\nkeep-failed = '90d'"))
                .unwrap();
        assert_eq!(settings.db, Location::parse("flag.db"));
        assert_eq!(settings.listen, "127.0.0.1:1");
        assert_eq!(settings.stop_within, Duration::from_secs(60));
        assert_eq!(settings.worker_grace, Duration::from_secs(10));
        assert_eq!(settings.retention, Retention { failed: Some(Duration::from_secs(90 * 24 * 3_600)), ..Retention::default() });
        assert_eq!(settings.log, "info");
    }

    #[test]
    fn a_mistake_in_the_file_is_not_passed_over() {
        assert!(toml::from_str::<File>("databse = 'a'").err().unwrap().to_string().contains("unknown field `databse`"));
        for name in ["stop-within", "worker-grace", "keep-completed", "keep-failed", "keep-cancelled"] {
            let bad = Settings::merge(Serve::default(), file(&format!("{name} = 'soon'"))).unwrap_err();
            assert!(matches!(bad, Error::Usage(message) if message.starts_with(&format!("{name}: "))));
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together_wherever_each_is_said() {
        let serve = || Serve { tls_cert: Some("flag.pem".into()), ..Serve::default() };
        let tls = Settings::merge(serve(), file("tls-key = 'key.pem'")).unwrap().tls;
        assert_eq!(tls, Some(TlsFiles { certificate: "flag.pem".into(), key: "key.pem".into() }));
        let alone = [Settings::merge(serve(), file("")), Settings::merge(Serve::default(), file("tls-key = 'key.pem'"))];
        for (missing, settings) in ["without tls-key", "without tls-cert"].iter().zip(alone) {
            assert!(matches!(settings, Err(Error::Usage(message)) if message.contains(missing)));
        }
    }

    #[test]
    fn the_address_for_others_is_one_of_a_server() {
        let advertise = |url: &str| Settings::merge(Serve::default(), file(&format!("advertise = '{url}'")));
        assert_eq!(advertise("https://flows.example/a/").unwrap().advertise.as_deref(), Some("https://flows.example/a"));
        for (url, why) in [("10.0.0.7:4747", "advertise: `10.0.0.7:4747`: "), ("ws://10.0.0.7", "begins neither with http://")] {
            assert!(matches!(advertise(url), Err(Error::Usage(message)) if message.contains(why)), "{url}");
        }
    }

    #[test]
    fn nothing_but_the_command_line_can_turn_syncing_off() {
        assert!(toml::from_str::<File>("unsafe-no-sync = true").is_err());
    }
}
