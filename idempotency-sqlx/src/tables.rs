//! The names of the tables, parsed once.

use std::fmt;

/// The names of the tables that a store uses.
///
/// The default names are `idempotency_records`, `idempotency_marks` and `idempotency_outbox`, in the connection's default
/// schema.
///
/// ```
/// use idempotency_sqlx::Tables;
/// let tables = Tables::with_prefix("billing_idempotency")?.in_schema("infra")?;
/// assert_eq!(tables.records(), r#""infra"."billing_idempotency_records""#);
/// assert!(Tables::with_prefix("records; drop table users").is_err());
/// # Ok::<(), idempotency_sqlx::TablesError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tables {
    schema: Option<String>,
    prefix: String,
}

impl Tables {
    /// The maximum length of a schema's name and of a prefix, in bytes. PostgreSQL truncates names of more than 63 bytes,
    /// and the names of tables and indexes begin with the prefix.
    pub const MAX_LEN: usize = 40;

    /// Starts all table names with this prefix. Default: `idempotency`.
    ///
    /// # Errors
    /// When the prefix is not 1 to 40 bytes of `a-z`, `0-9` and `_`, or starts with a digit.
    pub fn with_prefix(prefix: impl Into<String>) -> Result<Self, TablesError> {
        Ok(Self { schema: None, prefix: parse(prefix.into())? })
    }

    /// Uses the tables in this schema of PostgreSQL, which must exist. SQLite has no schemas. Default: the first schema of
    /// the connection's search path.
    ///
    /// # Errors
    /// When the name is not 1 to 40 bytes of `a-z`, `0-9` and `_`, or starts with a digit.
    pub fn in_schema(mut self, schema: impl Into<String>) -> Result<Self, TablesError> {
        self.schema = Some(parse(schema.into())?);
        Ok(self)
    }

    /// Returns the quoted name of the table of records.
    #[must_use]
    pub fn records(&self) -> String {
        self.table("records")
    }

    /// Returns the quoted name of the table of marks, one for each ordered resource.
    #[must_use]
    pub fn marks(&self) -> String {
        self.table("marks")
    }

    /// Returns the quoted name of the table of messages that handlers have pushed.
    #[must_use]
    pub fn outbox(&self) -> String {
        self.table("outbox")
    }

    /// Whether a schema is named.
    #[cfg(feature = "sqlite")]
    pub(crate) fn names_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// Returns the prefix of the tables' names.
    #[cfg(feature = "postgres")]
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Fills these names into a script of the folder `migrations`, which is written for the default names.
    pub(crate) fn fill_in(&self, script: &str) -> String {
        let names = ["records", "marks", "outbox"];
        let mut script = script.to_owned();
        // Put placeholders in place of the default names first, since the new names may contain them.
        for name in names {
            script = script.replace(&format!("idempotency_{name}_by_"), &format!("\0{name} index\0"));
            script = script.replace(&format!("idempotency_{name}"), &format!("\0{name}\0"));
        }
        for name in names {
            script = script.replace(&format!("\0{name} index\0"), &format!("{}_{name}_by_", self.prefix));
            script = script.replace(&format!("\0{name}\0"), &self.table(name));
        }
        script
    }

    fn table(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!(r#""{schema}"."{}_{name}""#, self.prefix),
            None => format!(r#""{}_{name}""#, self.prefix),
        }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self { schema: None, prefix: "idempotency".to_owned() }
    }
}

fn parse(name: String) -> Result<String, TablesError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    match starts_well && name.len() <= Tables::MAX_LEN && name.bytes().all(allowed) {
        true => Ok(name),
        false => Err(TablesError),
    }
}

/// The text is not the name of a schema, or the prefix of a table's name, that a store accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TablesError;

impl fmt::Display for TablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let max = Tables::MAX_LEN;
        write!(f, "the name is not 1 to {max} bytes of a-z, 0-9 and '_', or it starts with a digit")
    }
}

impl std::error::Error for TablesError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_1_to_40_bytes_of_a_small_alphabet() {
        for name in ["", "1a", "A", "a-b", "a b", "a\"", "ä", "a;", &"a".repeat(41)] {
            assert_eq!(Tables::with_prefix(name), Err(TablesError), "{name}");
            assert_eq!(Tables::default().in_schema(name), Err(TablesError), "{name}");
        }
        for name in ["a", "_", "_1", &"a".repeat(40)] {
            assert!(Tables::with_prefix(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_script_gets_the_names() {
        let script = "CREATE TABLE idempotency_records; CREATE INDEX idempotency_records_by_expiry ON idempotency_records";
        let tables = Tables::with_prefix("p").unwrap().in_schema("s").unwrap();
        let filled = r#"CREATE TABLE "s"."p_records"; CREATE INDEX p_records_by_expiry ON "s"."p_records""#;
        assert_eq!(tables.fill_in(script), filled);
        let filled = r#"CREATE TABLE "idempotency_records"; CREATE INDEX idempotency_records_by_expiry ON "idempotency_records""#;
        assert_eq!(Tables::default().fill_in(script), filled);
    }
}
