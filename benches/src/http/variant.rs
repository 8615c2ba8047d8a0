//! The servers that are compared: a framework, what guards its route, and how the key is found.

use std::fmt;
use std::str::FromStr;

/// One server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    pub framework: Framework,
    pub guard: Guard,
    pub form: Form,
}

/// A web framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    Axum,
    Actix,
}

/// What stands in front of the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing but the check of the signature, if there is one.
    Plain,
    /// A hand-written claim and completion: the baseline.
    ByHand(Backend),
    /// The crate `idempotent`.
    Peer(Backend),
    /// This library.
    Library(Backend),
    /// This library on Redis, with a cache of completed records in front of it.
    Cached,
}

/// Where records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Memory,
    Redis,
    Postgres,
    Sqlite,
}

/// How the key is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In a header. In this library: `IdempotencyKey`, which compares the whole request.
    Header,
    /// In a header, by a webhook provider made from a closure.
    Closure,
    /// In a body that Stripe signed.
    Stripe,
}

const FRAMEWORKS: [Framework; 2] = [Framework::Axum, Framework::Actix];
const IN_MEMORY_OR_REDIS: [Backend; 2] = [Backend::Memory, Backend::Redis];
const SQL: [Backend; 2] = [Backend::Postgres, Backend::Sqlite];

impl Variant {
    /// The servers that get deliveries with the key in a header.
    pub fn unsigned() -> Vec<Self> {
        FRAMEWORKS.into_iter().flat_map(Self::unsigned_in).collect()
    }

    /// The servers that get signed deliveries.
    pub fn signed() -> Vec<Self> {
        let guards = std::iter::once(Guard::Plain)
            .chain(IN_MEMORY_OR_REDIS.into_iter().flat_map(|on| [Guard::ByHand(on), Guard::Library(on)]))
            .chain([Guard::Cached]);
        let variant = |framework, guard| Self { framework, guard, form: Form::Stripe };
        let guards: Vec<Guard> = guards.collect();
        FRAMEWORKS
            .into_iter()
            .flat_map(|framework| guards.iter().map(move |guard| variant(framework, *guard)))
            .collect()
    }

    fn unsigned_in(framework: Framework) -> Vec<Self> {
        let variant = |guard, form| Self { framework, guard, form };
        let mut all = vec![variant(Guard::Plain, Form::Header)];
        for backend in IN_MEMORY_OR_REDIS {
            all.push(variant(Guard::ByHand(backend), Form::Header));
            if cfg!(feature = "peer") {
                all.push(variant(Guard::Peer(backend), Form::Header));
            }
            all.push(variant(Guard::Library(backend), Form::Header));
            all.push(variant(Guard::Library(backend), Form::Closure));
        }
        all.push(variant(Guard::Cached, Form::Closure));
        for backend in SQL {
            all.push(variant(Guard::ByHand(backend), Form::Header));
            all.push(variant(Guard::Library(backend), Form::Closure));
        }
        all
    }

    /// The hand-written server with the same check on the same backend.
    pub fn floor(self) -> Option<Self> {
        let is_compared = !matches!(self.guard, Guard::Plain | Guard::ByHand(_));
        let backend = self.backend().filter(|_| is_compared)?;
        let form = if self.form == Form::Closure { Form::Header } else { self.form };
        Some(Self { guard: Guard::ByHand(backend), form, ..self })
    }

    /// The peer on the same backend.
    pub fn peer(self) -> Option<Self> {
        let backend = self.backend().filter(|_| matches!(self.guard, Guard::Library(_) | Guard::Cached))?;
        let peer = Self { guard: Guard::Peer(backend), form: Form::Header, ..self };
        (self.form != Form::Stripe && Self::unsigned().contains(&peer)).then_some(peer)
    }

    /// Where it keeps records.
    pub fn backend(self) -> Option<Backend> {
        match self.guard {
            Guard::Plain => None,
            Guard::ByHand(backend) | Guard::Peer(backend) | Guard::Library(backend) => Some(backend),
            Guard::Cached => Some(Backend::Redis),
        }
    }

    /// Its name in the table.
    pub fn title(self) -> String {
        let framework = match self.framework {
            Framework::Axum => "axum",
            Framework::Actix => "actix-web",
        };
        match (self.guard, self.form) {
            (Guard::Plain, Form::Stripe) => format!("{framework}, signature checked by hand"),
            (Guard::Plain, _) => format!("{framework} alone"),
            (Guard::ByHand(backend), _) => format!("{framework}, by hand on {}", backend.title()),
            (Guard::Peer(backend), _) => format!("{framework}, `idempotent` on {}", backend.title()),
            (Guard::Library(backend), form) => {
                format!("{framework}, this library on {}, {}", backend.title(), form.title())
            }
            (Guard::Cached, form) => {
                format!("{framework}, this library on Redis with `CachedStore`, {}", form.title())
            }
        }
    }
}

impl Backend {
    fn title(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "Redis",
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

impl Form {
    fn title(self) -> &'static str {
        match self {
            Self::Header => "`IdempotencyKey`",
            Self::Closure => "webhook closure",
            Self::Stripe => "`Stripe`",
        }
    }
}

/// The name for command lines, such as `axum-library-redis-closure`.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = match self.guard {
            Guard::Plain => "plain".to_owned(),
            Guard::ByHand(backend) => format!("by-hand-{backend:?}"),
            Guard::Peer(backend) => format!("peer-{backend:?}"),
            Guard::Library(backend) => format!("library-{backend:?}"),
            Guard::Cached => "cached-redis".to_owned(),
        };
        f.write_str(&format!("{:?}-{guard}-{:?}", self.framework, self.form).to_lowercase())
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::unsigned().into_iter().chain(Self::signed());
        all.find(|variant| variant.to_string() == name).ok_or_else(|| format!("there is no {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Variant> {
        [Variant::unsigned(), Variant::signed()].concat()
    }

    #[test]
    fn every_server_is_found_by_its_own_name() {
        for variant in all() {
            assert_eq!(variant.to_string().parse(), Ok(variant));
        }
    }

    #[test]
    fn every_baseline_takes_part_beside_what_is_compared_with_it() {
        for list in [Variant::unsigned(), Variant::signed()] {
            for variant in &list {
                let is_compared = !matches!(variant.guard, Guard::Plain | Guard::ByHand(_));
                assert_eq!(variant.floor().is_some(), is_compared, "{variant}");
                assert!(variant.floor().is_none_or(|floor| list.contains(&floor)), "{variant}");
                assert!(variant.floor().is_none_or(|floor| floor.backend() == variant.backend()));
            }
        }
    }
}
