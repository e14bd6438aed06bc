//! Packs: a backup as one file, as it goes to an object store or is encrypted.
//!
//! It begins with a line that names the form and a line of JSON, the head, which tells without any key what the pack is. What
//! follows is the manifest, behind its length, the files in the manifest's order, and the SHA-256 of all of it, the head too. Where the
//! backup is encrypted this is cut into pieces, each sealed by AES-256-GCM under a key of the backup's own, which the head has
//! sealed under the operator's. A piece opens only in its place, under its head, and as the last one only where it is the last:
//! what was altered, moved or cut does not open.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::manifest::{MANIFEST, Manifest, is_plain_path};
use crate::kernel::cipher::CipherKey;
use crate::kernel::time::Timestamp;

/// The first line.
const MAGIC: &[u8] = b"convoke backup 1\n";
/// No head is longer, its first line included.
pub(crate) const LONGEST_HEAD: u64 = 8192;
/// Bytes of a piece before it is sealed.
const PIECE: usize = 1 << 20;
/// What sealing adds to a piece: a nonce and a tag.
const SEAL: usize = 12 + 16;
/// No manifest is longer.
const LONGEST_MANIFEST: u64 = 4 << 30;
/// What the key of a backup is sealed for.
const KEY_FOR: &[u8] = b"convoke backup key";

/// What a pack tells without any key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// When the backup was begun.
    pub(crate) made_at: Timestamp,
    /// The program's version.
    pub(crate) version: String,
    /// The store's name and version.
    pub(crate) backend: String,
    /// The schema's number.
    pub(crate) schema: u32,
    /// The size of the files in it.
    pub(crate) size_bytes: u64,
    /// How it is sealed, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<Sealed>,
}

/// How a pack is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sealed {
    /// By what the operator's key is known.
    pub(crate) under: String,
    /// The backup's own key, sealed under the operator's.
    key: String,
}

/// Why a pack cannot be read.
#[derive(Debug)]
pub(crate) enum PackFault {
    /// It is not what was written; where.
    Damaged(String),
    /// None of the keys at hand is the one that it was sealed under.
    Locked(String),
    /// The disk fails.
    Disk(io::Error),
}

impl From<io::Error> for PackFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged(error.to_string()),
            _ => Self::Disk(error),
        }
    }
}

/// The head at the beginning of a pack; `None` where there is none.
pub(crate) fn head(first: &[u8]) -> Option<Head> {
    let rest = first.strip_prefix(MAGIC)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    serde_json::from_slice(&rest[..end]).ok()
}

/// Packs the folder of a whole backup into a new file, synced. Under a key it is sealed.
pub(crate) fn pack(folder: &Path, manifest: &Manifest, key: Option<&CipherKey>, file: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = io::BufWriter::with_capacity(PIECE, options.open(file)?);
    let own = key.map(|_| CipherKey::random()).transpose().map_err(io::Error::other)?;
    let sealed = match (key, &own) {
        (Some(key), Some(own)) => {
            let sealed = key.seal(KEY_FOR, own.bytes()).map_err(io::Error::other)?;
            Some(Sealed { under: key.id(), key: STANDARD.encode(sealed) })
        }
        _ => None,
    };
    let head = Head {
        made_at: manifest.made_at,
        version: manifest.version.clone(),
        backend: manifest.backend.clone(),
        schema: manifest.schema,
        size_bytes: manifest.size_bytes(),
        sealed,
    };
    let mut first = MAGIC.to_vec();
    serde_json::to_writer(&mut first, &head)?;
    first.push(b'\n');
    if first.len() as u64 > LONGEST_HEAD {
        return Err(io::Error::other("the head of the backup is too long"));
    }
    out.write_all(&first)?;
    match own {
        Some(own) => {
            let mut sealing =
                Sealing { out: &mut out, place: Place::new(own, &first), piece: Vec::with_capacity(PIECE) };
            write_body(&first, folder, manifest, &mut sealing)?;
            sealing.end()?;
        }
        None => write_body(&first, folder, manifest, &mut out)?,
    }
    let written = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    written.sync_all()
}

fn write_body(head: &[u8], folder: &Path, manifest: &Manifest, out: &mut impl Write) -> io::Result<()> {
    let mut out = Digesting { inner: out, hasher: Sha256::new_with_prefix(head) };
    let text = serde_json::to_vec(manifest)?;
    out.write_all(&(text.len() as u64).to_be_bytes())?;
    out.write_all(&text)?;
    for listed in &manifest.files {
        let mut file = BufReader::with_capacity(PIECE, File::open(folder.join(&listed.path))?);
        if io::copy(&mut file, &mut out)? != listed.size_bytes {
            return Err(io::Error::other(format!("{} has changed since its digest was taken", listed.path)));
        }
    }
    let digest = out.hasher.clone().finalize();
    out.inner.write_all(&digest)
}

/// Reads a pack to its end and holds everything against its digests. Into a folder, which must be empty, the files are written as
/// they were before they were packed, the manifest too. Answers the manifest.
pub(crate) fn unpack(file: &Path, keys: &[CipherKey], into: Option<&Path>) -> Result<Manifest, PackFault> {
    let mut input = BufReader::with_capacity(PIECE, File::open(file)?);
    let first = read_head(&mut input)?;
    let head = head(&first).ok_or_else(|| PackFault::Damaged("its head cannot be read".to_owned()))?;
    match &head.sealed {
        None => read_body(input, &first, into),
        Some(sealed) => {
            let own = open_key(sealed, keys)?;
            let ahead = next_piece(&mut input)?;
            let opening =
                Opening { input, place: Place::new(own, &first), ahead, open: Vec::new(), at: 0, ended: false };
            read_body(opening, &first, into)
        }
    }
}

fn read_head(input: &mut impl BufRead) -> Result<Vec<u8>, PackFault> {
    let mut first = Vec::new();
    // The first line and the head.
    let mut within = input.take(LONGEST_HEAD);
    within.read_until(b'\n', &mut first)?;
    within.read_until(b'\n', &mut first)?;
    if first.ends_with(b"\n") { Ok(first) } else { Err(PackFault::Damaged("its head cannot be read".to_owned())) }
}

fn open_key(sealed: &Sealed, keys: &[CipherKey]) -> Result<CipherKey, PackFault> {
    let Some(key) = keys.iter().find(|key| key.id() == sealed.under) else {
        return Err(PackFault::Locked(sealed.under.clone()));
    };
    let damaged = || PackFault::Damaged("its key does not open".to_owned());
    let own = STANDARD.decode(&sealed.key).map_err(|_| damaged())?;
    let own = key.open(KEY_FOR, &own).ok_or_else(damaged)?;
    CipherKey::of_bytes(&own).ok_or_else(damaged)
}

fn read_body(input: impl Read, head: &[u8], into: Option<&Path>) -> Result<Manifest, PackFault> {
    let mut input = Digesting { inner: input, hasher: Sha256::new_with_prefix(head) };
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > LONGEST_MANIFEST {
        return Err(PackFault::Damaged("its manifest cannot be read".to_owned()));
    }
    let mut text = Vec::new();
    if (&mut input).take(length).read_to_end(&mut text)? as u64 != length {
        return Err(PackFault::Damaged("it ends within its manifest".to_owned()));
    }
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| PackFault::Damaged(format!("its manifest cannot be read: {error}")))?;
    for listed in &manifest.files {
        if !is_plain_path(&listed.path) {
            return Err(PackFault::Damaged("its manifest names a file outside of it".to_owned()));
        }
        let target = into.map(|folder| new_file(folder, &listed.path)).transpose()?;
        let mut one = Digesting { inner: (&mut input).take(listed.size_bytes), hasher: Sha256::new() };
        let copied = match target {
            Some(mut target) => {
                let copied = io::copy(&mut one, &mut target)?;
                target.sync_all()?;
                copied
            }
            None => io::copy(&mut one, &mut io::sink())?,
        };
        if copied != listed.size_bytes || hex(&one.hasher.finalize()) != listed.sha256 {
            return Err(PackFault::Damaged(format!("{} was altered", listed.path)));
        }
    }
    let digest = input.hasher.clone().finalize();
    let mut written = [0; 32];
    input.read_exact(&mut written)?;
    let ends = input.read(&mut [0])? == 0;
    if digest.as_slice() != written || !ends {
        return Err(PackFault::Damaged("its head or its end is not what was written".to_owned()));
    }
    if let Some(folder) = into {
        let mut file = new_file(folder, MANIFEST)?;
        file.write_all(&text)?;
        file.sync_all()?;
    }
    Ok(manifest)
}

fn new_file(folder: &Path, path: &str) -> io::Result<File> {
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        super::shelf::make_private_folder(parent)?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}

/// Digests what goes through.
struct Digesting<Inner> {
    inner: Inner,
    hasher: Sha256,
}

impl<Inner: Write> Write for Digesting<Inner> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<Inner: Read> Read for Digesting<Inner> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        Ok(read)
    }
}

/// Where in a pack the next piece is.
struct Place {
    key: CipherKey,
    head: [u8; 32],
    number: u64,
}

impl Place {
    fn new(key: CipherKey, head: &[u8]) -> Self {
        Self { key, head: Sha256::digest(head).into(), number: 0 }
    }

    /// What the next piece is bound to.
    fn context(&mut self, is_last: bool) -> Vec<u8> {
        let mut context = b"convoke backup piece".to_vec();
        context.extend_from_slice(&self.head);
        context.extend_from_slice(&self.number.to_be_bytes());
        context.push(u8::from(is_last));
        self.number += 1;
        context
    }
}

/// Seals what is written to it, piece by piece.
struct Sealing<Out> {
    out: Out,
    place: Place,
    piece: Vec<u8>,
}

impl<Out: Write> Sealing<Out> {
    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let context = self.place.context(is_last);
        let sealed = self.place.key.seal(&context, &self.piece).map_err(io::Error::other)?;
        self.piece.clear();
        self.out.write_all(&sealed)
    }

    /// Seals what is left as the last piece; there is always one, however short.
    fn end(mut self) -> io::Result<()> {
        self.seal(true)
    }
}

impl<Out: Write> Write for Sealing<Out> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens pieces as they are read. One is read ahead, to know which is the last.
struct Opening<Input> {
    input: Input,
    place: Place,
    ahead: Vec<u8>,
    open: Vec<u8>,
    at: usize,
    ended: bool,
}

fn next_piece(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE + SEAL);
    input.take((PIECE + SEAL) as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

impl<Input: Read> Read for Opening<Input> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.at == self.open.len() {
            if self.ended {
                return Ok(0);
            }
            let after = next_piece(&mut self.input)?;
            let piece = std::mem::replace(&mut self.ahead, after);
            self.ended = self.ahead.is_empty();
            let context = self.place.context(self.ended);
            let opened = self.place.key.open(&context, &piece);
            let broken =
                || io::Error::new(io::ErrorKind::InvalidData, "a part of it does not open: it was altered or cut");
            self.open = opened.ok_or_else(broken)?.to_vec();
            self.at = 0;
        }
        let given = bytes.len().min(self.open.len() - self.at);
        bytes[..given].copy_from_slice(&self.open[self.at..self.at + given]);
        self.at += given;
        Ok(given)
    }
}

fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::system::engine::manifest::{FORM, take_stock};

    fn key(byte: u8) -> CipherKey {
        CipherKey::of_bytes(&[byte; 32]).unwrap()
    }

    /// A backup's folder with files of telling sizes, and its manifest.
    fn backup(place: &Path) -> Manifest {
        let folder = place.join("backup");
        fs::create_dir_all(folder.join("blobs/a")).unwrap();
        fs::write(folder.join("store.db"), vec![7; 2 * PIECE + 5]).unwrap();
        fs::write(folder.join("blobs/a/empty"), "").unwrap();
        fs::write(folder.join("blobs/a/some"), "some bytes").unwrap();
        Manifest {
            form: FORM,
            made_at: Timestamp::from_millis(1_000),
            version: "1".to_owned(),
            backend: "SQLite".to_owned(),
            schema: 3,
            files: take_stock(&folder).unwrap(),
            keys: None,
        }
    }

    #[test]
    fn comes_out_as_it_went_in_under_a_key_and_without() {
        let place = tempfile::tempdir().unwrap();
        let manifest = backup(place.path());
        for (name, sealed) in [("plain", None), ("sealed", Some(key(1)))] {
            let (file, into) = (place.path().join(name), place.path().join(format!("out of {name}")));
            pack(&place.path().join("backup"), &manifest, sealed.as_ref(), &file).unwrap();
            let first = fs::read(&file).unwrap();
            assert_eq!(head(&first).unwrap().sealed.is_some(), sealed.is_some());
            let clear = first.windows(10).any(|window| window == b"some bytes");
            assert_eq!(clear, sealed.is_none(), "{name}");
            let keys = [key(9), key(1)];
            assert_eq!(unpack(&file, &keys, None).unwrap(), manifest);
            assert_eq!(unpack(&file, &keys, Some(&into)).unwrap(), manifest);
            assert_eq!(manifest.faults(&into).unwrap(), [""; 0]);
            assert_eq!(Manifest::read(&into).unwrap(), manifest);
        }
    }

    #[test]
    fn what_was_altered_cut_or_grew_is_refused_wherever_it_was() {
        let place = tempfile::tempdir().unwrap();
        let manifest = backup(place.path());
        for (name, sealed) in [("plain", None), ("sealed", Some(key(1)))] {
            let file = place.path().join(name);
            pack(&place.path().join("backup"), &manifest, sealed.as_ref(), &file).unwrap();
            let whole = fs::read(&file).unwrap();
            let broken = place.path().join("broken");
            let refused = |bytes: &[u8], what: &str| {
                fs::write(&broken, bytes).unwrap();
                let fault = unpack(&broken, &[key(1)], None).unwrap_err();
                let is_refused = matches!(fault, PackFault::Damaged(_) | PackFault::Locked(_));
                assert!(is_refused, "{name}, {what}: {fault:?}");
            };
            let step = whole.len() / 97;
            // All of the head, and places in the rest.
            for at in (0..600).chain((600..whole.len()).step_by(step)).chain(whole.len() - 40..whole.len()) {
                let mut altered = whole.clone();
                altered[at] ^= 1;
                refused(&altered, &format!("byte {at} altered"));
            }
            let piece = whole.len() - (2 * (PIECE + SEAL));
            for length in [0, 10, 300, piece, PIECE, whole.len() - PIECE - SEAL, whole.len() - 1] {
                refused(&whole[..length], &format!("cut at {length}"));
            }
            refused(&[whole.as_slice(), b"x"].concat(), "grown");
        }
    }

    #[test]
    fn pieces_do_not_change_places_and_another_key_does_not_open() {
        let place = tempfile::tempdir().unwrap();
        let manifest = backup(place.path());
        let file = place.path().join("sealed");
        pack(&place.path().join("backup"), &manifest, Some(&key(1)), &file).unwrap();
        assert!(matches!(unpack(&file, &[key(2)], None), Err(PackFault::Locked(under)) if under == key(1).id()));
        assert!(matches!(unpack(&file, &[], None), Err(PackFault::Locked(_))));
        let mut bytes = fs::read(&file).unwrap();
        let begin = MAGIC.len() + bytes[MAGIC.len()..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let (one, two) = (begin..begin + PIECE + SEAL, begin + PIECE + SEAL..begin + 2 * (PIECE + SEAL));
        let (first, second) = (bytes[one.clone()].to_vec(), bytes[two.clone()].to_vec());
        bytes[one].copy_from_slice(&second);
        bytes[two].copy_from_slice(&first);
        fs::write(&file, bytes).unwrap();
        assert!(matches!(unpack(&file, &[key(1)], None), Err(PackFault::Damaged(_))));
    }

    #[test]
    fn a_manifest_that_names_files_elsewhere_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let mut manifest = backup(place.path());
        fs::write(place.path().join("outside"), "x").unwrap();
        manifest.files.truncate(1);
        manifest.files[0].path = "../outside".to_owned();
        manifest.files[0].size_bytes = 1;
        let file = place.path().join("pack");
        pack(&place.path().join("backup"), &manifest, None, &file).unwrap();
        assert!(matches!(unpack(&file, &[], None), Err(PackFault::Damaged(_))));
    }
}
