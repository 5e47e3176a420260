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
use urr_contract::{AdmissionId, EventId};
use urr_kit::{Runtime, telemetry::chain};
use uuid::Uuid;

use crate::{
    State,
    domain::snapshot::Snapshot,
    lines::or_log,
    redis::{ADMISSION_BATCH, Admitted},
    store::{
        lines,
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
    /// Slots as Postgres has them; `None` until this worker has made them so.
    noted: Option<HashMap<u64, (AdmissionId, bool)>>,
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
        let noted = match self.noted(event) {
            Some(noted) => noted,
            None => stored_slots(self.state.as_ref(), event).await?,
        };
        let (new, over) = difference(&noted, snapshot)?;
        if !over.is_empty() {
            slots::forget(pool, event, &over).await?;
        }
        if !new.is_empty() {
            slots::note(pool, event, &new).await?;
        }
        if let Some(served) = self.served.lock().get_mut(&event) {
            served.noted = Some(as_noted(snapshot));
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

    fn noted(&self, event: EventId) -> Option<HashMap<u64, (AdmissionId, bool)>> {
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

async fn stored_slots(
    state: &State,
    event: EventId,
) -> anyhow::Result<HashMap<u64, (AdmissionId, bool)>> {
    let stored = slots::of_event(&state.pool, event).await?;
    stored
        .into_iter()
        .map(|slot| {
            Ok((
                u64::try_from(slot.number)?,
                (slot.admission_id, slot.appeared),
            ))
        })
        .collect()
}

fn as_noted(snapshot: &Snapshot) -> HashMap<u64, (AdmissionId, bool)> {
    let slots = snapshot.slots.iter();
    slots
        .map(|(number, slot)| (*number, (slot.admission, slot.appeared)))
        .collect()
}

/// Slots to note and numbers to forget, so that `noted` becomes the snapshot.
fn difference(
    noted: &HashMap<u64, (AdmissionId, bool)>,
    snapshot: &Snapshot,
) -> anyhow::Result<(Vec<NotedSlot>, Vec<i64>)> {
    let new = snapshot
        .slots
        .iter()
        .filter(|(number, slot)| noted.get(number) != Some(&(slot.admission, slot.appeared)))
        .map(|(number, slot)| {
            Ok(NotedSlot {
                number: i64::try_from(*number)?,
                admission_id: slot.admission,
                appeared: slot.appeared,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let over = noted
        .keys()
        .filter(|number| !snapshot.slots.contains_key(number))
        .map(|number| Ok(i64::try_from(*number)?))
        .collect::<anyhow::Result<_>>()?;
    Ok((new, over))
}
