// Knows what names mean in one template: parameters, resources, conditions, keys of Mappings.
import type { Conditions } from './conditions.ts'
import type { Findings } from './findings.ts'
import { resolve, type Names } from './intrinsics.ts'
import { resourceTypes, type Identity, type Resource, type Stack } from './resources.ts'
import type { Mapping, Tree } from './tree.ts'

/** Resolves names lazily: a resource's identity is worked out when something first refers to it. */
export class TemplateNames implements Names {
  readonly findings: Findings
  readonly stack: Stack
  readonly #parameters: ReadonlyMap<string, Tree>
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #conditions: Conditions
  readonly #maps: Mapping
  readonly #identities = new Map<string, Identity>()
  readonly #standIns = new Set<string>()

  constructor(of: {
    readonly findings: Findings
    readonly stack: Stack
    readonly parameters: ReadonlyMap<string, Tree>
    readonly resources: ReadonlyMap<string, Resource>
    readonly conditions: Conditions
    /** The section `Mappings`. */
    readonly maps: Mapping
  }) {
    this.findings = of.findings
    this.stack = of.stack
    this.#parameters = of.parameters
    this.#resources = of.resources
    this.#conditions = of.conditions
    this.#maps = of.maps
  }

  get region(): string {
    return this.stack.region
  }

  ref(name: string, line: number): Tree | undefined {
    if (name === 'AWS::NoValue') return undefined
    const parameter = this.#parameters.get(name)
    if (parameter !== undefined) return parameter
    const pseudo = pseudoParameters(this.stack).get(name)
    if (pseudo !== undefined) return { kind: 'text', text: pseudo, line }
    if (name === 'AWS::NotificationARNs') return { kind: 'list', items: [], line }
    const resource = this.#resources.get(name)
    if (resource !== undefined) {
      const leftOut = this.#leftOut(resource, line)
      if (leftOut !== undefined) return leftOut
      if (!resourceTypes.has(resource.type)) this.#standIn(name, resource, line)
      return { kind: 'text', text: this.identity(resource).ref, line }
    }
    return this.#unknown(line, `${name} is neither a parameter nor a resource`)
  }

  attribute(logicalId: string, attribute: string, line: number): Tree | undefined {
    const resource = this.#resources.get(logicalId)
    if (resource === undefined) return this.#unknown(line, `${logicalId} is not a resource`)
    const leftOut = this.#leftOut(resource, line)
    if (leftOut !== undefined) return leftOut
    if (!resourceTypes.has(resource.type)) {
      this.#standIn(`${logicalId}.${attribute}`, resource, line)
      return { kind: 'text', text: `${logicalId}.${attribute}`, line }
    }
    const value = this.identity(resource).attributes[attribute]
    if (value !== undefined) return { kind: 'text', text: value, line }
    return this.#unknown(line, `${resource.type} has no attribute ${attribute} here`)
  }

  condition(name: string, line: number): boolean | undefined {
    return this.#conditions.value(name, line, this)
  }

  inMap(map: string, [first, second]: readonly [string, string], line: number): Tree {
    const top = this.#maps.entries.get(map)?.value
    if (top?.kind !== 'mapping') return this.#unknown(line, `${map} is not one of the Mappings`)
    const values = top.entries.get(first)?.value
    if (values?.kind !== 'mapping') {
      return this.#unknown(line, `Mappings.${map} has no key "${first}"`)
    }
    const value = values.entries.get(second)?.value
    if (value?.kind === 'text' || value?.kind === 'list') return value
    return this.#unknown(line, `Mappings.${map}.${first} has no value "${second}"`)
  }

  /** Whether the template has the resource here and now: its condition holds, or it has none. */
  isIncluded({ condition }: Resource): boolean {
    return condition === undefined || this.condition(condition.name, condition.line) !== false
  }

  identity(resource: Resource): Identity {
    const known = this.#identities.get(resource.logicalId)
    if (known !== undefined) return known
    // Cycles were taken out before; a resource of an unsupported type is known by its logical id.
    const identity = resourceTypes.get(resource.type)?.identity(resource, this) ?? {
      ref: resource.logicalId,
      attributes: {},
    }
    this.#identities.set(resource.logicalId, identity)
    return identity
  }

  /** A property that decides on an identity; undefined where it is absent, or wrong and reported. */
  textProperty(resource: Resource, name: string): string | undefined {
    const value = resource.properties.entries.get(name)?.value
    const resolved = value === undefined ? undefined : resolve(value, this)
    return resolved?.kind === 'text' ? resolved.text : undefined
  }

  /** Whether a text is no value of its own, but takes the place of one of a resource that is not there. */
  isStandIn(value: string): boolean {
    return this.#standIns.has(value)
  }

  #standIn(name: string, { type }: Resource, line: number): void {
    this.#standIns.add(name)
    this.findings.warn(line, `the text "${name}" takes the place of a value of ${type}`)
  }

  #leftOut(resource: Resource, line: number): Tree | undefined {
    if (this.isIncluded(resource)) return undefined
    const { logicalId, condition } = resource
    return this.#unknown(
      line,
      `${logicalId} is not there: its condition ${condition?.name} is false`,
    )
  }

  #unknown(line: number, message: string): Tree {
    this.findings.error(line, message)
    return { kind: 'broken', line }
  }
}

function pseudoParameters(stack: Stack): ReadonlyMap<string, string> {
  const { partition, region, accountId, name } = stack
  return new Map([
    ['AWS::AccountId', accountId],
    ['AWS::Partition', partition],
    ['AWS::Region', region],
    ['AWS::StackId', `arn:${partition}:cloudformation:${region}:${accountId}:stack/${name}/0`],
    ['AWS::StackName', name],
    ['AWS::URLSuffix', partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com'],
  ])
}
