//! A manifest as it is published: its text, and beside it the signature of whoever vouches for it.

use super::manifest::Manifest;
use super::signature::{PublicKey, SignatureError};

/// The texts of a manifest and of its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// As it was signed, to the byte.
    pub manifest: String,
    /// None if there is none.
    pub signature: Option<String>,
}

impl Signed {
    /// The manifest, known to be of this role and version. With a key its owner must have signed it; the text is
    /// not looked at before that is sure.
    ///
    /// # Errors
    /// It is not signed by the key's owner, is no manifest, or is that of something else.
    pub fn believe(
        &self,
        key: Option<&PublicKey>,
        role: &str,
        version: &str,
    ) -> Result<Manifest, SignatureError> {
        let manifest = match (key, &self.signature) {
            (None, _) => Manifest::parse(&self.manifest)?,
            (Some(key), Some(signature)) => key.open(&self.manifest, signature)?,
            (Some(_), None) => return Err(SignatureError::None),
        };
        manifest.expect(role, version)
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::{Keys, sign};
    use super::*;

    const TEXT: &str =
        "#edeploy-manifest 1\n#role base\n#version 1.0\n. type=dir mode=0755 uid=0 gid=0\n";

    #[test]
    fn with_a_key_what_has_no_signature_is_not_believed() {
        let keys = Keys::generate().unwrap();
        let key = PublicKey::parse(&keys.public).unwrap();
        let mut signed = Signed {
            manifest: TEXT.to_owned(),
            signature: None,
        };
        signed.believe(None, "base", "1.0").unwrap();
        let refused = signed.believe(Some(&key), "base", "1.0").unwrap_err();
        assert!(matches!(refused, SignatureError::None));
        signed.signature = Some(sign(TEXT, &keys.secret).unwrap());
        signed.believe(Some(&key), "base", "1.0").unwrap();
        let another = signed.believe(Some(&key), "base", "1.1").unwrap_err();
        assert!(matches!(another, SignatureError::Another { .. }));
    }
}
