// The table of resource types that are supported; a later type is a file of its own and a row here.
import { eventSourceMapping } from './event-source-mapping.ts'
import {
  lambdaAlias,
  lambdaEventInvokeConfig,
  lambdaPermission,
  lambdaVersion,
  type FunctionAddition,
} from './function-additions.ts'
import { kinesisConsumer } from './kinesis-consumer.ts'
import { kinesisStream } from './kinesis-stream.ts'
import { lambdaFunction } from './lambda-function.ts'
import { mskCluster } from './msk-cluster.ts'
import type { TemplateNames } from './names.ts'
import type { Plan } from './plan.ts'
import { serverlessFunction } from './serverless-function.ts'
import type { Mapping } from './tree.ts'

/** What pseudo parameters and ARNs are made of. */
export interface Stack {
  readonly name: string
  readonly partition: string
  readonly region: string
  readonly accountId: string
  /** Absolute: what CodeUri is relative to. */
  readonly directory: string
}

/** A resource as declared; `properties` have the Globals of its type below them, nothing resolved. */
export interface Resource {
  readonly logicalId: string
  readonly type: string
  readonly line: number
  readonly properties: Mapping
  /** Its attribute Condition. */
  readonly condition?: { readonly name: string; readonly line: number }
}

/** What `Ref` and `Fn::GetAtt` of a resource give. */
export interface Identity {
  readonly ref: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface ResourcePlan extends Partial<Plan> {
  /** To functions of the template, wherever they stand in it. */
  readonly additions?: readonly FunctionAddition[]
}

export interface ResourceType {
  /** Its section of `Globals`, where it has one. */
  readonly globals?: string
  /** Properties that become resources of their own, so that they may refer to the one they are in. */
  readonly apart?: readonly string[]
  identity(resource: Resource, names: TemplateNames): Identity
  /** What is to be deployed of it; errors are reported, and leave things out. */
  plan(resource: Resource, names: TemplateNames): ResourcePlan
}

export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map([
  ['AWS::Serverless::Function', serverlessFunction],
  ['AWS::Lambda::Function', lambdaFunction],
  ['AWS::Lambda::EventSourceMapping', eventSourceMapping],
  ['AWS::Lambda::Version', lambdaVersion],
  ['AWS::Lambda::Alias', lambdaAlias],
  ['AWS::Lambda::EventInvokeConfig', lambdaEventInvokeConfig],
  ['AWS::Lambda::Permission', lambdaPermission],
  ['AWS::Kinesis::Stream', kinesisStream],
  ['AWS::Kinesis::StreamConsumer', kinesisConsumer],
  ['AWS::MSK::Cluster', mskCluster],
  ['AWS::MSK::ServerlessCluster', mskCluster],
])
