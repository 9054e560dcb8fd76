// Tests what the provider calls for aws_lambda_function: created, read, changed, published, imported and destroyed.
package terraform

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func zipOf(t *testing.T, source string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	file := must[any](t, "zip")(archive.Create("index.mjs"))
	if _, err := file.(interface{ Write([]byte) (int, error) }).Write([]byte(source)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func digestOf(code []byte) string {
	digest := sha256.Sum256(code)
	return base64.StdEncoding.EncodeToString(digest[:])
}

// Creates a function with a version and waits as the provider does; it goes when the test ends.
func createFunction(t *testing.T, ctx context.Context, c clients, input lambda.CreateFunctionInput) string {
	t.Helper()
	name := aws.ToString(input.FunctionName)
	if input.Code == nil {
		input.Code = &types.FunctionCode{ZipFile: zipOf(t, "export const handler = async () => 'ok'")}
	}
	// These the provider sends of every function.
	input.Description = aws.String(aws.ToString(input.Description))
	input.MemorySize = aws.Int32(max(aws.ToInt32(input.MemorySize), 128))
	input.Timeout = aws.Int32(max(aws.ToInt32(input.Timeout), 3))
	input.PackageType = types.PackageTypeZip
	input.Role = aws.String(role)
	input.Handler = aws.String("index.handler")
	if input.Runtime == "" {
		input.Runtime = types.Runtime("nodejs24.x")
	}
	must[*lambda.CreateFunctionOutput](t, "creating "+name)(c.lambda.CreateFunction(ctx, &input))
	t.Cleanup(func() {
		_, _ = c.lambda.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: &name})
	})
	waitFor(t, name, []string{"Pending"}, []string{"Active", "ActiveNonInvocable"}, func() (string, error) {
		return functionState(ctx, c, name)
	})
	return name
}

func functionState(ctx context.Context, c clients, name string) (string, error) {
	output, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
	if err != nil {
		return "", err
	}
	return string(output.Configuration.State), nil
}

func waitUpdated(t *testing.T, ctx context.Context, c clients, name string) {
	t.Helper()
	waitFor(t, name, []string{"InProgress"}, []string{"Successful"}, func() (string, error) {
		output, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
		if err != nil {
			return "", err
		}
		return string(output.Configuration.LastUpdateStatus), nil
	})
}

func readFunction(t *testing.T, ctx context.Context, c clients, name string) attributes {
	t.Helper()
	output := must[*lambda.GetFunctionOutput](t, "reading "+name)(
		c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name}))
	if output.Code == nil || output.Configuration == nil {
		t.Fatalf("%s has no code or no configuration", name)
	}
	function := output.Configuration
	reserved := int32(-1)
	if output.Concurrency != nil {
		reserved = aws.ToInt32(output.Concurrency.ReservedConcurrentExecutions)
	}
	read := attributes{
		"architectures": function.Architectures,
		"code_sha256":   aws.ToString(function.CodeSha256),
		"dead_letter":   "",
		"description":   aws.ToString(function.Description),
		"environment":   map[string]string(nil),
		"function_name": aws.ToString(function.FunctionName),
		"handler":       aws.ToString(function.Handler),
		"kms_key_arn":   aws.ToString(function.KMSKeyArn),
		"layers":        len(function.Layers),
		"memory_size":   aws.ToInt32(function.MemorySize),
		"package_type":  function.PackageType,
		"reserved":      reserved,
		"role":          aws.ToString(function.Role),
		"runtime":       string(function.Runtime),
		"storage":       aws.ToInt32(function.EphemeralStorage.Size),
		"tags":          output.Tags,
		"timeout":       aws.ToInt32(function.Timeout),
		"tracing":       function.TracingConfig.Mode,
		"vpc":           function.VpcConfig == nil || len(function.VpcConfig.SubnetIds) == 0,
	}
	if logging := function.LoggingConfig; logging != nil {
		read["log_format"] = logging.LogFormat
		read["log_group"] = aws.ToString(logging.LogGroup)
		read["application_log_level"] = logging.ApplicationLogLevel
		read["system_log_level"] = logging.SystemLogLevel
	}
	if function.DeadLetterConfig != nil {
		read["dead_letter"] = aws.ToString(function.DeadLetterConfig.TargetArn)
	}
	if function.Environment != nil {
		read["environment"] = function.Environment.Variables
	}
	if snap := function.SnapStart; snap != nil && snap.ApplyOn != types.SnapStartApplyOnNone {
		t.Errorf("%s: the plan would take away snap_start", name)
	}
	// The last of the list is what the provider takes for the function's version.
	pages := lambda.NewListVersionsByFunctionPaginator(c.lambda, &lambda.ListVersionsByFunctionInput{
		FunctionName: &name,
		MaxItems:     aws.Int32(10_000),
	})
	for pages.HasMorePages() {
		page := must[*lambda.ListVersionsByFunctionOutput](t, "versions")(pages.NextPage(ctx))
		if last := len(page.Versions) - 1; last >= 0 && page.NextMarker == nil {
			read["version"] = aws.ToString(page.Versions[last].Version)
			read["qualified_arn"] = aws.ToString(page.Versions[last].FunctionArn)
		}
	}
	signing := must[*lambda.GetFunctionCodeSigningConfigOutput](t, "code signing")(
		c.lambda.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: &name}))
	read["code_signing_config_arn"] = aws.ToString(signing.CodeSigningConfigArn)
	return read
}

func TestFunctionIsCreatedChangedPublishedAndDestroyed(t *testing.T) {
	ctx, c := connect(t)
	code := zipOf(t, "export const handler = async () => 1")
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{
		FunctionName:  aws.String("tf-function"),
		Code:          &types.FunctionCode{ZipFile: code},
		Architectures: []types.Architecture{types.ArchitectureArm64},
		Environment:   &types.Environment{Variables: map[string]string{"STAGE": "test"}},
		EphemeralStorage: &types.EphemeralStorage{
			Size: aws.Int32(1024),
		},
		DeadLetterConfig: &types.DeadLetterConfig{TargetArn: aws.String(queueARN)},
		LoggingConfig: &types.LoggingConfig{
			LogFormat:           types.LogFormatJson,
			ApplicationLogLevel: types.ApplicationLogLevelWarn,
			SystemLogLevel:      types.SystemLogLevelInfo,
			LogGroup:            aws.String("/own/tf-function"),
		},
		TracingConfig: &types.TracingConfig{Mode: types.TracingModePassThrough},
		Publish:       true,
		Tags:          map[string]string{"team": "pit", "stage": "test"},
	})
	must[*lambda.PutFunctionConcurrencyOutput](t, "reserving")(
		c.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
			FunctionName:                 &name,
			ReservedConcurrentExecutions: aws.Int32(7),
		}))
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	config := attributes{
		"architectures":           []types.Architecture{types.ArchitectureArm64},
		"application_log_level":   types.ApplicationLogLevelWarn,
		"code_sha256":             digestOf(code),
		"code_signing_config_arn": "",
		"dead_letter":             queueARN,
		"description":             "",
		"environment":             map[string]string{"STAGE": "test"},
		"function_name":           name,
		"handler":                 "index.handler",
		"kms_key_arn":             "",
		"layers":                  0,
		"log_format":              types.LogFormatJson,
		"log_group":               "/own/tf-function",
		"memory_size":             int32(128),
		"package_type":            types.PackageTypeZip,
		"qualified_arn":           arn + ":1",
		"reserved":                int32(7),
		"role":                    role,
		"runtime":                 "nodejs24.x",
		"storage":                 int32(1024),
		"system_log_level":        types.SystemLogLevelInfo,
		"tags":                    map[string]string{"team": "pit", "stage": "test"},
		"timeout":                 int32(3),
		"tracing":                 types.TracingModePassThrough,
		"version":                 "1",
		"vpc":                     true,
	}
	noChanges(t, name, config, readFunction(t, ctx, c, name))

	// Tags go first, then the configuration, the code, the reservation and a version.
	must[*lambda.UntagResourceOutput](t, "untagging")(
		c.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: &arn, TagKeys: []string{"stage"}}))
	must[*lambda.TagResourceOutput](t, "tagging")(
		c.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"team": "box"}}))
	must[*lambda.UpdateFunctionConfigurationOutput](t, "configuring")(
		c.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName:     &name,
			Description:      aws.String("changed"),
			DeadLetterConfig: &types.DeadLetterConfig{TargetArn: aws.String("")},
			Environment:      &types.Environment{Variables: map[string]string{}},
			EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(512)},
			KMSKeyArn:        aws.String(""),
			Layers:           []string{},
			LoggingConfig:    &types.LoggingConfig{LogFormat: types.LogFormatText},
			MemorySize:       aws.Int32(256),
			Timeout:          aws.Int32(9),
			VpcConfig: &types.VpcConfig{
				Ipv6AllowedForDualStack: aws.Bool(false),
				SecurityGroupIds:        []string{},
				SubnetIds:               []string{},
			},
		}))
	waitUpdated(t, ctx, c, name)
	code = zipOf(t, "export const handler = async () => 2")
	must[*lambda.UpdateFunctionCodeOutput](t, "updating the code")(
		c.lambda.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName:  &name,
			Architectures: []types.Architecture{types.ArchitectureX8664},
			ZipFile:       code,
		}))
	waitUpdated(t, ctx, c, name)
	must[*lambda.DeleteFunctionConcurrencyOutput](t, "freeing")(
		c.lambda.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &name}))
	version := must[*lambda.PublishVersionOutput](t, "publishing")(
		c.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &name}))
	waitFor(t, "the version", []string{"InProgress"}, []string{"Successful"}, func() (string, error) {
		// The answered ARN has the version in it already, and the provider names it beside it again.
		output, err := c.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{
			FunctionName: version.FunctionArn,
			Qualifier:    version.Version,
		})
		if err != nil {
			return "", err
		}
		return string(output.LastUpdateStatus), nil
	})
	noChanges(t, name, config.with(attributes{
		"architectures":         []types.Architecture{types.ArchitectureX8664},
		"application_log_level": types.ApplicationLogLevel(""),
		"code_sha256":           digestOf(code),
		"dead_letter":           "",
		"description":           "changed",
		"environment":           map[string]string(nil),
		"log_format":            types.LogFormatText,
		"memory_size":           int32(256),
		"qualified_arn":         arn + ":2",
		"reserved":              int32(-1),
		"storage":               int32(512),
		"system_log_level":      types.SystemLogLevel(""),
		"tags":                  map[string]string{"team": "box"},
		"timeout":               int32(9),
		"version":               "2",
	}), readFunction(t, ctx, c, name))

	must[*lambda.DeleteFunctionOutput](t, "destroying")(
		c.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name}))
	waitGone(t, name, []string{"Active", "Deleting"}, func() (string, error) {
		return functionState(ctx, c, name)
	})
	_, err := c.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &name})
	gone(t, name, err)
}

func TestTheLastOfManyVersionsIsTheNewest(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-versions")})
	for range 12 {
		version := must[*lambda.PublishVersionOutput](t, "publishing")(
			c.lambda.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: &name}))
		must[*lambda.UpdateFunctionConfigurationOutput](t, "configuring")(
			c.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
				FunctionName: &name,
				Description:  version.RevisionId,
			}))
	}
	noChanges(t, name, attributes{"version": "12"}, readFunction(t, ctx, c, name))
}

func TestWhatIsDefaultOfEveryFunctionIsReadAndResetOnDestroy(t *testing.T) {
	ctx, c := connect(t)
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{FunctionName: aws.String("tf-defaults")})
	must[*lambda.PutRuntimeManagementConfigOutput](t, "runtime management")(
		c.lambda.PutRuntimeManagementConfig(ctx, &lambda.PutRuntimeManagementConfigInput{
			FunctionName:    &name,
			UpdateRuntimeOn: types.UpdateRuntimeOnAuto,
		}))
	runtime := must[*lambda.GetRuntimeManagementConfigOutput](t, "runtime management")(
		c.lambda.GetRuntimeManagementConfig(ctx, &lambda.GetRuntimeManagementConfigInput{FunctionName: &name}))
	must[*lambda.PutFunctionRecursionConfigOutput](t, "recursion")(
		c.lambda.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{
			FunctionName:  &name,
			RecursiveLoop: types.RecursiveLoopTerminate,
		}))
	recursion := must[*lambda.GetFunctionRecursionConfigOutput](t, "recursion")(
		c.lambda.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: &name}))
	noChanges(t, name,
		attributes{"update_runtime_on": types.UpdateRuntimeOnAuto, "recursive_loop": types.RecursiveLoopTerminate},
		attributes{"update_runtime_on": runtime.UpdateRuntimeOn, "recursive_loop": recursion.RecursiveLoop})
}

// The handler of examples/terraform, deployed and invoked with a batch of a stream and with one of a topic.
func TestHandlerOfTheExampleCountsBothKindsOfBatches(t *testing.T) {
	ctx, c := connect(t)
	source := must[[]byte](t, "the example")(os.ReadFile("examples/terraform/index.mjs"))
	name := createFunction(t, ctx, c, lambda.CreateFunctionInput{
		FunctionName: aws.String("tf-example"),
		Code:         &types.FunctionCode{ZipFile: zipOf(t, string(source))},
		Publish:      true,
	})
	for _, batch := range []string{`{"Records":[{},{}]}`, `{"records":{"tyres-0":[{}],"tyres-1":[{}]}}`} {
		output := must[*lambda.InvokeOutput](t, "invoking")(c.lambda.Invoke(ctx, &lambda.InvokeInput{
			FunctionName: &name,
			LogType:      types.LogTypeTail,
			Payload:      []byte(batch),
			Qualifier:    aws.String("1"),
		}))
		log := must[[]byte](t, "the log")(base64.StdEncoding.DecodeString(aws.ToString(output.LogResult)))
		if output.FunctionError != nil || string(output.Payload) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: %s", batch, output.Payload)
		}
		if !bytes.Contains(log, []byte("2 records")) {
			t.Errorf("%s is not counted: %s", batch, log)
		}
	}
}
