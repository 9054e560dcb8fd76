// Tests what the provider calls for aws_lambda_event_source_mapping, of a stream, of a self-managed cluster and of Amazon MSK.
package terraform

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func mappingState(ctx context.Context, c clients, uuid *string) (string, error) {
	output, err := c.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: uuid})
	if err != nil {
		return "", err
	}
	return aws.ToString(output.State), nil
}

func waitSettled(t *testing.T, ctx context.Context, c clients, uuid *string) {
	t.Helper()
	pending := []string{"Creating", "Disabling", "Enabling", "Updating"}
	waitFor(t, "the mapping", pending, []string{"Disabled", "Enabled"}, func() (string, error) {
		return mappingState(ctx, c, uuid)
	})
}

func createMapping(t *testing.T, ctx context.Context, c clients, input lambda.CreateEventSourceMappingInput) *string {
	t.Helper()
	created := must[*lambda.CreateEventSourceMappingOutput](t, "creating the mapping")(
		c.lambda.CreateEventSourceMapping(ctx, &input))
	t.Cleanup(func() {
		_, _ = c.lambda.DeleteEventSourceMapping(context.Background(), &lambda.DeleteEventSourceMappingInput{UUID: created.UUID})
	})
	waitSettled(t, ctx, c, created.UUID)
	return created.UUID
}

func updateMapping(t *testing.T, ctx context.Context, c clients, input lambda.UpdateEventSourceMappingInput) {
	t.Helper()
	must[*lambda.UpdateEventSourceMappingOutput](t, "updating the mapping")(c.lambda.UpdateEventSourceMapping(ctx, &input))
	waitSettled(t, ctx, c, input.UUID)
}

func destroyMapping(t *testing.T, ctx context.Context, c clients, uuid *string) {
	t.Helper()
	remove := &lambda.DeleteEventSourceMappingInput{UUID: uuid}
	must[*lambda.DeleteEventSourceMappingOutput](t, "destroying the mapping")(c.lambda.DeleteEventSourceMapping(ctx, remove))
	waitGone(t, "the mapping", []string{"Deleting"}, func() (string, error) { return mappingState(ctx, c, uuid) })
	_, err := c.lambda.DeleteEventSourceMapping(ctx, remove)
	gone(t, "the mapping", err)
}

func readMapping(t *testing.T, ctx context.Context, c clients, uuid *string) attributes {
	t.Helper()
	output := must[*lambda.GetEventSourceMappingOutput](t, "reading the mapping")(
		c.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: uuid}))
	tags := must[*lambda.ListTagsOutput](t, "tags")(
		c.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: output.EventSourceMappingArn}))
	read := attributes{
		"batch_size":                         aws.ToInt32(output.BatchSize),
		"bisect_batch_on_function_error":     aws.ToBool(output.BisectBatchOnFunctionError),
		"consumer_group_id":                  "",
		"destination_arn":                    "",
		"enabled":                            aws.ToString(output.State) == "Enabled",
		"event_source_arn":                   aws.ToString(output.EventSourceArn),
		"filters":                            []string{},
		"function_name":                      aws.ToString(output.FunctionArn),
		"function_response_types":            output.FunctionResponseTypes,
		"kms_key_arn":                        aws.ToString(output.KMSKeyArn),
		"maximum_batching_window_in_seconds": aws.ToInt32(output.MaximumBatchingWindowInSeconds),
		"maximum_record_age_in_seconds":      aws.ToInt32(output.MaximumRecordAgeInSeconds),
		"maximum_retry_attempts":             aws.ToInt32(output.MaximumRetryAttempts),
		"metrics":                            output.MetricsConfig != nil,
		"parallelization_factor":             aws.ToInt32(output.ParallelizationFactor),
		"pollers":                            [2]int32{},
		"poller_group_name":                  "",
		"queues":                             output.Queues,
		"scaling_config":                     output.ScalingConfig != nil,
		"servers":                            "",
		"source_access_configuration":        []string{},
		"starting_position":                  output.StartingPosition,
		"tags":                               tags.Tags,
		"topics":                             output.Topics,
		"tumbling_window_in_seconds":         aws.ToInt32(output.TumblingWindowInSeconds),
	}
	if criteria := output.FilterCriteria; criteria != nil {
		filters := []string{}
		for _, filter := range criteria.Filters {
			filters = append(filters, aws.ToString(filter.Pattern))
		}
		read["filters"] = filters
	}
	if config := output.DestinationConfig; config != nil && config.OnFailure != nil {
		read["destination_arn"] = aws.ToString(config.OnFailure.Destination)
	}
	if config := output.SelfManagedKafkaEventSourceConfig; config != nil {
		read["consumer_group_id"] = aws.ToString(config.ConsumerGroupId)
	}
	if config := output.AmazonManagedKafkaEventSourceConfig; config != nil {
		read["consumer_group_id"] = aws.ToString(config.ConsumerGroupId)
	}
	if config := output.ProvisionedPollerConfig; config != nil {
		read["pollers"] = [2]int32{aws.ToInt32(config.MinimumPollers), aws.ToInt32(config.MaximumPollers)}
		read["poller_group_name"] = aws.ToString(config.PollerGroupName)
	}
	if at := output.StartingPositionTimestamp; at != nil {
		read["starting_position_timestamp"] = at.Format(time.RFC3339)
	}
	if source := output.SelfManagedEventSource; source != nil {
		servers := slices.Sorted(slices.Values(source.Endpoints["KAFKA_BOOTSTRAP_SERVERS"]))
		read["servers"] = strings.Join(servers, ",")
	}
	access := []string{}
	for _, each := range output.SourceAccessConfigurations {
		access = append(access, string(each.Type)+" "+aws.ToString(each.URI))
	}
	slices.Sort(access)
	read["source_access_configuration"] = access
	return read
}

func filterCriteria(patterns ...string) *types.FilterCriteria {
	criteria := &types.FilterCriteria{}
	for _, pattern := range patterns {
		criteria.Filters = append(criteria.Filters, types.Filter{Pattern: aws.String(pattern)})
	}
	return criteria
}

func TestMappingOfAStreamKeepsAllAndForgetsWhatIsTakenAway(t *testing.T) {
	ctx, c := connect(t)
	function := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-of-stream")})
	stream := createStream(t, ctx, c, kinesis.CreateStreamInput{StreamName: aws.String("tf-mapped"), ShardCount: aws.Int32(1)})
	tooHot := `{"data":{"celsius":[{"numeric":[">",110]}]}}`
	uuid := createMapping(t, ctx, c, lambda.CreateEventSourceMappingInput{
		BatchSize:                      aws.Int32(10),
		BisectBatchOnFunctionError:     aws.Bool(true),
		DestinationConfig:              &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(queueARN)}},
		Enabled:                        aws.Bool(true),
		EventSourceArn:                 aws.String(streamARN(stream)),
		FilterCriteria:                 filterCriteria(tooHot),
		FunctionName:                   &function,
		FunctionResponseTypes:          []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
		MaximumBatchingWindowInSeconds: aws.Int32(2),
		MaximumRecordAgeInSeconds:      aws.Int32(3600),
		MaximumRetryAttempts:           aws.Int32(3),
		MetricsConfig:                  &types.EventSourceMappingMetricsConfig{Metrics: []types.EventSourceMappingMetric{types.EventSourceMappingMetricEventCount}},
		ParallelizationFactor:          aws.Int32(2),
		StartingPosition:               types.EventSourcePositionLatest,
		Tags:                           map[string]string{"team": "pit"},
		TumblingWindowInSeconds:        aws.Int32(30),
	})
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + function
	config := attributes{
		"batch_size":                         int32(10),
		"bisect_batch_on_function_error":     true,
		"consumer_group_id":                  "",
		"destination_arn":                    queueARN,
		"enabled":                            true,
		"event_source_arn":                   streamARN(stream),
		"filters":                            []string{tooHot},
		"function_name":                      arn,
		"function_response_types":            []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
		"kms_key_arn":                        "",
		"maximum_batching_window_in_seconds": int32(2),
		"maximum_record_age_in_seconds":      int32(3600),
		"maximum_retry_attempts":             int32(3),
		"metrics":                            true,
		"parallelization_factor":             int32(2),
		"scaling_config":                     false,
		"starting_position":                  types.EventSourcePositionLatest,
		"tags":                               map[string]string{"team": "pit"},
		"tumbling_window_in_seconds":         int32(30),
	}
	noChanges(t, "the mapping", config, readMapping(t, ctx, c, uuid))
	updateMapping(t, ctx, c, lambda.UpdateEventSourceMappingInput{
		UUID:                           uuid,
		BatchSize:                      aws.Int32(100),
		BisectBatchOnFunctionError:     aws.Bool(false),
		Enabled:                        aws.Bool(false),
		FilterCriteria:                 &types.FilterCriteria{},
		FunctionResponseTypes:          []types.FunctionResponseType{},
		MaximumBatchingWindowInSeconds: aws.Int32(0),
		MaximumRecordAgeInSeconds:      aws.Int32(-1),
		MaximumRetryAttempts:           aws.Int32(-1),
		MetricsConfig:                  &types.EventSourceMappingMetricsConfig{},
		ParallelizationFactor:          aws.Int32(1),
		TumblingWindowInSeconds:        aws.Int32(0),
	})
	config = config.with(attributes{
		"batch_size":                         int32(100),
		"bisect_batch_on_function_error":     false,
		"enabled":                            false,
		"filters":                            []string{},
		"maximum_batching_window_in_seconds": int32(0),
		"maximum_record_age_in_seconds":      int32(-1),
		"maximum_retry_attempts":             int32(-1),
		"metrics":                            false,
		"parallelization_factor":             int32(1),
		"tumbling_window_in_seconds":         int32(0),
	})
	read := readMapping(t, ctx, c, uuid)
	read["function_response_types"] = len(read["function_response_types"].([]types.FunctionResponseType))
	noChanges(t, "the mapping", config.with(attributes{"function_response_types": 0}), read)
	updateMapping(t, ctx, c, lambda.UpdateEventSourceMappingInput{UUID: uuid, Enabled: aws.Bool(true)})
	noChanges(t, "the mapping", attributes{"enabled": true}, readMapping(t, ctx, c, uuid))
	destroyMapping(t, ctx, c, uuid)
}

func TestMappingOfAConsumerOfAStreamIsDefaultWhereNothingIsSaid(t *testing.T) {
	ctx, c := connect(t)
	function := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-of-consumer")})
	stream := createStream(t, ctx, c, kinesis.CreateStreamInput{StreamName: aws.String("tf-fan-out"), ShardCount: aws.Int32(1)})
	registered := must[*kinesis.RegisterStreamConsumerOutput](t, "registering")(
		c.kinesis.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
			ConsumerName: aws.String("mapped"),
			StreamARN:    aws.String(streamARN(stream)),
		}))
	start := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	uuid := createMapping(t, ctx, c, lambda.CreateEventSourceMappingInput{
		Enabled:                   aws.Bool(true),
		EventSourceArn:            registered.Consumer.ConsumerARN,
		FunctionName:              &function,
		StartingPosition:          types.EventSourcePositionAtTimestamp,
		StartingPositionTimestamp: &start,
	})
	noChanges(t, "the mapping", attributes{
		"batch_size":                         int32(100),
		"bisect_batch_on_function_error":     false,
		"destination_arn":                    "",
		"event_source_arn":                   aws.ToString(registered.Consumer.ConsumerARN),
		"filters":                            []string{},
		"maximum_batching_window_in_seconds": int32(0),
		"metrics":                            false,
		"pollers":                            [2]int32{},
		"source_access_configuration":        []string{},
		"starting_position":                  types.EventSourcePositionAtTimestamp,
		"starting_position_timestamp":        start.Format(time.RFC3339),
		"tumbling_window_in_seconds":         int32(0),
	}, readMapping(t, ctx, c, uuid))
	destroyMapping(t, ctx, c, uuid)
}

func TestMappingOfASelfManagedClusterKeepsPollersLoginAndFilter(t *testing.T) {
	ctx, c := connect(t)
	function := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-of-kafka"), Publish: true})
	secret := aws.String("arn:aws:secretsmanager:" + region + ":" + account + ":secret:ann-a1B2c3")
	pattern := `{"value":{"car":["44"]}}`
	key := aws.String("arn:aws:kms:" + region + ":" + account + ":key/one")
	uuid := createMapping(t, ctx, c, lambda.CreateEventSourceMappingInput{
		Enabled:        aws.Bool(false),
		FilterCriteria: filterCriteria(pattern),
		FunctionName:   aws.String(function + ":1"),
		KMSKeyArn:      key,
		ProvisionedPollerConfig: &types.ProvisionedPollerConfig{
			MinimumPollers:  aws.Int32(1),
			MaximumPollers:  aws.Int32(3),
			PollerGroupName: aws.String("pit"),
		},
		SelfManagedEventSource: &types.SelfManagedEventSource{
			Endpoints: map[string][]string{"KAFKA_BOOTSTRAP_SERVERS": {"b.example:9096", "a.example:9096"}},
		},
		SelfManagedKafkaEventSourceConfig: &types.SelfManagedKafkaEventSourceConfig{ConsumerGroupId: aws.String("tf-group")},
		SourceAccessConfigurations: []types.SourceAccessConfiguration{
			{Type: types.SourceAccessTypeSaslScram512Auth, URI: secret},
			{Type: types.SourceAccessTypeVpcSubnet, URI: aws.String("subnet:subnet-0a1b2c3d")},
			{Type: types.SourceAccessTypeVpcSecurityGroup, URI: aws.String("security_group:sg-0a1b2c3d")},
		},
		StartingPosition: types.EventSourcePositionTrimHorizon,
		Topics:           []string{"tf-topic"},
	})
	config := attributes{
		"batch_size":        int32(100),
		"consumer_group_id": "tf-group",
		"enabled":           false,
		"event_source_arn":  "",
		"filters":           []string{pattern},
		"function_name":     "arn:aws:lambda:" + region + ":" + account + ":function:" + function + ":1",
		"kms_key_arn":       *key,
		"pollers":           [2]int32{1, 3},
		"poller_group_name": "pit",
		"servers":           "a.example:9096,b.example:9096",
		"source_access_configuration": []string{
			"SASL_SCRAM_512_AUTH " + *secret,
			"VPC_SECURITY_GROUP security_group:sg-0a1b2c3d",
			"VPC_SUBNET subnet:subnet-0a1b2c3d",
		},
		"starting_position": types.EventSourcePositionTrimHorizon,
		"topics":            []string{"tf-topic"},
	}
	noChanges(t, "the mapping", config, readMapping(t, ctx, c, uuid))
	updateMapping(t, ctx, c, lambda.UpdateEventSourceMappingInput{
		UUID:                    uuid,
		BatchSize:               aws.Int32(50),
		FilterCriteria:          &types.FilterCriteria{},
		FunctionName:            &function,
		KMSKeyArn:               aws.String(""),
		ProvisionedPollerConfig: &types.ProvisionedPollerConfig{},
		SourceAccessConfigurations: []types.SourceAccessConfiguration{
			{Type: types.SourceAccessTypeBasicAuth, URI: secret},
		},
	})
	noChanges(t, "the mapping", config.with(attributes{
		"batch_size":                  int32(50),
		"filters":                     []string{},
		"function_name":               "arn:aws:lambda:" + region + ":" + account + ":function:" + function,
		"kms_key_arn":                 "",
		"pollers":                     [2]int32{},
		"poller_group_name":           "",
		"source_access_configuration": []string{"BASIC_AUTH " + *secret},
	}), readMapping(t, ctx, c, uuid))
	destroyMapping(t, ctx, c, uuid)
}

func TestMappingWithASchemaRegistryKeepsItsLoginAndWhatIsValidated(t *testing.T) {
	ctx, c := connect(t)
	function := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-of-schemas")})
	secret := aws.String("arn:aws:secretsmanager:" + region + ":" + account + ":secret:registry-a1B2c3")
	registry := &types.KafkaSchemaRegistryConfig{
		AccessConfigs: []types.KafkaSchemaRegistryAccessConfig{
			{Type: types.KafkaSchemaRegistryAuthTypeBasicAuth, URI: secret},
		},
		EventRecordFormat:       types.SchemaRegistryEventRecordFormatJson,
		SchemaRegistryURI:       aws.String("https://registry.example:8081"),
		SchemaValidationConfigs: []types.KafkaSchemaValidationConfig{{Attribute: types.KafkaSchemaValidationAttributeValue}},
	}
	uuid := createMapping(t, ctx, c, lambda.CreateEventSourceMappingInput{
		Enabled:                 aws.Bool(false),
		FunctionName:            &function,
		ProvisionedPollerConfig: &types.ProvisionedPollerConfig{MinimumPollers: aws.Int32(1)},
		SelfManagedEventSource: &types.SelfManagedEventSource{
			Endpoints: map[string][]string{"KAFKA_BOOTSTRAP_SERVERS": {"a.example:9096"}},
		},
		SelfManagedKafkaEventSourceConfig: &types.SelfManagedKafkaEventSourceConfig{
			ConsumerGroupId:      aws.String("tf-schemas"),
			SchemaRegistryConfig: registry,
		},
		StartingPosition: types.EventSourcePositionLatest,
		Topics:           []string{"tf-schemas"},
	})
	output := must[*lambda.GetEventSourceMappingOutput](t, "reading the mapping")(
		c.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: uuid}))
	config := output.SelfManagedKafkaEventSourceConfig
	noChanges(t, "the mapping",
		attributes{"schema_registry_config": registry, "consumer_group_id": "tf-schemas"},
		attributes{
			"schema_registry_config": config.SchemaRegistryConfig,
			"consumer_group_id":      aws.ToString(config.ConsumerGroupId),
		})
	destroyMapping(t, ctx, c, uuid)
}

func TestClusterIsFoundByNameAndMapped(t *testing.T) {
	ctx, c := connect(t)
	found := must[*kafka.ListClustersV2Output](t, "listing")(
		c.kafka.ListClustersV2(ctx, &kafka.ListClustersV2Input{ClusterNameFilter: aws.String("millrace")}))
	if len(found.ClusterInfoList) != 1 {
		t.Fatalf("the data source wants one cluster, and finds %d", len(found.ClusterInfoList))
	}
	cluster := found.ClusterInfoList[0]
	if cluster.Provisioned == nil || cluster.Provisioned.CurrentBrokerSoftwareInfo == nil ||
		cluster.Provisioned.BrokerNodeGroupInfo == nil {
		t.Fatal("the data source looks into members that are not there")
	}
	must[*kafka.DescribeClusterV2Output](t, "describing")(
		c.kafka.DescribeClusterV2(ctx, &kafka.DescribeClusterV2Input{ClusterArn: cluster.ClusterArn}))
	one := must[*kafka.ListClustersOutput](t, "listing")(
		c.kafka.ListClusters(ctx, &kafka.ListClustersInput{ClusterNameFilter: aws.String("millrace")})).ClusterInfoList[0]
	if one.CurrentBrokerSoftwareInfo == nil || aws.ToString(one.ClusterArn) != aws.ToString(cluster.ClusterArn) {
		t.Error("both versions of the list are to tell of the same cluster")
	}
	brokers := must[*kafka.GetBootstrapBrokersOutput](t, "brokers")(
		c.kafka.GetBootstrapBrokers(ctx, &kafka.GetBootstrapBrokersInput{ClusterArn: cluster.ClusterArn}))
	if aws.ToString(brokers.BootstrapBrokerString) == "" {
		t.Error("there is no broker to connect to")
	}
	function := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-of-msk")})
	uuid := createMapping(t, ctx, c, lambda.CreateEventSourceMappingInput{
		AmazonManagedKafkaEventSourceConfig: &types.AmazonManagedKafkaEventSourceConfig{ConsumerGroupId: aws.String("tf-msk")},
		Enabled:                             aws.Bool(true),
		EventSourceArn:                      cluster.ClusterArn,
		FunctionName:                        &function,
		StartingPosition:                    types.EventSourcePositionLatest,
		Topics:                              []string{"tf-msk-topic"},
	})
	noChanges(t, "the mapping", attributes{
		"batch_size":        int32(100),
		"consumer_group_id": "tf-msk",
		"enabled":           true,
		"event_source_arn":  aws.ToString(cluster.ClusterArn),
		"servers":           "",
		"topics":            []string{"tf-msk-topic"},
	}, readMapping(t, ctx, c, uuid))
	destroyMapping(t, ctx, c, uuid)
}
