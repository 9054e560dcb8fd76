// IAM (2010-05-08) as far as roles of functions need it: its operations by name.
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Account } from '../lambda/function-name.ts'
import { Serial } from '../lambda/serial.ts'
import type { QueryService } from '../query/query-service.ts'
import { managedPolicyOperations } from './managed-policies.ts'
import { parsePolicy } from './policy-record.ts'
import { RecordFolder } from '../registry/record-folder.ts'
import { rolePolicyOperations } from './role-policies.ts'
import { parseRole } from './role-record.ts'
import { roleOperations } from './roles.ts'

export interface IamServiceOptions {
  readonly dataDir: string
  readonly account: Pick<Account, 'accountId'>
  readonly clock: Clock
}

export function iamService({ dataDir, account, clock }: IamServiceOptions): QueryService {
  const folder = (kind: string): string => join(dataDir, 'iam', kind)
  const context = {
    roles: new RecordFolder({ directory: folder('roles'), parse: parseRole }),
    policies: new RecordFolder({ directory: folder('policies'), parse: parsePolicy }),
    account,
    clock,
    changes: new Serial(),
  }
  return {
    xmlns: 'https://iam.amazonaws.com/doc/2010-05-08/',
    operations: {
      ...roleOperations(context),
      ...rolePolicyOperations(context),
      ...managedPolicyOperations(context),
    },
  }
}
