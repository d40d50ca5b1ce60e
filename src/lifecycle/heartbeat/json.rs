//! A beat as JSON. Times are RFC 3339 in UTC, durations seconds.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rotapool_core::lifecycle::{
    Beat, LoopProgress, PoolProgress, Target, Unreadable, WriterProgress,
};
use serde_json::{Map, Value, json};

/// Writes a beat. `None` if one of its times has no such form: before 1970 or after 9999.
pub(super) fn write(beat: &Beat) -> Option<Vec<u8>> {
    let Beat {
        time,
        pid,
        host,
        sequence,
        interval,
        event_loop,
        pools,
        writer,
        target,
        metadata,
        ..
    } = beat;
    let event_loop = event_loop.map(|LoopProgress { ticks, late, worst_late }| {
        json!({
            "ticks": ticks,
            "late_seconds": late.as_secs_f64(),
            "worst_late_seconds": worst_late.as_secs_f64(),
        })
    });
    let pools = pools.iter().map(pool).collect::<Option<Vec<Value>>>()?;
    let target = target.as_ref().map(|target| match target {
        Target::Alive => json!({ "alive": true }),
        Target::Dead(reason) => json!({ "alive": false, "reason": reason }),
    });
    let beat = json!({
        "time": text(*time)?,
        "pid": pid,
        "host": host,
        "sequence": sequence,
        "interval_seconds": interval.as_secs_f64(),
        "progress": {
            "loop": event_loop,
            "pools": pools,
            "writer": {
                "written": text(writer.written)?,
                "missed": writer.missed,
                "last_took_seconds": writer.last_took.map(|took| took.as_secs_f64()),
            },
        },
        "target": target,
        "metadata": metadata,
    });
    let mut line = beat.to_string().into_bytes();
    line.push(b'\n');
    Some(line)
}

fn pool(progress: &PoolProgress) -> Option<Value> {
    let PoolProgress { name, settled, in_flight, last_settled } = progress;
    let last_settled = match last_settled {
        Some(time) => Some(text(*time)?),
        None => None,
    };
    Some(json!({
        "name": name,
        "settled": settled,
        "in_flight": in_flight,
        "last_settled": last_settled,
    }))
}

fn text(time: SystemTime) -> Option<String> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let last_second_of_9999 = 253_402_300_799;
    (since.as_secs() <= last_second_of_9999)
        .then(|| humantime::format_rfc3339_micros(time).to_string())
}

/// Reads a beat. What it knows nothing of it leaves alone, so that it reads beats of later versions too.
pub(super) fn read(content: &[u8]) -> Result<Beat, Unreadable> {
    let value: Value = serde_json::from_slice(content).map_err(|error| match error.is_eof() {
        true => Unreadable::Half,
        false => garbage(error.to_string()),
    })?;
    let Value::Object(beat) = value else {
        return Err(garbage("it is no JSON object".to_owned()));
    };
    let beat = Object(&beat, "");
    let time = beat.must("time", time)?;
    let host = beat.must("host", string)?;
    let pid = beat.must("pid", |pid| u32::try_from(pid.as_u64()?).ok())?;
    let mut read = Beat::new(time, pid, host, beat.must("sequence", Value::as_u64)?);
    read.interval = beat.may("interval_seconds", seconds)?.unwrap_or_default();
    read.metadata = beat.may("metadata", strings)?.unwrap_or_default();
    if let Some(target) = beat.within("target")? {
        let reason = target.may("reason", string)?.unwrap_or_default();
        read.target = Some(match target.must("alive", Value::as_bool)? {
            true => Target::Alive,
            false => Target::Dead(reason),
        });
    }
    let Some(progress) = beat.within("progress")? else { return Ok(read) };
    if let Some(event_loop) = progress.within("loop")? {
        read.event_loop = Some(LoopProgress {
            ticks: event_loop.must("ticks", Value::as_u64)?,
            late: event_loop.must("late_seconds", seconds)?,
            worst_late: event_loop.must("worst_late_seconds", seconds)?,
        });
    }
    if let Some(writer) = progress.within("writer")? {
        read.writer = WriterProgress {
            written: writer.must("written", self::time)?,
            missed: writer.must("missed", Value::as_u64)?,
            last_took: writer.may("last_took_seconds", seconds)?,
        };
    }
    for pool in progress.may("pools", |pools| pools.as_array())?.into_iter().flatten() {
        let Value::Object(pool) = pool else {
            return Err(garbage("`progress.pools` holds what is no object".to_owned()));
        };
        let pool = Object(pool, "progress.pools.");
        read.pools.push(PoolProgress {
            name: pool.must("name", string)?,
            settled: pool.must("settled", Value::as_u64)?,
            in_flight: pool.must("in_flight", Value::as_u64)?,
            last_settled: pool.may("last_settled", self::time)?,
        });
    }
    Ok(read)
}

/// An object, and what its keys are called before the dot.
struct Object<'a>(&'a Map<String, Value>, &'static str);

impl<'a> Object<'a> {
    /// What is under a key; `None` if nothing is, or `null`.
    fn may<R>(
        &self,
        key: &str,
        what: impl FnOnce(&'a Value) -> Option<R>,
    ) -> Result<Option<R>, Unreadable> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match what(value) {
                Some(found) => Ok(Some(found)),
                None => Err(garbage(format!("`{}{key}` makes no sense there", self.1))),
            },
        }
    }

    fn must<R>(
        &self,
        key: &str,
        what: impl FnOnce(&'a Value) -> Option<R>,
    ) -> Result<R, Unreadable> {
        let missing = || garbage(format!("it has no `{}{key}`", self.1));
        self.may(key, what)?.ok_or_else(missing)
    }

    fn within(&self, key: &'static str) -> Result<Option<Self>, Unreadable> {
        let prefix = match key {
            "progress" => "progress.",
            "loop" => "progress.loop.",
            "writer" => "progress.writer.",
            _ => "target.",
        };
        Ok(self.may(key, Value::as_object)?.map(|object| Object(object, prefix)))
    }
}

fn garbage(reason: String) -> Unreadable {
    Unreadable::Garbage { reason }
}

fn time(value: &Value) -> Option<SystemTime> {
    humantime::parse_rfc3339(value.as_str()?).ok()
}

fn seconds(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()?).ok()
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn strings(value: &Value) -> Option<BTreeMap<String, String>> {
    let pairs = value.as_object()?.iter();
    pairs.map(|(key, value)| Some((key.clone(), string(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Beat {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_764_167_880_123_456);
        let mut beat = Beat::new(time, 4711, "host\n\"1\"".to_owned(), 17);
        beat.interval = Duration::from_millis(2500);
        let (late, worst_late) = (Duration::from_millis(3), Duration::from_secs(2));
        beat.event_loop = Some(LoopProgress { ticks: 16, late, worst_late });
        let progress = |name: &str, last_settled| PoolProgress {
            name: name.to_owned(),
            settled: 12,
            in_flight: 3,
            last_settled,
        };
        beat.pools = vec![progress("keys", Some(time)), progress("unused", None)];
        beat.writer.missed = 2;
        beat.writer.last_took = Some(Duration::from_micros(250));
        beat.target = Some(Target::Dead("no worker".to_owned()));
        beat.metadata.insert("version".to_owned(), "1.2".to_owned());
        beat
    }

    #[test]
    fn what_was_written_is_read() {
        let plain = Beat::new(full().time, 1, String::new(), 1);
        for beat in [full(), plain] {
            assert_eq!(read(&write(&beat).unwrap()), Ok(beat));
        }
        let line = String::from_utf8(write(&full()).unwrap()).unwrap();
        assert!(line.contains(r#""time":"2025-11-26T14:38:00.123456Z""#), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn whatever_is_cut_off_is_half_a_beat() {
        let whole = write(&full()).unwrap();
        let end = whole.len() - 2; // the brace and the end of the line
        for at in 0..=end {
            let cut = read(&whole[..at]);
            assert_eq!(cut, Err(Unreadable::Half), "cut off after {at} bytes");
        }
    }

    #[test]
    fn what_is_no_beat_says_what_is_wrong() {
        let cases: &[(&[u8], &str)] = &[
            (b"[1, 2]", "it is no JSON object"),
            (b"7", "it is no JSON object"),
            (b"\xff\xfe", "expected value"),
            (b"{\"time\": \"\xff\"}", "invalid unicode"),
            (b"{}", "it has no `time`"),
            (b"{\"time\": 5}", "`time` makes no sense there"),
            (b"{\"time\": \"2026-01-01T00:00:00\"}", "`time` makes no sense there"),
            (b"{\"time\": \"2026-01-01T00:00:00Z\", \"host\": null}", "it has no `host`"),
            (
                b"{\"time\": \"2026-01-01T00:00:00Z\", \"host\": \"\", \"pid\": -1}",
                "`pid` makes no sense there",
            ),
            (b"{\"time\": \"2026-01-01T00:00:00Z\"} trailing", "trailing characters"),
        ];
        for (content, expected) in cases {
            match read(content) {
                Err(Unreadable::Garbage { reason }) => {
                    assert!(reason.contains(expected), "{reason}");
                }
                other => panic!("{other:?} instead of {expected}"),
            }
        }
    }

    #[test]
    fn every_field_of_a_wrong_type_is_garbage_and_no_panic() {
        let whole: Value = serde_json::from_slice(&write(&full()).unwrap()).unwrap();
        for wrong in [json!(-1.5e300), json!([[]]), json!({ "a": [] })] {
            for (path, name) in [
                ("/interval_seconds", "interval_seconds"),
                ("/metadata", "metadata"),
                ("/target/alive", "target.alive"),
                ("/progress/loop/ticks", "progress.loop.ticks"),
                ("/progress/loop", "progress.loop"),
                ("/progress/writer/written", "progress.writer.written"),
                ("/progress/pools/0/settled", "progress.pools.settled"),
            ] {
                let mut broken = whole.clone();
                *broken.pointer_mut(path).unwrap() = wrong.clone();
                let broken = read(broken.to_string().as_bytes());
                let Err(Unreadable::Garbage { reason }) = broken else { panic!("{broken:?}") };
                assert!(reason.contains(&format!("`{name}")), "{reason}");
            }
        }
    }

    #[test]
    fn a_time_that_has_no_such_form_is_not_written() {
        let at = |time| write(&Beat::new(time, 1, String::new(), 1)).is_some();
        assert!(at(SystemTime::UNIX_EPOCH));
        assert!(!at(SystemTime::UNIX_EPOCH - Duration::from_secs(1)));
        assert!(!at(SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800)));
    }
}
