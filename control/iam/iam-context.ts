// What IAM's operations are handed, and how those of one role go: found by its name, then read or changed.
import type { Clock } from '../../common/clock.ts'
import { Violations } from '../../common/aws/validation.ts'
import type { Account } from '../lambda/function-name.ts'
import type { Serial } from '../lambda/serial.ts'
import {
  QueryError,
  violationsOf,
  type QueryForm,
  type QueryOperation,
  type QueryOutcome,
} from '../query/query-service.ts'
import { checkRoleName, noSuchEntity } from './iam-rules.ts'
import type { PolicyRecord } from './policy-record.ts'
import type { RecordFolder } from '../registry/record-folder.ts'
import type { RoleRecord } from './role-record.ts'

export interface IamContext {
  readonly roles: RecordFolder<RoleRecord>
  readonly policies: RecordFolder<PolicyRecord>
  readonly account: Pick<Account, 'accountId'>
  readonly clock: Clock
  /** One change at a time. */
  readonly changes: Serial
}

/** What a change of a role comes to: the role as it is then, or why it stays as it was. */
export type RoleChange = (
  role: RoleRecord,
  form: QueryForm,
) => RoleRecord | QueryError | Promise<RoleRecord | QueryError>

/** An operation that changes the role it names; answers with `shape` of what it has become. */
export function changing(
  { roles, changes }: IamContext,
  change: RoleChange,
  shape: (role: RoleRecord) => object | undefined = () => undefined,
): QueryOperation {
  return (form) =>
    changes.run(async () => {
      const role = await findRole(roles, form)
      if (role instanceof QueryError) return role
      const changed = await change(role, form)
      if (changed instanceof QueryError) return changed
      await roles.put(changed)
      return shape(changed)
    })
}

/** An operation that reads the role it names. */
export function reading(
  { roles }: IamContext,
  read: (role: RoleRecord, form: QueryForm) => QueryOutcome,
): QueryOperation {
  return async (form) => {
    const role = await findRole(roles, form)
    return role instanceof QueryError ? role : read(role, form)
  }
}

export async function findRole(
  roles: RecordFolder<RoleRecord>,
  form: QueryForm,
): Promise<RoleRecord | QueryError> {
  const name = form.text('RoleName') ?? ''
  const violations = new Violations()
  checkRoleName(violations, form.text('RoleName'))
  const refused = violationsOf(violations)
  if (refused !== undefined) return refused
  const role = await roles.find(name)
  return role ?? noSuchEntity(`The role with name ${name} cannot be found.`)
}
