// Runs the contract of quotas against the one of a copy that is alone.
import { quotaContract } from '../test/support/quota-contract.ts'
import { WholeQuota } from './account-quota.ts'

quotaContract('alone', async () => new WholeQuota())
