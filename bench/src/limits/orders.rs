//! The order as a store sees it: six transitions an execution, a head row at its start and its end, in batches of one transition
//! for each execution in flight.

use workflow_core::definition::StepIndex;
use workflow_core::event::{Event, Payload, Recorded, Started, TriggeredBy};
use workflow_core::id::{ExecutionId, SessionId, Slot, Version, WorkflowId};
use workflow_core::json::Json;
use workflow_core::status::Status;
use workflow_core::time::Timestamp;
use workflow_store::{Batch, Change, Head, HeadChange, Item, Transition};

use crate::workload;

pub const STEPS: usize = 5;

/// Executions in flight, each at some transition of its six.
pub struct Orders {
    number: u64,
    started: u32,
    now_ms: i64,
    workflow: WorkflowId,
    session: SessionId,
    input: Json,
    output: Json,
    in_flight: Vec<Order>,
}

#[derive(Clone)]
struct Order {
    head: Head,
    seq: u64,
    /// Steps that have completed.
    completed: usize,
}

impl Orders {
    pub fn new(in_flight: usize) -> Orders {
        let json = |text: &str| Json::parse(text).expect("it is JSON");
        let mut orders = Orders {
            number: 0,
            started: 0,
            now_ms: 1_700_000_000_000,
            workflow: WorkflowId::new("order-processing").expect("it is valid"),
            session: SessionId::new("018bcfe5687b7abc").expect("it is valid"),
            input: json(&workload::input(1_042).to_string()),
            output: json(&workload::output("chargeCard").to_string()),
            in_flight: Vec::new(),
        };
        orders.in_flight = (0..in_flight).map(|_| orders.fresh()).collect();
        orders
    }

    /// One that has not started yet.
    fn fresh(&mut self) -> Order {
        self.started += 1;
        let at = Timestamp::from_millis(self.now_ms);
        // Rising also within a millisecond, as the engine makes them.
        let (sequence, random) = ((self.started % 4_096) as u16, u64::from(self.started).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if sequence == 4_095 {
            self.now_ms += 1;
        }
        let head = Head {
            id: ExecutionId::from_parts(at, sequence, random, Slot::new(random as u16)),
            workflow: self.workflow.clone(),
            version: Version(1),
            status: Status::Running,
            wake_at: Some(Timestamp::from_millis(0)),
            started_at: at,
            completed_at: None,
            failed_step: None,
            error_code: None,
            error: None,
            error_fingerprint: None,
            triggered_by: "manual".to_owned(),
            trigger_source: None,
            replay_of: None,
            parent: None,
            steps_completed: None,
            steps_failed: None,
            steps_skipped: None,
            retrying: false,
        };
        Order { head, seq: 0, completed: 0 }
    }

    /// The next transition of each, and how many ended with it.
    pub fn batch(&mut self) -> (Batch, usize) {
        self.number += 1;
        self.now_ms += 1;
        let (mut items, mut ended) = (Vec::with_capacity(self.in_flight.len()), 0);
        for place in 0..self.in_flight.len() {
            // At first they come one after the other, so that later they are spread over their transitions.
            if self.number <= STEPS as u64 && place % (STEPS + 1) > self.number as usize {
                continue;
            }
            let mut order = self.in_flight[place].clone();
            let change = Change::Transition(Box::new(self.advance(&mut order)));
            items.push(Item { claim: None, changes: vec![change] });
            if order.head.status.has_ended() {
                ended += 1;
                order = self.fresh();
            }
            self.in_flight[place] = order;
        }
        (Batch { number: self.number, items }, ended)
    }

    fn advance(&self, order: &mut Order) -> Transition {
        let at = Timestamp::from_millis(self.now_ms);
        let begun = |step| Event::StepStarted { step: StepIndex::new(step), attempt: 1, session: Some(self.session.clone()) };
        let completed = |step| {
            let output = Some(Payload::new(self.output.clone()));
            Event::StepCompleted { step: StepIndex::new(step), attempt: 1, output }
        };
        let status_before = (order.seq > 0).then_some(order.head.status);
        let mut writes_head = false;
        let events = if order.seq == 0 {
            writes_head = true;
            vec![self.start(), begun(0)]
        } else {
            order.completed += 1;
            if order.completed == STEPS {
                writes_head = true;
                let head = &mut order.head;
                (head.status, head.wake_at, head.completed_at) = (Status::Completed, None, Some(at));
                head.steps_completed = Some(STEPS as u32);
                vec![completed(STEPS - 1), Event::Completed]
            } else {
                vec![completed(order.completed - 1), begun(order.completed)]
            }
        };
        let events: Vec<Recorded> = (order.seq + 1..).zip(events).map(|(seq, event)| Recorded { seq, at, event }).collect();
        order.seq += events.len() as u64;
        let head = writes_head.then(|| HeadChange { head: order.head.clone(), status_before });
        Transition { id: order.head.id, events, head, parked: None, snapshot: None }
    }

    fn start(&self) -> Event {
        Event::Started(Box::new(Started {
            workflow: self.workflow.clone(),
            version: Version(1),
            input: Payload::new(self.input.clone()),
            triggered_by: TriggeredBy::Manual,
            replay_of: None,
            parent: None,
            lineage: Vec::new(),
            deadline: None,
            key: None,
            by: None,
        }))
    }
}
