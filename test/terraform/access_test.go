// Tests what the provider calls for what belongs to a function: alias, permission, policy, asynchronous invocations, provisioned concurrency.
package terraform

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// A policy as the provider takes it apart; what does not fit fails there as it does here.
type policyDocument struct {
	Version   string
	Id        string
	Statement []policyStatement
}

type policyStatement struct {
	Condition map[string]map[string]string
	Action    string
	Resource  string
	Effect    string
	Principal any
	Sid       string
}

func parsePolicy(t *testing.T, text *string) policyDocument {
	t.Helper()
	var document policyDocument
	if err := json.Unmarshal([]byte(aws.ToString(text)), &document); err != nil {
		t.Fatalf("the provider could not parse the policy: %v", err)
	}
	return document
}

func TestAliasShiftsBetweenVersionsAndGoes(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-alias"), Publish: true})
	must[*lambda.UpdateFunctionConfigurationOutput](t, "configuring")(
		c.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &name,
			Timeout:      aws.Int32(5),
		}))
	must[*lambda.PublishVersionOutput](t, "publishing")(
		c.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &name}))
	alias := aws.String("live")
	function := aws.String("arn:aws:lambda:" + region + ":" + account + ":function:" + name)
	// Without routing_config the provider sends an empty structure.
	created := must[*lambda.CreateAliasOutput](t, "creating")(c.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{
		Description:     aws.String(""),
		FunctionName:    function,
		FunctionVersion: aws.String("1"),
		Name:            alias,
		RoutingConfig:   &types.AliasRoutingConfiguration{},
	}))
	read := func() attributes {
		output := must[*lambda.GetAliasOutput](t, "reading")(
			c.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: function, Name: alias}))
		all := attributes{
			"arn":              aws.ToString(output.AliasArn),
			"description":      aws.ToString(output.Description),
			"function_version": aws.ToString(output.FunctionVersion),
			"name":             aws.ToString(output.Name),
			"routing_config":   map[string]float64(nil),
		}
		// Of a structure that is there the provider makes a block, and the configuration has none.
		if output.RoutingConfig != nil {
			all["routing_config"] = output.RoutingConfig.AdditionalVersionWeights
			if len(output.RoutingConfig.AdditionalVersionWeights) == 0 {
				t.Error("the plan would take away an empty routing_config")
			}
		}
		return all
	}
	config := attributes{
		"arn":              aws.ToString(created.AliasArn),
		"description":      "",
		"function_version": "1",
		"name":             "live",
		"routing_config":   map[string]float64(nil),
	}
	noChanges(t, "alias", config, read())
	update := func(weights map[string]float64) {
		must[*lambda.UpdateAliasOutput](t, "updating")(c.lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{
			Description:     aws.String("shifting"),
			FunctionName:    function,
			FunctionVersion: aws.String("1"),
			Name:            alias,
			RoutingConfig:   &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
		}))
	}
	weights := map[string]float64{"2": 0.25}
	update(weights)
	config = config.with(attributes{"description": "shifting", "routing_config": weights})
	noChanges(t, "alias", config, read())
	update(nil)
	noChanges(t, "alias", config.with(attributes{"routing_config": map[string]float64(nil)}), read())
	must[*lambda.DeleteAliasOutput](t, "destroying")(
		c.lambda.DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: function, Name: alias}))
	_, err := c.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: function, Name: alias})
	gone(t, "the alias", err)
}

func TestPermissionsAreFoundInThePolicyWithEveryCondition(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-permission"), Publish: true})
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	statement := func(sid string, qualifier *string) *policyStatement {
		output, err := c.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &name, Qualifier: qualifier})
		if isMissing(err) {
			return nil
		}
		policy := must[*lambda.GetPolicyOutput](t, "reading")(output, err)
		for _, each := range parsePolicy(t, policy.Policy).Statement {
			if each.Sid == sid {
				return &each
			}
		}
		return nil
	}
	inputs := []lambda.AddPermissionInput{
		{
			StatementId:   aws.String("bucket"),
			Principal:     aws.String("s3.amazonaws.com"),
			SourceAccount: aws.String("111111111111"),
			SourceArn:     aws.String("arn:aws:s3:::bucket"),
		},
		{StatementId: aws.String("account"), Principal: aws.String("arn:aws:iam::111111111111:role/other")},
		{
			StatementId:           aws.String("url"),
			Principal:             aws.String("*"),
			FunctionUrlAuthType:   types.FunctionUrlAuthTypeNone,
			InvokedViaFunctionUrl: aws.Bool(true),
		},
		{
			StatementId:      aws.String("version"),
			Principal:        aws.String("alexa-connectedhome.amazon.com"),
			EventSourceToken: aws.String("token"),
			Qualifier:        aws.String("1"),
		},
	}
	for index := range inputs {
		inputs[index].Action = aws.String("lambda:InvokeFunction")
		inputs[index].FunctionName = &name
		must[*lambda.AddPermissionOutput](t, "adding")(c.lambda.AddPermission(ctx, &inputs[index]))
	}
	bucket := statement("bucket", nil)
	noChanges(t, "bucket", attributes{
		"action":         "lambda:InvokeFunction",
		"resource":       arn,
		"principal":      "s3.amazonaws.com",
		"source_account": "111111111111",
		"source_arn":     "arn:aws:s3:::bucket",
	}, attributes{
		"action":         bucket.Action,
		"resource":       bucket.Resource,
		"principal":      bucket.Principal.(map[string]any)["Service"],
		"source_account": bucket.Condition["StringEquals"]["AWS:SourceAccount"],
		"source_arn":     bucket.Condition["ArnLike"]["AWS:SourceArn"],
	})
	other, url, version := statement("account", nil), statement("url", nil), statement("version", inputs[3].Qualifier)
	noChanges(t, "the others", attributes{
		"principal":                "arn:aws:iam::111111111111:role/other",
		"url principal":            "*",
		"function_url_auth_type":   "NONE",
		"invoked_via_function_url": "true",
		"event_source_token":       "token",
		"version":                  arn + ":1",
	}, attributes{
		"principal":                other.Principal.(map[string]any)["AWS"],
		"url principal":            url.Principal,
		"function_url_auth_type":   url.Condition["StringEquals"]["lambda:FunctionUrlAuthType"],
		"invoked_via_function_url": url.Condition["Bool"]["lambda:InvokedViaFunctionUrl"],
		"event_source_token":       version.Condition["StringEquals"]["lambda:EventSourceToken"],
		"version":                  version.Resource,
	})
	for _, input := range inputs {
		must[*lambda.RemovePermissionOutput](t, "removing")(c.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{
			FunctionName: &name,
			StatementId:  input.StatementId,
			Qualifier:    input.Qualifier,
		}))
		if statement(aws.ToString(input.StatementId), input.Qualifier) != nil {
			t.Errorf("%s is still there", aws.ToString(input.StatementId))
		}
	}
}

func TestPolicyIsPutAsAWhole(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-policy")})
	arn := aws.String("arn:aws:lambda:" + region + ":" + account + ":function:" + name)
	put := func(effect string) policyDocument {
		text := `{"Version":"2012-10-17","Statement":[{"Sid":"one","Effect":"` + effect +
			`","Principal":"*","Action":"lambda:InvokeFunction","Resource":"` + *arn + `"}]}`
		answered := must[*lambda.PutResourcePolicyOutput](t, "putting")(
			c.lambda.PutResourcePolicy(ctx, &lambda.PutResourcePolicyInput{ResourceArn: arn, Policy: &text}))
		read := must[*lambda.GetResourcePolicyOutput](t, "reading")(
			c.lambda.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: arn}))
		asked, got := parsePolicy(t, &text), parsePolicy(t, read.Policy)
		noChanges(t, "policy", attributes{"policy": asked}, attributes{"policy": got})
		noChanges(t, "policy", attributes{"revision_id": answered.RevisionId}, attributes{"revision_id": read.RevisionId})
		return got
	}
	put("Allow")
	if got := put("Deny"); got.Statement[0].Effect != "Deny" {
		t.Errorf("the policy is still %v", got)
	}
	must[*lambda.DeleteResourcePolicyOutput](t, "destroying")(
		c.lambda.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: arn}))
	_, err := c.lambda.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: arn})
	gone(t, "the policy", err)
	_, err = c.lambda.DeleteResourcePolicy(ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: arn})
	gone(t, "the policy", err)
}

func TestEventInvokeConfigIsReplacedByEachPut(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-invoke"), Publish: true})
	for _, qualifier := range []*string{nil, aws.String("1"), aws.String("$LATEST")} {
		get := &lambda.GetFunctionEventInvokeConfigInput{FunctionName: &name, Qualifier: qualifier}
		read := func() attributes {
			output := must[*lambda.GetFunctionEventInvokeConfigOutput](t, "reading")(c.lambda.GetFunctionEventInvokeConfig(ctx, get))
			destinations := output.DestinationConfig
			return attributes{
				"maximum_event_age_in_seconds": aws.ToInt32(output.MaximumEventAgeInSeconds),
				"maximum_retry_attempts":       aws.ToInt32(output.MaximumRetryAttempts),
				"on_failure":                   aws.ToString(destinations.OnFailure.Destination),
				"on_success":                   aws.ToString(destinations.OnSuccess.Destination),
			}
		}
		must[*lambda.PutFunctionEventInvokeConfigOutput](t, "creating")(
			c.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
				FunctionName:             &name,
				Qualifier:                qualifier,
				MaximumRetryAttempts:     aws.Int32(0),
				MaximumEventAgeInSeconds: aws.Int32(60),
				DestinationConfig:        &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String(queueARN)}},
			}))
		config := attributes{
			"maximum_event_age_in_seconds": int32(60),
			"maximum_retry_attempts":       int32(0),
			"on_failure":                   queueARN,
			"on_success":                   "",
		}
		noChanges(t, "the configuration", config, read())
		must[*lambda.PutFunctionEventInvokeConfigOutput](t, "updating")(
			c.lambda.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
				FunctionName:         &name,
				Qualifier:            qualifier,
				MaximumRetryAttempts: aws.Int32(2),
			}))
		noChanges(t, "the configuration", attributes{
			"maximum_event_age_in_seconds": int32(0),
			"maximum_retry_attempts":       int32(2),
			"on_failure":                   "",
			"on_success":                   "",
		}, read())
		must[*lambda.DeleteFunctionEventInvokeConfigOutput](t, "destroying")(
			c.lambda.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{
				FunctionName: &name,
				Qualifier:    qualifier,
			}))
		_, err := c.lambda.GetFunctionEventInvokeConfig(ctx, get)
		gone(t, "the configuration", err)
	}
}

func TestProvisionedConcurrencyIsReadyThenAsAskedFor(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-provisioned"), Publish: true})
	qualifier := aws.String("1")
	get := &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: &name, Qualifier: qualifier}
	for _, executions := range []int32{1, 2} {
		must[*lambda.PutProvisionedConcurrencyConfigOutput](t, "putting")(
			c.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
				FunctionName:                    &name,
				ProvisionedConcurrentExecutions: aws.Int32(executions),
				Qualifier:                       qualifier,
			}))
		waitFor(t, "the environments", []string{"IN_PROGRESS"}, []string{"READY"}, func() (string, error) {
			output, err := c.lambda.GetProvisionedConcurrencyConfig(ctx, get)
			if err != nil {
				return "", err
			}
			return string(output.Status), nil
		})
		output := must[*lambda.GetProvisionedConcurrencyConfigOutput](t, "reading")(c.lambda.GetProvisionedConcurrencyConfig(ctx, get))
		noChanges(t, "the environments",
			attributes{"provisioned_concurrent_executions": executions},
			attributes{"provisioned_concurrent_executions": aws.ToInt32(output.AllocatedProvisionedConcurrentExecutions)})
	}
	must[*lambda.DeleteProvisionedConcurrencyConfigOutput](t, "destroying")(
		c.lambda.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{
			FunctionName: &name,
			Qualifier:    qualifier,
		}))
	_, err := c.lambda.GetProvisionedConcurrencyConfig(ctx, get)
	gone(t, "the configuration", err)
}
