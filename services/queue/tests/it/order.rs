//! The order of the line against a small model: random joins, leaves, absences, returns,
//! purchases and admissions, and nobody ever passes anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use urr_contract::{EventId, UserId};
use urr_queue::{
    domain::{person::Person, rules::Rules},
    redis::{Joined, Layout, LineKeys, Rooms},
};
use uuid::Uuid;

use crate::{
    admission::a_join,
    scripts::{layout, rules},
};

const PEOPLE: u8 = 12;
const NOBODY: Joined = Joined::Nowhere;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(u8),
    Look(u8),
    FallSilent(u8),
    Poll(u8),
    Leave(u8),
    Buy(u8),
    Admit,
}

fn step() -> impl Strategy<Value = Step> {
    let person = 0..PEOPLE;
    prop_oneof![
        4 => person.clone().prop_map(Step::Join),
        1 => person.clone().prop_map(Step::Look),
        2 => person.clone().prop_map(Step::FallSilent),
        2 => person.clone().prop_map(Step::Poll),
        1 => person.clone().prop_map(Step::Leave),
        1 => person.prop_map(Step::Buy),
        3 => Just(Step::Admit),
    ]
}

/// What the line must do, told as simply as possible.
#[derive(Debug, Default)]
struct Model {
    cap: usize,
    last: u64,
    waiting: BTreeMap<u64, u8>,
    present: BTreeSet<u64>,
    inside: BTreeMap<u8, u64>,
    somebody_waits: bool,
}

impl Model {
    fn number(&self, person: u8) -> Option<u64> {
        self.waiting
            .iter()
            .find(|(_, who)| **who == person)
            .map(|(number, _)| *number)
    }

    /// Number, whether inside, whether new.
    fn join(&mut self, person: u8) -> (u64, bool, bool) {
        if let Some(number) = self.inside.get(&person) {
            return (*number, true, false);
        }
        if let Some(number) = self.number(person) {
            self.poll(person);
            return (number, false, false);
        }
        self.last += 1;
        if !self.somebody_waits && self.inside.len() < self.cap {
            self.inside.insert(person, self.last);
            return (self.last, true, true);
        }
        self.waiting.insert(self.last, person);
        self.poll(person);
        (self.last, false, true)
    }

    fn poll(&mut self, person: u8) {
        if let Some(number) = self.number(person) {
            self.present.insert(number);
            self.somebody_waits = true;
        }
    }

    fn end(&mut self, person: u8, also_in_line: bool) {
        self.inside.remove(&person);
        if let Some(number) = self.number(person).filter(|_| also_in_line) {
            self.waiting.remove(&number);
        }
    }

    fn admit(&mut self) -> u64 {
        let callable: Vec<u64> = self
            .waiting
            .keys()
            .copied()
            .filter(|number| self.present.contains(number))
            .collect();
        let free = self.cap.saturating_sub(self.inside.len());
        let called: Vec<u64> = callable.iter().copied().take(free).collect();
        for number in &called {
            let person = self.waiting.remove(number).expect("waiting");
            self.inside.insert(person, *number);
        }
        self.somebody_waits = called.len() < callable.len();
        called.len() as u64
    }
}

/// A line as the model sees it.
struct Played<'a> {
    keys: LineKeys<'a>,
    rooms: &'a Rooms,
    event: EventId,
    people: Vec<Person>,
    model: Model,
}

impl Played<'_> {
    async fn lay_out(&self) {
        let rules = Rules {
            max_active: self.model.cap as u64,
            per_second: 1_000_000,
            ..rules()
        };
        self.keys.put_rules(1, &rules).await.unwrap();
        let layout = Layout {
            reserved_to: 1_000,
            ..layout()
        };
        assert!(self.keys.load(&layout).await.unwrap());
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Join(person) => self.join(person).await,
            Step::Look(person) => self.look(person).await,
            Step::FallSilent(person) => self.fall_silent(person).await,
            Step::Poll(person) => self.poll(person).await,
            Step::Leave(person) => {
                self.keys
                    .leave(self.people[usize::from(person)], None)
                    .await
                    .unwrap();
                self.model.end(person, true);
            }
            Step::Buy(person) => {
                self.keys
                    .end_slot(self.people[usize::from(person)], None)
                    .await
                    .unwrap();
                self.model.end(person, false);
            }
            Step::Admit => {
                let admitted = self.keys.admit("worker").await.unwrap();
                assert_eq!(admitted.admitted, self.model.admit());
                assert_eq!(admitted.backlog, self.model.somebody_waits);
            }
        }
        self.compare().await;
    }

    async fn join(&mut self, person: u8) {
        let joined = self
            .keys
            .join(&a_join(self.people[usize::from(person)]))
            .await
            .unwrap();
        assert_eq!(summary(&joined), Some(self.model.join(person)));
    }

    async fn look(&mut self, person: u8) {
        let request = urr_queue::redis::JoinRequest {
            may_join: false,
            ..a_join(self.people[usize::from(person)])
        };
        let found = self.keys.join(&request).await.unwrap();
        if self.model.inside.contains_key(&person) || self.model.number(person).is_some() {
            assert_eq!(summary(&found), Some(self.model.join(person)));
        } else {
            assert_eq!(found, NOBODY);
        }
    }

    /// Takes the person's presence away, as time would.
    async fn fall_silent(&mut self, person: u8) {
        let Some(number) = self.model.number(person) else {
            return;
        };
        let mut connection = self.rooms.redis().connection();
        let pattern = format!("present:{{{}}}:*", self.event);
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(pattern)
            .query_async(&mut connection)
            .await
            .unwrap();
        for key in keys {
            let mut command = redis::cmd("SETBIT");
            command.arg(key).arg(number).arg(0);
            let _: i64 = command.query_async(&mut connection).await.unwrap();
        }
        self.model.present.remove(&number);
    }

    async fn poll(&mut self, person: u8) {
        let presence = Duration::from_mins(2);
        if let Some(number) = self.model.inside.get(&person) {
            let user = UserId(self.people[usize::from(person)].id);
            self.keys.presence(&[], &[(*number, user)]).await.unwrap();
        } else if let Some(number) = self.model.number(person) {
            self.keys
                .presence(&[(number, presence)], &[])
                .await
                .unwrap();
            self.model.poll(person);
        }
    }

    async fn compare(&self) {
        let line = self.keys.snapshot().await.unwrap().expect("laid out");
        assert_eq!(line.last_number, self.model.last);
        assert_eq!(line.waiting.total(), self.model.waiting.len() as u64);
        assert!(
            self.model
                .waiting
                .keys()
                .all(|number| line.waiting.contains(*number))
        );
        let inside: BTreeSet<u64> = line.slots.keys().copied().collect();
        assert_eq!(inside, self.model.inside.values().copied().collect());
        assert!(inside.len() <= self.model.cap);
    }
}

fn summary(joined: &Joined) -> Option<(u64, bool, bool)> {
    match *joined {
        Joined::Inside(inside, new) => Some((inside.number, true, new)),
        Joined::Waiting { number, new, .. } => Some((number, false, new)),
        _ => None,
    }
}

#[test]
fn the_line_does_what_the_model_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = runtime.block_on(urr_testkit::redis());
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(96)
    });
    let plays = (1_usize..5, proptest::collection::vec(step(), 1..60));
    let result = runner.run(&plays, |(cap, steps)| {
        let event = EventId::random();
        let mut played = Played {
            keys: rooms.line(event),
            rooms: &rooms,
            event,
            people: (0..PEOPLE)
                .map(|_| Person::account(UserId(Uuid::new_v4())))
                .collect(),
            model: Model {
                cap,
                ..Model::default()
            },
        };
        runtime.block_on(async {
            played.lay_out().await;
            for step in steps {
                played.play(step).await;
            }
        });
        Ok(())
    });
    result.unwrap();
}
