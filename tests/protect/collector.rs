//! Breakers and limiters as Prometheus sees them.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::ProtectCollector;

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
