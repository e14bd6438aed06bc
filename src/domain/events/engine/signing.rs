//! Signatures of webhooks as Standard Webhooks has them. A secret is never stored: it is derived from the installation's key
//! and the subscription, and shown once. What is stored is its digest, by which a key that has changed is noticed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::kernel::id::TenantId;
use crate::kernel::seal::{Seal, sha256_hex};
use crate::kernel::secret::Secret;

/// A webhook's secret.
pub struct WebhookSecret(Zeroizing<[u8; 32]>);

impl WebhookSecret {
    /// The secret of a subscription.
    #[must_use]
    pub fn of(seal: &Seal, tenant: TenantId, subscription: Uuid) -> Self {
        let content = format!("{tenant} {subscription}");
        Self(Zeroizing::new(seal.derive("webhook secret", content.as_bytes())))
    }

    /// The text that the receiver is given.
    #[must_use]
    pub fn text(&self) -> Secret {
        Secret::new(format!("whsec_{}", STANDARD.encode(self.0.as_slice())))
    }

    /// The digest that is stored.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256_hex(self.0.as_slice())
    }

    /// The signature header of a message: `v1,` and the HMAC-SHA256 of its id, its time and its body.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut signature = Vec::new();
        // HMAC takes a key of any length, so this one is never refused.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) {
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(body);
            signature.extend_from_slice(&mac.finalize().into_bytes());
        }
        format!("v1,{}", STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signs_as_the_specification_says() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut bytes = [0; 32];
        bytes[..24].copy_from_slice(&key);
        // A shorter key counts as if it were filled up with zeros.
        let secret = WebhookSecret(Zeroizing::new(bytes));
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
