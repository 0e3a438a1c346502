//! Where a database is, and as whom it is entered.
//!
//! Entry point: [`PostgresUrl`] from text.
//! Invariant: shown anywhere it holds no password, and neither does any error about it.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// What may stand after the question mark.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// The address of a database, with its credentials.
#[derive(Clone)]
pub struct PostgresUrl {
    options: Box<PgConnectOptions>,
    database: String,
    /// As configured, to compare; a password may be in it.
    text: String,
    has_password: bool,
    /// Given besides, instead of any other.
    password: Option<String>,
}

impl PostgresUrl {
    /// With this password instead of any other.
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// A password has been given with the address.
    pub fn has_password(&self) -> bool {
        self.has_password || self.password.is_some()
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        let options = (*self.options).clone();
        match &self.password {
            Some(password) => options.password(password),
            None => options,
        }
    }
}

impl FromStr for PostgresUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let names = query
            .split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default());
        for name in names.filter(|name| !name.is_empty()) {
            if !PARAMETERS.contains(&name) {
                return Err(format!("unknown parameter {name:?}"));
            }
        }
        let options = PgConnectOptions::from_str(text).map_err(|error| match error {
            sqlx::Error::Configuration(reason) => reason.to_string(),
            _ => "it cannot be read".to_owned(),
        })?;
        let Some(database) = options.get_database().filter(|name| !name.is_empty()) else {
            return Err("the database is missing".to_owned());
        };
        let login = address.split_once("://").map_or(address, |(_, rest)| rest);
        let login = login.rsplit_once('@').map(|(login, _)| login);
        Ok(Self {
            database: database.to_owned(),
            has_password: login.is_some_and(|login| login.contains(':'))
                || query.split('&').any(|pair| pair.starts_with("password=")),
            // What a statement holds is in the log, and belongs in no other one.
            options: Box::new(options.disable_statement_logging()),
            text: text.to_owned(),
            password: None,
        })
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.password) == (&other.text, &other.password)
    }
}

impl Eq for PostgresUrl {}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", self.options.get_username())?;
        match self.options.get_socket() {
            Some(socket) => write!(f, "{}:", socket.display())?,
            None => write!(f, "{}:", self.options.get_host())?,
        }
        write!(f, "{}/{}", self.options.get_port(), self.database)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PostgresUrl, String> {
        text.parse()
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for text in [
            "postgres://desk:hunter2@db.example.com:5433/orders?sslmode=verify-full",
            "postgresql://desk@db.example.com:5433/orders?password=hunter2",
            "postgres://desk:hunter2@db.example.com/orders?port=5433",
        ] {
            let url = read(text).expect("an address");
            let shown = "postgres://desk@db.example.com:5433/orders";
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
            assert!(url.has_password(), "{text}");
        }
        let bare = read("postgres://desk@[::1]:5433/orders").expect("an address");
        assert!(!bare.has_password());
        let bare = read("postgres://10.0.0.1:5433/orders?user=desk").expect("an address");
        assert!(!bare.has_password());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, said) in [
            ("postgres://u:hunter2@h:99999/db", "invalid port number"),
            ("postgres://u:hunter2@h", "the database is missing"),
            ("postgres://u:hunter2@h/", "the database is missing"),
            (
                "postgres://u:hunter2@h/db?ssl_mode=x",
                "unknown parameter \"ssl_mode\"",
            ),
            (
                "postgres://u:hunter2@h/db?sslmode=x",
                "unknown value \"x\" for `ssl_mode`",
            ),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.ends_with(said), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
