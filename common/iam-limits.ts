// Bounds of roles and their policies, with the reason of each: IAM's own quotas.

/** IAM: roles of an account. */
export const rolesMax = 1000

/** IAM: a trust policy, without white space; the most that its quota can be raised to. */
export const trustPolicyMaxLength = 8192

/** IAM: all policies of a role's own together, without white space. */
export const rolePoliciesMaxLength = 10_240

/** IAM: managed policies that a role has; the most that its quota can be raised to. */
export const attachedPoliciesMax = 20

/** IAM: managed policies of an account. */
export const managedPoliciesMax = 1500

/** IAM: a version of a managed policy, without white space. */
export const managedPolicyMaxLength = 6144

/** IAM: versions of a managed policy. */
export const policyVersionsMax = 5

/** IAM: tags of a role, or of a policy. */
export const roleTagsMax = 50
