//! The public API of each crate as text: one line for each item.
//!
//! `cargo run -p idempotency-public-api` checks the committed texts in `tests/public-api/`. With `-- --write` it rewrites
//! them. The JSON of rustdoc is an unstable feature, which this enables for the one command that needs it. Its format
//! changes between compilers, so each text names its compiler, and nothing is compared under another one.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const CRATES: [&str; 4] = ["idempotency-core", "idempotency-tower", "idempotency-actix", "idempotency-sqlx"];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let write = std::env::args().any(|argument| argument == "--write");
    let compiler = compiler()?;
    let mut is_current = true;
    for name in CRATES {
        let path = committed(name);
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        let written_by = expected.lines().next().unwrap_or_default();
        if !write && !written_by.is_empty() && written_by != compiler {
            eprintln!(
                "NOT COMPARED: the public API of {name} was written by '{written_by}', and this is '{compiler}'"
            );
            continue;
        }
        let text = format!("{compiler}\n{}", api(name)?);
        if write {
            std::fs::write(path, text)?;
        } else if expected != text {
            is_current = false;
            eprintln!("the public API of {name} differs from the committed text:");
            show_difference(&path, &text)?;
        }
    }
    if !is_current {
        eprintln!("if the change is intended: cargo run -p idempotency-public-api -- --write");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{name}.txt"))
}

/// The version of the compiler, such as `rustc 1.95.0 (59807616e 2026-04-14)`.
fn compiler() -> Result<String, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The public items of a crate with all its features, sorted.
fn api(name: &str) -> Result<String, Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("the program is not in a target directory")?;
    let status = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "--locked", "--lib", "--all-features", "-p", name, "--target-dir"])
        .arg(target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTDOC", Path::new(env!("CARGO_MANIFEST_DIR")).join("rustdoc"))
        .status()?;
    if !status.success() {
        return Err(format!("cargo rustdoc of {name} failed").into());
    }
    let file = target.join("doc").join(format!("{}.json", name.replace('-', "_")));
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_auto_derived_impls(true)
        .omit_auto_trait_impls(true)
        .omit_blanket_impls(true)
        .build()?;
    let mut lines: Vec<String> = api.items().map(|item| format!("{item}\n")).collect();
    lines.dedup();
    Ok(lines.concat())
}

fn show_difference(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    let mut diff = Command::new("diff").arg("-U1").arg(path).arg("-").stdin(Stdio::piped()).spawn()?;
    diff.stdin.take().expect("it is piped").write_all(text.as_bytes())?;
    diff.wait()?;
    Ok(())
}
