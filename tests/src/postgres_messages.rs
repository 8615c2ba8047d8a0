//! The messages of a PostgreSQL client, and the SQL that each executes.

use std::collections::BTreeMap;

/// A protocol version 3 in the message that starts a session. Other messages before it have other codes there.
const VERSION_3: &[u8] = &[0, 3];
/// The first byte of a TLS connection.
const TLS: u8 = 22;

/// The messages of one connection.
#[derive(Default, Debug)]
pub(crate) struct Messages {
    /// Messages have a type once the session has started.
    started: bool,
    encrypted: bool,
    /// The SQL of prepared statements by their name.
    statements: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The SQL of portals, which are statements with their arguments, by their name.
    portals: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Messages {
    /// The length of the first message, once it is complete. Encrypted bytes count as one.
    pub(crate) fn first(&mut self, bytes: &[u8]) -> Option<usize> {
        self.encrypted |= !self.started && bytes.first() == Some(&TLS);
        if self.encrypted {
            return (!bytes.is_empty()).then_some(bytes.len());
        }
        // The length counts itself and what follows, but not the type.
        let start = usize::from(self.started);
        let length = bytes.get(start..start + 4)?.try_into().ok()?;
        let end = start + usize::try_from(u32::from_be_bytes(length)).ok()?;
        (end <= bytes.len()).then_some(end)
    }

    /// The name of a message and the SQL that it executes.
    pub(crate) fn read(&mut self, message: &[u8]) -> (String, Vec<u8>) {
        let mut sql = Vec::new();
        let name = if self.encrypted {
            "encrypted"
        } else if !self.started {
            self.started = message.get(4..6) == Some(VERSION_3);
            "startup"
        } else {
            let mut strings = message[5..].split(|byte| *byte == 0).map(<[u8]>::to_vec);
            let mut string = || strings.next().unwrap_or_default();
            match message[0] {
                b'Q' => {
                    sql = string();
                    "query"
                }
                b'P' => {
                    self.statements.insert(string(), string());
                    "parse"
                }
                b'B' => {
                    let (portal, statement) = (string(), string());
                    let bound = self.statements.get(&statement).cloned();
                    self.portals.insert(portal, bound.unwrap_or_default());
                    "bind"
                }
                b'E' => {
                    sql = self.portals.get(&string()).cloned().unwrap_or_default();
                    "execute"
                }
                b'D' => "describe",
                b'C' => "close",
                b'H' => "flush",
                b'S' => "sync",
                b'X' => "terminate",
                _ => "other",
            }
        };
        (name.to_owned(), sql)
    }
}
