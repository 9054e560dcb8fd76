// Tests what the provider calls for aws_iam_role, aws_iam_role_policy, aws_iam_role_policy_attachment and aws_iam_policy.
package terraform

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

const trustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

const basicPolicy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

// The provider reads documents as parts of a URL.
func document(t *testing.T, escaped *string) string {
	t.Helper()
	return must[string](t, "unescaping")(url.QueryUnescape(aws.ToString(escaped)))
}

func tagsOf(list []types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

func TestRoleOfAFunctionIsCreatedChangedAndDestroyed(t *testing.T) {
	ctx, c := connect(t)
	name := aws.String("tf-role")
	find := &iam.GetRoleInput{RoleName: name}
	read := func() attributes {
		role := must[*iam.GetRoleOutput](t, "reading")(c.iam.GetRole(ctx, find)).Role
		all := attributes{
			"arn":                  aws.ToString(role.Arn),
			"assume_role_policy":   document(t, role.AssumeRolePolicyDocument),
			"created":              role.CreateDate != nil,
			"description":          aws.ToString(role.Description),
			"max_session_duration": aws.ToInt32(role.MaxSessionDuration),
			"path":                 aws.ToString(role.Path),
			"permissions_boundary": "",
			"tags":                 tagsOf(role.Tags),
			"inline_policy":        map[string]string{},
			"managed_policy_arns":  []string{},
		}
		if boundary := role.PermissionsBoundary; boundary != nil {
			all["permissions_boundary"] = aws.ToString(boundary.PermissionsBoundaryArn)
		}
		inline := map[string]string{}
		names := iam.NewListRolePoliciesPaginator(c.iam, &iam.ListRolePoliciesInput{RoleName: name})
		for names.HasMorePages() {
			for _, policy := range must[*iam.ListRolePoliciesOutput](t, "policies")(names.NextPage(ctx)).PolicyNames {
				got := must[*iam.GetRolePolicyOutput](t, policy)(
					c.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: &policy}))
				inline[policy] = document(t, got.PolicyDocument)
			}
		}
		all["inline_policy"] = inline
		managed := []string{}
		attached := iam.NewListAttachedRolePoliciesPaginator(c.iam, &iam.ListAttachedRolePoliciesInput{RoleName: name})
		for attached.HasMorePages() {
			for _, policy := range must[*iam.ListAttachedRolePoliciesOutput](t, "attached")(attached.NextPage(ctx)).AttachedPolicies {
				managed = append(managed, aws.ToString(policy.PolicyArn))
			}
		}
		all["managed_policy_arns"] = managed
		return all
	}
	created := must[*iam.CreateRoleOutput](t, "creating")(c.iam.CreateRole(ctx, &iam.CreateRoleInput{
		AssumeRolePolicyDocument: aws.String(trustPolicy),
		Description:              aws.String("of <cars> & pits"),
		MaxSessionDuration:       aws.Int32(7200),
		Path:                     aws.String("/pit/"),
		PermissionsBoundary:      aws.String(basicPolicy),
		RoleName:                 name,
		Tags:                     []types.Tag{{Key: aws.String("team"), Value: aws.String("pit")}},
	}))
	if aws.ToString(created.Role.RoleName) != *name {
		t.Fatal("the provider takes an answer without a name for none")
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kinesis:*","Resource":"*"}]}`
	must[*iam.PutRolePolicyOutput](t, "inline policy")(c.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		PolicyDocument: &policy,
		PolicyName:     aws.String("streams"),
		RoleName:       name,
	}))
	must[*iam.AttachRolePolicyOutput](t, "attaching")(
		c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{PolicyArn: aws.String(basicPolicy), RoleName: name}))
	config := attributes{
		"arn":                  "arn:aws:iam::" + account + ":role/pit/tf-role",
		"assume_role_policy":   trustPolicy,
		"created":              true,
		"description":          "of <cars> & pits",
		"inline_policy":        map[string]string{"streams": policy},
		"managed_policy_arns":  []string{basicPolicy},
		"max_session_duration": int32(7200),
		"path":                 "/pit/",
		"permissions_boundary": basicPolicy,
		"tags":                 map[string]string{"team": "pit"},
	}
	noChanges(t, *name, config, read())

	changed := `{"Version":"2012-10-17","Statement":[]}`
	must[*iam.UpdateAssumeRolePolicyOutput](t, "trust")(
		c.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{PolicyDocument: &changed, RoleName: name}))
	must[*iam.UpdateRoleDescriptionOutput](t, "description")(
		c.iam.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{Description: aws.String(""), RoleName: name}))
	must[*iam.UpdateRoleOutput](t, "duration")(
		c.iam.UpdateRole(ctx, &iam.UpdateRoleInput{MaxSessionDuration: aws.Int32(3600), RoleName: name}))
	must[*iam.DeleteRolePermissionsBoundaryOutput](t, "boundary")(
		c.iam.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name}))
	must[*iam.UntagRoleOutput](t, "tags")(c.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"team"}}))
	must[*iam.TagRoleOutput](t, "tags")(c.iam.TagRole(ctx, &iam.TagRoleInput{
		RoleName: name,
		Tags:     []types.Tag{{Key: aws.String("stage"), Value: aws.String("test")}},
	}))
	noChanges(t, *name, config.with(attributes{
		"assume_role_policy":   changed,
		"description":          "",
		"max_session_duration": int32(3600),
		"permissions_boundary": "",
		"tags":                 map[string]string{"stage": "test"},
	}), read())

	profiles := must[*iam.ListInstanceProfilesForRoleOutput](t, "profiles")(
		c.iam.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name}))
	if len(profiles.InstanceProfiles) != 0 {
		t.Error("there are no instances here")
	}
	must[*iam.DetachRolePolicyOutput](t, "detaching")(
		c.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{PolicyArn: aws.String(basicPolicy), RoleName: name}))
	must[*iam.DeleteRolePolicyOutput](t, "inline policy")(
		c.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{PolicyName: aws.String("streams"), RoleName: name}))
	must[*iam.DeleteRoleOutput](t, "destroying")(c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))
	_, err := c.iam.GetRole(ctx, find)
	gone(t, "the role", err)
}

func TestManagedPolicyIsReplacedByVersions(t *testing.T) {
	ctx, c := connect(t)
	text := `{"Version":"2012-10-17","Statement":[]}`
	created := must[*iam.CreatePolicyOutput](t, "creating")(c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
		Description:    aws.String("of the pit"),
		Path:           aws.String("/"),
		PolicyDocument: &text,
		PolicyName:     aws.String("tf-managed"),
		Tags:           []types.Tag{{Key: aws.String("team"), Value: aws.String("pit")}},
	}))
	arn := created.Policy.Arn
	read := func() attributes {
		policy := must[*iam.GetPolicyOutput](t, "reading")(c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})).Policy
		version := must[*iam.GetPolicyVersionOutput](t, "version")(
			c.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: policy.DefaultVersionId}))
		return attributes{
			"attachment_count": aws.ToInt32(policy.AttachmentCount),
			"description":      aws.ToString(policy.Description),
			"name":             aws.ToString(policy.PolicyName),
			"path":             aws.ToString(policy.Path),
			"policy":           document(t, version.PolicyVersion.Document),
			"tags":             tagsOf(policy.Tags),
		}
	}
	config := attributes{
		"attachment_count": int32(0),
		"description":      "of the pit",
		"name":             "tf-managed",
		"path":             "/",
		"policy":           text,
		"tags":             map[string]string{"team": "pit"},
	}
	noChanges(t, "the policy", config, read())
	changed := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`
	version := must[*iam.CreatePolicyVersionOutput](t, "version")(
		c.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: &changed}))
	must[*iam.SetDefaultPolicyVersionOutput](t, "default")(
		c.iam.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{
			PolicyArn: arn,
			VersionId: version.PolicyVersion.VersionId,
		}))
	noChanges(t, "the policy", config.with(attributes{"policy": changed}), read())
	pages := iam.NewListPolicyVersionsPaginator(c.iam, &iam.ListPolicyVersionsInput{PolicyArn: arn})
	for pages.HasMorePages() {
		for _, each := range must[*iam.ListPolicyVersionsOutput](t, "versions")(pages.NextPage(ctx)).Versions {
			if each.IsDefaultVersion {
				continue
			}
			must[*iam.DeletePolicyVersionOutput](t, "version")(
				c.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: each.VersionId}))
		}
	}
	must[*iam.DeletePolicyOutput](t, "destroying")(c.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}))
	_, err := c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	gone(t, "the policy", err)
}
