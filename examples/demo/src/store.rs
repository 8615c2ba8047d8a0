//! The flag `--store`: where the records are kept.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use idempotency_core::StoreError;
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_sqlx::{PostgresStore, SqliteStore};

use crate::Config;

/// Where the records are kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// In this process.
    Memory,
    /// In Redis or Valkey, at this URL.
    Redis(String),
    /// In PostgreSQL, at this URL.
    Postgres(String),
    /// In this SQLite file.
    Sqlite(String),
}

impl Config {
    /// Opens the store. It connects to a server, or opens the file, at the first delivery.
    ///
    /// # Errors
    /// If the URL is invalid.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, Box<dyn Error>> {
        self.store_at(&self.store).map_err(|error| match error.source() {
            Some(cause) => format!("--store is invalid: {cause}").into(),
            None => error.into(),
        })
    }

    fn store_at(&self, url: &StoreUrl) -> Result<Arc<dyn Store>, StoreError> {
        let namespace = self.namespace.clone();
        Ok(match url {
            StoreUrl::Memory => Arc::new(MemoryStore::new().with_namespace(namespace)),
            StoreUrl::Redis(url) => {
                let store = RedisStore::new(url, namespace)?;
                Arc::new(match self.store_timeout {
                    Some(timeout) => store.with_response_timeout(timeout).with_connect_timeout(timeout),
                    None => store,
                })
            }
            StoreUrl::Postgres(url) => {
                let store = PostgresStore::new(url, namespace)?;
                Arc::new(match self.store_timeout {
                    Some(timeout) => store.with_timeout(timeout),
                    None => store,
                })
            }
            StoreUrl::Sqlite(file) => {
                let store = SqliteStore::new(file, namespace)?;
                Arc::new(match self.store_timeout {
                    Some(timeout) => store.with_timeout(timeout),
                    None => store,
                })
            }
        })
    }
}

impl FromStr for StoreUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let is_path = !file.is_empty() && !file.starts_with("//");
            return if is_path { Ok(Self::Sqlite(file.to_owned())) } else { Err("expected `sqlite:FILE`") };
        }
        match text.split_once("://") {
            None if text == "memory" => Ok(Self::Memory),
            Some(("redis" | "rediss", _)) => Ok(Self::Redis(text.to_owned())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            _ => Err(
                "expected `memory`, `redis://HOST:PORT/`, `postgres://USER@HOST/DATABASE` or `sqlite:FILE`",
            ),
        }
    }
}

/// Parses the flag. clap's own message would repeat a mistyped URL, with the password in it.
#[derive(Clone)]
pub(crate) struct StoreUrlParser;

impl TypedValueParser for StoreUrlParser {
    type Value = StoreUrl;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, url: &OsStr) -> Result<StoreUrl, clap::Error> {
        url.to_str().unwrap_or_default().parse().map_err(|expected| {
            let message = format!("--store is invalid: {expected}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// The kind of store. A URL may hold a password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Redis(_) => "Redis",
            Self::Postgres(_) => "PostgreSQL",
            Self::Sqlite(_) => "SQLite",
        })
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_has_a_url() {
        for (text, kind) in [
            ("memory", "memory"),
            ("redis://127.0.0.1:6379/", "Redis"),
            ("rediss://redis.internal/", "Redis"),
            ("postgres://app@db.internal/shop", "PostgreSQL"),
            ("postgresql://app@db.internal/shop", "PostgreSQL"),
            ("sqlite:records.db", "SQLite"),
            ("sqlite:/var/lib/shop/records.db", "SQLite"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().expect(text).to_string(), kind, "{text}");
        }
        for text in ["", "mysql://db/shop", "postgres", "sqlite:", "sqlite://records.db", "records.db"] {
            text.parse::<StoreUrl>().expect_err(text);
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let url: StoreUrl = "postgres://app:secret@db.internal/shop".parse().expect("it is valid");
        assert_eq!(format!("{url} {url:?}"), "PostgreSQL PostgreSQL");
    }
}
