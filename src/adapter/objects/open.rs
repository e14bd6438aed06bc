//! Reaching a bucket: the server, the credentials, how long it may take to answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};

use super::retained::Retained;
use crate::kernel::bucket::{Bucket, Provider};
use crate::kernel::clock::Clock;
use crate::kernel::secret::Secret;
use crate::port::secrets::Environment;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(4);
/// How long a request with its answer may take: a part of some megabytes over a slow line.
const REQUEST: Duration = Duration::from_secs(60);
/// So often a request is sent again that got no answer, or one that says that the server is busy.
const AGAIN: usize = 3;
/// No new one is begun after so long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Variables that say who a machine is to S3, as its own tools read them.
const AWS: [(&str, AmazonS3ConfigKey); 8] = [
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
];
/// The same for Azure.
const AZURE: [(&str, AzureConfigKey); 6] = [
    ("AZURE_STORAGE_ACCOUNT_NAME", AzureConfigKey::AccountName),
    ("AZURE_STORAGE_ACCOUNT_KEY", AzureConfigKey::AccessKey),
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
];
/// The same for Google.
const GOOGLE: [(&str, GoogleConfigKey); 1] =
    [("GOOGLE_APPLICATION_CREDENTIALS", GoogleConfigKey::ApplicationCredentials)];

/// How a provider is reached.
#[derive(Clone)]
pub struct Access {
    /// The address of the server; `None` for the provider's own.
    pub endpoint: Option<String>,
    /// The region of S3.
    pub region: String,
    /// The credentials: `KEY-ID:SECRET`, with a session token behind another colon where there is one; `ACCOUNT:KEY`; the JSON
    /// of a service account. `None` for what the machine is given.
    pub credentials: Option<Secret>,
    /// The environment of the process.
    pub environment: Arc<dyn Environment>,
    /// A file in PEM of authorities that are trusted besides those of the system.
    pub authority: Option<PathBuf>,
    /// For how many days nobody may remove or replace what is written; 0 for no bound. S3 alone.
    pub retain_days: u64,
    /// The time, from which those days are counted.
    pub clock: Arc<dyn Clock>,
}

/// The store of a bucket. Nothing is reached yet.
pub(super) fn store(bucket: &Bucket, access: &Access) -> Result<Arc<dyn ObjectStore>, String> {
    // Installed once; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match bucket.provider {
        Provider::S3 => s3(bucket, access),
        Provider::Google => google(bucket, access),
        Provider::Azure => azure(bucket, access),
    }
}

fn s3(bucket: &Bucket, access: &Access) -> Result<Arc<dyn ObjectStore>, String> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(if access.region.is_empty() { "us-east-1" } else { &access.region })
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_client_options(client(access)?)
        .with_retry(retry());
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(credentials) = &access.credentials {
        let mut parts = credentials.reveal().trim().splitn(3, ':').map(str::trim);
        let (id, secret) = two(&mut parts, "KEY-ID:SECRET")?;
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        if let Some(token) = parts.next().filter(|token| !token.is_empty()) {
            builder = builder.with_token(token);
        }
    } else {
        for (variable, key) in AWS {
            if let Some(value) = access.environment.value(variable) {
                builder = builder.with_config(key, value.reveal());
            }
        }
    }
    let plain = builder.clone().build().map_err(|error| say(&error))?;
    if access.retain_days == 0 {
        return Ok(Arc::new(plain));
    }
    let retained = Retained::new(plain.credentials().clone(), access);
    let builder = builder
        // A server that locks objects demands to know that it has got the right bytes.
        .with_checksum_algorithm(object_store::aws::Checksum::SHA256)
        .with_credentials(plain.credentials().clone())
        .with_http_connector(retained);
    Ok(Arc::new(builder.build().map_err(|error| say(&error))?))
}

fn google(bucket: &Bucket, access: &Access) -> Result<Arc<dyn ObjectStore>, String> {
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&bucket.name)
        .with_client_options(client(access)?)
        .with_retry(retry());
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint.trim_end_matches('/'));
    }
    if let Some(credentials) = &access.credentials {
        let text = credentials.reveal().trim();
        if serde_json::from_str::<serde_json::Value>(text).ok().is_none_or(|json| !json.is_object()) {
            return Err("the credentials are not the JSON of a service account".to_owned());
        }
        builder = builder.with_service_account_key(text);
    } else {
        for (variable, key) in GOOGLE {
            if let Some(value) = access.environment.value(variable) {
                builder = builder.with_config(key, value.reveal());
            }
        }
    }
    Ok(Arc::new(builder.build().map_err(|error| say(&error))?))
}

fn azure(bucket: &Bucket, access: &Access) -> Result<Arc<dyn ObjectStore>, String> {
    let mut builder = MicrosoftAzureBuilder::new()
        .with_container_name(&bucket.name)
        .with_client_options(client(access)?)
        .with_retry(retry());
    if let Some(endpoint) = &access.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
    }
    if let Some(credentials) = &access.credentials {
        let (account, key) = two(&mut credentials.reveal().trim().splitn(2, ':').map(str::trim), "ACCOUNT:KEY")?;
        builder = builder.with_account(account).with_access_key(key);
    } else {
        for (variable, key) in AZURE {
            if let Some(value) = access.environment.value(variable) {
                builder = builder.with_config(key, value.reveal());
            }
        }
    }
    Ok(Arc::new(builder.build().map_err(|error| say(&error))?))
}

/// The two parts of a credential. What is there is not repeated.
fn two<'a>(parts: &mut impl Iterator<Item = &'a str>, form: &str) -> Result<(&'a str, &'a str), String> {
    match (parts.next(), parts.next()) {
        (Some(one), Some(other)) if !one.is_empty() && !other.is_empty() => Ok((one, other)),
        _ => Err(format!("the credentials must be written {form}")),
    }
}

fn client(access: &Access) -> Result<ClientOptions, String> {
    let is_plain = access.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut options =
        ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST).with_allow_http(is_plain);
    if let Some(file) = &access.authority {
        let cannot = |why: String| format!("the file '{}' cannot be used: {why}", file.display());
        let pem = std::fs::read(file).map_err(|error| cannot(error.to_string()))?;
        for certificate in Certificate::from_pem_bundle(&pem).map_err(|error| cannot(error.to_string()))? {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

fn retry() -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 };
    RetryConfig { backoff, max_retries: AGAIN, retry_timeout: PATIENCE }
}

/// What a builder says is about names of settings, never about values.
fn say(error: &object_store::Error) -> String {
    super::told(error)
}
