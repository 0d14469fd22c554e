"""Deploy, prove, invoke and watch SageMaker asynchronous endpoints that scale to zero.

Floors, highest first; a module imports only from floors below its own:

    cli/            parse, call, print, exit code; no logic
    deploy/         plan, apply, prove, destroy
    terraform/      the adapter over python-terraform  |  client/         submit, collect, smoke test
    local/          the local AWS                      |  model_package/  build and check model.tar.gz
    autoscaling/    pure: metrics in, desired capacity out; the clock is passed in
    contract/       pure: limits, S3 URIs, notifications, metric names, errors, outputs
"""
