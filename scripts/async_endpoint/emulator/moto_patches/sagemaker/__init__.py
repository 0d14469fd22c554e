"""Patches of moto's SageMaker: of model packages only, since hosting is the emulator's own."""
