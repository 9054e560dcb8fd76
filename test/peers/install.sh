#!/usr/bin/env bash
# Installs what test-peers drives: kcat, tshark, openssl, redis-server and AWS's CLI (apt), boto3, confluent-kafka, Powertools and moto (PyPI),
# Apache Kafka and Apicurio Registry (Maven), Grafana's SDK (Go), librdkafka's own tests (apt's sources).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.cache/peers

. test/peers/apt.sh

command -v kcat >/dev/null || apt_install kcat
command -v tshark >/dev/null || apt_install tshark
command -v openssl >/dev/null || apt_install openssl
# The tests start a server of their own; the package's service is not wanted.
if ! command -v redis-server >/dev/null; then
  apt_install redis-server
  if command -v systemctl >/dev/null; then as_root systemctl disable --now redis-server 2>/dev/null || true; fi
fi

# Into the folder that holds what else is fetched and built for these tests, which stays.
if ! "$venv/bin/python" -c 'import boto3, confluent_kafka' 2>/dev/null; then
  command -v python3 >/dev/null || apt_install python3
  # Debian's python3 comes without ensurepip, and says so only when the environment is half made.
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  echo "test-peers: installing boto3 and confluent-kafka with pip into $venv"
  rm -rf "$venv"/{bin,include,lib,lib64,pyvenv.cfg}
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'boto3>=1.40,<2' 'confluent-kafka>=2.12,<3'
fi

# `aws logs tail` is of version 2, which PyPI has not; the shell may find another one first.
aws=
for each in $(type -ap aws) /usr/bin/aws; do
  if [ -x "$each" ] && "$each" --version 2>&1 | grep -q '^aws-cli/2'; then aws=$each && break; fi
done
if [ -z "$aws" ]; then
  apt_install awscli
  aws=/usr/bin/aws
fi
ln -sf "$aws" "$venv/bin/aws-cli-2"

# Services of AWS for destinations and code, and the DynamoDB of the Kinesis Client Library's leases, and Glue.
if ! "$venv/bin/python" -c 'import flask_cors, py_partiql_parser, pyparsing' 2>/dev/null; then
  echo "test-peers: installing moto with pip into $venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'moto[s3,sqs,sns,events,dynamodb,glue]>=5.1,<6' 'flask>=3,<4' 'flask-cors>=5,<7'
fi

# What writes with schemas of a registry, and what reads it in functions.
if ! "$venv/bin/python" -c 'import fastavro, google.protobuf, jsonschema, aws_lambda_powertools, aws_schema_registry' 2>/dev/null; then
  echo "test-peers: installing serializers and Powertools with pip into $venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check \
    'confluent-kafka[avro,json,protobuf,schemaregistry]>=2.12,<3' \
    'aws-lambda-powertools[kafka-consumer-avro,kafka-consumer-protobuf]>=3.15,<4' \
    'aws-glue-schema-registry>=1.1,<2'
fi

# Unpacked, not installed: Debian's package would start Prometheus as a service of the machine.
if ! command -v prometheus >/dev/null && ! [ -x "$venv/prometheus/usr/bin/prometheus" ]; then
  echo "test-peers: unpacking prometheus from apt into $venv/prometheus"
  apt_update
  package=$(mktemp -d)
  (cd "$package" && apt-get download -qq prometheus)
  mkdir -p "$venv/prometheus"
  dpkg-deb -x "$package"/prometheus_*.deb "$venv/prometheus"
  rm -rf "$package"
fi

# Distributions have an older Go than Grafana's SDK needs, and PyPI has Go itself.
. test/peers/go.sh
find_go 22
(cd test/peers/board-schema && "$go" build -o "../../../$venv/board-schema" .)

kcat_version=$(kcat -V 2>&1 | sed -nE 's/^Version ([0-9.]+).*/\1/p')
boto3_version=$("$venv/bin/python" -c 'import boto3; print(boto3.__version__)')
redis_version=$(redis-server --version | sed -nE 's/.*v=([0-9.]+).*/\1/p')
confluent_version=$("$venv/bin/python" -c 'import confluent_kafka as c; print(c.__version__, "with librdkafka", c.libversion()[0])')
echo "test-peers: kcat $kcat_version, redis $redis_version, boto3 $boto3_version, confluent-kafka $confluent_version"
test/peers/librdkafka.sh
test/peers/apicurio.sh
