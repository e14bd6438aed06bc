//! Object stores by the crate `object_store`: S3 and what speaks as it does, Google Cloud Storage, Azure Blob Storage. A place is
//! a bucket or a part of one; every name here is within it.

mod blobs;
mod open;
mod retained;

use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, WriteMultipart};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub use blobs::ObjectBlobs;
pub use open::Access;

use crate::kernel::bucket::Bucket;
use crate::kernel::time::Timestamp;
use crate::port::objects::{Listed, Objects, Trial};
use crate::port::store::StoreFault;

/// What is larger goes in parts of this size.
const PART: usize = 8 << 20;
/// Parts on their way at once.
const AT_ONCE: usize = 4;
/// The folder of the object that is written to see whether one can be written.
const TRIED: &str = "tried";

/// The codes by which providers say that there is no such object.
const ABSENT: [&str; 3] = ["NoSuchKey", "NoSuchVersion", "BlobNotFound"];
/// The codes by which they say that there is no such bucket.
const NO_BUCKET: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];

/// A bucket, or a part of one.
pub struct ObjectPlace {
    store: Arc<dyn ObjectStore>,
    bucket: Bucket,
}

impl ObjectPlace {
    /// Reaches nothing yet.
    ///
    /// # Errors
    /// What is wrong with the credentials or the address of the server.
    pub fn new(bucket: Bucket, access: &Access) -> Result<Self, String> {
        Ok(Self { store: open::store(&bucket, access)?, bucket })
    }

    fn path(&self, name: &str) -> Path {
        Path::from(self.bucket.below(name).prefix)
    }

    /// The fault for what the provider answers.
    fn fault(&self, error: &Error) -> StoreFault {
        StoreFault::Unavailable(format!("{}: {}", self.bucket, told(error)))
    }

    fn of_file(file: &FilePath, error: &std::io::Error) -> StoreFault {
        StoreFault::of_file(&file.display().to_string(), error)
    }

    async fn put_parts(&self, path: &Path, head: &[u8], file: &FilePath) -> Result<(), StoreFault> {
        let mut reader = tokio::fs::File::open(file).await.map_err(|error| Self::of_file(file, &error))?;
        let upload = self.store.put_multipart(path).await.map_err(|error| self.fault(&error))?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        writer.write(head);
        let mut buffer = vec![0; 1 << 20];
        let written = loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break Ok(()),
                Ok(read) => {
                    if let Err(error) = writer.wait_for_capacity(AT_ONCE).await {
                        break Err(self.fault(&error));
                    }
                    writer.write(&buffer[..read]);
                }
                Err(error) => break Err(Self::of_file(file, &error)),
            }
        };
        if let Err(fault) = written {
            // Parts that are left cost money; where this cannot be told either, the bucket's own rules clear them away.
            if let Err(error) = writer.abort().await {
                tracing::warn!(%error, "an upload that was given up is left in parts");
            }
            return Err(fault);
        }
        writer.finish().await.map(drop).map_err(|error| self.fault(&error))
    }

    async fn put_large(&self, path: &Path, bytes: Bytes) -> Result<(), StoreFault> {
        let upload = self.store.put_multipart(path).await.map_err(|error| self.fault(&error))?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
        for from in (0..bytes.len()).step_by(PART) {
            if let Err(error) = writer.wait_for_capacity(AT_ONCE).await {
                let fault = self.fault(&error);
                if let Err(error) = writer.abort().await {
                    tracing::warn!(%error, "an upload that was given up is left in parts");
                }
                return Err(fault);
            }
            writer.put(bytes.slice(from..bytes.len().min(from + PART)));
        }
        writer.finish().await.map(drop).map_err(|error| self.fault(&error))
    }

    /// An object as it comes in, `None` where there is none.
    async fn stream(&self, name: &str) -> Result<Option<object_store::GetResult>, StoreFault> {
        match self.store.get(&self.path(name)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) => self.absent(&error).map(|()| None),
        }
    }

    /// That there is no such object is no fault; that there is no such bucket, or nobody who may look, is one.
    fn absent(&self, error: &Error) -> Result<(), StoreFault> {
        let is_object = || code_of(error).is_none_or(|code| ABSENT.contains(&code.as_str()));
        match error {
            Error::NotFound { .. } if is_object() => Ok(()),
            _ => Err(self.fault(error)),
        }
    }
}

/// What an error says, down to its cause, on one line. Of the provider's own answer its code and its message.
fn told(error: &Error) -> String {
    let all = said(error);
    let Some((before, answer)) = all.split_once("<?xml").or_else(|| all.split_once("<Error>")) else { return all };
    let words: Vec<&str> = ["Code", "Message"].into_iter().filter_map(|name| within(answer, name)).collect();
    format!("{}: {}", before.trim_end_matches([' ', ':']), words.join(": "))
}

fn said(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let text = next.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = next.source();
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The code of the provider's own answer, where there is one: to a HEAD there is none.
fn code_of(error: &Error) -> Option<String> {
    within(&said(error), "Code").map(str::to_owned)
}

/// What stands in an element of XML that has nothing but text in it.
fn within<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[async_trait]
impl Objects for ObjectPlace {
    fn place(&self) -> String {
        self.bucket.to_string()
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreFault> {
        let path = self.path(name);
        if bytes.len() > PART {
            return self.put_large(&path, bytes).await;
        }
        self.store.put(&path, bytes.into()).await.map(drop).map_err(|error| self.fault(&error))
    }

    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<bool, StoreFault> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.path(name), bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    async fn put_file(&self, name: &str, head: &'static [u8], file: &FilePath) -> Result<(), StoreFault> {
        let size = tokio::fs::metadata(file).await.map_err(|error| Self::of_file(file, &error))?.len();
        if size <= PART as u64 {
            let bytes = tokio::fs::read(file).await.map_err(|error| Self::of_file(file, &error))?;
            let whole = if head.is_empty() { bytes } else { [head, bytes.as_slice()].concat() };
            return self.put(name, whole.into()).await;
        }
        self.put_parts(&self.path(name), head, file).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreFault> {
        match self.stream(name).await? {
            Some(found) => found.bytes().await.map(Some).map_err(|error| self.fault(&error)),
            None => Ok(None),
        }
    }

    async fn get_first(&self, name: &str, most: u64) -> Result<Option<Bytes>, StoreFault> {
        let Some(found) = self.stream(name).await? else { return Ok(None) };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let (mut stream, mut first) = (found.into_stream(), Vec::new());
        while first.len() < most {
            match stream.next().await {
                Some(Ok(bytes)) => first.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(self.fault(&error)),
                None => break,
            }
        }
        first.truncate(most);
        Ok(Some(first.into()))
    }

    async fn get_file(&self, name: &str, file: &FilePath) -> Result<bool, StoreFault> {
        let Some(found) = self.stream(name).await? else { return Ok(false) };
        let cannot = |error: std::io::Error| Self::of_file(file, &error);
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut writer = options.open(file).await.map_err(cannot)?;
        let mut stream = found.into_stream();
        while let Some(bytes) = stream.next().await {
            writer.write_all(&bytes.map_err(|error| self.fault(&error))?).await.map_err(cannot)?;
        }
        writer.flush().await.map_err(cannot)?;
        writer.sync_all().await.map_err(cannot)?;
        Ok(true)
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, StoreFault> {
        match self.store.head(&self.path(name)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(error) => self.absent(&error).map(|()| None),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<bool, StoreFault> {
        match self.store.copy(&self.path(from), &self.path(to)).await {
            Ok(()) => Ok(true),
            Err(error) => self.absent(&error).map(|()| false),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), StoreFault> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) => Ok(()),
            Err(error) => self.absent(&error),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, StoreFault> {
        let within = format!("{}/", self.path(folder));
        let found = self.store.list(Some(&self.path(folder)));
        let mut listed: Vec<Listed> = found
            .try_filter_map(async |object| {
                let rest = object.location.as_ref().strip_prefix(within.as_str());
                Ok(rest.map(|rest| Listed {
                    name: format!("{folder}/{rest}"),
                    size_bytes: object.size,
                    written_at: Timestamp::from_millis(object.last_modified.timestamp_millis()),
                }))
            })
            .try_collect()
            .await
            .map_err(|error| self.fault(&error))?;
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    async fn check(&self) -> Result<(), StoreFault> {
        // One page of a folder with next to nothing in it.
        match self.store.list(Some(&self.path(TRIED))).next().await {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(self.fault(&error)),
        }
    }

    async fn try_out(&self, name: &str) -> Result<(), Trial> {
        let path = self.path(&format!("{TRIED}/{name}"));
        let tried = match self.store.put(&path, Bytes::from_static(b"tried").into()).await {
            Ok(_) => self.store.delete(&path).await,
            Err(error) => Err(error),
        };
        tried.map_err(|error| {
            let say = format!("{}: {}", self.bucket, told(&error));
            let no_bucket = code_of(&error).is_some_and(|code| NO_BUCKET.contains(&code.as_str()));
            match error {
                Error::NotFound { .. } if no_bucket => Trial::Refused(format!("there is no such bucket: {say}")),
                Error::NotFound { .. } | Error::Unauthenticated { .. } | Error::PermissionDenied { .. } => {
                    Trial::Refused(format!("the credentials are refused: {say}"))
                }
                _ => Trial::Unreachable(say),
            }
        })
    }
}
