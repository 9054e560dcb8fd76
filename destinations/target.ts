// Reads the ARN of a destination: which service takes records there, and under which name.

export type TargetKind = 'function' | 'queue' | 'topic' | 'bucket' | 'bus'

/** A bucket's ARN has neither region nor account. */
export interface Target {
  readonly kind: TargetKind
  readonly arn: string
  readonly region: string
  readonly accountId: string
  readonly name: string
  /** Of a function. */
  readonly qualifier?: string
}

interface Form {
  readonly kind: TargetKind
  readonly pattern: RegExp
}

const partition = 'arn:aws[a-zA-Z-]*'
const place = '(?<region>[a-z0-9-]+):(?<account>\\d{12})'
const forms: readonly Form[] = [
  {
    kind: 'function',
    pattern: form(
      `lambda:${place}:function:(?<name>[\\w-]{1,64})(?::(?<qualifier>[$\\w-]{1,128}))?`,
    ),
  },
  { kind: 'queue', pattern: form(`sqs:${place}:(?<name>[\\w-]{1,80})`) },
  { kind: 'topic', pattern: form(`sns:${place}:(?<name>[\\w-]{1,256})`) },
  { kind: 'bucket', pattern: form('s3:::(?<name>[0-9A-Za-z.\\-_]{3,63})') },
  { kind: 'bus', pattern: form(`events:${place}:event-bus/(?<name>[\\w./-]{1,256})`) },
]

/** Undefined for what no record can be sent to. */
export function parseTarget(arn: string): Target | undefined {
  for (const { kind, pattern } of forms) {
    const groups = pattern.exec(arn)?.groups
    if (groups === undefined) continue
    const { region = '', account: accountId = '', name = '', qualifier } = groups
    const target = { kind, arn, region, accountId, name }
    return qualifier === undefined ? target : { ...target, qualifier }
  }
  return undefined
}

function form(rest: string): RegExp {
  return new RegExp(`^${partition}:${rest}$`)
}
