//! Who vouches for a manifest: ed25519 signatures in the form of minisign.
//!
//! Keys and signatures are those of the program `minisign`, so either side may be that program. A
//! manifest says itself of which role and version it is, and that is signed with it: a signed manifest
//! cannot pass for another version. A key of ours has no password; its file is what must be kept.

use crate::model::{RoleName, RoleVersion};

use super::manifest::{Manifest, ManifestError};

/// Why nothing is signed or believed.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// The system gave no random bytes.
    #[error("cannot make a key")]
    NoKey(#[source] minisign::PError),
    /// That is no secret key, or one with a password, or one of `minisign -W`, which has no checksum (0.11).
    #[error(
        "that is no secret key of `role keygen`; with one of minisign's, sign by `minisign -S -s KEY -m MANIFEST`"
    )]
    SecretKey(#[source] minisign::PError),
    /// The signature could not be made.
    #[error("cannot sign")]
    Sign(#[source] minisign::PError),
    /// That is no public key of minisign.
    #[error("that is no public key of minisign")]
    PublicKey(#[source] minisign_verify::Error),
    /// There is no signature.
    #[error("nobody has signed it; `edeployctl role sign` does")]
    None,
    /// The text is no signature of minisign.
    #[error("the signature cannot be read")]
    Unreadable(#[source] minisign_verify::Error),
    /// The key's owner did not sign this text.
    #[error("the manifest is not signed by the key that was given")]
    NotSigned(#[source] minisign_verify::Error),
    /// What is signed is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is the manifest of something else.
    #[error("that is the manifest of role {role}, version {version}, and not the one asked for")]
    Another {
        /// The role that it is of.
        role: RoleName,
        /// The version that it is of.
        version: RoleVersion,
    },
}

/// A new pair of keys, as the texts of their two files.
pub struct Keys {
    /// Whoever has it can sign.
    pub secret: String,
    /// Whoever has it can check.
    pub public: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let public = &self.public;
        f.debug_struct("Keys")
            .field("public", public)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Makes a pair. The secret key has no password.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn generate() -> Result<Keys, SignatureError> {
        let pair =
            minisign::KeyPair::generate_unencrypted_keypair().map_err(SignatureError::NoKey)?;
        let secret = pair
            .sk
            .to_box(Some("edeploy secret key, without a password"));
        let public = pair.pk.to_box();
        Ok(Keys {
            secret: secret.map_err(SignatureError::NoKey)?.into_string(),
            public: public.map_err(SignatureError::NoKey)?.into_string(),
        })
    }
}

/// Signs the text of a manifest with the text of a secret key; gives the text of the `.minisig` file.
///
/// # Errors
/// The key is none or has a password, or the text is no manifest.
pub fn sign(text: &str, secret: &str) -> Result<String, SignatureError> {
    let manifest = Manifest::parse(text)?;
    let secret = minisign::SecretKeyBox::from(secret.to_owned());
    let secret = secret
        .into_unencrypted_secret_key()
        .map_err(SignatureError::SecretKey)?;
    let comment = format!("role:{} version:{}", manifest.role, manifest.version);
    let signature = minisign::sign(None, &secret, text.as_bytes(), Some(&comment), None);
    Ok(signature.map_err(SignatureError::Sign)?.into_string())
}

/// A key that manifests are checked with.
#[derive(Debug)]
pub struct PublicKey(minisign_verify::PublicKey);

impl PublicKey {
    /// Reads the text of a `.pub` file, or its second line alone.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<PublicKey, SignatureError> {
        let text = text.trim();
        let key = match text.contains('\n') {
            true => minisign_verify::PublicKey::decode(text),
            false => minisign_verify::PublicKey::from_base64(text),
        };
        key.map(PublicKey).map_err(SignatureError::PublicKey)
    }

    /// Reads a manifest that this key's owner has signed. The text is not looked at before the signature.
    ///
    /// # Errors
    /// The signature is none or of another key or text, or what was signed is no manifest.
    pub fn open(&self, text: &str, signature: &str) -> Result<Manifest, SignatureError> {
        let signature =
            minisign_verify::Signature::decode(signature).map_err(SignatureError::Unreadable)?;
        self.0
            .verify(text.as_bytes(), &signature, false)
            .map_err(SignatureError::NotSigned)?;
        Ok(Manifest::parse(text)?)
    }
}

impl Manifest {
    /// The same manifest, known to be of this role and version.
    ///
    /// # Errors
    /// It is of another one.
    pub fn expect(self, role: &str, version: &str) -> Result<Manifest, SignatureError> {
        if self.role.as_str() == role && self.version.as_str() == version {
            return Ok(self);
        }
        let (role, version) = (self.role, self.version);
        Err(SignatureError::Another { role, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "#edeploy-manifest 1\n#role base\n#version 1.0\n. type=dir mode=0755 uid=0 gid=0\n";

    #[test]
    fn what_was_signed_is_believed_and_nothing_else() {
        let keys = Keys::generate().unwrap();
        let signature = sign(TEXT, &keys.secret).unwrap();
        let key = PublicKey::parse(&keys.public).unwrap();
        let manifest = key.open(TEXT, &signature).unwrap();
        assert_eq!(manifest.render(), TEXT);
        let line = keys.public.lines().nth(1).unwrap();
        PublicKey::parse(line)
            .unwrap()
            .open(TEXT, &signature)
            .unwrap();
        for (text, signature) in [
            (TEXT.replace("0755", "0777"), signature.clone()),
            (TEXT.to_owned(), signature.replace("1.0", "2.0")),
            (TEXT.to_owned(), String::new()),
            (TEXT.to_owned(), "x\n\ny\n".to_owned()),
        ] {
            assert!(key.open(&text, &signature).is_err(), "{signature}");
        }
        let other = PublicKey::parse(&Keys::generate().unwrap().public).unwrap();
        let refused = other.open(TEXT, &signature).unwrap_err();
        assert!(matches!(refused, SignatureError::NotSigned(_)));
    }

    #[test]
    fn a_signed_manifest_cannot_pass_for_another_version() {
        let manifest = || Manifest::parse(TEXT).unwrap();
        assert!(manifest().expect("base", "1.0").is_ok());
        for (role, version) in [("base", "1.1"), ("mysql", "1.0")] {
            let error = manifest().expect(role, version).unwrap_err();
            assert!(error.to_string().contains("role base, version 1.0"));
        }
    }

    #[test]
    fn only_manifests_are_signed_and_only_with_a_key() {
        let keys = Keys::generate().unwrap();
        assert!(sign("#!/bin/sh\n", &keys.secret).is_err());
        assert!(sign(TEXT, &keys.public).is_err());
        assert!(!format!("{keys:?}").contains(keys.secret.lines().nth(1).unwrap()));
    }
}
