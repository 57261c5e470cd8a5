// The payment provider's own books: one JSON line a charge, only ever appended to, and on disk (fdatasync) before
// anyone hears of it. It is what makes an idempotency key worth something: a key that was charged once answers with
// that charge for ever, also after the provider itself has crashed.

import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

export class Ledger {
  /** key -> the promise of its charge; a promise, so that a second call under way at the same time finds it too */
  #charges = new Map()
  #file
  #waiting = []
  #writing = false
  #broken

  static async open(path) {
    const ledger = new Ledger()
    for (const charge of readBack(path)) ledger.#charges.set(charge.key, Promise.resolve(charge))
    ledger.#file = await open(path, 'a')
    syncFolder(dirname(path))
    return ledger
  }

  get size() {
    return this.#charges.size
  }

  /** The charge saved under this key, or undefined. */
  find(key) {
    return this.#charges.get(key)
  }

  /** Saves a charge under a key that has none. Once it resolves, the charge survives a crash. */
  save(charge) {
    if (this.#charges.has(charge.key)) throw new Error(`${charge.key} is already charged`)
    if (this.#broken) throw this.#broken
    const saved = new Promise((resolve, reject) => this.#waiting.push({ charge, resolve, reject }))
    this.#charges.set(charge.key, saved)
    if (!this.#writing) this.#write()
    return saved
  }

  async close() {
    await Promise.allSettled(this.#charges.values())
    await this.#file.close()
  }

  /** Everything that waits goes out with one fdatasync; what comes meanwhile goes with the next one. */
  async #write() {
    this.#writing = true
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      try {
        await this.#file.appendFile(group.map(({ charge }) => `${JSON.stringify(charge)}\n`).join(''))
        await this.#file.datasync()
        for (const { charge, resolve } of group) resolve(charge)
      } catch (error) {
        // Nobody knows what of it is on disk now. Books in that state are closed, not guessed at: nothing is charged
        // until the provider is started again and reads its file.
        this.#broken = error
        for (const { reject } of group) reject(error)
      }
    }
    this.#writing = false
  }
}

/** What the file holds. A last line without its newline was never answered to anyone: it is cut off. */
function readBack(path) {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) {
    const descriptor = openSync(path, 'r+')
    ftruncateSync(descriptor, Buffer.byteLength(whole))
    fsyncSync(descriptor)
    closeSync(descriptor)
  }
  return whole.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

/** A new file is only there after a crash when its folder's entry is. */
function syncFolder(path) {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
