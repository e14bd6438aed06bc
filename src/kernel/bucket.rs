//! The address of a part of an object store: the provider, the bucket, and what every name in it begins with.

use std::fmt;

/// Who keeps a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// S3, or what speaks as S3 does.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage, where a bucket is called a container.
    Azure,
}

impl Provider {
    /// The scheme of its addresses.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

/// A bucket, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Who keeps it.
    pub provider: Provider,
    /// Its name.
    pub name: String,
    /// What every name in it begins with, with `/` between its parts and none at either end; empty for all of the bucket.
    pub prefix: String,
}

/// How an address is written.
pub const FORM: &str = "'s3://BUCKET/PREFIX', 'gs://BUCKET/PREFIX' or 'az://CONTAINER/PREFIX'";

impl Bucket {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = || format!("must be written {FORM}");
        let (scheme, rest) = text.split_once("://").ok_or_else(wanted)?;
        let provider = [Provider::S3, Provider::Google, Provider::Azure]
            .into_iter()
            .find(|provider| provider.scheme() == scheme)
            .ok_or_else(wanted)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.contains('@') {
            return Err("has no place for credentials: objects.credentials says where they are".to_owned());
        }
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        if name.len() < 3 || name.len() > 222 || !name.chars().all(fits) || !name.starts_with(char::is_alphanumeric) {
            return Err("names no bucket: three letters, digits, dots, hyphens or more".to_owned());
        }
        let prefix = prefix.trim_matches('/');
        let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
        let plain =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '/' | '=' | '+');
        let is_path = prefix.split('/').all(is_part) && prefix.chars().all(plain) && prefix.len() <= 500;
        if !prefix.is_empty() && !is_path {
            return Err("has a prefix that is no path of letters, digits and '.', '-', '_', '=', '+'".to_owned());
        }
        Ok(Self { provider, name: name.to_owned(), prefix: prefix.to_owned() })
    }

    /// The same bucket, one part further down.
    #[must_use]
    pub fn below(&self, part: &str) -> Self {
        let prefix = if self.prefix.is_empty() { part.to_owned() } else { format!("{}/{part}", self.prefix) };
        Self { prefix, ..self.clone() }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.provider.scheme(), self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_provider_bucket_and_prefix() {
        for (text, provider, name, prefix) in [
            ("s3://bucket", Provider::S3, "bucket", ""),
            ("s3://bucket/", Provider::S3, "bucket", ""),
            ("s3://my.bucket-1/a/b/", Provider::S3, "my.bucket-1", "a/b"),
            ("gs://bucket_2/year=2026", Provider::Google, "bucket_2", "year=2026"),
            ("az://container/x", Provider::Azure, "container", "x"),
        ] {
            let bucket = Bucket::parse(text).unwrap();
            assert_eq!((bucket.provider, &*bucket.name, &*bucket.prefix), (provider, name, prefix), "{text}");
            assert_eq!(Bucket::parse(&bucket.to_string()), Ok(bucket));
        }
        assert_eq!(Bucket::parse("s3://one/a").unwrap().below("b").to_string(), "s3://one/a/b");
        assert_eq!(Bucket::parse("s3://one").unwrap().below("b").to_string(), "s3://one/b");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "bucket",
            "s3:bucket",
            "s3://",
            "s3:///a",
            "s3://ab",
            "http://bucket/a",
            "S3://bucket",
            "s3://buc ket",
            "s3://-bucket",
            "s3://bucket/a//b",
            "s3://bucket/../b",
            "s3://bucket/./b",
            "s3://bucket/ä",
            "s3://bucket/a?b",
            "s3://bucket:80/a",
        ] {
            assert!(Bucket::parse(text).is_err(), "{text}");
        }
        // Not repeated: it may be a password.
        let fault = Bucket::parse("s3://key:hunter2@bucket/a").unwrap_err();
        assert!(fault.contains("objects.credentials") && !fault.contains("hunter2"), "{fault}");
    }
}
