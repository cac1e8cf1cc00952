//! Counts connections and requests, so that a stop knows when all that was accepted is answered.
//!
//! actix-web's own graceful stop drops connections that wait for a worker and does not wait for one
//! whose first request has not been read yet; a machine behind such a connection would hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tokio::time::{Instant, sleep};

/// How often a stop looks whether it is quiet.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How many looks in a row must find it quiet: an accepted connection is not counted before a worker
/// has taken it over.
const QUIET_LOOKS: usize = 5;

/// The connections without a first request, and the requests without an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    fresh_connections: AtomicUsize,
    open_requests: AtomicUsize,
}

/// Lives as long as a connection.
struct Connection {
    counts: Arc<Counts>,
    is_fresh: AtomicBool,
}

impl Connection {
    fn first_request_is_here(&self) {
        if self.is_fresh.swap(false, Ordering::SeqCst) {
            self.counts.fresh_connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.first_request_is_here();
    }
}

/// Lives as long as a request.
struct Request(Arc<Counts>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.open_requests.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Traffic {
    /// To be called for every new connection.
    pub(super) fn connected(&self, extensions: &mut Extensions) {
        self.0.fresh_connections.fetch_add(1, Ordering::SeqCst);
        extensions.insert(Connection {
            counts: self.0.clone(),
            is_fresh: AtomicBool::new(true),
        });
    }

    /// To be called around every request.
    pub(super) async fn count(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        self.0.open_requests.fetch_add(1, Ordering::SeqCst);
        let _open = Request(self.0.clone());
        if let Some(connection) = request.conn_data::<Connection>() {
            connection.first_request_is_here();
        }
        next.call(request).await
    }

    fn is_quiet(&self) -> bool {
        self.0.fresh_connections.load(Ordering::SeqCst) == 0
            && self.0.open_requests.load(Ordering::SeqCst) == 0
    }

    /// Waits until everything that was accepted is answered, or the time is up. Says which.
    pub(super) async fn quiet(&self, deadline: Instant) -> bool {
        let mut looks = 0;
        while Instant::now() < deadline {
            looks = if self.is_quiet() { looks + 1 } else { 0 };
            if looks >= QUIET_LOOKS {
                return true;
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }
}
