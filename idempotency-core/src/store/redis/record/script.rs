//! The Lua scripts: their texts, and the SHA-1 digests by which Redis caches them.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

/// A Lua script, which Redis runs as one atomic step.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: String,
    /// SHA-1 of the text in lower-case hexadecimal, as `EVALSHA` takes it.
    pub(crate) sha: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        let sha = data_encoding::HEXLOWER.encode(&Sha1::digest(&text));
        Self { text, sha }
    }
}

const PRELUDE: &str = include_str!("scripts/prelude.lua");

macro_rules! scripts {
    ($($name:ident: $($part:expr),+;)+) => {
        $(pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(&[$($part),+]));)+
    };
}

scripts! {
    CLAIM: PRELUDE, include_str!("scripts/claim.lua");
    RENEW: PRELUDE, include_str!("scripts/renew.lua");
    COMPLETE: PRELUDE, include_str!("scripts/complete.lua");
    PIN: PRELUDE, include_str!("scripts/pin.lua");
    RAISE: PRELUDE, include_str!("scripts/raise.lua");
    ADOPT: PRELUDE, include_str!("scripts/adopt.lua");
    RELEASE: PRELUDE, include_str!("scripts/release.lua");
    RESOLVE: PRELUDE, include_str!("scripts/resolve.lua");
    FORGET: include_str!("scripts/forget.lua");
    LOAD: PRELUDE, include_str!("scripts/load.lua");
    PEEK: PRELUDE, include_str!("scripts/peek.lua");
}
