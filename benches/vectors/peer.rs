//! The same by sqlite-vec, in the same run.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::made::Made;

/// How the peer went: milliseconds in the middle, and what it puts in.
pub(crate) struct Theirs {
    pub(crate) all: f64,
    pub(crate) scope: f64,
    pub(crate) per_second: f64,
}

/// `None` where it cannot be installed.
pub(crate) fn sqlite_vec(
    folder: &Path,
    made: &Made,
    points: usize,
    scope: usize,
    questions: &[Vec<f32>],
) -> Option<Theirs> {
    let setup = Command::new("benches/peers/sqlite_vec/setup").stderr(Stdio::inherit()).output().ok()?;
    if !setup.status.success() {
        return None;
    }
    let write = |name: &str, vectors: &mut dyn Iterator<Item = Vec<f32>>| {
        let mut file = BufWriter::new(File::create(folder.join(name)).ok()?);
        for number in vectors.flatten() {
            file.write_all(&number.to_le_bytes()).ok()?;
        }
        file.flush().ok()
    };
    write("points.f32", &mut (0..points + scope).map(|at| made.vector(at)))?;
    write("questions.f32", &mut questions.iter().cloned())?;
    let interpreter = String::from_utf8(setup.stdout).ok()?;
    let mut command = Command::new(interpreter.trim());
    command.arg("benches/peers/sqlite_vec/search.py").arg(folder).arg(scope.to_string());
    let ran = command.stderr(Stdio::inherit()).output().ok()?;
    let told: Value = serde_json::from_slice(&ran.stdout).ok()?;
    Some(Theirs { all: told["all"].as_f64()?, scope: told["scope"].as_f64()?, per_second: told["perSecond"].as_f64()? })
}
