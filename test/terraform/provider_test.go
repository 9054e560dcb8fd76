// Has what the tests share: AWS's clients on the platform's one port, waiting as Terraform's provider waits, and comparing as its plan does.
package terraform

import (
	"context"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	account  = "000000000000"
	region   = "us-east-1"
	role     = "arn:aws:iam::" + account + ":role/any"
	queueARN = "arn:aws:sqs:" + region + ":" + account + ":failures"
)

// What a resource has once the provider has read it: the attributes of the resource's schema, by their names there.
type attributes map[string]any

type clients struct {
	lambda  *lambda.Client
	kinesis *kinesis.Client
	kafka   *kafka.Client
	logs    *cloudwatchlogs.Client
	sts     *sts.Client
	iam     *iam.Client
}

// One endpoint for every service, as the block `endpoints` of the provider has it.
func connect(t *testing.T) (context.Context, clients) {
	t.Helper()
	endpoint := os.Getenv("MILLRACE_AWS_ENDPOINT")
	if endpoint == "" {
		t.Fatal("MILLRACE_AWS_ENDPOINT is not set: run make test-terraform")
	}
	config := aws.Config{
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
		BaseEndpoint: aws.String(endpoint),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx, clients{
		lambda:  lambda.NewFromConfig(config),
		kinesis: kinesis.NewFromConfig(config),
		kafka:   kafka.NewFromConfig(config),
		logs:    cloudwatchlogs.NewFromConfig(config),
		sts:     sts.NewFromConfig(config),
		iam:     iam.NewFromConfig(config),
	}
}

func must[T any](t *testing.T, what string) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return value
	}
}

// What the provider takes for "no longer there".
func isMissing(err error) bool {
	var failure smithy.APIError
	if !errors.As(err, &failure) {
		return false
	}
	codes := []string{"ResourceNotFoundException", "ProvisionedConcurrencyConfigNotFoundException", "NoSuchEntity"}
	return contains(codes, failure.ErrorCode())
}

// Fails unless the answer says that the resource is gone, of the code that the provider looks for.
func gone(t *testing.T, what string, err error) {
	t.Helper()
	if !isMissing(err) {
		t.Fatalf("%s is to be gone; reading it says: %v", what, err)
	}
}

// Waits for one of the states in `target`; one that is neither there nor in `pending` is an error, as the provider has it.
func waitFor(t *testing.T, what string, pending, target []string, state func() (string, error)) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		now, err := state()
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if contains(target, now) {
			return
		}
		if !contains(pending, now) {
			t.Fatalf("waiting for %s: unexpected state %q, wanted one of %q", what, now, target)
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: still %q", what, now)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// Waits until reading says that the resource is gone.
func waitGone(t *testing.T, what string, pending []string, state func() (string, error)) {
	t.Helper()
	waitFor(t, what, pending, []string{"gone"}, func() (string, error) {
		now, err := state()
		if isMissing(err) {
			return "gone", nil
		}
		return now, err
	})
}

func contains(list []string, one string) bool {
	for _, each := range list {
		if each == one {
			return true
		}
	}
	return false
}

// The plan after an apply: every attribute that the configuration sets is read back as it was set.
func noChanges(t *testing.T, resource string, configured, read attributes) {
	t.Helper()
	for name, want := range configured {
		if got := read[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the plan would change %s from %#v to %#v", resource, name, got, want)
		}
	}
}

// A configuration with some attributes changed.
func (config attributes) with(changes attributes) attributes {
	all := attributes{}
	for name, value := range config {
		all[name] = value
	}
	for name, value := range changes {
		all[name] = value
	}
	return all
}
