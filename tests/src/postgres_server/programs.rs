//! PostgreSQL's programs, and the user that runs them.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The environment variable that names the folder of the programs.
const FOLDER: &str = "IDEMPOTENCY_POSTGRES_BIN";
/// The advice if there are none.
const MISSING: &str = "install PostgreSQL (Debian: apt-get install postgresql), \
     or name the folder of its programs in IDEMPOTENCY_POSTGRES_BIN";

/// A program of PostgreSQL. The variables of the environment that configure clients, such as `PGHOST`, do not reach it.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(path(name));
    for (variable, _) in std::env::vars_os() {
        if variable.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(variable);
        }
    }
    command
}

/// The path of a program of PostgreSQL.
pub(super) fn path(name: &str) -> PathBuf {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(folder).as_ref().unwrap_or_else(|| panic!("{MISSING}")).join(name)
}

/// Lets a command run as the server's user.
pub(super) fn as_server_user(command: &mut Command) -> &mut Command {
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    // The server's user may not be allowed to enter the directory of the tests.
    command.current_dir("/")
}

/// The user and the group of the server, if it cannot run as the user of the tests: PostgreSQL refuses root.
pub(super) fn server_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        if id(&["-u"]) != Some(0) {
            return None;
        }
        let ids = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
        Some(ids("postgres").or_else(|| ids("nobody")).expect("there is a user that is not root"))
    })
}

/// Runs `id`. Returns `None` if there is no such user.
fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().expect("id is installed");
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The folder that the environment variable names. Without it, the first that has a server: the folder of `pg_config`, one on
/// the path, or the newest of Debian's.
fn folder() -> Option<PathBuf> {
    let has_server = |folder: &PathBuf| folder.join("postgres").is_file() && folder.join("initdb").is_file();
    if let Some(named) = std::env::var_os(FOLDER) {
        return Some(PathBuf::from(named)).filter(has_server);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    configured()
        .filter(has_server)
        .or_else(|| std::env::split_paths(&path).find(has_server))
        .or_else(|| debian().into_iter().rev().find(has_server))
}

/// The folder of `pg_config`, which may be installed without a server.
fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// The folders of Debian's packages, oldest first.
fn debian() -> Vec<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        versions.filter_map(|version| version.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.iter().map(|number| PathBuf::from(format!("/usr/lib/postgresql/{number}/bin"))).collect()
}
