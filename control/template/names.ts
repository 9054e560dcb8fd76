// Knows what Ref and Fn::GetAtt mean in one template: parameters, pseudo parameters, resources.
import type { Findings } from './findings.ts'
import { resolve, type Names } from './intrinsics.ts'
import { resourceTypes, type Identity, type Resource, type Stack } from './resources.ts'
import type { Tree } from './tree.ts'

/** Resolves names lazily: a resource's identity is worked out when something first refers to it. */
export class TemplateNames implements Names {
  readonly findings: Findings
  readonly stack: Stack
  readonly #parameters: ReadonlyMap<string, Tree>
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #identities = new Map<string, Identity>()

  constructor(of: {
    readonly findings: Findings
    readonly stack: Stack
    readonly parameters: ReadonlyMap<string, Tree>
    readonly resources: ReadonlyMap<string, Resource>
  }) {
    this.findings = of.findings
    this.stack = of.stack
    this.#parameters = of.parameters
    this.#resources = of.resources
  }

  ref(name: string, line: number): Tree | undefined {
    if (name === 'AWS::NoValue') return undefined
    const parameter = this.#parameters.get(name)
    if (parameter !== undefined) return parameter
    const pseudo = pseudoParameters(this.stack).get(name)
    if (pseudo !== undefined) return { kind: 'text', text: pseudo, line }
    const resource = this.#resources.get(name)
    if (resource !== undefined) {
      if (!resourceTypes.has(resource.type)) this.#standIn(name, resource, line)
      return { kind: 'text', text: this.identity(resource).ref, line }
    }
    return this.#unknown(line, `${name} is neither a parameter nor a resource`)
  }

  attribute(logicalId: string, attribute: string, line: number): Tree | undefined {
    const resource = this.#resources.get(logicalId)
    if (resource === undefined) return this.#unknown(line, `${logicalId} is not a resource`)
    if (!resourceTypes.has(resource.type)) {
      this.#standIn(`${logicalId}.${attribute}`, resource, line)
      return { kind: 'text', text: `${logicalId}.${attribute}`, line }
    }
    const value = this.identity(resource).attributes[attribute]
    if (value !== undefined) return { kind: 'text', text: value, line }
    return this.#unknown(line, `${resource.type} has no attribute ${attribute} here`)
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

  #standIn(name: string, { type }: Resource, line: number): void {
    this.findings.warn(line, `the text "${name}" takes the place of a value of ${type}`)
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
