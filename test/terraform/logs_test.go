// Tests what the provider calls for aws_cloudwatch_log_group.
package terraform

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func TestLogGroupIsCreatedChangedAndDestroyed(t *testing.T) {
	ctx, c := connect(t)
	name := aws.String("/own/tf-group")
	find := func() *types.LogGroup {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(c.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name})
		for pages.HasMorePages() {
			page := must[*cloudwatchlogs.DescribeLogGroupsOutput](t, "reading")(pages.NextPage(ctx))
			for _, group := range page.LogGroups {
				if aws.ToString(group.LogGroupName) == *name {
					return &group
				}
			}
		}
		return nil
	}
	arn := "arn:aws:logs:" + region + ":" + account + ":log-group:" + *name
	read := func() attributes {
		group := find()
		if group == nil {
			t.Fatal("the group is not there")
		}
		listed := must[*cloudwatchlogs.ListTagsForResourceOutput](t, "tags")(
			c.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: &arn}))
		return attributes{
			"arn":                         strings.TrimSuffix(aws.ToString(group.Arn), ":*"),
			"deletion_protection_enabled": aws.ToBool(group.DeletionProtectionEnabled),
			"kms_key_id":                  aws.ToString(group.KmsKeyId),
			"log_group_class":             group.LogGroupClass,
			"name":                        aws.ToString(group.LogGroupName),
			"retention_in_days":           aws.ToInt32(group.RetentionInDays),
			"tags":                        listed.Tags,
		}
	}
	key := aws.String("arn:aws:kms:" + region + ":" + account + ":key/one")
	tags := map[string]string{"team": "pit", "stage": "test"}
	must[*cloudwatchlogs.CreateLogGroupOutput](t, "creating")(c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{
		LogGroupName:  name,
		LogGroupClass: types.LogGroupClassInfrequentAccess,
		KmsKeyId:      key,
		Tags:          tags,
	}))
	must[*cloudwatchlogs.PutRetentionPolicyOutput](t, "retention")(
		c.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: name, RetentionInDays: aws.Int32(14)}))
	config := attributes{
		"arn":                         arn,
		"deletion_protection_enabled": false,
		"kms_key_id":                  *key,
		"log_group_class":             types.LogGroupClassInfrequentAccess,
		"name":                        *name,
		"retention_in_days":           int32(14),
		"tags":                        tags,
	}
	noChanges(t, *name, config, read())
	must[*cloudwatchlogs.DeleteRetentionPolicyOutput](t, "retention")(
		c.logs.DeleteRetentionPolicy(ctx, &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: name}))
	must[*cloudwatchlogs.DisassociateKmsKeyOutput](t, "key")(
		c.logs.DisassociateKmsKey(ctx, &cloudwatchlogs.DisassociateKmsKeyInput{LogGroupName: name}))
	must[*cloudwatchlogs.UntagResourceOutput](t, "tags")(
		c.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"stage"}}))
	must[*cloudwatchlogs.TagResourceOutput](t, "tags")(
		c.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"team": "box"}}))
	noChanges(t, *name, config.with(attributes{
		"kms_key_id":        "",
		"retention_in_days": int32(0),
		"tags":              map[string]string{"team": "box"},
	}), read())
	must[*cloudwatchlogs.AssociateKmsKeyOutput](t, "key")(
		c.logs.AssociateKmsKey(ctx, &cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: name, KmsKeyId: key}))
	noChanges(t, *name, attributes{"kms_key_id": *key}, read())
	remove := &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: name}
	must[*cloudwatchlogs.DeleteLogGroupOutput](t, "destroying")(c.logs.DeleteLogGroup(ctx, remove))
	if find() != nil {
		t.Error("the group is still there")
	}
	_, err := c.logs.DeleteLogGroup(ctx, remove)
	gone(t, "the group", err)
}
