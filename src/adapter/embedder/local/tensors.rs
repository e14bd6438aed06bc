//! Reading tensors out of a safetensors file: a head of JSON that says where each lies, and their numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::Deserialize;

/// A longer head is none.
const LONGEST_HEAD: u64 = 64 << 20;

/// What comes before the names of tensors in models that were saved with more around them.
const AROUND: [&str; 3] = ["bert.", "model.", "0.auto_model."];

#[derive(Debug, Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// A file, open.
#[derive(Debug)]
pub(super) struct Tensors {
    file: File,
    begin: u64,
    length: u64,
    all: HashMap<String, Tensor>,
    /// The head as it stands there.
    pub(super) head: Vec<u8>,
}

impl Tensors {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let wrong = |why: String| format!("{} is no safetensors file: {why}", path.display());
        let length = file.metadata().map_err(|error| wrong(error.to_string()))?.len();
        let mut count = [0; 8];
        file.read_exact(&mut count).map_err(|error| wrong(error.to_string()))?;
        let count = u64::from_le_bytes(count);
        if count > LONGEST_HEAD.min(length.saturating_sub(8)) {
            return Err(wrong("its head is too long".to_owned()));
        }
        let mut head = vec![0; usize::try_from(count).unwrap_or(0)];
        file.read_exact(&mut head).map_err(|error| wrong(error.to_string()))?;
        let entries: HashMap<String, serde_json::Value> =
            serde_json::from_slice(&head).map_err(|error| wrong(error.to_string()))?;
        let mut all = HashMap::new();
        for (name, entry) in entries.into_iter().filter(|(name, _)| name != "__metadata__") {
            let tensor: Tensor = serde_json::from_value(entry).map_err(|error| wrong(format!("{name}: {error}")))?;
            let bare = AROUND.iter().find_map(|around| name.strip_prefix(around)).unwrap_or(&name).to_owned();
            all.insert(bare, tensor);
        }
        Ok(Self { file, begin: 8 + count, length, all, head })
    }

    /// The numbers of a tensor, which must have this shape.
    pub(super) fn read(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.all.get(name).ok_or_else(|| format!("there is no tensor {name}"))?;
        if tensor.shape != shape {
            return Err(format!("the tensor {name} has the shape {:?}, not {shape:?}", tensor.shape));
        }
        let width: u64 = match tensor.dtype.as_str() {
            "F32" => 4,
            "F16" | "BF16" => 2,
            other => return Err(format!("the tensor {name} has numbers of the type {other}")),
        };
        let (from, until) = tensor.data_offsets;
        let expected = shape.iter().try_fold(width, |product, part| product.checked_mul(u64::try_from(*part).ok()?));
        let there = self.length.saturating_sub(self.begin);
        if until > there || from > until || expected != Some(until - from) {
            return Err(format!("the tensor {name} does not lie within the file"));
        }
        let mut bytes = vec![0; usize::try_from(until - from).unwrap_or(0)];
        let read = self.file.seek(SeekFrom::Start(self.begin + from)).and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|error| format!("the tensor {name} cannot be read: {error}"))?;
        let pairs = || bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
        Ok(match tensor.dtype.as_str() {
            "F16" => pairs().map(half).collect(),
            "BF16" => pairs().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            _ => bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
        })
    }

    /// Some of the file's bytes, from all over it: they tell models of one shape apart.
    pub(super) fn sample(&mut self) -> Result<Vec<u8>, String> {
        const SAMPLES: u64 = 64;
        const BYTES: u64 = 4096;
        let mut all = self.length.to_le_bytes().to_vec();
        for at in 0..SAMPLES {
            let from = self.begin + self.length.saturating_sub(self.begin + BYTES) / (SAMPLES - 1) * at;
            self.file.seek(SeekFrom::Start(from)).map_err(|error| error.to_string())?;
            (&mut self.file).take(BYTES).read_to_end(&mut all).map_err(|error| error.to_string())?;
        }
        Ok(all)
    }
}

/// A number of 16 bits.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        31 if fraction > 0.0 => f32::NAN,
        31 => f32::INFINITY,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(head: &str, data: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
        bytes.extend(head.as_bytes());
        bytes.extend(data);
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn numbers_of_three_widths_are_read() {
        let head = r#"{"__metadata__":{"a":"b"},"bert.one":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
            "half":{"dtype":"F16","shape":[1,3],"data_offsets":[8,14]},"brain":{"dtype":"BF16","shape":[1],"data_offsets":[14,16]}}"#;
        let mut data = [1.5f32.to_le_bytes(), (-2f32).to_le_bytes()].concat();
        data.extend([0x00, 0x3C, 0x01, 0x00, 0xFF, 0xC3, 0x20, 0x40]);
        let file = file(head, &data);
        let mut tensors = Tensors::open(file.path()).unwrap();
        assert_eq!(tensors.read("one", &[2]).unwrap(), [1.5, -2.0]);
        assert_eq!(tensors.read("half", &[1, 3]).unwrap(), [1.0, 2f32.powi(-24), -3.998_046_9]);
        assert_eq!(tensors.read("brain", &[1]).unwrap(), [2.5]);
        assert!(tensors.read("one", &[1, 2]).is_err());
        assert!(tensors.read("two", &[2]).is_err());
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let beyond = r#"{"one":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        assert!(Tensors::open(file(beyond, &[0; 7]).path()).unwrap().read("one", &[2]).is_err());
        let vast = r#"{"one":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#;
        assert!(Tensors::open(file(vast, &[0; 7]).path()).unwrap().read("one", &[1 << 62, 4]).is_err());
        assert!(Tensors::open(file("[]", &[]).path()).is_err());
        let cut = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(cut.path(), u64::MAX.to_le_bytes()).unwrap();
        assert!(Tensors::open(cut.path()).is_err());
    }
}
