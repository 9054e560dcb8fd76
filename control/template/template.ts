// Loads an AWS SAM template: text in, plan out, every warning and error with its line.
import { dirname, resolve as resolvePath } from 'node:path'
import { Conditions } from './conditions.ts'
import { findCycles } from './cycles.ts'
import { Findings, type Finding } from './findings.ts'
import { addToFunctions } from './function-additions.ts'
import { mergeTopics, planMetadata } from './metadata.ts'
import { TemplateNames } from './names.ts'
import { parameterValues } from './parameters.ts'
import type { Plan, PlannedFunction } from './plan.ts'
import { resourceTypes, type Resource, type ResourcePlan, type Stack } from './resources.ts'
import { emptyMapping, mergeTrees, nameOf, type Entry, type Mapping, type Tree } from './tree.ts'
import { parseTemplate } from './yaml.ts'

export interface LoadOptions {
  /** Names the template in findings; paths in it are relative to its directory. */
  readonly file: string
  /** Values for its Parameters, over their Defaults. */
  readonly parameters: Readonly<Record<string, string>>
  readonly region: string
  readonly accountId: string
  /** AWS::StackName; `millrace` unless given. */
  readonly stackName?: string
}

export interface LoadedTemplate {
  /** Complete only where there are no errors. */
  readonly plan: Plan
  readonly warnings: readonly Finding[]
  readonly errors: readonly Finding[]
}

/** Reads a template. Pure: whether the code that it names exists is not looked at. */
export function loadTemplate(text: string, options: LoadOptions): LoadedTemplate {
  const findings = new Findings(options.file)
  const root = parseTemplate(text, findings)
  const plan =
    root === undefined
      ? { functions: [], mappings: [], topics: [], streams: [], consumers: [] }
      : planTemplate(root, options, findings)
  return { plan, warnings: findings.warnings(), errors: findings.errors() }
}

/** The sections of a template that are read, or accepted without a word. */
const sections = new Set([
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Globals',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Transform',
])

function planTemplate(root: Mapping, options: LoadOptions, findings: Findings): Plan {
  for (const [name, { line }] of root.entries) {
    if (!sections.has(name)) findings.warn(line, `${name} is not supported`)
  }
  checkTransform(root.entries.get('Transform')?.value, findings)
  const globals = section(root, 'Globals', findings)
  checkGlobals(globals, findings)
  const resources = declaredResources(root, globals, findings)
  const cycles = findCycles(resources)
  for (const { path, line } of cycles) {
    findings.error(line, `resources refer to each other in a circle: ${path.join(' → ')}`)
  }
  const parameters = parameterValues(
    section(root, 'Parameters', findings),
    options.parameters,
    findings,
  )
  // What is in a circle has no identity that could be worked out.
  if (cycles.length > 0)
    return { functions: [], mappings: [], topics: [], streams: [], consumers: [] }
  const conditions = new Conditions(section(root, 'Conditions', findings))
  const maps = section(root, 'Mappings', findings)
  const stack = stackOf(options)
  const names = new TemplateNames({ findings, stack, parameters, resources, conditions, maps })
  conditions.check(names)
  const plans = [...resources.values()]
    .filter((resource) => names.isIncluded(resource))
    .map((resource) => planResource(resource, names))
  const declared = plans.flatMap((plan) => plan.functions ?? [])
  checkNames(declared, findings)
  const additions = plans.flatMap((plan) => plan.additions ?? [])
  const functions = addToFunctions(declared, additions, findings)
  const described = planMetadata(section(root, 'Metadata', findings), names)
  return {
    functions,
    mappings: plans.flatMap((plan) => plan.mappings ?? []),
    streams: plans.flatMap((plan) => plan.streams ?? []),
    consumers: plans.flatMap((plan) => plan.consumers ?? []),
    topics: mergeTopics(
      plans.flatMap((plan) => plan.topics ?? []),
      described,
    ),
  }
}

function planResource(resource: Resource, names: TemplateNames): ResourcePlan {
  const type = resourceTypes.get(resource.type)
  if (type !== undefined) return type.plan(resource, names)
  const { logicalId, line } = resource
  names.findings.warn(line, `${logicalId}: resources of type ${resource.type} are not supported`)
  return {}
}

function stackOf({ file, region, accountId, stackName }: LoadOptions): Stack {
  const partition = region.startsWith('cn-')
    ? 'aws-cn'
    : region.startsWith('us-gov-')
      ? 'aws-us-gov'
      : 'aws'
  const directory = dirname(resolvePath(file))
  return { name: stackName ?? 'millrace', partition, region, accountId, directory }
}

function section(root: Mapping, name: string, findings: Findings): Mapping {
  const entry = root.entries.get(name)
  if (entry === undefined) return emptyMapping(1)
  if (entry.value.kind === 'mapping') return { ...entry.value, line: entry.line }
  findings.error(entry.line, `${name}: ${nameOf(entry.value)} is not a mapping`)
  return emptyMapping(entry.line)
}

function checkTransform(transform: Tree | undefined, findings: Findings): void {
  const items = transform?.kind === 'list' ? transform.items : transform ? [transform] : []
  for (const item of items) {
    if (item.kind === 'text' && item.text === 'AWS::Serverless-2016-10-31') continue
    findings.warn(item.line, `Transform: ${nameOf(item)} is not supported`)
  }
}

function checkGlobals(globals: Mapping, findings: Findings): void {
  const known = new Set([...resourceTypes.values()].map((type) => type.globals))
  for (const [name, { line, value }] of globals.entries) {
    if (!known.has(name)) findings.warn(line, `Globals.${name} is not supported`)
    else if (value.kind !== 'mapping') findings.error(line, `Globals.${name} is not a mapping`)
  }
}

function declaredResources(
  root: Mapping,
  globals: Mapping,
  findings: Findings,
): ReadonlyMap<string, Resource> {
  if (!root.entries.has('Resources')) findings.error(1, 'Resources is missing')
  const resources = new Map<string, Resource>()
  for (const [logicalId, entry] of section(root, 'Resources', findings).entries) {
    const resource = declaredResource(logicalId, entry, { globals, findings })
    if (resource !== undefined) resources.set(logicalId, resource)
  }
  return resources
}

/** Attributes of a resource that are read, or change nothing here. */
const attributes = new Set([
  'Condition',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdateReplacePolicy',
])

function declaredResource(
  logicalId: string,
  { line, value }: Entry,
  of: { readonly globals: Mapping; readonly findings: Findings },
): Resource | undefined {
  const refuse = (reason: string): undefined => {
    of.findings.error(line, `Resources.${logicalId}: ${reason}`)
    return undefined
  }
  if (value.kind !== 'mapping') return refuse(`${nameOf(value)} is not a mapping`)
  const type = value.entries.get('Type')?.value
  if (type?.kind !== 'text') return refuse('Type is missing')
  for (const [name, attribute] of value.entries) {
    if (attributes.has(name)) continue
    of.findings.warn(attribute.line, `${logicalId}: the attribute ${name} is not supported`)
  }
  const own = value.entries.get('Properties')?.value ?? emptyMapping(line)
  if (own.kind !== 'mapping') return refuse('Properties is not a mapping')
  const global = of.globals.entries.get(resourceTypes.get(type.text)?.globals ?? '')?.value
  const properties = global?.kind === 'mapping' ? mergeTrees(global, own) : own
  const resource = { logicalId, type: type.text, line, properties: properties as Mapping }
  const condition = value.entries.get('Condition')
  if (condition === undefined) return resource
  if (condition.value.kind !== 'text') return refuse('Condition is not the name of a condition')
  return { ...resource, condition: { name: condition.value.text, line: condition.line } }
}

function checkNames(functions: readonly PlannedFunction[], findings: Findings): void {
  const lines = new Map<string, number>()
  for (const { configuration, line } of functions) {
    const name = configuration.FunctionName
    const first = lines.get(name)
    if (first === undefined) lines.set(name, line)
    else findings.error(line, `the function ${name} is declared twice, first on line ${first}`)
  }
}
