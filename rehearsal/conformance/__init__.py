"""`rehearsal conform`: would the pulumi CLI, AWS, the operators or Helm refuse what the program declares?

One check to a file, each held against what others publish: the SDK's classes (`sdk`), botocore's service models
(`aws`), parliament's IAM definitions (`iam`), the operators' CRDs (`custom_resources`), the charts' keys (`helm`).
"""
