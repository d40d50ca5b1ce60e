//! A script without async: a blocking HTTP client (ureq) rotates its keys, and no runtime is in sight.
//!
//! `cargo run --example blocking` starts an upstream on loopback, which limits one key and has revoked another.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rotapool::{Fault, Lease, Pool, Resource};

/// One call. It cannot be interrupted, so it keeps to its time by itself.
fn ask(client: &ureq::Agent, url: &str, key: &Lease<&str>) -> Result<String, Fault<ureq::Error>> {
    let left = key.limit().map(|limit| limit.saturating_duration_since(Instant::now()));
    let request = client.get(url).header("authorization", format!("Bearer {}", **key));
    let request = request.config().timeout_global(left).http_status_as_error(false).build();
    let mut response = request.call().map_err(Fault::retry)?;
    match response.status().as_u16() {
        200 => response.body_mut().read_to_string().map_err(Fault::retry),
        429 => Err(Fault::cooldown("429 from upstream")),
        401 => Err(Fault::disable("key revoked")),
        status => Err(Fault::Operation(ureq::Error::StatusCode(status))), // not the key's fault
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = upstream()?;
    let client = ureq::Agent::new_with_defaults();
    let pool = Pool::builder()
        .resource(Resource::new("limited", "sk-1"))
        .resource(Resource::new("revoked", "sk-2"))
        .resource(Resource::new("fine", "sk-3"))
        .attempt_timeout(Duration::from_secs(1))
        .build()?;

    for number in 1..=6 {
        let request = pool.request().timeout(Duration::from_secs(5));
        let reply = request.run_blocking(|key| ask(&client, &url, key))?;
        println!("request {number}: {reply}");
    }
    println!("\n{}", pool.explain());
    Ok(())
}

/// A server of few words: one thread for each connection, one reply for each request.
fn upstream() -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}/", listener.local_addr()?);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    Ok(url)
}

fn serve(connection: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut line, mut key) = (String::new(), String::new());
    let mut connection = connection;
    while reader.read_line(&mut line)? > 0 {
        if let Some((_, secret)) = line.trim().split_once("Bearer ") {
            secret.clone_into(&mut key);
        }
        if line == "\r\n" {
            let (status, body) = match &*key {
                "sk-1" => ("429 Too Many Requests", "slow down".to_owned()),
                "sk-2" => ("401 Unauthorized", "who are you?".to_owned()),
                key => ("200 OK", format!("served by {key}")),
            };
            let length = body.len();
            write!(connection, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")?;
        }
        line.clear();
    }
    Ok(())
}
