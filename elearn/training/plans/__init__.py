"""What an enterprise means to train in a year, what its people ask for before, and the money that it takes.

yearly          the plan (企业年度培训计划, B15): versions, lines, what became of each
surveys         what people need (培训需求调研, A20), survey_rules: what may be asked and shown, survey_results: counts
survey_opening  whoever stands there is asked and told; of thousands by a job
funds           the training fund (培训经费, B16), fund_rules: rates, money, what is left
"""
