// Engines that share a PostgreSQL, event by event: what they would complete if there were more of them, or more processors. It knows
// nothing of PostgreSQL or of the engine but what `simulate` is told that things cost; `scaling.mjs` takes that from measurements.
//
// An order is transitions in a row. Those of an engine that have been decided when its committer is free are one commit; the ring
// hears of it, the runtime runs the actions that begin with it, and their results have the ring decide the next transitions.

/** Transitions that one commit takes at most: `TRANSITIONS_MAX` of the engine's ring. */
const COMMIT_MAX = 4_096
/** Actions of one engine are run in so many portions a round, so that a simulation of thousands takes no longer than one of dozens. */
const PORTIONS = 64

/**
 * `{perSecond, ordersACommit, commitsASync, cpuUs, busy}`: orders a second; processors' time an order, in all; and `busy` are the shares
 * of their time that `{database, engine, log, ring}` are, of engines the mean.
 *
 * `hosts` are processors, in cores: `{shared}` where all is on one machine, or `{database, engine}`, each engine's own. `costs`, in
 * microseconds, for a commit (`commit`) and for a transition in it (`transition`): `ring`, `runtime`, `committer`, `database` of a
 * processor's time; `log` of a sync, one after the other, and of what it writes. `handOver` and `roundTrip` are waited for by each commit
 * and use nothing.
 */
export function simulate({ engines, inFlight, transitions, hosts, costs, seconds = 0.5, warm = 0.25 }) {
  const time = new Time()
  const shared = hosts.shared && new Processors(time, hosts.shared)
  const database = shared ?? new Processors(time, hosts.database)
  const log = new Log(time, costs.log)
  const all = Array.from({ length: engines }, (_, at) => {
    const share = Math.floor(inFlight / engines) + (at < inFlight % engines ? 1 : 0)
    return new Engine({ time, costs, database, log, host: shared ?? new Processors(time, hosts.engine), inFlight: share })
  })
  for (const engine of all) engine.begin()
  const sum = (of) => all.reduce((total, engine) => total + of(engine), 0)
  const sample = () => ({
    durable: sum((engine) => engine.durable),
    commits: sum((engine) => engine.commits),
    syncs: log.syncs,
    database: database.used / database.cores,
    engine: sum((engine) => engine.host.used / engine.host.cores) / engines,
    log: log.used,
    ring: sum((engine) => engine.ringUsed) / engines,
  })
  time.runUntil(warm * 1e6)
  const before = sample()
  time.runUntil((warm + seconds) * 1e6)
  const after = sample()
  const since = (name) => after[name] - before[name]
  const orders = since('durable') / transitions
  const cpuUs = (since('database') * database.cores + (shared ? 0 : since('engine') * engines * hosts.engine)) / orders
  const busy = Object.fromEntries(['database', 'engine', 'log', 'ring'].map((name) => [name, since(name) / (seconds * 1e6)]))
  return { perSecond: orders / seconds, ordersACommit: orders / since('commits'), commitsASync: since('commits') / since('syncs'), cpuUs, busy }
}

/** What happens when, in microseconds. */
class Time {
  now = 0
  #processors = []
  #waits = []

  has(processors) {
    this.#processors.push(processors)
  }

  after(us, then) {
    this.#waits.push({ at: this.now + us, then })
  }

  runUntil(end) {
    for (;;) {
      const wait = this.#waits.reduce((first, each) => (first === undefined || each.at < first.at ? each : first), undefined)
      const ends = this.#processors.map((each) => each.nextEnd())
      const next = Math.min(wait?.at ?? Infinity, ...ends)
      if (next > end) break
      this.now = next
      if (wait?.at === next) {
        this.#waits.splice(this.#waits.indexOf(wait), 1)
        wait.then()
      } else {
        this.#processors[ends.indexOf(next)].end()
      }
    }
    this.now = end
    for (const each of this.#processors) each.go()
  }
}

/** Cores that all who have work there share evenly, none of them more than one. */
class Processors {
  used = 0
  #tasks = []
  /** What each that has been here from the beginning would have got. */
  #given = 0
  #at = 0

  constructor(time, cores) {
    Object.assign(this, { time, cores })
    time.has(this)
  }

  work(us, then) {
    this.go()
    this.#tasks.push({ until: this.#given + us, then })
  }

  nextEnd() {
    if (this.#tasks.length === 0) return Infinity
    return this.#at + Math.max(0, this.#first().until - this.#given) / this.#rate()
  }

  end() {
    const first = this.#first()
    this.go()
    this.#given = Math.max(this.#given, first.until)
    this.#tasks.splice(this.#tasks.indexOf(first), 1)
    first.then()
  }

  go() {
    const passed = this.time.now - this.#at
    this.#given += passed * this.#rate()
    this.used += passed * Math.min(this.cores, this.#tasks.length)
    this.#at = this.time.now
  }

  #rate() {
    return Math.min(1, this.cores / Math.max(1, this.#tasks.length))
  }

  #first() {
    return this.#tasks.reduce((first, each) => (each.until < first.until ? each : first))
  }
}

/** One sync at a time; what has come meanwhile is in the next one, whoever wrote it. Some take longer, or engines would fall into step. */
class Log {
  syncs = 0
  used = 0
  #waiting = []
  #busy = false
  #random = random()

  constructor(time, cost) {
    Object.assign(this, { time, cost })
  }

  sync(transitions, then) {
    this.#waiting.push({ transitions, then })
    if (!this.#busy) this.#go()
  }

  #go() {
    const group = this.#waiting.splice(0)
    const transitions = group.reduce((sum, each) => sum + each.transitions, 0)
    const us = this.cost.commit * (0.5 + this.#random()) + this.cost.transition * transitions
    this.#busy = true
    this.time.after(us, () => {
      this.#busy = false
      this.syncs += 1
      this.used += us
      for (const { then } of group) then()
      if (!this.#busy && this.#waiting.length > 0) this.#go()
    })
  }
}

/** Numbers from 0 to 1 that are the same every time: a linear congruential generator, as in Numerical Recipes. */
function random() {
  let state = 1
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

class Engine {
  durable = 0
  commits = 0
  ringUsed = 0
  #open = 0
  #committing = false
  #committed = 0
  #results = 0
  #attended = false

  constructor(parts) {
    Object.assign(this, parts)
  }

  begin() {
    this.#results = this.inFlight
    this.#turn()
  }

  /** The ring takes all that has come in, and seals what it has decided when the committer is free. */
  #turn() {
    if (this.#attended || (this.#results === 0 && this.#committed === 0)) return
    const [results, committed] = [this.#results, this.#committed]
    this.#results = this.#committed = 0
    this.#attended = true
    const { commit, transition } = this.costs.ring
    // A transition is handled twice: when it is decided, and when it is durable.
    const us = (committed > 0 ? commit : 0) + (transition * (results + committed)) / 2
    this.ringUsed += us
    this.host.work(us, () => {
      this.#attended = false
      this.#open += results
      if (committed > 0) {
        this.#committing = false
        this.#act(committed)
      }
      if (!this.#committing && this.#open > 0) this.#commit()
      this.#turn()
    })
  }

  #commit() {
    const transitions = Math.min(this.#open, COMMIT_MAX)
    this.#open -= transitions
    this.#committing = true
    const { costs } = this
    const of = ({ commit, transition }) => commit + transition * transitions
    const steps = [
      (next) => this.host.work(of(costs.committer), next),
      (next) => this.time.after(costs.roundTrip, next),
      (next) => this.database.work(of(costs.database), next),
      (next) => this.log.sync(transitions, next),
      (next) => this.time.after(costs.handOver, next),
    ]
    const go = ([step, ...rest]) => (step ? step(() => go(rest)) : this.#isDurable(transitions))
    go(steps)
  }

  #isDurable(transitions) {
    this.durable += transitions
    this.commits += 1
    this.#committed = transitions
    this.#turn()
  }

  /** The runtime runs actions on all cores of the host; each result goes to the ring at once. */
  #act(actions) {
    const { commit, transition } = this.costs.runtime
    const portion = Math.max(1, Math.round(this.inFlight / PORTIONS))
    let left = actions
    const run = () => {
      const now = Math.min(portion, left)
      if (now === 0) return
      const us = (left === actions ? commit : 0) + transition * now
      left -= now
      this.host.work(us, () => {
        this.#results += now
        this.#turn()
        run()
      })
    }
    for (let core = 0; core < Math.min(this.host.cores, actions); core += 1) run()
  }
}
