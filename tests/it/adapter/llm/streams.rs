//! Streams: split anywhere, cut off, silent, broken in the middle, given up.

use std::time::Duration;

use convoke::port::models::{ModelFaultKind, Piece};
use futures::StreamExt as _;

use super::{asks, endpoint, read, speaking, together};
use crate::support::vendor::{DIALECTS, Reply, Said, Step, Vendor, events};

fn sent(events: &[String]) -> Vec<Step> {
    events.iter().cloned().map(Step::Send).collect()
}

#[tokio::test]
async fn a_stream_is_the_same_wherever_its_bytes_are_split() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        vendor.then(Reply::Stream(sent(&events(dialect, &Said::everything()))));
        let (expected, fault) = read(&*models, &endpoint, &asks("Well?")).await;
        assert_eq!(fault, None, "{dialect}");
        let text = events(dialect, &Said::everything()).concat();
        // In the middle of letters of several bytes, too.
        for size in [1, 7, 64, 1_000_000] {
            let chunks = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect::<Vec<_>>();
            vendor.then(Reply::Bytes(chunks));
            let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
            assert_eq!((pieces, fault), (expected.clone(), None), "{dialect} by {size}");
        }
    }
}

/// Cut off before the last word, a stream never ends clean: neither where the connection breaks nor where it ends in good order.
#[tokio::test]
async fn a_truncated_stream_is_broken() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let whole = events(dialect, &Said::everything());
        // Without its last event; for Gemini, which has no last word, without the answer that says why it stopped.
        for keep in 1..whole.len() {
            for cut in [false, true] {
                let mut steps = sent(&whole[..keep]);
                if cut {
                    steps.push(Step::Cut);
                }
                vendor.then(Reply::Stream(steps));
                let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
                let fault = fault.unwrap_or_else(|| panic!("{dialect}: {keep} of {} end clean", whole.len()));
                assert_eq!(fault.kind, ModelFaultKind::Broken, "{dialect}: {fault:?}");
                assert!(!pieces.iter().any(|piece| matches!(piece, Piece::End { .. })), "{dialect}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_within_a_stream_is_told_behind_what_came() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let error = match dialect {
            "openai" | "azure" => {
                "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\",\"code\":null}}\n\n"
            }
            "anthropic" => {
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
            }
            "cohere" => {
                "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":\"broken\"}}\n\n"
            }
            _ => "data: {\"error\":{\"code\":503,\"message\":\"overloaded\",\"status\":\"UNAVAILABLE\"}}\n\n",
        };
        let whole = events(dialect, &Said::everything());
        let mut steps = sent(&whole[..4]);
        steps.push(Step::Send(error.to_owned()));
        vendor.then(Reply::Stream(steps));
        let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
        assert_eq!(fault.expect("it fails").kind, ModelFaultKind::Unavailable, "{dialect}");
        assert!(pieces.len() >= 2, "{dialect}: {pieces:?}");
    }
}

#[tokio::test]
async fn an_event_that_is_no_json_is_broken() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let mut steps = sent(&events(dialect, &Said::everything())[..2]);
        steps.push(Step::Send("data: {\"half\": \n\n".to_owned()));
        vendor.then(Reply::Stream(steps));
        let (_, fault) = read(&*models, &endpoint, &asks("Well?")).await;
        assert_eq!(fault.expect("it fails").kind, ModelFaultKind::Broken, "{dialect}");
    }
}

#[tokio::test]
async fn silence_ends_a_stream_and_a_sign_of_life_does_not() {
    let vendor = Vendor::open().await;
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (models, mut endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        endpoint.silence = Duration::from_millis(200);
        let whole = events(dialect, &Said::everything());
        let mut steps = sent(&whole[..2]);
        steps.push(Step::Wait);
        vendor.then(Reply::Stream(steps));
        let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
        assert_eq!(fault.expect("it fails").kind, ModelFaultKind::TimedOut, "{dialect}");
        assert!(!pieces.is_empty());
        // The answer that nobody waits for is given up.
        vendor.given_up(number + 1).await;
    }
    // A comment comes as often as one needs; the stream goes on.
    let (models, mut endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    endpoint.silence = Duration::from_mins(1);
    let mut steps: Vec<Step> = vec![Step::Send(": OPENROUTER PROCESSING\n\n".to_owned()); 5];
    steps.extend(sent(&events("openai", &Said::text("Here."))));
    vendor.then(Reply::Stream(steps));
    let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
    assert_eq!((fault, pieces.len()), (None, 3));
}

#[tokio::test]
async fn who_does_not_begin_in_time_is_given_up() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, mut endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        endpoint.patience = Duration::from_millis(200);
        let before = vendor.came().len();
        vendor.then(Reply::Silence);
        let fault = models.complete(&endpoint, &asks("Well?")).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::TimedOut, "{dialect}: {fault:?}");
        // The head of a stream is no piece of it.
        vendor.then(Reply::Stream(vec![Step::Send(": hello\n\n".to_owned()), Step::Wait]));
        let fault = models.stream(&endpoint, &asks("Well?")).await.err().expect("it fails");
        assert_eq!(fault.kind, ModelFaultKind::TimedOut, "{dialect}: {fault:?}");
        assert_eq!(vendor.came().len(), before + 2, "{dialect}: nothing is asked twice");
    }
    vendor.given_up(2 * DIALECTS.len()).await;
}

/// What nobody reads is not made: the connection to the vendor closes with the stream.
#[tokio::test]
async fn a_dropped_stream_closes_the_connection() {
    let vendor = Vendor::open().await;
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let mut steps = sent(&events(dialect, &Said::everything())[..2]);
        steps.push(Step::Wait);
        vendor.then(Reply::Stream(steps));
        let mut stream = models.stream(&endpoint, &asks("Well?")).await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(Piece::Start { .. }))), "{dialect}");
        assert_eq!(vendor.opened(), number + 1, "{dialect}");
        drop(stream);
        vendor.given_up(number + 1).await;
        vendor.closed(number + 1).await;
    }
}

/// So is a whole answer that nobody waits for.
#[tokio::test]
async fn a_dropped_call_closes_the_connection() {
    let vendor = Vendor::open().await;
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        vendor.then(Reply::Silence);
        let (of_vendor, request) = (&vendor, asks("Well?"));
        tokio::select! {
            answer = models.complete(&endpoint, &request) => panic!("{dialect}: {answer:?}"),
            () = of_vendor.asked(number + 1) => {}
        }
        vendor.given_up(number + 1).await;
        vendor.closed(number + 1).await;
    }
}

/// Whoever reads to the end gives the connection back: the next call needs no new one.
#[tokio::test]
async fn a_stream_that_was_read_leaves_its_connection() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let before = vendor.opened();
        for _ in 0..3 {
            let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
            assert_eq!(fault, None, "{dialect}");
            assert_eq!(together(&pieces).parts, [super::text("Good day.")], "{dialect}");
        }
        assert_eq!(vendor.opened(), before + 1, "{dialect}");
    }
}

/// The pieces are there as they are sent: none waits for the next one.
#[tokio::test]
async fn pieces_come_one_by_one() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let whole = events(dialect, &Said { texts: vec!["one".to_owned(), "two".to_owned()], ..Said::default() });
        let first = whole.iter().position(|event| event.contains("one")).unwrap();
        let mut steps = sent(&whole[..=first]);
        steps.push(Step::Wait);
        steps.extend(sent(&whole[first + 1..]));
        vendor.then(Reply::Stream(steps));
        let mut stream = models.stream(&endpoint, &asks("Well?")).await.unwrap();
        let mut heard = String::new();
        while heard != "one" {
            if let Piece::Text { text } = stream.next().await.unwrap().unwrap() {
                heard.push_str(&text);
            }
        }
        vendor.go();
        while let Some(piece) = stream.next().await {
            if let Piece::Text { text } = piece.unwrap() {
                heard.push_str(&text);
            }
        }
        assert_eq!(heard, "onetwo", "{dialect}");
    }
}
