# A function behind a Kinesis stream and behind a Kafka topic, for Terraform's AWS provider with its endpoints changed.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

variable "endpoint" {
  default = "http://127.0.0.1:4566"
}

provider "aws" {
  region                  = "us-east-1"
  access_key              = "any"
  secret_key              = "any"
  skip_metadata_api_check = true

  endpoints {
    iam     = var.endpoint
    kafka   = var.endpoint
    kinesis = var.endpoint
    lambda  = var.endpoint
    logs    = var.endpoint
    sts     = var.endpoint
  }

  default_tags {
    tags = { team = "pit" }
  }
}

# Kept, and nobody is held to it.
resource "aws_iam_role" "laps" {
  name = "laps"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "laps" {
  role       = aws_iam_role.laps.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaKinesisExecutionRole"
}

resource "aws_cloudwatch_log_group" "laps" {
  name              = "/aws/lambda/laps"
  retention_in_days = 14
}

resource "aws_lambda_function" "laps" {
  function_name    = "laps"
  role             = aws_iam_role.laps.arn
  runtime          = "nodejs24.x"
  handler          = "index.handler"
  filename         = "laps.zip"
  source_code_hash = filebase64sha256("laps.zip")
  memory_size      = 256
  timeout          = 10
  publish          = true

  environment {
    variables = { STAGE = "test" }
  }

  depends_on = [aws_cloudwatch_log_group.laps]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.laps.function_name
  function_version = aws_lambda_function.laps.version
}

resource "aws_lambda_function_event_invoke_config" "laps" {
  function_name                = aws_lambda_function.laps.function_name
  maximum_event_age_in_seconds = 3600
  maximum_retry_attempts       = 1
}

resource "aws_kinesis_stream" "laps" {
  name             = "laps"
  shard_count      = 2
  retention_period = 48
}

resource "aws_kinesis_stream_consumer" "laps" {
  name       = "pit-wall"
  stream_arn = aws_kinesis_stream.laps.arn
}

resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = aws_kinesis_stream_consumer.laps.arn
  function_name                      = aws_lambda_alias.live.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 2
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 3
  function_response_types            = ["ReportBatchItemFailures"]

  filter_criteria {
    filter {
      pattern = jsonencode({ data = { seconds = [{ numeric = ["<", 90] }] } })
    }
  }
}

data "aws_msk_cluster" "own" {
  cluster_name = "millrace"
}

resource "aws_lambda_event_source_mapping" "topic" {
  event_source_arn  = data.aws_msk_cluster.own.arn
  topics            = ["tyres"]
  function_name     = aws_lambda_alias.live.arn
  starting_position = "LATEST"

  amazon_managed_kafka_event_source_config {
    consumer_group_id = "laps"
  }

  provisioned_poller_config {
    minimum_pollers = 1
    maximum_pollers = 4
  }
}
