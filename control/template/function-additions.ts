// Resources that add to a function of the template: its versions, an alias, how its asynchronous events go, permissions.
import { latestVersion } from '../registry/function-version.ts'
import { eventInvokeReaders, planEventInvoke } from './async-events.ts'
import type { Findings } from './findings.ts'
import type { TemplateNames } from './names.ts'
import { isAliasName, type PlannedEventInvokeConfig, type PlannedFunction } from './plan.ts'
import * as read from './readers.ts'
import type { Resource, ResourceType } from './resources.ts'

export interface FunctionAddition {
  /** Name or ARN, as the resource has it. */
  readonly functionName: string
  readonly line: number
  /** Opens sentences about it. */
  readonly subject: string
  readonly adds:
    | { readonly kind: 'version'; readonly number: string }
    | {
        readonly kind: 'alias'
        readonly name: string
        readonly of: string
        readonly provisioned?: number
      }
    | {
        readonly kind: 'event-invoke'
        readonly qualifier: string
        readonly config: PlannedEventInvokeConfig
      }
}

/** CloudFormation publishes once for each logical id; here whatever has changed is published. */
export const lambdaVersion: ResourceType = {
  identity: (resource, names) => ({
    ref: `${functionArnOf(resource, names)}:${resource.logicalId}.Version`,
    attributes: { Version: numberOf(resource) },
  }),
  plan(resource, names) {
    const table = {
      read: { FunctionName: read.text },
      required: ['FunctionName'],
      ignored: ['Description', 'CodeSha256'],
    } as const
    const { FunctionName } = read.readProperties(resource.properties, table, at(resource, names))
    const adds = { kind: 'version', number: numberOf(resource) } as const
    return { additions: FunctionName === undefined ? [] : [addition(resource, FunctionName, adds)] }
  },
}

const aliasProperties = {
  read: {
    FunctionName: read.text,
    FunctionVersion: read.text,
    Name: read.text,
    ProvisionedConcurrencyConfig: read.object({
      ProvisionedConcurrentExecutions: read.wholeNumber(1, 2_147_483_647),
    }),
  },
  required: ['FunctionName', 'FunctionVersion', 'Name'],
  ignored: ['Description'],
} as const satisfies read.PropertyTable<read.Readers>

export const lambdaAlias: ResourceType = {
  identity(resource, names) {
    const name = names.textProperty(resource, 'Name') ?? resource.logicalId
    const arn = `${functionArnOf(resource, names)}:${name}`
    return { ref: arn, attributes: { AliasArn: arn } }
  },
  plan(resource, names) {
    const values = read.readProperties(resource.properties, aliasProperties, at(resource, names))
    const { FunctionName, FunctionVersion: of, Name: name, ProvisionedConcurrencyConfig } = values
    if (FunctionName === undefined || of === undefined || name === undefined) return {}
    if (!isAliasName(name)) {
      const { subject } = at(resource, names)
      names.findings.error(resource.line, `${subject}: "${name}" is not an alias's name`)
      return {}
    }
    const provisioned = ProvisionedConcurrencyConfig?.ProvisionedConcurrentExecutions
    const some = provisioned === undefined ? {} : { provisioned }
    return {
      additions: [addition(resource, FunctionName, { kind: 'alias', name, of, ...some })],
    }
  },
}

const eventInvokeProperties = {
  read: { FunctionName: read.text, Qualifier: read.text, ...eventInvokeReaders },
  required: ['FunctionName', 'Qualifier'],
} as const satisfies read.PropertyTable<read.Readers>

export const lambdaEventInvokeConfig: ResourceType = {
  identity: ({ logicalId }) => ({ ref: logicalId, attributes: {} }),
  plan(resource, names) {
    const place = at(resource, names)
    const values = read.readProperties(resource.properties, eventInvokeProperties, place)
    const { FunctionName, Qualifier: qualifier, ...rest } = values
    const config = planEventInvoke(rest, { resource, names })
    if (FunctionName === undefined || qualifier === undefined || config === undefined) return {}
    const adds = { kind: 'event-invoke', qualifier, config } as const
    return { additions: [addition(resource, FunctionName, adds)] }
  },
}

/** Permissions are not enforced on one's own machine. */
export const lambdaPermission: ResourceType = {
  identity: ({ logicalId }) => ({ ref: logicalId, attributes: {} }),
  plan: () => ({}),
}

/** The functions with what is added to them. What cannot be added is named in a warning, and left out. */
export function addToFunctions(
  functions: readonly PlannedFunction[],
  additions: readonly FunctionAddition[],
  findings: Findings,
): readonly PlannedFunction[] {
  const byName = new Map(functions.map((each) => [each.configuration.FunctionName, each]))
  // An alias decides where an event configuration belongs, and a version what an alias may stand for.
  for (const kind of ['version', 'alias', 'event-invoke'] as const) {
    for (const each of additions.filter(({ adds }) => adds.kind === kind)) {
      const name = functionOf(each.functionName)
      const planned = byName.get(name)
      const outcome =
        planned === undefined
          ? `${name} is no function of this template`
          : added(planned, each, additions)
      if (typeof outcome !== 'string') byName.set(name, outcome)
      else findings.warn(each.line, `${each.subject}: ${outcome}: it is left out`)
    }
  }
  return functions.map((each) => byName.get(each.configuration.FunctionName) ?? each)
}

/** A text says why not. */
function added(
  planned: PlannedFunction,
  { adds, functionName }: FunctionAddition,
  additions: readonly FunctionAddition[],
): PlannedFunction | string {
  if (adds.kind === 'version') return { ...planned, publishes: true }
  if (adds.kind === 'alias') {
    const { name, of, provisioned } = adds
    if (planned.alias !== undefined) return `the function has the alias ${planned.alias.name}`
    const isOurs = additions.some(
      (each) =>
        each.adds.kind === 'version' &&
        each.adds.number === of &&
        functionOf(each.functionName) === functionOf(functionName),
    )
    if (!isOurs) return `FunctionVersion ${of} is no AWS::Lambda::Version of the function`
    return { ...planned, alias: { name, ...(provisioned === undefined ? {} : { provisioned }) } }
  }
  const qualifier = planned.alias?.name ?? latestVersion
  if (adds.qualifier !== qualifier) return `Qualifier ${adds.qualifier} is not ${qualifier}`
  if (planned.eventInvoke !== undefined) return 'the function has an event configuration'
  return { ...planned, eventInvoke: adds.config }
}

function addition(
  { line, type, logicalId }: Resource,
  functionName: string,
  adds: FunctionAddition['adds'],
): FunctionAddition {
  return { functionName, line, subject: `${type} ${logicalId}`, adds }
}

function at({ line, type: kind, logicalId }: Resource, names: TemplateNames): read.Subject {
  return { subject: `${kind} ${logicalId}`, kind, line, names }
}

/** Takes the place of the number, which is known when it is published. */
function numberOf({ logicalId }: Resource): string {
  return `${logicalId}.Version`
}

function functionArnOf(resource: Resource, names: TemplateNames): string {
  const { partition, region, accountId } = names.stack
  const name = functionOf(names.textProperty(resource, 'FunctionName') ?? '')
  return `arn:${partition}:lambda:${region}:${accountId}:function:${name}`
}

/** Of a name, an ARN, or an ARN with a qualifier. */
function functionOf(name: string): string {
  return /^arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(name)?.[1] ?? name
}
