from support.live_stage import credentials_of_the_local_aws, filters_work, local_aws, nothing_stays, stage, stage_outputs

__all__ = ["credentials_of_the_local_aws", "filters_work", "local_aws", "nothing_stays", "stage", "stage_outputs"]
