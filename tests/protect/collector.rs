//! Breakers and limiters as Prometheus sees them.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{CircuitBreaker, ProtectCollector, RateLimiter, Trip};

use crate::scene::{Fuse, Line, secs};

fn scrape(collector: &ProtectCollector) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector.clone()));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    page.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_breaker_is_shown_as_it_is_at_the_moment_of_the_scrape() {
    let (fuse, collector) = (Fuse::new(), ProtectCollector::new());
    collector.add_breaker(&fuse.breaker).unwrap();
    fuse.blow();
    let _ = fuse.breaker.try_acquire();
    fuse.pass(secs(4));
    assert_eq!(
        scrape(&collector),
        "rotapool_breaker_state{breaker=\"breaker\",state=\"closed\"} 0\n\
         rotapool_breaker_state{breaker=\"breaker\",state=\"open\"} 1\n\
         rotapool_breaker_state{breaker=\"breaker\",state=\"half_open\"} 0\n\
         rotapool_breaker_open_seconds{breaker=\"breaker\"} 6.0\n\
         rotapool_breaker_calls_total{breaker=\"breaker\",outcome=\"success\"} 0\n\
         rotapool_breaker_calls_total{breaker=\"breaker\",outcome=\"failure\"} 1\n\
         rotapool_breaker_calls_total{breaker=\"breaker\",outcome=\"rejected\"} 1\n\
         rotapool_breaker_calls_total{breaker=\"breaker\",outcome=\"ignored\"} 0\n\
         rotapool_breaker_changes_total{breaker=\"breaker\"} 1\n"
    );
    fuse.pass(secs(6));
    let half_open = "rotapool_breaker_state{breaker=\"breaker\",state=\"half_open\"} 1\n";
    assert!(scrape(&collector).contains(half_open), "a gauge needs no call");
}

#[test]
fn a_limiter_is_shown_as_it_is_at_the_moment_of_the_scrape() {
    let (line, collector) = (Line::drained(2.0), ProtectCollector::new());
    collector.add_limiter(&line.limiter).unwrap();
    let _first = line.comes("first", 1);
    let _second = line.comes("second", 2);
    let _ = line.limiter.try_acquire();
    line.pass(secs(1));
    assert_eq!(
        scrape(&collector),
        "rotapool_limiter_available{limiter=\"limiter\"} 1.0\n\
         rotapool_limiter_waiting{limiter=\"limiter\"} 1.0\n\
         rotapool_limiter_acquired_total{limiter=\"limiter\"} 2\n\
         rotapool_limiter_refused_total{limiter=\"limiter\"} 1\n\
         rotapool_limiter_waited_seconds_total{limiter=\"limiter\"} 0.5\n"
    );
}

#[test]
fn two_of_a_kind_under_one_name_are_refused() {
    let (fuse, line, collector) = (Fuse::new(), Line::of(1.0), ProtectCollector::new());
    collector.add_breaker(&fuse.breaker).unwrap();
    collector.add_limiter(&line.limiter).unwrap();
    let taken = [collector.add_breaker(&fuse.breaker), collector.add_limiter(&line.limiter)];
    let told = taken.map(|taken| taken.unwrap_err().to_string());
    let advice = "is in the collector already; give every";
    assert_eq!(told[0], format!("a breaker named `breaker` {advice} breaker a name of its own"));
    assert_eq!(told[1], format!("a limiter named `limiter` {advice} limiter a name of its own"));
    let shown = "ProtectCollector { breakers: [\"breaker\"], limiters: [\"limiter\"] }";
    assert_eq!(format!("{collector:?}"), shown);
}

#[test]
fn what_is_removed_is_shown_no_longer_and_kept_alive_no_longer() {
    let (hooked, collector) = (Arc::new(()), ProtectCollector::new());
    let kept = Arc::clone(&hooked);
    let builder = CircuitBreaker::builder(Trip::default()).on_change(move |_| _ = &kept);
    collector.add_breaker(&builder.build().unwrap()).unwrap();
    collector.add_limiter(&RateLimiter::new(1.0, secs(1)).unwrap()).unwrap();
    assert_eq!(Arc::strong_count(&hooked), 2, "the collector keeps it alive");
    assert!(collector.remove_breaker("breaker") && collector.remove_limiter("limiter"));
    assert_eq!((Arc::strong_count(&hooked), scrape(&collector)), (1, String::new()));
    assert!(!collector.remove_breaker("breaker") && !collector.remove_limiter("limiter"));
}

#[test]
fn what_goes_with_a_removed_breaker_may_use_the_collector() {
    struct Uses(ProtectCollector);
    impl Drop for Uses {
        fn drop(&mut self) {
            let (same, (done, ended)) = (self.0.clone(), channel());
            thread::spawn(move || done.send(same.remove_breaker("breaker")));
            let removed = ended.recv_timeout(secs(10));
            assert_eq!(removed, Ok(false), "the collector is locked");
        }
    }
    let collector = ProtectCollector::new();
    let uses = Uses(collector.clone());
    let builder = CircuitBreaker::builder(Trip::default()).on_change(move |_| _ = &uses);
    collector.add_breaker(&builder.build().unwrap()).unwrap();
    assert!(collector.remove_breaker("breaker"));
}
