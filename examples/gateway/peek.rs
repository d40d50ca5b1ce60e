//! A refusal that is looked into before it passes.

use futures::stream::{self, StreamExt as _};
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use hyper::body::{Body as HttpBody, Bytes, Frame};

use crate::answer::{Body, BodyError};

/// The first bytes of a body, at least `most` if there are so many, and the body as if nobody had looked.
pub(crate) async fn peek<B>(mut body: B, most: usize) -> Result<(Vec<u8>, Body), B::Error>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BodyError>,
{
    let (mut seen, mut frames) = (Vec::new(), Vec::new());
    while seen.len() < most {
        let Some(frame) = body.frame().await else { break };
        let frame = frame?;
        seen.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
        frames.push(frame);
    }
    let rest =
        BodyStream::new(body).map(|frame: Result<Frame<Bytes>, _>| frame.map_err(Into::into));
    let again = stream::iter(frames.into_iter().map(Ok)).chain(rest);
    Ok((seen, StreamBody::new(again).boxed_unsync()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_looks_takes_nothing_away() {
        for (most, expected) in [(0, ""), (1, "one "), (5, "one two "), (99, "one two three")] {
            let pieces = ["one ", "two ", "three"]
                .map(|piece| Ok::<_, BodyError>(Frame::data(piece.into())));
            let (seen, body) = peek(StreamBody::new(stream::iter(pieces)), most).await.unwrap();
            assert_eq!(seen, expected.as_bytes());
            assert_eq!(body.collect().await.unwrap().to_bytes(), "one two three");
        }
    }
}
