// A peer that is a library runs in a host process of its own, which also makes the load, as an application would. The driver and
// a host talk in lines of JSON:
//
//   host    {"ready": true, ...what it says of itself}                            once workflows can be started
//   driver  {"workload": "order-5", "inFlight": 64, "warm": 2, "seconds": 10}     or with "count" instead of the seconds
//   host    {"answered": 4711, "seconds": 10, "micros": [...]}                    of those completed in the window
//           {"error": "..."}                                                      when one was wrong
//   driver  {"sleeping": 10000}
//   host    {"note": "..."}                                                       once so many are recorded and at rest
//   driver  {"owned": true}                                                       only of ours, where several share a database
//   host    {"slots": 2048}                                                       of the executions, by what this engine knows
//
// A host ends when its standard input does.

import { digits, percentiles } from './figures.mjs'
import { Unavailable } from './places.mjs'
import { Program } from './processes.mjs'

export class Host {
  constructor(program) {
    this.program = new Program({ ...program, dialogue: true })
  }

  get pid() {
    return this.program.pid
  }

  ready() {
    return this.#answer()
  }

  /** `{answered, seconds, micros}`. */
  load(load) {
    return this.#ask(load)
  }

  run(load) {
    return new Hosts([this]).run(load)
  }

  async sleeping(count) {
    const { note } = await this.#ask({ sleeping: count })
    return note
  }

  async owned() {
    const { slots } = await this.#ask({ owned: true })
    return slots
  }

  stop() {
    return this.program.stop()
  }

  #ask(question) {
    this.program.say(JSON.stringify(question))
    return this.#answer()
  }

  async #answer() {
    const answer = JSON.parse(await this.program.nextLine())
    if (answer.error) throw new Error(answer.error)
    return answer
  }
}

/** Several hosts on one database, under one load: each gets its share of what is in flight. */
export class Hosts {
  constructor(hosts) {
    this.hosts = hosts
  }

  async run({ inFlight, count, ...load }) {
    const shares = this.hosts.map((host, at) => ({ host, inFlight: share(inFlight, this.hosts.length, at), count: count && share(count, this.hosts.length, at) }))
    const asked = shares.filter(({ inFlight, count }) => inFlight > 0 && count !== 0)
    const each = await Promise.all(asked.map(({ host, ...share }) => host.load({ ...load, ...share })))
    const seconds = Math.max(...each.map((host) => host.seconds))
    const micros = each.flatMap((host) => host.micros)
    // Too slow for the window is an answer, not a defect.
    if (micros.length === 0) throw new Unavailable(`none of ${inFlight} in flight completed within the ${seconds} s of the window`)
    const answered = each.reduce((sum, host) => sum + host.answered, 0)
    return { seconds: digits(seconds), completed: micros.length, per_second: digits(micros.length / seconds), ...percentiles(micros), answered }
  }

  async stop() {
    await Promise.all(this.hosts.map((host) => host.stop()))
  }
}

/** Of so many, what the one at this place gets; all together get all. */
function share(all, places, at) {
  return Math.floor(all / places) + (at < all % places ? 1 : 0)
}

/** A peer whose `open` leaves a `host`: the rest of a system is the host's. */
export class Hosted {
  parts() {
    return { host: this.host.pid }
  }

  run(load) {
    return this.host.run(load)
  }

  sleeping(count) {
    return this.host.sleeping(count)
  }

  async close() {
    await this.host?.stop()
  }
}
