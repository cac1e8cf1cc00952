//! Reads request bodies with a limit on their length and on the pauses in them.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::form::FormError;

/// A body whose rest can still be read after another reader gave up on it.
///
/// A client that is still sending when the connection closes loses the answer; so what is too long
/// or broken is read to its end and thrown away, as far as that is reasonable.
#[derive(Clone)]
pub(super) struct Body {
    payload: Rc<RefCell<web::Payload>>,
    pause: Duration,
    seen: Rc<RefCell<u64>>,
}

impl Body {
    pub(super) fn new(payload: web::Payload, pause: Duration) -> Body {
        Body {
            payload: Rc::new(RefCell::new(payload)),
            pause,
            seen: Rc::default(),
        }
    }

    /// Whether anything of it has come.
    pub(super) fn is_empty(&self) -> bool {
        *self.seen.borrow() == 0
    }

    /// The next chunk; none at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        next(self.pause, self).await
    }

    /// All of it, in memory.
    pub(super) async fn read(&mut self, limit_bytes: u64) -> Result<Bytes, FormError> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (all.len() + chunk.len()) as u64 > limit_bytes {
                self.drain(limit_bytes).await;
                return Err(FormError::TooLarge {
                    what: "body",
                    limit_bytes,
                });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Throws away what is left, up to 16 times what was acceptable.
    pub(super) async fn drain(&mut self, limit_bytes: u64) {
        let end = limit_bytes.saturating_mul(16);
        while *self.seen.borrow() < end && matches!(self.chunk().await, Ok(Some(_))) {}
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.payload.borrow_mut().poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            *self.seen.borrow_mut() += chunk.len() as u64;
        }
        polled
    }
}

/// The next item of a stream of a request, unless the client pauses too long.
pub(super) async fn next<T, E>(
    pause: Duration,
    stream: &mut (impl Stream<Item = Result<T, E>> + Unpin),
) -> Result<Option<T>, FormError>
where
    FormError: From<E>,
{
    match timeout(pause, stream.next()).await {
        Err(_) => Err(FormError::Slow),
        Ok(None) => Ok(None),
        Ok(Some(Ok(item))) => Ok(Some(item)),
        Ok(Some(Err(error))) => Err(error.into()),
    }
}
