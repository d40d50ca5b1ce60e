//! The upstream: it limits, revokes, stalls, cuts connections, answers garbage, and recovers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::tally::Count;

/// How long a key's weather stays as it is.
const SPELL: Duration = Duration::from_millis(300);
/// Longer than any client waits.
pub(crate) const STALL: Duration = Duration::from_millis(300);

/// What it has done, by kind.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) received: Count,
    pub(crate) served: Count,
    pub(crate) not_found: Count,
    pub(crate) limited: Count,
    pub(crate) revoked: Count,
    pub(crate) unavailable: Count,
    pub(crate) cut: Count,
    pub(crate) stalled: Count,
    pub(crate) garbage: Count,
}

/// How it treats the requests that come with a key at the moment.
#[derive(Debug, Clone, Copy)]
enum Weather {
    Fair,
    Limited,
    Revoked,
    Unavailable,
    CutAtOnce,
    CutInHead,
    CutInBody,
    Stalls,
    StallsInBody,
    Garbage,
}

/// A running upstream; it stops listening when dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) book: Arc<Book>,
    clear: Arc<AtomicBool>,
    listening: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start(seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (book, clear) = (Arc::<Book>::default(), Arc::<AtomicBool>::default());
        let sky = Sky { seed, begun: Instant::now(), clear: Arc::clone(&clear) };
        let listening = tokio::spawn(listen(listener, sky, Arc::clone(&book)));
        Ok(Self { address, book, clear, listening })
    }

    /// Whether from now on everybody is served.
    pub(crate) fn clear_up(&self, clear: bool) {
        self.clear.store(clear, Ordering::SeqCst);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Who has which weather when.
#[derive(Clone)]
struct Sky {
    seed: u64,
    begun: Instant,
    clear: Arc<AtomicBool>,
}

impl Sky {
    fn over(&self, key: u64) -> Weather {
        if self.clear.load(Ordering::SeqCst) {
            return Weather::Fair;
        }
        let spell = self.begun.elapsed().as_millis() as u64 / SPELL.as_millis() as u64;
        let mut random = Rng::with_seed(self.seed ^ (key << 32) ^ spell);
        match random.u32(..20) {
            0 | 1 => Weather::Limited,
            2 => Weather::Revoked,
            3 => Weather::Unavailable,
            4 => Weather::CutAtOnce,
            5 => Weather::CutInHead,
            6 => Weather::CutInBody,
            7 => Weather::Stalls,
            8 => Weather::StallsInBody,
            9 => Weather::Garbage,
            _ => Weather::Fair,
        }
    }
}

async fn listen(listener: TcpListener, sky: Sky, book: Arc<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (sky, book) = (sky.clone(), Arc::clone(&book));
        tokio::spawn(async move {
            // A client that hangs up is no news: that is what a dropped attempt looks like from here.
            let _ = serve(stream, &sky, &book).await;
        });
    }
}

/// Answers one request after the other, until the weather cuts the connection.
async fn serve(mut stream: TcpStream, sky: &Sky, book: &Book) -> io::Result<()> {
    while let Some((number, key)) = request(&mut stream).await? {
        book.received.up();
        let body = super::body(number, key);
        let whole = |status: &str, body: &str| {
            let length = body.len();
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
        };
        let (count, answer, stalls, cuts) = match sky.over(key) {
            Weather::Fair if super::is_unknown(number) => {
                (&book.not_found, whole("404 Not Found", ""), false, false)
            }
            Weather::Fair => (&book.served, whole("200 OK", &body), false, false),
            Weather::Limited => {
                let seconds = number % 2;
                let status = format!("429 Too Many Requests\r\nretry-after: {seconds}");
                (&book.limited, whole(&status, ""), false, false)
            }
            Weather::Revoked => (&book.revoked, whole("401 Unauthorized", ""), false, false),
            Weather::Unavailable => {
                (&book.unavailable, whole("503 Service Unavailable", ""), false, false)
            }
            Weather::CutAtOnce => (&book.cut, String::new(), false, true),
            Weather::CutInHead => (&book.cut, "HTTP/1.1 200 O".to_owned(), false, true),
            Weather::CutInBody => {
                let mut answer = whole("200 OK", &body);
                answer.truncate(answer.len() - 2);
                (&book.cut, answer, false, true)
            }
            Weather::Stalls => (&book.stalled, String::new(), true, true),
            Weather::StallsInBody => {
                let mut answer = whole("200 OK", &body);
                answer.truncate(answer.len() - 2);
                (&book.stalled, answer, true, true)
            }
            Weather::Garbage => {
                (&book.garbage, "\0\u{7f}no HTTP at all\r\n\r\n".repeat(3), false, true)
            }
        };
        count.up();
        stream.write_all(answer.as_bytes()).await?;
        if stalls {
            tokio::time::sleep(STALL).await;
        }
        if cuts {
            break;
        }
    }
    Ok(())
}

/// The number and the key of the next request, if there is one.
pub(super) async fn request(stream: &mut TcpStream) -> io::Result<Option<(u64, u64)>> {
    let (mut head, mut byte) = (Vec::new(), [0; 512]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await? {
            0 => return Ok(None),
            read => head.extend_from_slice(&byte[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let after = |what: &str| {
        let (_, rest) = head.split_once(what)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Ok(after("get /").zip(after("bearer ")))
}
