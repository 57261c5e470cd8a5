//! A server without a socket, for one input after the other. It is made anew now and then: what inputs register and start stays.

use std::cell::RefCell;
use std::time::Duration;

use axum::Router;
use tokio::runtime::Runtime;
use workflow_core::id::ActionName;
use workflow_engine::{Engine, Handler, Task};
use workflow_server::{Options, router};
use workflow_store::Memory;

/// Inputs that one server takes.
const INPUTS_MAX: u32 = 500;

pub struct Home {
    runtime: Runtime,
    engine: Engine,
    pub router: Router,
    inputs: u32,
}

impl Home {
    fn new() -> Home {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let engine = runtime.block_on(Engine::open(Memory::new(), workflow_engine::Options::default())).expect("memory is there");
        let echo = Handler::new(|task: Task, _| async move { Ok(Some(task.params())) });
        engine.provide(ActionName::new("echo").expect("it is a name"), 16, echo);
        let options = Options { metrics: false, hello_timeout: Duration::from_millis(200), ..Options::default() };
        let router = {
            let _entered = runtime.enter();
            router(engine.clone(), options)
        };
        Home { runtime, engine, router, inputs: 0 }
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

thread_local! {
    static HOME: RefCell<Option<Home>> = const { RefCell::new(None) };
}

/// Gives the input a server.
pub fn at_home(take: impl FnOnce(&Home)) {
    HOME.with_borrow_mut(|home| {
        if home.as_ref().is_some_and(|home| home.inputs >= INPUTS_MAX)
            && let Some(Home { runtime, engine, .. }) = home.take()
        {
            runtime.block_on(engine.shutdown(Duration::ZERO)).expect("memory takes everything");
        }
        let home = home.get_or_insert_with(Home::new);
        home.inputs += 1;
        take(home);
    });
}
