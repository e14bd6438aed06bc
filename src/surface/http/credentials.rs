//! The credential of an HTTP request: `Authorization: Bearer …`, for every door over HTTP alike.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::capability::caller::Credential;
use crate::kernel::secret::Secret;

/// Longer than any credential that this program hands out.
const LONGEST: usize = 4096;

/// The credential that a request brings. A header that is not a bearer token counts as a wrong credential, not as none.
#[must_use]
pub fn credential(headers: &HeaderMap) -> Credential {
    let Some(value) = headers.get(AUTHORIZATION) else { return Credential::None };
    let token = value.to_str().ok().filter(|text| text.len() <= LONGEST).and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    Credential::Bearer(Secret::new(token.unwrap_or_default().to_owned()))
}

/// The same for doors whose clients may bring it in a header of its own: `x-api-key`.
#[must_use]
pub fn credential_or_key(headers: &HeaderMap) -> Credential {
    let Some(value) = headers.get("x-api-key").filter(|_| !headers.contains_key(AUTHORIZATION)) else {
        return credential(headers);
    };
    let key = value.to_str().ok().filter(|text| text.len() <= LONGEST);
    Credential::Bearer(Secret::new(key.unwrap_or_default().trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Credential {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        credential(&headers)
    }

    #[test]
    fn reads_bearer_tokens_only() {
        assert!(matches!(credential(&HeaderMap::new()), Credential::None));
        assert!(matches!(of("Bearer abc"), Credential::Bearer(token) if token.reveal() == "abc"));
        assert!(matches!(of("bearer abc"), Credential::Bearer(token) if token.reveal() == "abc"));
        assert!(matches!(of("Basic abc"), Credential::Bearer(token) if token.reveal().is_empty()));
    }
}
