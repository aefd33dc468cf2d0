//! Secrets are stored sealed: AES-256-GCM, with the resource and the variable that they belong to
//! as additional data, so that nobody can put the secret of one in the place of another.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use stigmer_api::{
    resource::Resource,
    secret::{REDACTED, Secrets, Variable},
};

use crate::error::{Error, Result};

/// What a sealed text starts with.
const PREFIX: &str = "sealed:v1:";

/// Length of the key, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// A resource that the store can hold.
pub(crate) trait Stored: Resource + Secrets {}

impl<T: Resource + Secrets> Stored for T {}

/// Seals and opens with one key.
pub(crate) struct Sealer {
    key: LessSafeKey,
    random: SystemRandom,
}

impl Sealer {
    pub(super) fn new(key: &[u8; KEY_LEN]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| failed("take the key"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            random: SystemRandom::new(),
        })
    }

    /// `text` in sealed form, to be opened under the same two names only.
    pub(super) fn seal(&self, id: &str, name: &str, text: &str) -> Result<String> {
        let mut nonce = [0; NONCE_LEN];
        let filled = self.random.fill(&mut nonce);
        filled.map_err(|_| failed("get random bytes"))?;
        let mut bytes = text.as_bytes().to_vec();
        let sealed = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            about(id, name),
            &mut bytes,
        );
        sealed.map_err(|_| failed("seal a secret"))?;
        let all = [&nonce, bytes.as_slice()].concat();
        Ok(format!("{PREFIX}{}", BASE64.encode(all)))
    }

    /// What was sealed under these names; nothing when it was not, or by another key.
    pub(super) fn open(&self, id: &str, name: &str, sealed: &str) -> Option<String> {
        let all = BASE64.decode(sealed.strip_prefix(PREFIX)?).ok()?;
        let (nonce, sealed) = all.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut sealed = sealed.to_vec();
        let text = self.key.open_in_place(nonce, about(id, name), &mut sealed);
        String::from_utf8(text.ok()?.to_vec()).ok()
    }

    /// The resource as bytes, its secrets sealed.
    pub(super) fn encode<R: Stored>(&self, resource: &mut R) -> Result<Vec<u8>> {
        let id = resource.id().to_owned();
        let mut clear = Vec::new();
        for variable in secrets(resource) {
            let sealed = self.seal(&id, variable.name, variable.value)?;
            clear.push(std::mem::replace(variable.value, sealed));
        }
        let bytes = resource.encode_to_vec();
        // The caller keeps what it had: cloning a long execution for this would cost more.
        for (variable, clear) in secrets(resource).into_iter().zip(clear) {
            *variable.value = clear;
        }
        Ok(bytes)
    }

    /// The resource in `bytes`, its secrets opened; none is stored in clear.
    pub(super) fn decode<R: Stored>(&self, bytes: &[u8]) -> Result<R> {
        let mut resource = R::decode(bytes)?;
        self.open_those(&mut resource, |_| true)?;
        Ok(resource)
    }

    /// The resource in `bytes` from before secrets were sealed. One that is sealed all the same is opened: sealed twice,
    /// it would be read as what it is not.
    ///
    /// # Errors
    /// When it is sealed by another key.
    pub(super) fn decode_clear<R: Stored>(&self, bytes: &[u8]) -> Result<R> {
        let mut resource = R::decode(bytes)?;
        self.open_those(&mut resource, |value| value.starts_with(PREFIX))?;
        Ok(resource)
    }

    /// Opens the secrets of `resource` whose values are `sealed`.
    fn open_those<R: Stored>(&self, resource: &mut R, sealed: fn(&str) -> bool) -> Result<()> {
        let id = resource.id().to_owned();
        let secrets = secrets(resource).into_iter();
        for variable in secrets.filter(|variable| sealed(variable.value.as_str())) {
            let name = variable.name;
            *variable.value = self.open(&id, name, variable.value).ok_or_else(|| {
                Error::Storage(format!(
                    "the secret {name} of {id} cannot be opened: it was changed, put in the place of another, or sealed by \
                     another key"
                ))
            })?;
        }
        Ok(())
    }
}

fn secrets<R: Secrets>(resource: &mut R) -> Vec<Variable<'_>> {
    let mut secrets = resource.variables();
    secrets.retain(|v| v.is_secret && !v.value.is_empty() && v.value != REDACTED);
    secrets
}

/// No id has this character in it, so no two pairs of names make one.
fn about(id: &str, name: &str) -> Aad<String> {
    Aad::from(format!("{id}\n{name}"))
}

fn failed(what: &str) -> Error {
    Error::Storage(format!("cannot {what}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let sealer = Sealer::new(&[1; KEY_LEN]).unwrap();
        let sealed = sealer.seal("env-1", "TOKEN", "hush").unwrap();
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("hush"));
        assert_eq!(
            sealer.open("env-1", "TOKEN", &sealed).as_deref(),
            Some("hush")
        );
        assert_eq!(sealer.open("env-2", "TOKEN", &sealed), None);
        assert_eq!(sealer.open("env-1", "OTHER", &sealed), None);
        let other = Sealer::new(&[2; KEY_LEN]).unwrap();
        assert_eq!(other.open("env-1", "TOKEN", &sealed), None);
        assert_ne!(sealed, sealer.seal("env-1", "TOKEN", "hush").unwrap());
    }

    #[test]
    fn what_is_no_sealed_text_does_not_open() {
        let sealer = Sealer::new(&[1; KEY_LEN]).unwrap();
        for bad in ["", "hush", "sealed:v1:", "sealed:v1:AAAA", "sealed:v1:?"] {
            assert_eq!(sealer.open("a", "b", bad), None, "{bad}");
        }
    }
}
