//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! The admission worker. Each line is led by one worker at a time, by a lease that the
//! admission script itself takes and renews; but even without it the script would admit
//! nobody twice. A worker also takes the gone out of its lines, reserves numbers ahead, and
//! notes in Postgres what must survive the loss of Redis.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tracing::warn;
use urr_contract::EventId;
use urr_kit::{Runtime, telemetry::chain};
use uuid::Uuid;

use crate::{
    State,
    domain::snapshot::Snapshot,
    lines::or_log,
    redis::{ADMISSION_BATCH, Admitted, Ended},
    store::{
        lines,
        revocations::{self, Revocation},
        slots::{self, NotedSlot},
    },
};

/// How often a busy line is passed. Much shorter than the second that the rate bucket
/// holds, so that no part of the rate is ever lost.
const PASS_EVERY: Duration = Duration::from_millis(200);
/// How often a line is passed in which nobody waits: joins enter by themselves then.
const IDLE_PASS_EVERY: Duration = Duration::from_secs(1);
/// How often the lines in use are looked up, and each is noted in Postgres.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// Lines passed at the same time.
const CONCURRENCY: usize = 32;
/// Calls in one pass while each lets in as many as one call may.
const CALLS_PER_PASS: usize = 20;

/// One worker.
#[derive(Debug)]
pub struct Worker {
    state: Arc<State>,
    owner: String,
    served: Mutex<HashMap<EventId, Served>>,
}

/// What a worker remembers of a line.
#[derive(Clone, Debug)]
struct Served {
    next_pass: Instant,
    next_note: Instant,
    next_sweep: Instant,
    leads: bool,
    waiting: u64,
    inside: u64,
    /// What Postgres has; `None` until this worker has made it so.
    noted: Option<Noted>,
}

/// What Postgres has of the people inside.
#[derive(Clone, Debug)]
struct Noted {
    epoch: u32,
    inside: HashMap<i64, NotedSlot>,
    /// Of ended admissions, all whose tokens end up to this second.
    ended_to: i64,
}

/// Starts a worker that gives its leases back at shutdown.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    let worker = Arc::new(Worker::new(Arc::clone(state)));
    let tasks = runtime.tasks.clone();
    runtime.tasks.spawn("admission", async move {
        let mut next_look = Instant::now();
        while !tasks.sleep(PASS_EVERY).await {
            if Instant::now() >= next_look {
                next_look = Instant::now() + NOTE_EVERY;
                if let Err(error) = worker.look_for_lines().await {
                    warn!(error = %chain(&*error), "cannot look up the lines in use");
                }
            }
            worker.pass_all().await;
        }
        worker.release_all().await;
    });
}

impl Worker {
    /// A worker that serves nothing yet.
    pub fn new(state: Arc<State>) -> Self {
        Self {
            state,
            owner: Uuid::new_v4().to_string(),
            served: Mutex::default(),
        }
    }

    /// Serves the lines that are in use, and no others.
    pub async fn look_for_lines(&self) -> anyhow::Result<()> {
        let events = lines::in_use(&self.state.pool).await?;
        let mut served = self.served.lock();
        served.retain(|event, _| events.contains(event));
        for event in events {
            let begun = Instant::now();
            served.entry(event).or_insert_with(|| Served {
                next_pass: begun,
                next_note: begun,
                next_sweep: begun + self.state.settings.sweep_every,
                leads: false,
                waiting: 0,
                inside: 0,
                noted: None,
            });
        }
        self.gauge(&served);
        Ok(())
    }

    fn gauge(&self, served: &HashMap<EventId, Served>) {
        let sum = |part: fn(&Served) -> u64| {
            let led = served.values().filter(|served| served.leads);
            i64::try_from(led.map(part).sum::<u64>()).unwrap_or(i64::MAX)
        };
        self.state.metrics.waiting.set(sum(|served| served.waiting));
        self.state.metrics.inside.set(sum(|served| served.inside));
    }

    /// Passes every line whose time has come.
    pub async fn pass_all(&self) {
        let now = Instant::now();
        let due: Vec<EventId> = {
            let served = self.served.lock();
            let due = served.iter().filter(|(_, served)| served.next_pass <= now);
            due.map(|(event, _)| *event).collect()
        };
        stream::iter(due)
            .for_each_concurrent(CONCURRENCY, async |event| {
                if let Err(error) = self.pass(event).await {
                    tracing::debug!(event.id = %event, error = %chain(&*error), "a pass failed");
                }
            })
            .await;
    }

    /// One pass of one line: lets people in, and does what else is due.
    pub async fn pass(&self, event: EventId) -> anyhow::Result<Admitted> {
        let admitted = self.admit(event).await;
        let busy = admitted
            .as_ref()
            .is_ok_and(|admitted| admitted.backlog || admitted.admitted > 0 || admitted.ended > 0);
        let leads = admitted
            .as_ref()
            .is_ok_and(|admitted| !matches!(admitted.status.as_str(), "busy" | "unloaded"));
        let due = self.schedule(event, busy, leads);
        let admitted = admitted?;
        if leads && due.note {
            self.note(event).await?;
        }
        if leads && due.sweep {
            let gone = self.state.lines.rooms().line(event).sweep().await?;
            self.state.metrics.gone.inc_by(gone);
            revocations::forget_over(&self.state.pool, event).await?;
        }
        Ok(admitted)
    }

    async fn admit(&self, event: EventId) -> anyhow::Result<Admitted> {
        let rooms = self.state.lines.rooms();
        let mut total = rooms.line(event).admit(&self.owner).await?;
        if total.status == "unloaded" {
            let line = self.state.lines.line(event);
            self.state.lines.renew(&line).await?;
            total = rooms.line(event).admit(&self.owner).await?;
        }
        let mut last = total.clone();
        for _ in 1..CALLS_PER_PASS {
            if last.admitted < ADMISSION_BATCH && last.ended < ADMISSION_BATCH {
                break;
            }
            last = rooms.line(event).admit(&self.owner).await?;
            total = Admitted {
                admitted: total.admitted + last.admitted,
                ended: total.ended + last.ended,
                ..last.clone()
            };
        }
        self.state.metrics.admitted.inc_by(total.admitted);
        self.state.metrics.slots_ended.inc_by(total.ended);
        Ok(total)
    }

    fn schedule(&self, event: EventId, busy: bool, leads: bool) -> Due {
        let now = Instant::now();
        let mut all = self.served.lock();
        let Some(served) = all.get_mut(&event) else {
            return Due {
                note: true,
                sweep: true,
            };
        };
        served.next_pass = now + if busy { PASS_EVERY } else { IDLE_PASS_EVERY };
        served.leads = leads;
        if !leads {
            // Whoever leads now changes what Postgres has.
            served.noted = None;
            return Due {
                note: false,
                sweep: false,
            };
        }
        let due = Due {
            note: served.next_note <= now,
            sweep: served.next_sweep <= now,
        };
        if due.note {
            served.next_note = now + NOTE_EVERY;
        }
        if due.sweep {
            served.next_sweep = now + self.state.settings.sweep_every;
        }
        due
    }

    /// Notes who is inside and how far people were called, and reserves numbers ahead.
    async fn note(&self, event: EventId) -> anyhow::Result<()> {
        let line = self.state.lines.line(event);
        self.state.lines.renew(&line).await?;
        let Some(view) = line.view() else {
            return Ok(());
        };
        let snapshot = &view.snapshot;
        let pool = &self.state.pool;
        lines::note_serving(pool, event, i64::try_from(snapshot.serving)?).await?;
        // Until all is given back after a loss, Postgres knows better than Redis.
        if snapshot.is_whole() {
            self.note_inside(event, snapshot).await?;
        }
        if let Some(served) = self.served.lock().get_mut(&event) {
            served.waiting = snapshot.waiting.total();
            served.inside = snapshot.inside(view.now_ms);
        }
        let left = snapshot.reserved_to.saturating_sub(snapshot.last_number);
        if left < u64::from(self.state.settings.number_block) / 2 {
            self.state
                .lines
                .reserve(event, snapshot.last_number)
                .await?;
        }
        Ok(())
    }

    /// Makes Postgres know who is inside, whose slots they are, and which admissions ended.
    async fn note_inside(&self, event: EventId, snapshot: &Snapshot) -> anyhow::Result<()> {
        let before = self
            .noted(event)
            .filter(|noted| noted.epoch == snapshot.epoch);
        let ended_to = before.as_ref().map_or(0, |noted| noted.ended_to);
        let keys = self.state.lines.rooms().line(event);
        let ended = keys.ended_after(ended_to).await?;
        let noted = Noted {
            epoch: snapshot.epoch,
            inside: as_noted(snapshot)?,
            ended_to: self.all_ended_to(snapshot, ended_to, &ended),
        };
        let is_news = !ended.is_empty()
            || before
                .as_ref()
                .is_none_or(|before| before.inside != noted.inside);
        let is_noted = !is_news
            || self
                .write_note(event, snapshot.taken_ms, before, &noted, &ended)
                .await?;
        if let Some(served) = self.served.lock().get_mut(&event) {
            served.noted = is_noted.then_some(noted);
        }
        Ok(())
    }

    /// The second up to which no further admission can end: those that end from now on
    /// have tokens that live longer.
    fn all_ended_to(&self, snapshot: &Snapshot, before: i64, ended: &[Ended]) -> i64 {
        let ttl = snapshot
            .rules
            .as_ref()
            .map_or(self.state.settings.token_ttl_seconds, |rules| {
                rules.token_ttl_seconds
            });
        let over = (snapshot.taken_ms / 1000 - 1).saturating_add_unsigned(ttl);
        let newest = ended.iter().map(|(_, tokens_end)| *tokens_end).max();
        newest.map_or(before, |newest| newest.min(over).max(before))
    }

    /// False where another worker has noted something newer.
    async fn write_note(
        &self,
        event: EventId,
        taken_ms: i64,
        before: Option<Noted>,
        noted: &Noted,
        ended: &[Ended],
    ) -> anyhow::Result<bool> {
        let mut transaction = self.state.pool.begin().await?;
        let epoch = i32::try_from(noted.epoch)?;
        if !lines::begin_note(&mut *transaction, event, epoch, taken_ms).await? {
            return Ok(false);
        }
        let before = match before {
            Some(before) => before.inside,
            None => by_number(slots::of_event(&mut *transaction, event).await?),
        };
        let (new, over) = difference(&before, &noted.inside);
        if !over.is_empty() {
            slots::forget(&mut *transaction, event, &over).await?;
        }
        if !new.is_empty() {
            slots::note(&mut *transaction, event, &new).await?;
        }
        if !ended.is_empty() {
            let ended: Vec<_> = ended.iter().copied().map(as_revocation).collect();
            revocations::note(&mut *transaction, event, &ended).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    fn noted(&self, event: EventId) -> Option<Noted> {
        self.served.lock().get(&event)?.noted.clone()
    }

    /// Gives all leases back, so that another worker need not wait for their end.
    pub async fn release_all(&self) {
        let served: Vec<EventId> = self.served.lock().keys().copied().collect();
        let rooms = self.state.lines.rooms();
        for event in served {
            or_log(
                rooms.line(event).release(&self.owner).await,
                "a lease could not be given back",
            );
        }
    }
}

/// What else is due in a pass.
#[derive(Clone, Copy, Debug)]
struct Due {
    note: bool,
    sweep: bool,
}

fn by_number(slots: impl IntoIterator<Item = NotedSlot>) -> HashMap<i64, NotedSlot> {
    let slots = slots.into_iter();
    slots.map(|slot| (slot.number, slot)).collect()
}

fn as_noted(snapshot: &Snapshot) -> anyhow::Result<HashMap<i64, NotedSlot>> {
    let slots = snapshot.slots.iter().map(|(number, slot)| {
        let number = i64::try_from(*number)?;
        let noted = NotedSlot {
            number,
            admission_id: slot.admission,
            appeared: slot.appeared,
            person: slot.person,
            since_ms: slot.since_ms,
        };
        Ok((number, noted))
    });
    slots.collect()
}

fn as_revocation((admission_id, tokens_end_at): Ended) -> Revocation {
    Revocation {
        admission_id,
        tokens_end_at,
    }
}

/// Slots to note and numbers to forget, so that `before` becomes `noted`.
fn difference(
    before: &HashMap<i64, NotedSlot>,
    noted: &HashMap<i64, NotedSlot>,
) -> (Vec<NotedSlot>, Vec<i64>) {
    let new = noted
        .values()
        .filter(|slot| before.get(&slot.number) != Some(slot))
        .copied();
    let over = before
        .keys()
        .filter(|number| !noted.contains_key(number))
        .copied();
    (new.collect(), over.collect())
}
