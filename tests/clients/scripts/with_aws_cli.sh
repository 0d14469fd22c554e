#!/usr/bin/env bash
# The AWS CLI, version 1: deploy, scale, invoke, look, delete. Takes what to deploy as environment variables, prints the answer.
# `aws logs tail` is a command of version 2; version 1 reads the same lines with `aws logs filter-log-events`.
set -euo pipefail
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text AWS_EC2_METADATA_DISABLED=true
target=(--service-namespace sagemaker --scalable-dimension sagemaker:variant:DesiredInstanceCount
  --resource-id "endpoint/$NAME/variant/primary")
group="/aws/sagemaker/Endpoints/$NAME"

until_equal() { # until_equal WANTED COMMAND...: repeat COMMAND until it prints WANTED
  local wanted=$1 seen=""
  shift
  for _ in $(seq 120); do
    seen=$("$@")
    [ "$seen" = "$wanted" ] && return
    sleep 0.5
  done
  echo "not $wanted but $seen: $*" >&2
  exit 1
}

aws sagemaker create-model --model-name "$NAME" --execution-role-arn "$ROLE" \
  --primary-container "Image=$IMAGE,ModelDataUrl=$MODEL_DATA" >&2
aws sagemaker create-endpoint-config --endpoint-config-name "$NAME" \
  --production-variants "VariantName=primary,ModelName=$NAME,InstanceType=ml.m5.large,InitialInstanceCount=1" \
  --async-inference-config "OutputConfig={S3OutputPath=$OUTPUT,S3FailurePath=$FAILURE}" >&2
aws sagemaker create-endpoint --endpoint-name "$NAME" --endpoint-config-name "$NAME" --tags Key=team,Value=shop >&2
until_equal InService aws sagemaker describe-endpoint --endpoint-name "$NAME" --query EndpointStatus
aws sagemaker wait endpoint-in-service --endpoint-name "$NAME"

aws application-autoscaling register-scalable-target "${target[@]}" --min-capacity 1 --max-capacity 2 >&2
aws application-autoscaling put-scaling-policy "${target[@]}" --policy-name backlog --policy-type TargetTrackingScaling \
  --target-tracking-scaling-policy-configuration "TargetValue=5,CustomizedMetricSpecification={Namespace=AWS/SageMaker,\
MetricName=ApproximateBacklogSizePerInstance,Statistic=Average,Dimensions=[{Name=EndpointName,Value=$NAME}]}" >&2
until_equal 2 aws cloudwatch describe-alarms --alarm-name-prefix "TargetTracking-endpoint/$NAME/" --query 'length(MetricAlarms)'

location=$(aws sagemaker-runtime invoke-endpoint-async --endpoint-name "$NAME" --input-location "$INPUT" \
  --content-type application/json --inference-id from-the-cli --query OutputLocation)
bucket=$(cut -d/ -f3 <<<"$location") key=$(cut -d/ -f4- <<<"$location")
until_equal "$key" aws s3api list-objects-v2 --bucket "$bucket" --prefix "$key" --query 'Contents[].Key'
aws s3 cp --quiet "$location" - && echo

until_equal ApproximateBacklogSize aws cloudwatch list-metrics --namespace AWS/SageMaker --metric-name ApproximateBacklogSize \
  --dimensions "Name=EndpointName,Value=$NAME" --query 'Metrics[].MetricName'
aws cloudwatch describe-alarms --alarm-name-prefix "TargetTracking-endpoint/$NAME/" --query 'MetricAlarms[].ComparisonOperator'
alarm=$(aws cloudwatch describe-alarms --alarm-name-prefix "TargetTracking-endpoint/$NAME/" --query 'MetricAlarms[0].AlarmName')
aws cloudwatch describe-alarm-history --alarm-name "$alarm" --query 'AlarmHistoryItems[-1].HistoryItemType'
until_equal "hello from the model" aws logs filter-log-events --log-group-name "$group" --filter-pattern '"hello from"' --query 'events[].message'
aws application-autoscaling describe-scaling-policies --service-namespace sagemaker --resource-id "endpoint/$NAME/variant/primary" \
  --query 'ScalingPolicies[].PolicyName'
aws sagemaker list-tags --resource-arn "$(aws sagemaker describe-endpoint --endpoint-name "$NAME" --query EndpointArn)" \
  --query 'Tags[].[Key,Value]'

aws application-autoscaling deregister-scalable-target "${target[@]}" >&2
aws sagemaker delete-endpoint --endpoint-name "$NAME" >&2
aws sagemaker wait endpoint-deleted --endpoint-name "$NAME"
aws sagemaker delete-endpoint-config --endpoint-config-name "$NAME" >&2
aws sagemaker delete-model --model-name "$NAME" >&2
