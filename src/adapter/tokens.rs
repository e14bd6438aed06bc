//! Counts tokens with the encodings that OpenAI publishes.

use async_trait::async_trait;

use crate::kernel::tasks;
use crate::port::tokens::{Counted, Encoding, TokenCounter};

/// Texts longer than this together are not counted: a count takes some 35 microseconds a kilobyte.
const MOST_BYTES: usize = 1 << 20;
/// So many bytes are a token, more or less.
const BYTES_A_TOKEN: u64 = 4;

/// Counts tokens. An encoding takes 60 to 160 milliseconds and 24 to 46 megabytes when it is first used, so it is loaded then
/// and on a thread that nobody else waits for.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tiktoken;

#[async_trait]
impl TokenCounter for Tiktoken {
    async fn count(&self, encoding: Encoding, texts: Vec<String>) -> Vec<Counted> {
        let estimated = |texts: &[String]| texts.iter().map(|text| estimate(text)).collect::<Vec<_>>();
        if texts.iter().map(String::len).sum::<usize>() > MOST_BYTES {
            return estimated(&texts);
        }
        let fallback = estimated(&texts);
        tasks::blocking(move || texts.iter().map(|text| counted(encoding, text)).collect()).await.unwrap_or(fallback)
    }
}

fn counted(encoding: Encoding, text: &str) -> Counted {
    let encoder = match encoding {
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
    };
    let tokens = encoder.encode_ordinary(text).len();
    Counted { tokens: u64::try_from(tokens).unwrap_or(u64::MAX), exact: true }
}

fn estimate(text: &str) -> Counted {
    Counted { tokens: u64::try_from(text.len()).unwrap_or(u64::MAX).div_ceil(BYTES_A_TOKEN), exact: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_short_is_counted_and_what_is_very_long_is_estimated() {
        let counted = Tiktoken.count(Encoding::O200k, vec!["hello world".to_owned(), String::new()]).await;
        assert_eq!(counted, [Counted { tokens: 2, exact: true }, Counted { tokens: 0, exact: true }]);
        let long = Tiktoken.count(Encoding::Cl100k, vec!["x".repeat(MOST_BYTES + 1)]).await;
        assert_eq!(long, [Counted { tokens: 262_145, exact: false }]);
    }
}
