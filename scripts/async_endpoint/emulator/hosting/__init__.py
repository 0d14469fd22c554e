"""SageMaker hosting: endpoints as state machines over instances that execute the model."""
