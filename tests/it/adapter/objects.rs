//! Object stores: what is true of them beside the lists, and how they are when the server is gone, refuses or lies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use convoke::adapter::objects::{Access, ObjectBlobs, ObjectPlace};
use convoke::kernel::bucket::Bucket;
use convoke::kernel::clock::SystemClock;
use convoke::kernel::id::{Id, TenantId};
use convoke::kernel::seal::sha256_hex;
use convoke::kernel::secret::Secret;
use convoke::port::blobs::Blobs;
use convoke::port::objects::{Objects, Trial};
use convoke::port::secrets::Environment;
use convoke::port::store::StoreFault;

use crate::conformance::place::NOW;
use crate::support::buckets::{OwnS3, Part};

fn blobs(part: &Part) -> ObjectBlobs {
    ObjectBlobs::new(part.objects(), Arc::new(SystemClock))
}

fn tenant() -> TenantId {
    Id::new(NOW)
}

/// Bytes that do not repeat, so that parts cannot be taken for each other.
fn large(size: usize) -> Bytes {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect::<Vec<u8>>().into()
}

/// Cases that hold of a provider.
macro_rules! holds_of {
    ($provider:ident, $find:path: $($case:ident),+ $(,)?) => {
        mod $provider {
            use super::Part;

            $(
                #[tokio::test]
                async fn $case() {
                    let Some(part) = $find() else { return };
                    super::$case(part).await;
                }
            )+
        }
    };
}

holds_of!(s3, Part::find:
    what_is_large_goes_in_parts_and_comes_back_the_same,
    objects_are_listed_within_their_folder_and_no_other,
    of_two_that_write_the_same_new_name_one_is_told,
    wrong_credentials_and_a_bucket_that_is_not_there_are_told_without_them,
    instances_that_share_a_place_share_the_blobs_and_their_copies,
    what_was_removed_long_ago_goes_for_good,
);

holds_of!(azure, Part::find_azure:
    what_is_large_goes_in_parts_and_comes_back_the_same,
    objects_are_listed_within_their_folder_and_no_other,
    of_two_that_write_the_same_new_name_one_is_told,
    wrong_credentials_and_a_bucket_that_is_not_there_are_told_without_them,
    instances_that_share_a_place_share_the_blobs_and_their_copies,
    what_was_removed_long_ago_goes_for_good,
);

async fn what_is_large_goes_in_parts_and_comes_back_the_same(part: Part) {
    let (objects, blobs) = (part.objects(), blobs(&part));
    let folder = tempfile::tempdir().unwrap();
    // One part, one part and a byte, parts that fill the last one.
    for size in [8 << 20, (8 << 20) + 1, 24 << 20] {
        let bytes = large(size);
        let info = blobs.put(tenant(), bytes.clone()).await.unwrap();
        assert_eq!(info.size_bytes, size as u64);
        let (file, back) = (folder.path().join(format!("{size}")), folder.path().join(format!("{size} back")));
        std::fs::write(&file, &bytes).unwrap();
        let name = format!("files/{size}");
        objects.put_file(&name, b"", &file).await.unwrap();
        assert_eq!(objects.size(&name).await.unwrap(), Some(size as u64));
        assert!(objects.get_file(&name, &back).await.unwrap());
        assert!(std::fs::read(&back).unwrap() == bytes);
        assert_eq!(objects.get_first(&name, 10).await.unwrap().unwrap(), bytes[..10]);
        // A head before it makes it another blob; the same one is there once.
        let owner = tenant();
        for _ in 0..2 {
            let kept = blobs.put_file(owner, b"head", &file).await.unwrap();
            let whole = [b"head", bytes.as_ref()].concat();
            assert_eq!((kept.size_bytes, kept.digest.as_str()), (whole.len() as u64, sha256_hex(&whole).as_str()));
            assert!(blobs.get(owner, &kept.digest).await.unwrap().unwrap() == whole);
        }
    }
}

/// What this process took of memory at most, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// In a process of its own: what other tests take would count.
#[cfg(target_os = "linux")]
#[test]
fn a_large_file_goes_through_little_memory_both_ways() {
    const CHILD: &str = "CONVOKE_TEST_ALONE";
    const SIZE: u64 = 256 << 20;
    let Some(part) = Part::find() else { return };
    if std::env::var(CHILD).is_err() {
        let name = "adapter::objects::a_large_file_goes_through_little_memory_both_ways";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ran = alone.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, copy) = (folder.path().join("large"), folder.path().join("copy"));
    let mut large = std::fs::File::create(&file).unwrap();
    std::io::Write::write_all(&mut large, b"begins").unwrap();
    large.set_len(SIZE).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (blobs, tenant) = (blobs(&part), tenant());
        let before = most_memory();
        let kept = blobs.put_file(tenant, b"head", &file).await.unwrap();
        assert_eq!(kept.size_bytes, SIZE + 4);
        std::fs::create_dir(&copy).unwrap();
        assert_eq!(blobs.copy_to(&copy).await.unwrap(), 1);
        assert!(blobs.remove(tenant, &kept.digest).await.unwrap());
        assert_eq!(blobs.restore_from(&copy).await.unwrap(), 1);
        // Some parts of 8 MiB on their way.
        let taken = most_memory() - before;
        assert!(taken < 96 << 20, "{taken} bytes of memory");
    });
}

async fn objects_are_listed_within_their_folder_and_no_other(part: Part) {
    let objects = part.objects();
    for name in ["a/2", "a/1", "a/b/3", "ab/4"] {
        objects.put(name, name.to_owned().into()).await.unwrap();
    }
    let names: Vec<String> = objects.list("a").await.unwrap().into_iter().map(|object| object.name).collect();
    assert_eq!(names, ["a/1", "a/2", "a/b/3"]);
    assert!(objects.list("nothing").await.unwrap().is_empty());
    let elsewhere = Part { bucket: part.bucket.below("a"), ..part.clone() }.objects();
    assert_eq!(elsewhere.get("1").await.unwrap().unwrap(), "a/1");
    assert_eq!(elsewhere.get("2/1").await.unwrap(), None);
    objects.remove("a/1").await.unwrap();
    objects.remove("a/1").await.unwrap();
    assert_eq!(objects.get("a/1").await.unwrap(), None);
    assert!(!objects.copy("a/1", "a/5").await.unwrap());
    assert!(objects.copy("a/2", "a/5").await.unwrap());
    assert_eq!(objects.get("a/5").await.unwrap().unwrap(), "a/2");
}

async fn of_two_that_write_the_same_new_name_one_is_told(part: Part) {
    let objects = part.objects();
    assert!(objects.put_new("new", "first".into()).await.unwrap());
    assert!(!objects.put_new("new", "second".into()).await.unwrap());
    assert_eq!(objects.get("new").await.unwrap().unwrap(), "first");
}

async fn wrong_credentials_and_a_bucket_that_is_not_there_are_told_without_them(part: Part) {
    for credentials in [format!("{}:hunter2hunter2hu", part.server.key_id), "nobody:hunter2hunter2hu".to_owned()] {
        let objects = part.objects_with(|access| access.credentials = Some(Secret::new(credentials)));
        let told = objects.try_out("x").await.unwrap_err();
        assert!(
            matches!(&told, Trial::Refused(why) if why.contains("credentials") && !why.contains("hunter2")),
            "{told:?}"
        );
        for fault in [objects.check().await.unwrap_err(), objects.get("a").await.unwrap_err()] {
            assert!(matches!(&fault, StoreFault::Unavailable(why) if !why.contains("hunter2")), "{fault:?}");
        }
    }
    let nowhere =
        Part { bucket: Bucket::parse(&format!("{}://no-such-bucket/a", part.scheme())).unwrap(), ..part.clone() }
            .objects();
    let told = nowhere.try_out("x").await.unwrap_err();
    assert!(matches!(&told, Trial::Refused(why) if why.contains("no such bucket")), "{told:?}");
    nowhere.check().await.unwrap_err();
    nowhere.get("a").await.unwrap_err();
    part.objects().try_out("x").await.unwrap();
    assert!(part.objects().list("tried").await.unwrap().is_empty());
}

/// A fleet's blobs: what one instance puts and removes, the other sees, and while one copies, the other's removals wait.
async fn instances_that_share_a_place_share_the_blobs_and_their_copies(part: Part) {
    let (one, other, tenant) = (blobs(&part), blobs(&part), tenant());
    let digest = one.put(tenant, "shared".into()).await.unwrap().digest;
    assert_eq!(other.get(tenant, &digest).await.unwrap().unwrap(), "shared");
    let held = one.hold();
    assert!(other.remove(tenant, &digest).await.unwrap());
    assert_eq!(one.get(tenant, &digest).await.unwrap(), None);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(one.copy_to(&folder.path().join("a")).await.unwrap(), 1);
    drop(held);
    assert_eq!(one.copy_to(&folder.path().join("b")).await.unwrap(), 0);
}

async fn what_was_removed_long_ago_goes_for_good(part: Part) {
    let clock = Arc::new(convoke::kernel::clock::ManualClock::at(now()));
    let blobs = ObjectBlobs::new(part.objects(), clock.clone());
    let tenant = tenant();
    let digest = blobs.put(tenant, "gone".into()).await.unwrap().digest;
    assert!(blobs.remove(tenant, &digest).await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    blobs.copy_to(folder.path()).await.unwrap();
    assert_eq!(part.objects().list("gone").await.unwrap().len(), 1);
    clock.advance(Duration::from_hours(25));
    blobs.copy_to(folder.path()).await.unwrap();
    assert_eq!(part.objects().list("gone").await.unwrap().len(), 0);
}

fn now() -> convoke::kernel::time::Timestamp {
    use convoke::kernel::clock::Clock as _;
    SystemClock.now()
}

#[tokio::test]
async fn a_damaged_object_is_not_handed_out() {
    let Some(server) = OwnS3::start() else { return };
    let part = server.part();
    let (blobs, tenant) = (blobs(&part), tenant());
    let digest = blobs.put(tenant, "as it was".into()).await.unwrap().digest;
    let file = server.file_of(&part, &format!("blobs/{tenant}/{}/{digest}", &digest[..2]));
    std::fs::write(&file, "as it is!").unwrap();
    let fault = blobs.get(tenant, &digest).await.unwrap_err();
    assert!(matches!(&fault, StoreFault::Broken(why) if why.contains(&digest)), "{fault:?}");
    let folder = tempfile::tempdir().unwrap();
    assert!(blobs.copy_to(folder.path()).await.is_err(), "a copy would be refused when it is wanted");
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_found_again_when_it_is_back() {
    let Some(mut server) = OwnS3::start() else { return };
    let part = server.part();
    let (blobs, tenant) = (blobs(&part), tenant());
    let digest = blobs.put(tenant, "still there".into()).await.unwrap().digest;
    server.down();
    for fault in [
        blobs.get(tenant, &digest).await.unwrap_err(),
        blobs.put(tenant, "new".into()).await.unwrap_err(),
        blobs.remove(tenant, &digest).await.unwrap_err(),
        blobs.check().await.unwrap_err(),
    ] {
        assert!(matches!(fault, StoreFault::Unavailable(_)), "{fault:?}");
    }
    assert!(matches!(part.objects().try_out("x").await, Err(Trial::Unreachable(_))));
    server.up();
    assert_eq!(blobs.get(tenant, &digest).await.unwrap().unwrap(), "still there");
    blobs.check().await.unwrap();
}

#[tokio::test]
async fn a_server_with_tls_is_believed_only_by_an_authority_that_is_named() {
    let Some((server, certificate)) = OwnS3::start_encrypted() else { return };
    let part = server.part();
    assert!(matches!(part.objects().try_out("x").await, Err(Trial::Unreachable(_))));
    let objects = part.objects_with(|access| access.authority = Some(certificate));
    objects.put("a", "over TLS".into()).await.unwrap();
    assert_eq!(objects.get("a").await.unwrap().unwrap(), "over TLS");
}

#[tokio::test]
async fn what_is_locked_cannot_be_removed_or_replaced() {
    let Some(part) = Part::find_locked() else { return };
    let objects = part.objects_with(|access| access.retain_days = 2);
    assert!(objects.put_new("kept", "as it is".into()).await.unwrap());
    assert!(!objects.put_new("kept", "something else".into()).await.unwrap());
    assert_eq!(objects.get("kept").await.unwrap().unwrap(), "as it is");
    // The version is what is locked: a marker may lie over it.
    let (key, first) = (part.bucket.below("kept").prefix, part.bucket.prefix.split('/').next().unwrap());
    let path = format!("{}/{key}", part.bucket.name);
    let versions = curl(&part, "GET", &format!("{}?prefix={first}&versions=", part.bucket.name));
    assert!(versions.contains(&format!("<Key>{key}</Key>")), "{versions}");
    let version = versions.split("<VersionId>").nth(1).unwrap().split('<').next().unwrap();
    let retention = curl(&part, "GET", &format!("{path}?retention=&versionId={version}"));
    assert!(retention.contains("COMPLIANCE"), "{retention}");
    let removed = curl(&part, "DELETE", &format!("{path}?versionId={version}"));
    assert!(removed.contains("AccessDenied"), "{removed}");
}

/// A request by another client than ours.
fn curl(part: &Part, method: &str, path: &str) -> String {
    let url = format!("{}/{path}", part.server.url);
    let user = format!("{}:{}", part.server.key_id, part.server.secret);
    let mut command = std::process::Command::new("curl");
    command.args(["-sS", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", &user]);
    command.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", &url]);
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// A machine with some variables and no others.
struct Variables(&'static [(&'static str, &'static str)]);

impl Environment for Variables {
    fn value(&self, variable: &str) -> Option<Secret> {
        let found = self.0.iter().find(|(name, _)| *name == variable);
        found.map(|(_, value)| Secret::new((*value).to_owned()))
    }
}

fn access(credentials: Option<&str>, environment: &'static [(&'static str, &'static str)]) -> Access {
    Access {
        endpoint: None,
        region: String::new(),
        credentials: credentials.map(|text| Secret::new(text.to_owned())),
        environment: Arc::new(Variables(environment)),
        authority: None,
        retain_days: 0,
        clock: Arc::new(SystemClock),
    }
}

/// What of credentials can be judged without a server.
#[tokio::test]
async fn credentials_of_every_provider_are_read_and_what_is_none_is_not_repeated() {
    let open = |bucket: &str, access: &Access| {
        ObjectPlace::new(Bucket::parse(bucket).unwrap(), access).map(|place| place.place())
    };
    let key = "c2VjcmV0c2VjcmV0";
    let good = [
        ("s3://bucket/a", access(Some("id:secret"), &[])),
        ("s3://bucket/a", access(Some("id:secret:token\n"), &[])),
        ("s3://bucket/a", access(None, &[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")])),
        ("s3://bucket/a", access(None, &[])),
        ("az://container/a", access(Some(&format!("account:{key}")), &[])),
        ("az://container/a", access(None, &[("AZURE_STORAGE_ACCOUNT_NAME", "account")])),
    ];
    for (bucket, access) in &good {
        assert_eq!(open(bucket, access).as_deref(), Ok(*bucket));
    }
    for (bucket, credentials) in [
        ("s3://bucket/a", "hunter2"),
        ("s3://bucket/a", ":hunter2"),
        ("s3://bucket/a", "hunter2:"),
        ("az://container/a", "hunter2"),
        ("az://container/a", "account:hunter2 no base64"),
        ("gs://bucket/a", "hunter2"),
        ("gs://bucket/a", r#"{"private_key":"hunter2"}"#),
    ] {
        let why = open(bucket, &access(Some(credentials), &[])).unwrap_err();
        assert!(!why.contains("hunter2"), "{bucket}: {why}");
    }
    let mut lacking = access(Some("id:secret"), &[]);
    lacking.authority = Some("/no/such/file".into());
    assert!(open("s3://bucket/a", &lacking).unwrap_err().contains("/no/such/file"));
}
