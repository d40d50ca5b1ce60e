//! Listening, and leaving in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rotapool::lifecycle::ShutdownToken;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::gateway::Gateway;

/// A client that has not sent its head by then is cut off, so that it costs nobody a connection.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Serves until the token is triggered, and then until everybody who got in is answered.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, token: ShutdownToken) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = token.triggered() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: it passes when somebody leaves.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Answers are small pieces, each of which somebody waits for.
        let _ = stream.set_nodelay(true);
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(gateway.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        // A client that goes away in the middle is no news: its request is dropped with the connection.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    connections.shutdown().await;
}
