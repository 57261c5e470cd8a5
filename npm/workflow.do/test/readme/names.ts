/** The names of the tests of a file, as they stand in its source. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import ts from 'typescript'

import { packageRoot } from '../places.js'

/**
 * First arguments of `test(...)`, and for tests that are made in a loop over an object the names of its functions. A name that is
 * put together while the tests run is not found.
 */
export function testNames(file: string): Set<string> {
  const path = join(packageRoot, 'test', file)
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true)
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ['test', 'it'].includes(node.expression.getText())) {
      const [name] = node.arguments
      if (name && ts.isStringLiteralLike(name)) names.add(name.text)
    }
    if (ts.isMethodDeclaration(node) && ts.isObjectLiteralExpression(node.parent)) names.add(textOf(node.name))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

function textOf(name: ts.PropertyName): string {
  return ts.isStringLiteral(name) || ts.isIdentifier(name) ? name.text : name.getText()
}
