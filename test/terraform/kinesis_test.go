// Tests what the provider calls for aws_kinesis_stream, aws_kinesis_stream_consumer and aws_kinesis_resource_policy.
package terraform

import (
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func streamARN(name string) string {
	return "arn:aws:kinesis:" + region + ":" + account + ":stream/" + name
}

func streamStatus(ctx context.Context, c clients, name string) (string, error) {
	output, err := c.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	if err != nil {
		return "", err
	}
	return string(output.StreamDescriptionSummary.StreamStatus), nil
}

func waitActive(t *testing.T, ctx context.Context, c clients, name string) {
	t.Helper()
	waitFor(t, name, []string{"CREATING", "UPDATING"}, []string{"ACTIVE"}, func() (string, error) {
		return streamStatus(ctx, c, name)
	})
}

// Creates a stream as the provider does, which sets the retention of every stream, its default too.
func createStream(t *testing.T, ctx context.Context, c clients, input kinesis.CreateStreamInput) string {
	t.Helper()
	name := aws.ToString(input.StreamName)
	must[*kinesis.CreateStreamOutput](t, "creating "+name)(c.kinesis.CreateStream(ctx, &input))
	t.Cleanup(func() {
		_, _ = c.kinesis.DeleteStream(context.Background(), &kinesis.DeleteStreamInput{
			StreamName:              &name,
			EnforceConsumerDeletion: aws.Bool(true),
		})
	})
	waitActive(t, ctx, c, name)
	must[*kinesis.IncreaseStreamRetentionPeriodOutput](t, "retention")(
		c.kinesis.IncreaseStreamRetentionPeriod(ctx, &kinesis.IncreaseStreamRetentionPeriodInput{
			RetentionPeriodHours: aws.Int32(24),
			StreamName:           &name,
		}))
	waitActive(t, ctx, c, name)
	return name
}

func readStream(t *testing.T, ctx context.Context, c clients, name string) attributes {
	t.Helper()
	stream := must[*kinesis.DescribeStreamSummaryOutput](t, "reading "+name)(
		c.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})).StreamDescriptionSummary
	metrics := []string{}
	for _, each := range stream.EnhancedMonitoring {
		for _, metric := range each.ShardLevelMetrics {
			metrics = append(metrics, string(metric))
		}
	}
	slices.Sort(metrics)
	tags := map[string]string{}
	listed := must[*kinesis.ListTagsForStreamOutput](t, "tags")(
		c.kinesis.ListTagsForStream(ctx, &kinesis.ListTagsForStreamInput{StreamName: &name}))
	for _, tag := range listed.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return attributes{
		"arn":                    aws.ToString(stream.StreamARN),
		"encryption_type":        stream.EncryptionType,
		"kms_key_id":             aws.ToString(stream.KeyId),
		"max_record_size_in_kib": aws.ToInt32(stream.MaxRecordSizeInKiB),
		"name":                   aws.ToString(stream.StreamName),
		"retention_period":       aws.ToInt32(stream.RetentionPeriodHours),
		"shard_count":            aws.ToInt32(stream.OpenShardCount),
		"shard_level_metrics":    metrics,
		"stream_mode":            stream.StreamModeDetails.StreamMode,
		"tags":                   tags,
	}
}

func TestStreamIsCreatedChangedInEveryAttributeAndDestroyed(t *testing.T) {
	ctx, c := connect(t)
	limits := must[*kinesis.DescribeLimitsOutput](t, "limits")(c.kinesis.DescribeLimits(ctx, &kinesis.DescribeLimitsInput{}))
	if aws.ToInt32(limits.OpenShardCount)+2 > aws.ToInt32(limits.ShardLimit) ||
		aws.ToInt32(limits.OnDemandStreamCount)+1 > aws.ToInt32(limits.OnDemandStreamCountLimit) {
		t.Fatal("the provider would refuse the plan: it would exceed the account's limits")
	}
	tags := map[string]string{"team": "pit", "stage": "test"}
	name := createStream(t, ctx, c, kinesis.CreateStreamInput{
		StreamName:        aws.String("tf-stream"),
		ShardCount:        aws.Int32(2),
		StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeProvisioned},
		Tags:              tags,
	})
	config := attributes{
		"arn":                    streamARN(name),
		"encryption_type":        types.EncryptionTypeNone,
		"kms_key_id":             "",
		"max_record_size_in_kib": int32(1024),
		"name":                   name,
		"retention_period":       int32(24),
		"shard_count":            int32(2),
		"shard_level_metrics":    []string{},
		"stream_mode":            types.StreamModeProvisioned,
		"tags":                   tags,
	}
	noChanges(t, name, config, readStream(t, ctx, c, name))
	for _, change := range changesOfStream(t, ctx, c, name) {
		waitActive(t, ctx, c, name)
		change.apply()
		waitActive(t, ctx, c, name)
		config = config.with(change.expected)
		noChanges(t, name, config, readStream(t, ctx, c, name))
	}
	must[*kinesis.DeleteStreamOutput](t, "destroying")(c.kinesis.DeleteStream(ctx, &kinesis.DeleteStreamInput{
		EnforceConsumerDeletion: aws.Bool(false),
		StreamName:              &name,
	}))
	waitGone(t, name, []string{"DELETING"}, func() (string, error) { return streamStatus(ctx, c, name) })
	_, err := c.kinesis.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: &name})
	gone(t, name, err)
}

type streamChange struct {
	apply    func()
	expected attributes
}

// In the order in which the provider sends them; each is one call.
func changesOfStream(t *testing.T, ctx context.Context, c clients, name string) []streamChange {
	arn := aws.String(streamARN(name))
	mode := func(mode types.StreamMode) func() {
		return func() {
			must[*kinesis.UpdateStreamModeOutput](t, "mode")(c.kinesis.UpdateStreamMode(ctx, &kinesis.UpdateStreamModeInput{
				StreamARN:         arn,
				StreamModeDetails: &types.StreamModeDetails{StreamMode: mode},
			}))
		}
	}
	key := "arn:aws:kms:" + region + ":" + account + ":key/one"
	metrics := []types.MetricsName{types.MetricsNameIncomingBytes, types.MetricsNameOutgoingBytes}
	return []streamChange{
		{mode(types.StreamModeOnDemand), attributes{"stream_mode": types.StreamModeOnDemand}},
		{mode(types.StreamModeProvisioned), attributes{"stream_mode": types.StreamModeProvisioned}},
		{func() {
			must[*kinesis.UpdateShardCountOutput](t, "shards")(c.kinesis.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{
				ScalingType:      types.ScalingTypeUniformScaling,
				StreamName:       &name,
				TargetShardCount: aws.Int32(3),
			}))
		}, attributes{"shard_count": int32(3)}},
		{func() {
			must[*kinesis.IncreaseStreamRetentionPeriodOutput](t, "retention")(
				c.kinesis.IncreaseStreamRetentionPeriod(ctx, &kinesis.IncreaseStreamRetentionPeriodInput{
					RetentionPeriodHours: aws.Int32(48),
					StreamName:           &name,
				}))
		}, attributes{"retention_period": int32(48)}},
		{func() {
			must[*kinesis.DecreaseStreamRetentionPeriodOutput](t, "retention")(
				c.kinesis.DecreaseStreamRetentionPeriod(ctx, &kinesis.DecreaseStreamRetentionPeriodInput{
					RetentionPeriodHours: aws.Int32(36),
					StreamName:           &name,
				}))
		}, attributes{"retention_period": int32(36)}},
		{func() {
			must[*kinesis.EnableEnhancedMonitoringOutput](t, "metrics")(
				c.kinesis.EnableEnhancedMonitoring(ctx, &kinesis.EnableEnhancedMonitoringInput{
					ShardLevelMetrics: metrics,
					StreamName:        &name,
				}))
		}, attributes{"shard_level_metrics": []string{"IncomingBytes", "OutgoingBytes"}}},
		{func() {
			must[*kinesis.DisableEnhancedMonitoringOutput](t, "metrics")(
				c.kinesis.DisableEnhancedMonitoring(ctx, &kinesis.DisableEnhancedMonitoringInput{
					ShardLevelMetrics: metrics[:1],
					StreamName:        &name,
				}))
		}, attributes{"shard_level_metrics": []string{"OutgoingBytes"}}},
		{func() {
			must[*kinesis.StartStreamEncryptionOutput](t, "encryption")(
				c.kinesis.StartStreamEncryption(ctx, &kinesis.StartStreamEncryptionInput{
					EncryptionType: types.EncryptionTypeKms,
					KeyId:          &key,
					StreamName:     &name,
				}))
		}, attributes{"encryption_type": types.EncryptionTypeKms, "kms_key_id": key}},
		{func() {
			must[*kinesis.StopStreamEncryptionOutput](t, "encryption")(
				c.kinesis.StopStreamEncryption(ctx, &kinesis.StopStreamEncryptionInput{
					EncryptionType: types.EncryptionTypeKms,
					KeyId:          &key,
					StreamName:     &name,
				}))
		}, attributes{"encryption_type": types.EncryptionTypeNone, "kms_key_id": ""}},
		{func() {
			must[*kinesis.UpdateMaxRecordSizeOutput](t, "record size")(
				c.kinesis.UpdateMaxRecordSize(ctx, &kinesis.UpdateMaxRecordSizeInput{
					MaxRecordSizeInKiB: aws.Int32(2048),
					StreamARN:          arn,
				}))
		}, attributes{"max_record_size_in_kib": int32(2048)}},
		{func() {
			must[*kinesis.RemoveTagsFromStreamOutput](t, "tags")(c.kinesis.RemoveTagsFromStream(ctx, &kinesis.RemoveTagsFromStreamInput{
				StreamName: &name,
				TagKeys:    []string{"stage"},
			}))
			must[*kinesis.AddTagsToStreamOutput](t, "tags")(c.kinesis.AddTagsToStream(ctx, &kinesis.AddTagsToStreamInput{
				StreamName: &name,
				Tags:       map[string]string{"team": "box"},
			}))
		}, attributes{"tags": map[string]string{"team": "box"}}},
	}
}

func TestConsumersAndPoliciesComeAndGoWithAStreamOnDemand(t *testing.T) {
	ctx, c := connect(t)
	name := createStream(t, ctx, c, kinesis.CreateStreamInput{
		StreamName:        aws.String("tf-consumers"),
		StreamModeDetails: &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand},
	})
	noChanges(t, name, attributes{"stream_mode": types.StreamModeOnDemand}, readStream(t, ctx, c, name))
	arn := aws.String(streamARN(name))
	registered := must[*kinesis.RegisterStreamConsumerOutput](t, "registering")(
		c.kinesis.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
			ConsumerName: aws.String("pit-wall"),
			StreamARN:    arn,
			Tags:         map[string]string{"team": "pit"},
		}))
	consumer := registered.Consumer.ConsumerARN
	describe := func() (*types.ConsumerDescription, error) {
		output, err := c.kinesis.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: consumer})
		if err != nil {
			return &types.ConsumerDescription{}, err
		}
		return output.ConsumerDescription, nil
	}
	status := func() (string, error) {
		description, err := describe()
		return string(description.ConsumerStatus), err
	}
	waitFor(t, "the consumer", []string{"CREATING"}, []string{"ACTIVE"}, status)
	description := must[*types.ConsumerDescription](t, "reading")(describe())
	tags := must[*kinesis.ListTagsForResourceOutput](t, "tags")(
		c.kinesis.ListTagsForResource(ctx, &kinesis.ListTagsForResourceInput{ResourceARN: consumer}))
	noChanges(t, "the consumer",
		attributes{"name": "pit-wall", "stream_arn": *arn, "made": true, "tags": "pit"},
		attributes{
			"name":       aws.ToString(description.ConsumerName),
			"stream_arn": aws.ToString(description.StreamARN),
			"made":       description.ConsumerCreationTimestamp != nil,
			"tags":       aws.ToString(tags.Tags[0].Value),
		})
	for _, resource := range []*string{arn, consumer} {
		policy := aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"` + *resource + `"}]}`)
		must[*kinesis.PutResourcePolicyOutput](t, "policy")(
			c.kinesis.PutResourcePolicy(ctx, &kinesis.PutResourcePolicyInput{Policy: policy, ResourceARN: resource}))
	}
	for _, resource := range []*string{arn, consumer} {
		policy := must[*kinesis.GetResourcePolicyOutput](t, "policy")(
			c.kinesis.GetResourcePolicy(ctx, &kinesis.GetResourcePolicyInput{ResourceARN: resource}))
		noChanges(t, *resource,
			attributes{"policy": `{"Version":"2012-10-17","Statement":[{"Sid":"` + *resource + `"}]}`},
			attributes{"policy": aws.ToString(policy.Policy)})
		remove := &kinesis.DeleteResourcePolicyInput{ResourceARN: resource}
		must[*kinesis.DeleteResourcePolicyOutput](t, "policy")(c.kinesis.DeleteResourcePolicy(ctx, remove))
		_, err := c.kinesis.DeleteResourcePolicy(ctx, remove)
		gone(t, "the policy", err)
	}
	must[*kinesis.DeregisterStreamConsumerOutput](t, "deregistering")(
		c.kinesis.DeregisterStreamConsumer(ctx, &kinesis.DeregisterStreamConsumerInput{ConsumerARN: consumer}))
	waitGone(t, "the consumer", []string{"DELETING"}, status)
}
