/** A folder of its own for each test that needs files; removed at its end. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'workflow-do-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
