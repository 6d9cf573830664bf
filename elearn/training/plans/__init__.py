"""What an enterprise means to train in a year (企业年度培训计划, B15), and what became of each line of it."""
