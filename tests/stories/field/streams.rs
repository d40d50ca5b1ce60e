//! Replies that go on after their head has come.

use futures::channel::mpsc::unbounded;
use futures::{FutureExt as _, StreamExt as _};
use rotapool::{Fault, Resource, Strategy};

use crate::scene::{Scene, secs};
use crate::upstream::Boom;

/// How a reply ends, for whoever feeds it.
const ENDS: [fn() -> Option<Fault<Boom>>; 4] = [
    || None,
    || Some(Fault::retry("cut")),
    || Some(Fault::cooldown("429 in the middle")),
    || Some(Fault::Operation(Boom)),
];

#[test]
fn in_flight_counts_last_to_the_end_of_a_reply_and_end_once_however_it_ends() {
    for end in ENDS {
        let scene =
            Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
        let (tap, reply) = unbounded();
        tap.unbounded_send(Ok("head")).unwrap();
        let mut reply = Some(reply);
        let open = scene.pool.run_stream(|_| {
            std::future::ready(Ok::<_, Fault<Boom>>(reply.take().expect("it is called once")))
        });
        let mut stream = open.now_or_never().expect("its head is there").unwrap();
        scene.advance(secs(30));
        assert_eq!(scene.pool.stats().in_flight, 1);
        assert!(scene.start().error().is_exhausted(), "a second one finds no place");
        assert_eq!(stream.next().now_or_never(), Some(Some(Ok("head"))));
        match end() {
            None => drop(tap),
            Some(fault) => tap.unbounded_send(Err(fault)).unwrap(),
        }
        while let Some(Some(_)) = stream.next().now_or_never() {}
        assert_eq!(scene.pool.stats().in_flight, 0, "the reply is over, and still in hand");
        drop(stream);
        let stats = scene.pool.stats();
        assert_eq!((stats.in_flight, stats.runs_ok + stats.runs_error), (0, 1));
    }
}

#[test]
fn the_least_busy_is_the_one_with_the_fewest_replies_under_way() {
    let scene = Scene::with(&["a", "b", "c"], |builder| builder.strategy(Strategy::LeastInFlight));
    let mut replies = Vec::new();
    for expected in ["a", "b", "c", "a", "b", "c"] {
        let open = scene.pool.run_stream(|_| {
            let endless = futures::stream::iter([Ok::<_, Fault<Boom>>(1)]);
            std::future::ready(Ok::<_, Fault<Boom>>(endless.chain(futures::stream::pending())))
        });
        let reply = open.now_or_never().expect("its head is there").unwrap();
        assert_eq!(reply.id(), expected);
        replies.push(reply);
    }
    drop((replies.remove(4), replies.remove(1)));
    assert_eq!(scene.pool.try_acquire().unwrap().id(), "b", "both of its replies are over");
}
