//! Hashes and signatures, from the library that TLS uses anyway. The one file that names it. PURE.

#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
use aws_lc_rs as library;
#[cfg(feature = "ring")]
use ring as library;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use library::{
    digest, hmac,
    rand::SystemRandom,
    rsa,
    signature::{self, KeyPair as _},
};
use zeroize::Zeroizing;

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// HMAC with SHA-256.
pub(super) fn hmac_sha256(key: &[u8], bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

/// An RSA key that signs JSON web tokens.
pub(super) struct SigningKey(rsa::KeyPair);

impl SigningKey {
    /// The key in a PEM file of the kind `PRIVATE KEY` (PKCS#8); `None` where it is none.
    pub(super) fn from_pem(pem: &str) -> Option<Self> {
        let body = pem.split_once("-----BEGIN PRIVATE KEY-----")?.1.split_once("-----END PRIVATE KEY-----")?.0;
        let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
        rsa::KeyPair::from_pkcs8(&der).ok().map(Self)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, which JSON web tokens call `RS256`.
    pub(super) fn rs256(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public_key().modulus_len()];
        self.0.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).ok()?;
        Some(signature)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// The key of the example in RFC 7515, appendix A.2.
    pub(crate) const PEM: &str = include_str!("rfc7515_a2.pem");

    #[test]
    fn hashes_are_the_published_ones() {
        // FIPS 180-2 and RFC 4231, test case 2.
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let tag = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(tag.as_ref()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn the_published_token_is_signed_as_published() {
        let key = SigningKey::from_pem(PEM).expect("key");
        let token = b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.rs256(token).expect("signature")),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB\
             YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf\
             I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
        assert!(SigningKey::from_pem("not a key").is_none());
    }
}
