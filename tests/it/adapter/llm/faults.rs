//! What vendors refuse and how they fail, each as the kind that says what can be done about it. No fault holds the key.

use std::time::Duration;

use convoke::kernel::secret::Secret;
use convoke::port::models::{ModelFault, ModelFaultKind as Kind};
use serde_json::json;

use super::{asks, endpoint, read, speaking};
use crate::support::vendor::{DIALECTS, KEY, Reply, Vendor, refusal};

/// The vendors' own refusals: dialect, status, kind and words as they write them, and what it is here.
const REFUSALS: &[(&str, u16, &str, &str, Kind)] = &[
    ("openai", 401, "invalid_api_key", "Incorrect API key provided: sk-abcdefgh.", Kind::Credential),
    ("openai", 403, "unsupported_country_region_territory", "Country not supported", Kind::Credential),
    ("openai", 404, "model_not_found", "The model `x` does not exist", Kind::UnknownModel),
    ("openai", 400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.", Kind::TooLong),
    ("openai", 400, "", "This model's maximum context length is 8192 tokens.", Kind::TooLong),
    ("openai", 400, "content_policy_violation", "Your request was rejected.", Kind::Refused),
    ("openai", 400, "invalid_request_error", "Invalid type for 'temperature'.", Kind::BadRequest),
    ("openai", 422, "", "Input should be a valid number", Kind::BadRequest),
    ("openai", 429, "rate_limit_exceeded", "Rate limit reached", Kind::RateLimited),
    ("openai", 429, "insufficient_quota", "You exceeded your current quota", Kind::RateLimited),
    ("openai", 402, "", "Insufficient credits", Kind::RateLimited),
    ("openai", 500, "server_error", "The server had an error", Kind::Unavailable),
    ("openai", 503, "", "Slow down", Kind::Unavailable),
    ("openai", 400, "invalid_model", "Invalid model: x", Kind::UnknownModel),
    ("azure", 404, "DeploymentNotFound", "The API deployment for this resource does not exist.", Kind::UnknownModel),
    ("azure", 400, "content_filter", "The response was filtered", Kind::Refused),
    ("azure", 401, "401", "Access denied due to invalid subscription key", Kind::Credential),
    ("anthropic", 400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", Kind::TooLong),
    ("anthropic", 400, "invalid_request_error", "max_tokens: Field required", Kind::BadRequest),
    ("anthropic", 400, "invalid_request_error", "Your credit balance is too low to access the API", Kind::RateLimited),
    ("anthropic", 401, "authentication_error", "invalid x-api-key", Kind::Credential),
    ("anthropic", 403, "permission_error", "Your API key does not have permission", Kind::Credential),
    ("anthropic", 404, "not_found_error", "model: x", Kind::UnknownModel),
    ("anthropic", 413, "request_too_large", "Request exceeds the maximum size", Kind::TooLong),
    ("anthropic", 429, "rate_limit_error", "This request would exceed your rate limit", Kind::RateLimited),
    ("anthropic", 500, "api_error", "Internal server error", Kind::Unavailable),
    ("anthropic", 504, "timeout_error", "Timed out", Kind::Unavailable),
    ("anthropic", 529, "overloaded_error", "Overloaded", Kind::Unavailable),
    ("cohere", 400, "", "too many tokens: size limit exceeded by 11326 tokens", Kind::TooLong),
    ("cohere", 400, "", "invalid request: temperature must be between 0 and 1", Kind::BadRequest),
    ("cohere", 401, "", "invalid api token", Kind::Credential),
    ("cohere", 404, "", "model 'x' not found", Kind::UnknownModel),
    ("cohere", 429, "", "You are using a Trial key, which is limited", Kind::RateLimited),
    ("cohere", 498, "", "invalid token", Kind::Credential),
    ("cohere", 499, "", "request cancelled", Kind::BadRequest),
    ("cohere", 503, "", "service unavailable", Kind::Unavailable),
    (
        "gemini",
        400,
        "INVALID_ARGUMENT",
        "The input token count (2000000) exceeds the maximum number of tokens allowed",
        Kind::TooLong,
    ),
    ("gemini", 400, "INVALID_ARGUMENT", "Invalid value at 'contents'", Kind::BadRequest),
    ("gemini", 400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", Kind::Credential),
    ("gemini", 403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers", Kind::Credential),
    ("gemini", 404, "NOT_FOUND", "models/x is not found for API version v1beta", Kind::UnknownModel),
    ("gemini", 429, "RESOURCE_EXHAUSTED", "Quota exceeded", Kind::RateLimited),
    ("gemini", 500, "INTERNAL", "An internal error has occurred", Kind::Unavailable),
    ("gemini", 503, "UNAVAILABLE", "The model is overloaded", Kind::Unavailable),
];

#[tokio::test]
async fn each_refusal_is_of_its_kind_whole_or_streamed() {
    let vendor = Vendor::open().await;
    for (dialect, status, kind, say, expected) in REFUSALS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let reply = || Reply::refusal(*status, &refusal(dialect, *status, kind, say));
        vendor.then(reply());
        let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
        assert_eq!((fault.kind, fault.status), (*expected, Some(*status)), "{dialect} {status} {say}: {fault:?}");
        assert!(!fault.say.is_empty() && !fault.say.contains("sk-abcd"), "{fault:?}");
        vendor.then(reply());
        let (_, streamed) = read(&*models, &endpoint, &asks("Well?")).await;
        assert_eq!(streamed.expect("it fails").kind, *expected, "{dialect} {status} {say}");
    }
}

/// A gateway before the vendor answers as it likes: what it says is no JSON, or not the vendor's.
#[tokio::test]
async fn refusals_in_a_form_of_their_own_keep_their_status() {
    let vendor = Vendor::open().await;
    let bodies =
        ["", "<html><h1>Too Many Requests</h1></html>", "\"slow\"", "[]", "{}", "{\"error\": \"slow\"}", "{\"a\":"];
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        for body in bodies {
            for (status, kind) in [(429, Kind::RateLimited), (502, Kind::Unavailable), (302, Kind::BadRequest)] {
                vendor.then(Reply::Raw { status, headers: vec![], body: body.to_owned() });
                let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
                assert_eq!((fault.kind, fault.status), (kind, Some(status)), "{dialect} {body}: {fault:?}");
                assert!(!fault.say.is_empty(), "{dialect} {body}");
            }
        }
    }
}

#[tokio::test]
async fn when_to_ask_again_is_told_where_the_vendor_says_it() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        for (headers, wait) in [
            (vec![("retry-after", "7".to_owned())], Some(7_000)),
            (vec![("retry-after-ms", "250".to_owned())], Some(250)),
            (vec![], None),
        ] {
            vendor.then(Reply::Raw { status: 429, headers, body: refusal(dialect, 429, "x", "slow").to_string() });
            let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
            let expected = (Kind::RateLimited, wait.map(Duration::from_millis));
            assert_eq!((fault.kind, fault.retry_after), expected, "{dialect}");
        }
    }
    // Gemini says it in the body.
    let mut body = refusal("gemini", 429, "RESOURCE_EXHAUSTED", "Quota exceeded");
    body["error"]["details"] = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}]);
    vendor.then(Reply::refusal(429, &body));
    let (models, endpoint) = (speaking("gemini"), endpoint(&vendor, "gemini"));
    let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
    assert_eq!(fault.retry_after, Some(Duration::from_millis(13_500)));
}

#[tokio::test]
async fn answers_that_are_no_answers_are_broken() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        for body in ["", "{\"half\":", "[]", "{}", "null", "{\"choices\":[]}", "<html>hello</html>"] {
            vendor.then(Reply::Raw { status: 200, headers: vec![], body: body.to_owned() });
            let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
            assert_eq!(fault.kind, Kind::Broken, "{dialect} {body}: {fault:?}");
            vendor.then(Reply::Raw { status: 200, headers: vec![], body: body.to_owned() });
            let (_, fault) = read(&*models, &endpoint, &asks("Well?")).await;
            assert_eq!(fault.expect("it fails").kind, Kind::Broken, "{dialect} {body}");
        }
    }
}

/// Some servers refuse in an answer of success (OpenRouter).
#[tokio::test]
async fn a_refusal_in_an_answer_of_success_is_one() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    let body = json!({"error": {"code": 429, "message": "upstream is busy", "metadata": {"raw": "x"}}});
    for streams in [false, true] {
        vendor.then(Reply::refusal(200, &body));
        let fault: ModelFault = if streams {
            read(&*models, &endpoint, &asks("Well?")).await.1.expect("it fails")
        } else {
            models.complete(&endpoint, &asks("Well?")).await.unwrap_err()
        };
        assert_eq!((fault.kind, &*fault.say), (Kind::RateLimited, "upstream is busy"));
    }
    vendor.then(Reply::Raw { status: 200, headers: vec![], body: format!("data: {body}\n\n") });
    let (_, fault) = read(&*models, &endpoint, &asks("Well?")).await;
    assert_eq!(fault.expect("it fails").kind, Kind::RateLimited);
}

/// Gemini's filter answers well, and with nothing.
#[tokio::test]
async fn a_question_that_the_filter_refuses_is_refused() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("gemini"), endpoint(&vendor, "gemini"));
    let body =
        json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}});
    vendor.then(Reply::refusal(200, &body));
    let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.say.contains("PROHIBITED_CONTENT"));
    vendor.then(Reply::Raw { status: 200, headers: vec![], body: format!("data: {body}\n\n") });
    assert_eq!(read(&*models, &endpoint, &asks("Well?")).await.1.expect("it fails").kind, Kind::Refused);
}

/// A vendor that tells the key back, one that cannot be sent at all, and a vendor that is not there.
#[tokio::test]
async fn no_fault_tells_the_key() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, mut endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        // The vendor of these tests tells a wrong key back.
        endpoint.key = Some(Secret::new(format!("wrong-{KEY}")));
        let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
        assert_eq!(fault.kind, Kind::Credential, "{dialect}");
        assert!(fault.say.contains("***") && !format!("{fault:?}{endpoint:?}").contains(KEY), "{dialect}: {fault:?}");

        for key in ["two\nlines", "\u{7f}", "mü\u{0}"] {
            endpoint.key = Some(Secret::new(key.to_owned()));
            let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
            assert_eq!(fault.kind, Kind::Credential, "{dialect}");
            assert!(!fault.say.contains(key), "{dialect}: {fault:?}");
        }
        // A line end behind it was read with it.
        endpoint.key = Some(Secret::new(format!("{KEY}\n")));
        models.complete(&endpoint, &asks("Well?")).await.unwrap();
        endpoint.key = None;
        assert_eq!(models.complete(&endpoint, &asks("Well?")).await.unwrap_err().kind, Kind::Credential, "{dialect}");

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let nobody = listener.local_addr().unwrap();
        drop(listener);
        endpoint.key = Some(Secret::new(KEY.to_owned()));
        endpoint.base_url = format!("http://{nobody}/{KEY}/v1").into();
        let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
        assert_eq!((fault.kind, fault.status), (Kind::NotReached, None), "{dialect}");
        assert!(!fault.say.contains(KEY), "{dialect}: {fault:?}");
        for address in ["", "nowhere", "ftp://x/", "http://user:pass@127.0.0.1/"] {
            endpoint.base_url = address.into();
            let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
            assert_eq!(fault.kind, Kind::BadRequest, "{dialect} {address}");
        }
    }
}

/// A connection that the vendor closes without a word, before the head and within the body.
#[tokio::test]
async fn a_vendor_that_hangs_up_is_told_of() {
    for (sent, expected) in [
        ("", Kind::Unavailable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":", Kind::Broken),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"id\r\n", Kind::Broken),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut read = vec![0; 64 * 1024];
            assert!(socket.read(&mut read).await.unwrap() > 0);
            socket.write_all(sent.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        });
        let vendor = Vendor::open().await;
        let mut endpoint = endpoint(&vendor, "openai");
        endpoint.base_url = format!("http://{address}/v1").into();
        let fault = speaking("openai").complete(&endpoint, &asks("Well?")).await.unwrap_err();
        assert_eq!(fault.kind, expected, "{sent}: {fault:?}");
        server.await.unwrap();
    }
}
