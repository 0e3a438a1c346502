//! The address of a KurrentDB: read once, shown without its credentials.
//!
//! Entry points: [`KurrentUrl`] from text, [`is_scheme`].
//! Invariant: nothing that is shown, logged or said about an address comes from the part of it
//! that holds user, password or settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kurrentdb::{ClientSettings, Credentials};

/// Schemes of an address: one server or a list of them, and a name that stands for a cluster.
const SCHEMES: [&str; 4] = ["kurrentdb", "kurrentdb+discover", "esdb", "esdb+discover"];
/// Settings that the client knows, in lower case; it leaves others out without a word.
const SETTINGS: [&str; 13] = [
    "maxdiscoverattempts",
    "discoveryinterval",
    "gossiptimeout",
    "tls",
    "tlsverifycert",
    "tlscafile",
    "nodepreference",
    "keepaliveinterval",
    "keepalivetimeout",
    "defaultdeadline",
    "connectionname",
    "usercertfile",
    "userkeyfile",
];
/// How long an answer is waited for where the address does not say (`defaultDeadline`).
const WAIT: Duration = Duration::from_secs(10);

/// Where a KurrentDB answers, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct KurrentUrl {
    pub(super) settings: ClientSettings,
    login: Option<Login>,
    pub(super) wait: Duration,
}

#[derive(Clone, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
}

/// Whether an address with this scheme is one of KurrentDB.
pub fn is_scheme(scheme: &str) -> bool {
    SCHEMES.contains(&scheme)
}

impl KurrentUrl {
    /// A password has been given with the address.
    pub fn has_password(&self) -> bool {
        self.login.is_some()
    }

    /// The same address with another password for its user.
    pub fn with_password(mut self, password: &str) -> Result<Self, String> {
        let login = self.login.as_mut();
        login.ok_or("the address names no user")?.password = password.to_owned();
        Ok(self)
    }

    /// User and password. The client would send them as they stand in the address, escapes and
    /// all, so they are set on each request.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let login = self.login.as_ref()?;
        Some(Credentials::new(login.user.clone(), login.password.clone()))
    }
}

impl FromStr for KurrentUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (before, query) = text.split_once('?').unwrap_or((text, ""));
        let settings = query.split('&').filter(|setting| !setting.is_empty());
        let mut wait = WAIT;
        for setting in settings {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let name = name.to_lowercase();
            if !SETTINGS.contains(&name.as_str()) {
                // Not the name itself: a password with a question mark in it ends up here.
                return Err(format!(
                    "a setting after the question mark is unknown; known are {}",
                    SETTINGS.join(", ")
                ));
            }
            if name == "defaultdeadline" {
                let millis = value.parse().ok().filter(|millis| *millis > 0);
                let wrong = "defaultDeadline takes whole milliseconds above 0";
                wait = Duration::from_millis(millis.ok_or(wrong)?);
            }
        }
        // What the client says about an address repeats it, password included.
        let settings: ClientSettings = text.parse().map_err(|_| {
            "it is not understood; an example is kurrentdb://USER:PASSWORD@HOST:2113?tls=true, \
             with % escapes where user or password have other signs than letters and digits"
                .to_owned()
        })?;
        let authority = before.split_once("://").map(|(_, rest)| rest);
        let user_info = authority.and_then(|authority| authority.rsplit_once('@'));
        let login = user_info.map(|(info, _)| {
            let (user, password) = info.split_once(':').unwrap_or((info, ""));
            Some(Login {
                user: unescaped(user)?,
                password: unescaped(password)?,
            })
        });
        let login = login.map(|login| login.ok_or("user or password have a broken % escape"));
        Ok(Self {
            settings,
            login: login.transpose()?,
            wait,
        })
    }
}

/// `%41` is `A`.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let mut byte = [0];
        hex::decode_to_slice(rest.get(..2)?, &mut byte).ok()?;
        bytes.extend(byte);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for KurrentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let discover = match self.settings.is_dns_discovery_enabled() {
            true => "+discover",
            false => "",
        };
        let hosts = self.settings.hosts().iter();
        let hosts: Vec<_> = hosts
            .map(|endpoint| format!("{}:{}", endpoint.host, endpoint.port))
            .collect();
        write!(f, "kurrentdb{discover}://{}", hosts.join(","))
    }
}

impl fmt::Debug for KurrentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> KurrentUrl {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_shown_without_credentials_and_settings() {
        for (text, shown) in [
            ("kurrentdb://h", "kurrentdb://h:2113"),
            ("esdb://u:hunter2@h:5?tls=false", "kurrentdb://h:5"),
            ("kurrentdb://u:hunter2@a:1,b:2", "kurrentdb://a:1,b:2"),
            (
                "kurrentdb+discover://u:hunter2@cluster.example",
                "kurrentdb+discover://cluster.example:2113",
            ),
        ] {
            let url = parsed(text);
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        }
    }

    #[test]
    fn user_and_password_are_unescaped() {
        let login = parsed("kurrentdb://some%40one:p%3fss@h")
            .login
            .expect("a login");
        assert_eq!((&*login.user, &*login.password), ("some@one", "p?ss"));
        assert!(parsed("kurrentdb://h").login.is_none());
    }

    #[test]
    fn the_wait_for_an_answer_can_be_set() {
        assert_eq!(parsed("kurrentdb://h").wait, WAIT);
        let set = parsed("kurrentdb://h?tls=false&defaultDeadline=250");
        assert_eq!(set.wait, Duration::from_millis(250));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for text in [
            "kurrentdb://u:hunter2@h:port",
            "kurrentdb://u:hunter2@h:1,i:port",
            "kurrentdb://u:hun,ter2@h",
            "kurrentdb://u:hunter2@",
            "kurrentdb://u:hunter2@h/path",
            "kurrentdb://u:hun?ter2@h",
            "kurrentdb://u:hunter2%4@h",
            "kurrentdb://u:hunter2@h?tls=perhaps",
            "kurrentdb://u:hunter2@h?hunter2=1",
            "kurrentdb://u:hunter2@h?defaultDeadline=0",
            "kurrentdb:",
        ] {
            match text.parse::<KurrentUrl>() {
                Ok(url) => assert!(!format!("{url}").contains("hun"), "{text}: {url}"),
                Err(said) => assert!(!said.contains("hun") && !said.is_empty(), "{text}: {said}"),
            }
        }
    }
}
