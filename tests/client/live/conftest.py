from support.live_stage import credentials_of_the_local_aws, filters_work, local_aws, nothing_stays, stage

__all__ = ["credentials_of_the_local_aws", "filters_work", "local_aws", "nothing_stays", "stage"]
