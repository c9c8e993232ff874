//! A program that listens hears every event with its fields; alone in its process, because the listener is for the whole of it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hairpin_train::events;
use hairpin_train::history::Epoch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

/// Writes every event down as one line.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == events::TARGET
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            self.0 += &format!(" {}={value:?}", field.name());
        }
    }
}

#[test]
fn a_listener_hears_every_event_with_its_fields() {
    let path = Path::new("runs/a");
    // Nobody listens yet: nothing happens.
    events::run_started(path, "flex", 1, 2, 0);
    let listener = Listener::default();
    subscriber::set_global_default(listener.clone()).unwrap();

    events::run_started(path, "flex", 7, 60, 3);
    let epoch = Epoch {
        epoch: 4,
        train_loss: 0.5,
        valid_loss: f64::NAN,
        valid_score: 0.25,
        learning_rate: 0.001,
        gradient_norm: 2.0,
        seconds: 1.5,
        best: true,
    };
    events::epoch_ended("accuracy", &epoch);
    events::new_best(4, "accuracy", 0.25);
    events::checkpoint_written(path, 4, 10);
    events::plateau(5, 0.5, 0.25);
    events::stopped(6, "no better for 3 epochs");
    events::diverged(6, 2, f64::INFINITY);
    tracing::info!("from somewhere else");

    let heard = listener.0.lock().unwrap().clone();
    assert_eq!(
        heard,
        [
            "INFO event=\"run_started\" run=runs/a device=\"flex\" seed=7 epochs=60 resumed_after=3",
            "INFO event=\"epoch_ended\" epoch=4 train_loss=0.5 valid_loss=NaN score_name=\"accuracy\" valid_score=0.25 \
             learning_rate=0.001 gradient_norm=2.0 seconds=1.5",
            "INFO event=\"new_best\" epoch=4 score_name=\"accuracy\" score=0.25",
            "DEBUG event=\"checkpoint_written\" path=runs/a epoch=4 batch=10",
            "INFO event=\"plateau\" epoch=5 learning_rate_before=0.5 learning_rate=0.25",
            "INFO event=\"stopped\" epoch=6 reason=\"no better for 3 epochs\"",
            "ERROR event=\"diverged\" epoch=6 batch=2 loss=inf",
        ]
    );
}
