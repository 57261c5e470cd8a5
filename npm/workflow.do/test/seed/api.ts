/**
 * The seed's "API Reference" against the types of the package: one assertion for each member of its class and of its interfaces.
 *
 * A member of an interface has to be of the same type, assignable in both directions, and optional in both or in neither. A method
 * has to take every call that the seed allows and answer with what it promises; it may take and answer more.
 */

import ts from 'typescript'

import { block } from './blocks.js'

export const API = block('Workflow Class')
export const TYPES = block('Types')

export interface Member {
  of: string
  name: string
  /** Its type, or for a method its parameters and answer, as they stand in the block. */
  start: number
  end: number
}

/** The members of the classes and interfaces of a block, in its order. */
export function members(text: string): Member[] {
  const source = ts.createSourceFile('block.ts', text, ts.ScriptTarget.ES2022, true)
  return source.statements.flatMap((statement) => {
    if (!ts.isClassDeclaration(statement) && !ts.isInterfaceDeclaration(statement)) {
      throw new Error(`a class or an interface was expected: ${statement.getText()}`)
    }
    return statement.members.map((member: ts.ClassElement | ts.TypeElement) => {
      const typed = ts.isMethodDeclaration(member) || ts.isPropertySignature(member) ? member.type : undefined
      if (!typed || !member.name) throw new Error(`a member with a type was expected: ${member.getText()}`)
      return { of: statement.name?.text ?? '', name: member.name.getText(), start: typed.getStart(), end: typed.getEnd() }
    })
  })
}

/** A program that compiles if and only if every member is as the blocks say: each in a line of its own. */
export function comparison(api: string, types: string): string {
  const methods = members(API).map(({ name }) => `export type Method_${name} = Holds<All<[Answers<'${name}'>, Takes<'${name}'>]>>`)
  const fields = members(TYPES).map(
    ({ of, name }) => `export type Field_${of}_${name} = Holds<Same<Seed.${of}, Package.${of}, '${name}'>>`
  )
  return `
import type * as Package from 'workflow.do'
import type { DO, ExecutionFilters, HistoryEntry, StepResult, WorkflowDefinition } from 'workflow.do'

declare namespace Seed {
  ${api.replaceAll('\n', '\n  ').replace('class Workflow', 'export class Workflow')}
  ${types.replaceAll('\n', '\n  ').replaceAll('interface ', 'export interface ')}
}

type Holds<Condition extends true> = Condition
type All<Conditions extends boolean[]> = Conditions extends true[] ? true : false
type Assignable<From, To> = [From] extends [To] ? true : false

type Call<Of, Name extends keyof Of> = Of[Name] extends (...args: infer Parameters) => infer Answer
  ? { takes: Parameters; answers: Awaited<Answer> }
  : never

type Method = keyof Seed.Workflow & keyof Package.Workflow
type Takes<Name extends Method> = Assignable<Call<Seed.Workflow, Name>['takes'], Call<Package.Workflow, Name>['takes']>
type Answers<Name extends Method> = Assignable<Call<Package.Workflow, Name>['answers'], Call<Seed.Workflow, Name>['answers']>

type Optional<Of, Name extends keyof Of> = {} extends Pick<Of, Name> ? true : false
type Same<From, To, Name extends keyof From & keyof To> = All<
  [Assignable<From[Name], To[Name]>, Assignable<To[Name], From[Name]>, Assignable<Optional<From, Name>, Optional<To, Name>>]
>

export type ExtendsDO = Holds<All<[Assignable<Package.Workflow, DO>, Assignable<Seed.Workflow, DO>]>>
export type AnExecution = Holds<Assignable<Package.WorkflowExecution, Seed.WorkflowExecution>>
export type AStep = Holds<
  All<[Assignable<Package.WorkflowStep, Seed.WorkflowStep>, Assignable<Seed.WorkflowStep, Package.WorkflowStep>]>
>

${[...methods, ...fields].join('\n')}
`
}
