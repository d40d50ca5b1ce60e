//! An upstream whose replies take their time: a chunk every few milliseconds. Some are cut in their middle, some never begin.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::upstream::request;
use crate::tally::Count;

/// Longer than any pool waits for the first of a reply.
const STALL: Duration = Duration::from_secs(2);
/// Of 100 replies, so many are cut, and as many never begin.
const SHARE: u32 = 5;

/// What it has done.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) received: Count,
    /// Replies written to their end.
    pub(crate) whole: Count,
    pub(crate) cut: Count,
    pub(crate) stalled: Count,
    /// Replies that are under way now.
    pub(crate) open: Count,
}

/// A running upstream; it stops listening when dropped.
pub(crate) struct Replies {
    pub(crate) address: SocketAddr,
    pub(crate) book: Arc<Book>,
    listening: JoinHandle<()>,
}

/// How many chunks a reply has.
fn chunks(number: u64) -> u64 {
    3 + number % 5
}

fn chunk(number: u64, key: u64, nth: u64) -> String {
    format!("{number} for {key}: {nth}\n")
}

/// The whole of a reply.
pub(crate) fn reply(number: u64, key: u64) -> String {
    (0..chunks(number)).map(|nth| chunk(number, key, nth)).collect()
}

impl Replies {
    pub(crate) async fn start(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let book = Arc::<Book>::default();
        let listening = tokio::spawn(listen(listener, Rng::with_seed(seed), Arc::clone(&book)));
        Ok(Self { address, book, listening })
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, mut random: Rng, book: Arc<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (book, random) = (Arc::clone(&book), random.fork());
        tokio::spawn(async move {
            // A reader that goes away is no news here.
            let _ = serve(stream, random, &book).await;
        });
    }
}

/// A reply under way.
struct Open<'a>(&'a Count);

impl<'a> Open<'a> {
    fn new(count: &'a Count) -> Self {
        count.up();
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.down();
    }
}

async fn serve(mut stream: TcpStream, mut random: Rng, book: &Book) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some((number, key)) = request(&mut stream).await? {
        book.received.up();
        let _open = Open::new(&book.open);
        let fate = random.u32(..100);
        if fate < SHARE {
            book.stalled.up();
            // Or until whoever asked has had enough.
            let _ = timeout(STALL, stream.read(&mut [0])).await;
            break;
        }
        let all = chunks(number);
        let most = if fate < 2 * SHARE { random.u64(1..all) } else { all };
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
        for nth in 0..most {
            let text = chunk(number, key, nth);
            stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
            sleep(Duration::from_millis(random.u64(1..8))).await;
        }
        if most < all {
            book.cut.up();
            break;
        }
        stream.write_all(b"0\r\n\r\n").await?;
        book.whole.up();
    }
    Ok(())
}
