//! A shell that starts a server and ends it with the test process, even if that is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::programs::{as_server_user, server_user};

/// Starts the server for each line of input, and prints its process id. The input comes from the test process, so it ends
/// with it. Then the script stops the server and removes its directory.
///
/// - `wait` collects the last server. The next one would take it for alive, and refuse to start.
/// - QUIT stops a server at once. A shell lets its background ignore QUIT until the server handles it, so TERM comes first.
/// - A killed server leaves a segment of shared memory. The seventh line of its `postmaster.pid` names it.
/// - The kernel sends HUP if the test process ends while the server is paused.
const SCRIPT: &str = r#"
trap '' HUP
while read -r _; do
  wait
  "$@" </dev/null >>"$0/log" 2>&1 &
  echo "$!"
done
if [ -n "$!" ]; then
  kill -TERM "$!"
  kill -QUIT "$!"
  kill -CONT "$!" $(pgrep -P "$!")
  wait
  sed -n '7s/.* //p' "$0/data/postmaster.pid" | xargs -r ipcrm -m
fi
rm -rf "$0"
"#;

/// A directory and the server in it. Dropping it ends the server and removes the directory.
#[derive(Debug)]
pub(super) struct Keeper {
    directory: PathBuf,
    shell: Mutex<Shell>,
}

#[derive(Debug)]
struct Shell {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Keeper {
    /// Makes a new directory for the server that `command` will start. The command gets the path of the directory.
    pub(super) fn new(command: impl FnOnce(&Path) -> Vec<String>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("idempotency-postgres-{}-{number}", std::process::id()));
        // A process that had the same id may have left it.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
        if let Some((user, group)) = server_user() {
            std::os::unix::fs::chown(&directory, Some(user), Some(group)).expect("root gives files away");
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(SCRIPT).arg(&directory).args(command(&directory));
        // In a process group of its own, it survives a Ctrl-C that ends the tests.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = as_server_user(&mut shell).spawn().expect("there is a shell");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("its output is piped"));
        Self { directory, shell: Mutex::new(Shell { process, input, output }) }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the server. Returns its process id.
    pub(super) fn start(&self) -> u32 {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let input = shell.input.as_mut().expect("it is open until the drop");
        input.write_all(b"start\n").expect("the shell reads");
        let mut id = String::new();
        shell.output.read_line(&mut id).expect("the shell answers");
        id.trim().parse().expect("the shell answers with the process id")
    }

    /// The end of the server's log.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner);
        shell.input = None;
        let _ = shell.process.wait();
    }
}
