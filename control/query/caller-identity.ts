// Answers GetCallerIdentity, AWS STS's word for "who am I": whoever asks is the account here.
import type { Account } from '../lambda/function-name.ts'
import type { QueryService } from './query-service.ts'

export function identityService({ accountId }: Pick<Account, 'accountId'>): QueryService {
  return {
    xmlns: 'https://sts.amazonaws.com/doc/2011-06-15/',
    operations: {
      // As AWS has it for an account's own credentials.
      GetCallerIdentity: () => ({
        Arn: `arn:aws:iam::${accountId}:root`,
        UserId: accountId,
        Account: accountId,
      }),
    },
  }
}
